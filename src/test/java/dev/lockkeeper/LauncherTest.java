package dev.lockkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher, as an archive lays it out, with a `java` that only tells how it was called, on machines of our making. */
class LauncherTest {
    private static final String UNLIMITED_V1 = "9223372036854771712";

    @TempDir
    Path temp;

    private Path machine = Path.of("");
    private Path launcher = Path.of("");

    private record Ran(int code, List<String> options, String err) {}

    @BeforeEach
    void anArchive() throws Exception {
        assumeThat(Path.of("/proc/self/cgroup")).as("Linux").exists();
        temp = temp.toRealPath();
        machine = temp.resolve("machine");
        launcher = temp.resolve("with a space/bin/lockkeeper");
        Files.createDirectories(launcher.getParent());
        Files.copy(Path.of("lockkeeper"), launcher);
        executable(
                temp.resolve("with a space/runtime/bin/java"),
                "#!/bin/sh\nprintf '%s\\n' \"MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-}\" \"$@\"\n");
    }

    @Test
    void aMachineIsSharedWithOthersSoHalfOfItCounts() throws Exception {
        machine(8192, "0-3");

        Ran ran = launch(Map.of(), "serve");

        assertThat(ran.options())
                .contains("-Xmx2361m", "-XX:MaxDirectMemorySize=787m", "-XX:+UseG1GC", "-Xmn64m", "-Xms96m")
                .contains("-XX:-G1UseAdaptiveIHOP", "-XX:GCTimeRatio=2", "-XX:MaxHeapFreeRatio=50")
                .contains("-XX:+UseCompactObjectHeaders", "MALLOC_ARENA_MAX=2");
    }

    @Test
    void aContainersLimitIsAllForThisProcess() throws Exception {
        machine(65536, "0-7");
        group("0::/", "memory.max", "536870912");

        Ran ran = launch(Map.of(), "serve");

        assertThat(ran.options())
                .contains("-Xmx211m", "-XX:MaxDirectMemorySize=70m", "-XX:+UseSerialGC", "-Xmn64m", "-Xms96m");
    }

    @Test
    void theSmallestLimitOnTheWayToTheRootCounts() throws Exception {
        machine(65536, "0-7");
        group("0::/system.slice/lockkeeper.service", "memory.max", "max");
        group("0::/system.slice/lockkeeper.service", "system.slice/memory.max", "1073741824");
        group("0::/system.slice/lockkeeper.service", "system.slice/lockkeeper.service/memory.max", "max");

        assertThat(launch(Map.of(), "serve").options()).contains("-Xmx518m");
    }

    @Test
    void versionOneOfControlGroupsCountsToo() throws Exception {
        machine(65536, "0-7");
        String groups = "9:name=systemd:/\n4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/";
        // In a container the path is the host's, and the limits stand at the root.
        group(groups, "memory/memory.limit_in_bytes", "2147483648");
        assertThat(launch(Map.of(), "serve").options()).contains("-Xmx1132m", "-XX:+UseG1GC");

        group(groups, "cpu/cpu.cfs_quota_us", "100000");
        group(groups, "cpu/cpu.cfs_period_us", "100000");
        assertThat(launch(Map.of(), "serve").options()).contains("-Xmx1132m", "-XX:+UseSerialGC");

        group(groups, "memory/memory.limit_in_bytes", UNLIMITED_V1);
        assertThat(launch(Map.of(), "serve").options()).contains("-Xmx4096m");
    }

    @Test
    void oneProcessorByQuotaOrAffinityGetsTheSerialCollector() throws Exception {
        machine(65536, "0-7");
        assertThat(launch(Map.of(), "serve").options()).contains("-XX:+UseG1GC");
        group("0::/", "cpu.max", "50000 100000");
        assertThat(launch(Map.of(), "serve").options()).contains("-XX:+UseSerialGC");
        group("0::/", "cpu.max", "max 100000");
        assertThat(launch(Map.of(), "serve").options()).contains("-XX:+UseG1GC");
        machine(65536, "5");
        assertThat(launch(Map.of(), "serve").options()).contains("-XX:+UseSerialGC");
        machine(65536, "0,5");
        assertThat(launch(Map.of(), "serve").options()).contains("-XX:+UseG1GC");
    }

