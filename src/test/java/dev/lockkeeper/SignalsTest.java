package dev.lockkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Signals are really sent to this process: WINCH and URG, which nothing else here listens to and which end nothing. */
class SignalsTest {
    @BeforeEach
    void needsASystemWithSignals() {
        assumeThat(Files.isDirectory(Path.of("/proc/self"))).as("Linux").isTrue();
    }

    @Test
    void eachSignalRunsTheHandlerOnANamedDaemonThread() throws Exception {
        List<Thread> ran = new CopyOnWriteArrayList<>();
        assertThat(Signals.on("WINCH", () -> ran.add(Thread.currentThread()))).isTrue();

        send("WINCH");
        await().until(() -> ran.size() == 1);
        send("WINCH");
        await().until(() -> ran.size() == 2);

        assertThat(ran).allSatisfy(thread -> {
            assertThat(thread.getName()).isEqualTo("signal-WINCH");
            assertThat(thread.isDaemon()).isTrue();
        });
    }

    @Test
    void aHandlerThatFailsOrTakesLongMissesNoLaterSignal() throws Exception {
        List<Integer> runs = new CopyOnWriteArrayList<>();
        CountDownLatch goOn = new CountDownLatch(1);
        assertThat(Signals.on("URG", () -> {
                    runs.add(runs.size());
                    switch (runs.size()) {
                        case 1 -> throw new IllegalStateException("the first run fails; this is logged");
                        case 2 -> {
                            try {
                                goOn.await();
                            } catch (InterruptedException stopped) {
                                Thread.currentThread().interrupt();
                            }
                        }
                        default -> {}
                    }
                }))
                .isTrue();

        send("URG");
        await().until(() -> runs.size() == 1);
        send("URG");
        await().until(() -> runs.size() == 2);
        send("URG"); // comes while the second still runs
        goOn.countDown();

        await().untilAsserted(() -> assertThat(runs).containsExactly(0, 1, 2));
    }

    @Test
    void aSignalThatIsNotToBeHadIsANo() {
        assertThat(Signals.on("NOSUCH", () -> {})).isFalse();
        assertThat(Signals.on("SEGV", () -> {})).as("the JVM's own").isFalse();
    }

    private static void send(String name) throws IOException, InterruptedException {
        int exit = new ProcessBuilder(
                        "kill",
                        "-" + name,
                        Long.toString(ProcessHandle.current().pid()))
                .inheritIO()
                .start()
                .waitFor();
        assertThat(exit).isZero();
    }
}
