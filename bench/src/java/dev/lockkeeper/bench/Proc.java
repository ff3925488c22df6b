package dev.lockkeeper.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * What the operating system knows of a process: processor time, memory, threads, descriptors. A process that has ended has
 * zero of each.
 *
 * @param pid its number
 */
record Proc(long pid) {
    /** The unit of times in {@code /proc/PID/stat}: the kernel tells programs hundredths of a second on all machines. */
    private static final long TICK_NANOS = 10_000_000;

    /** Processor time in user and kernel mode, in nanoseconds, in steps of 10 ms. */
    long cpuNanos() {
        String stat = read("stat");
        int name = stat.lastIndexOf(')');
        if (name < 0) {
            return 0;
        }
        // Behind the name: field 3 (state) is the first here; utime and stime are fields 14 and 15.
        String[] fields = stat.substring(name + 2).split(" ");
        return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) * TICK_NANOS;
    }

    /** Resident memory in bytes. */
    long residentBytes() {
        return status("VmRSS:") * 1024;
    }

    /** The most resident memory it ever had, in bytes. */
    long peakResidentBytes() {
        return status("VmHWM:") * 1024;
    }

    /** Threads of the operating system. */
    int threads() {
        return (int) status("Threads:");
    }

    /** Open descriptors: files and sockets. */
    int descriptors() {
        try (Stream<Path> all = Files.list(folder().resolve("fd"))) {
            return (int) all.count();
        } catch (IOException | UncheckedIOException ended) {
            return 0;
        }
    }

    /** This process and those it has started. */
    List<Proc> family() {
        return Stream.concat(
                        Stream.of(this),
                        ProcessHandle.of(pid).stream()
                                .flatMap(ProcessHandle::descendants)
                                .map(each -> new Proc(each.pid())))
                .toList();
    }

    private long status(String name) {
        return read("status")
                .lines()
                .filter(each -> each.startsWith(name))
                .mapToLong(each -> Long.parseLong(
                        each.substring(name.length()).replace("kB", "").strip()))
                .findFirst()
                .orElse(0);
    }

    private String read(String file) {
        try {
            return Files.readString(folder().resolve(file), StandardCharsets.ISO_8859_1);
        } catch (IOException ended) {
            return "";
        }
    }

    private Path folder() {
        return Path.of("/proc", Long.toString(pid));
    }
}
