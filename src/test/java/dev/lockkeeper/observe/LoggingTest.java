package dev.lockkeeper.observe;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

class LoggingTest {
    private static final Logger LOG = LoggerFactory.getLogger("dev.lockkeeper.observe.LoggingTest");
    private static final Logger LIBRARY = LoggerFactory.getLogger("io.netty.Something");

    private final PrintStream before = System.err;

    @AfterEach
    void asBefore() {
        System.setErr(before);
        Logging.apply(new LogSettings(true, "text", "info", LogSettings.Client.ADDRESS));
    }

    @Test
    void textIsOneLinePerMessage() {
        String said = said("text", "info", () -> LOG.info("hello {}", "a\r\nb"));
        assertThat(said)
                .matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z INFO  LoggingTest: hello a \\| b\\R");
    }

    @Test
    void jsonIsOneObjectPerMessage() {
        String said = said("json", "info", () -> LOG.warn("it said \"{}\"", "a\nb\u0001"));
        assertThat(said.lines()).hasSize(1);
        JsonNode line = new ObjectMapper().readTree(said);
        assertThat(line.path("level").asString()).isEqualTo("WARN");
        assertThat(line.path("formattedMessage").asString()).isEqualTo("it said \"a\nb\u0001\"");
    }

    @Test
    void theLevelIsOursAndLibrariesAreHeardFromWarningsOn() {
        assertThat(said("text", "debug", () -> {
                    LOG.debug("ours");
                    LIBRARY.info("theirs");
                    LIBRARY.warn("loud");
                }))
                .contains("ours")
                .doesNotContain("theirs")
                .contains("loud");
        assertThat(said("text", "error", () -> {
                    LOG.warn("ours");
                    LIBRARY.warn("theirs");
                }))
                .isEmpty();
    }

    @Test
    void whoSaysSomethingDoesNotWaitForAReaderWhileAServerRuns() {
        Semaphore read = new Semaphore(0);
        ByteArrayOutputStream captured = new ByteArrayOutputStream();
        System.setErr(new PrintStream(
                new OutputStream() {
                    @Override
                    public void write(int one) {
                        read.acquireUninterruptibly();
                        read.release();
                        captured.write(one);
                    }
                },
                true,
                StandardCharsets.UTF_8));
        Logging.serve(new LogSettings(true, "text", "info", LogSettings.Client.ADDRESS));
        long lost = Logging.lost();
        // The queue, as many again that the writer has taken out of it, and some more.
        for (int i = 0; i < 2 * Logging.QUEUE + 100; i++) {
            LOG.info("number {}", i);
        }
        assertThat(Logging.lost() - lost).isBetween(90L, Logging.QUEUE + 100L);

        read.release();
        Logging.flush();
        assertThat(captured.toString(StandardCharsets.UTF_8))
                .contains("number 0\n")
                .contains("number " + (Logging.QUEUE - 1) + "\n");
    }

    private static String said(String format, String level, Runnable saying) {
        ByteArrayOutputStream captured = new ByteArrayOutputStream();
        System.setErr(new PrintStream(captured, true, StandardCharsets.UTF_8));
        Logging.apply(new LogSettings(true, format, level, LogSettings.Client.ADDRESS));
        saying.run();
        return captured.toString(StandardCharsets.UTF_8);
    }
}