    @Test
    void aSmallMachineGetsTheLeastThatRuns() throws Exception {
        machine(256, "0");

        assertThat(launch(Map.of(), "serve").options())
                .contains("-Xmx48m", "-XX:MaxDirectMemorySize=32m", "-Xmn16m", "-Xms48m");
    }

    @Test
    void theOperatorsWordWins() throws Exception {
        machine(8192, "0-3");

        Ran ran = launch(
                Map.of("LOCKKEEPER_HEAP", "3g", "LOCKKEEPER_DIRECT_MEMORY", "64m", "LOCKKEEPER_GC", "zgc"), "serve");
        assertThat(ran.options())
                .contains("-Xmx3g", "-XX:MaxDirectMemorySize=64m", "-XX:+UseZGC")
                .noneMatch(option -> option.startsWith("-Xmn") || option.startsWith("-Xms"));

        Ran options = launch(Map.of("LOCKKEEPER_JAVA_OPTS", "-Xmx77m -XX:+UseParallelGC -Dwhat=ever"), "serve");
        assertThat(options.options())
                .contains("-Xmx77m", "-XX:+UseParallelGC", "-Dwhat=ever")
                .noneMatch(option -> option.startsWith("-Xms") || option.equals("-XX:+UseG1GC"))
                .filteredOn(option -> option.startsWith("-Xmx"))
                .hasSize(1);
    }

    @Test
    void anUnknownCollectorIsRefusedWithWhatIsExpected() throws Exception {
        machine(8192, "0-3");

        Ran ran = launch(Map.of("LOCKKEEPER_GC", "fast"), "serve");

        assertThat(ran.code()).isEqualTo(2);
        assertThat(ran.err()).contains("LOCKKEEPER_GC", "'fast'", "serial, parallel, g1, shenandoah or zgc");
    }

    @Test
    void verboseTellsOnStandardErrorWhatWasChosenAndWhy() throws Exception {
        machine(65536, "0-7");
        group("0::/", "memory.max", "536870912");

        Ran ran = launch(Map.of(), "serve", "--verbose");

        assertThat(ran.err())
                .contains("memory: 512 MiB (the control group's limit); processors: 8")
                .contains("heap: -Xms96m -Xmx211m", "direct memory: 70m", "garbage collector: -XX:+UseSerialGC")
                .contains("start cache: none", "runs: ");
        assertThat(ran.options()).endsWith("serve", "--verbose");
        assertThat(launch(Map.of(), "serve").err()).isEmpty();
    }

    @Test
    void theStartCacheOfTheArchiveIsUsedUnlessItIsTurnedOff() throws Exception {
        machine(8192, "0-3");
        Path cache = temp.resolve("with a space/lockkeeper.aot");
        Files.writeString(cache, "not empty");

        assertThat(launch(Map.of(), "serve").options()).contains("-XX:AOTCache=" + cache);
        assertThat(launch(Map.of(), "version").options()).contains("-XX:AOTCache=" + cache);
        assertThat(launch(Map.of("LOCKKEEPER_AOT", "off"), "serve").options())
                .noneMatch(option -> option.startsWith("-XX:AOT"));
    }

    @Test
    void checkHasTheHeapOfAServerBecauseItTellsBoundsThatAreSharesOfIt() throws Exception {
        machine(8192, "0-3");

        assertThat(launch(Map.of(), "check").options())
                .contains("-Xmx2361m", "-Xmn64m", "-XX:+UseG1GC", "-XX:TieredStopAtLevel=1");
        assertThat(launch(Map.of("LOCKKEEPER_HEAP", "3g"), "check").options()).contains("-Xmx3g");
    }

    @Test
    void aCommandThatEndsSoonNeedsNoLookAtTheMachine() throws Exception {
        Ran ran = launch(Map.of(), "keys", "create", "a name", "--data", "d");

        assertThat(ran.options()).contains("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC");
        assertThat(ran.options()).endsWith("keys", "create", "a name", "--data", "d");
    }

