package dev.lockkeeper.settings;

import com.sun.management.UnixOperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;

/**
 * What the process runs on; some defaults depend on it.
 *
 * @param folder working directory, absolute
 * @param cores processors that the process may use
 * @param heapBytes largest heap
 * @param descriptors files and sockets that the process may have open
 */
record Machine(Path folder, int cores, long heapBytes, long descriptors) {
    /** The machine of this process. */
    static Machine here() {
        Runtime runtime = Runtime.getRuntime();
        return new Machine(
                Path.of("").toAbsolutePath(), runtime.availableProcessors(), runtime.maxMemory(), descriptorLimit());
    }

    private static long descriptorLimit() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix
                ? unix.getMaxFileDescriptorCount()
                : Long.MAX_VALUE;
    }
}