    @Test
    void symbolicLinksLeadToIt() throws Exception {
        Path links = Files.createDirectories(temp.resolve("links"));
        Files.createSymbolicLink(links.resolve("absolute"), launcher);
        Files.createSymbolicLink(links.resolve("relative"), Path.of("absolute"));
        launcher = links.resolve("relative");

        assertThat(launch(Map.of(), "version").options())
                .contains(temp.resolve("with a space/lockkeeper.jar").toString());
    }

    @Test
    void twoThatFindTheJarStaleBuildItOnce() throws Exception {
        Path sources = temp.resolve("sources");
        Files.createDirectories(sources.resolve(".mvn"));
        Files.copy(Path.of("lockkeeper"), sources.resolve("lockkeeper"));
        Files.copy(Path.of(".mvn/find-jdk.sh"), sources.resolve(".mvn/find-jdk.sh"));
        executable(
                sources.resolve("mvnw"),
                "#!/bin/sh\necho built >>builds\nsleep 1\nmkdir -p target/lib\n: >target/lockkeeper.jar\n");
        Path jdk = temp.resolve("jdk");
        executable(jdk.resolve("bin/java"), "#!/bin/sh\n");
        executable(jdk.resolve("bin/javac"), "#!/bin/sh\n");
        Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"25.0.3\"\nJAVA_RUNTIME_VERSION=\"25.0.3+9\"\n");
        // One that was killed in the middle of a build does not keep others from it.
        write(sources.resolve("target/.building/pid"), "99999999\n");

        List<Process> both = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            ProcessBuilder builder = new ProcessBuilder("/bin/sh", "lockkeeper", "version")
                    .directory(sources.toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(temp.resolve("said" + i).toFile());
            builder.environment().put("JAVA_HOME", jdk.toString());
            builder.environment().put("LOCKKEEPER_AOT", "off");
            both.add(builder.start());
        }
        for (Process each : both) {
            assertThat(each.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(each.exitValue()).isZero();
        }

        assertThat(Files.readAllLines(sources.resolve("builds"))).hasSize(1);
        assertThat(sources.resolve("target/.building")).doesNotExist();
    }

    /** A machine without control groups. */
    private void machine(int mib, String processors) throws IOException {
        write("proc/meminfo", "MemTotal:       " + mib * 1024L + " kB\nMemFree:        1 kB\n");
        write("proc/self/status", "Name:\tsh\nCpus_allowed:\tff\nCpus_allowed_list:\t" + processors + "\n");
        write("proc/self/cgroup", "");
    }

    private void group(String ofThisProcess, String file, String content) throws IOException {
        write("proc/self/cgroup", ofThisProcess + "\n");
        write("sys/fs/cgroup/" + file, content + "\n");
    }

    private void write(String file, String content) throws IOException {
        write(machine.resolve(file), content);
    }

    private static void write(Path path, String content) throws IOException {
        Files.createDirectories(path.getParent());
        Files.writeString(path, content);
    }

    private static void executable(Path file, String content) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, content);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private Ran launch(Map<String, String> environment, String... words) throws Exception {
        // Nothing but a shell: an archive's launcher calls no other program, save for a symbolic link.
        List<String> command = new ArrayList<>(List.of("/bin/sh", launcher.toString()));
        command.addAll(Arrays.asList(words));
        ProcessBuilder builder = new ProcessBuilder(command).directory(temp.toFile());
        Path err = temp.resolve("err");
        builder.redirectError(err.toFile());
        builder.environment().clear();
        builder.environment().put("LOCKKEEPER_SYSTEM_ROOT", machine.toString());
        builder.environment().put("PATH", Files.isSymbolicLink(launcher) ? System.getenv("PATH") : "/nowhere");
        builder.environment().putAll(environment);
        Process process = builder.start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
        return new Ran(process.exitValue(), out.lines().toList(), Files.readString(err));
    }
}
