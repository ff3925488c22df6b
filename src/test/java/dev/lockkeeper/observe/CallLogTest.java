package dev.lockkeeper.observe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.relay.CallReport.Outcome;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

class CallLogTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final ByteArrayOutputStream output = new ByteArrayOutputStream();

    @Test
    void aServedCallIsOneLineWithItsNumbers() {
        try (CallLog log = CallLog.start(output, System::nanoTime, LogSettings.Client.ADDRESS)) {
            log.ended(Reports.of("gpt-5.5", "openai", 200, Outcome.SERVED, Reports.USAGE));
        }
        List<String> lines = lines();
        assertThat(lines).hasSize(1);
        assertThat(lines.getFirst())
                .isEqualTo("{\"time\":\"2026-11-18T11:06:40.123Z\",\"request_id\":\"req_1\",\"key\":\"key_1\","
                        + "\"project\":\"proj_1\",\"client\":\"2001:db8:1:2:3:4:5:6\",\"method\":\"POST\",\"endpoint\":\"/v1/chat/completions\","
                        + "\"model\":\"gpt-5.5\",\"provider\":\"openai\",\"upstream_model\":\"gpt-5.5-2026\","
                        + "\"status\":200,\"outcome\":\"served\",\"error\":null,\"finish\":\"stop\",\"stream\":true,"
                        + "\"first_byte_ms\":12.345,\"total_ms\":98.765,\"own_us\":83,\"input_tokens\":120,"
                        + "\"cached_tokens\":100,\"output_tokens\":30,\"reasoning_tokens\":10,\"estimated\":false,\"cost_usd\":0.001234567,"
                        + "\"bytes_in\":512,\"bytes_out\":2048,\"warnings\":1}");
    }

    @Test
    void everyFieldStandsInTheDocument() throws IOException {
        try (CallLog log = CallLog.start(output, System::nanoTime, LogSettings.Client.ADDRESS)) {
            log.ended(Reports.of("gpt-5.5", "openai", 200, Outcome.SERVED, Reports.USAGE));
        }
        String document = Files.readString(Path.of("docs/observing.md"));
        assertThat(JSON.readTree(lines().getFirst()).propertyNames())
                .allSatisfy(name -> assertThat(document).contains("`" + name + "`"));
    }

    @Test
    void theClientsAddressIsCutOrLeftOutOnDemand() {
        for (LogSettings.Client each : LogSettings.Client.values()) {
            try (CallLog log = CallLog.start(output, System::nanoTime, each)) {
                log.ended(Reports.of("gpt-5.5", "openai", 200, Outcome.SERVED, Reports.USAGE));
            }
        }
        assertThat(lines())
                .extracting(line -> JSON.readTree(line).path("client").asString(null))
                .containsExactly("2001:db8:1:2:3:4:5:6", "2001:db8:1::", null);
    }

    @Test
    void whatIsNotThereIsNull() {
        try (CallLog log = CallLog.start(output, System::nanoTime, LogSettings.Client.ADDRESS)) {
            log.ended(Reports.of("", "", 401, Outcome.REFUSED, null));
        }
        JsonNode line = JSON.readTree(lines().getFirst());
        for (String name : List.of(
                "model", "provider", "upstream_model", "finish", "first_byte_ms", "input_tokens", "estimated")) {
            assertThat(line.path(name).isNull()).as(name).isTrue();
        }
        assertThat(line.path("error").asString()).isEqualTo("upstream_reset");
    }

    @Test
    void aModelNameCanNeitherForgeALineNorFillTheLog() {
        String nasty = "a\"},\n{\"b\u0000\u2028" + "x".repeat(5_000);
        try (CallLog log = CallLog.start(output, System::nanoTime, LogSettings.Client.ADDRESS)) {
            log.ended(Reports.of(nasty, "", 404, Outcome.REFUSED, null));
        }
        assertThat(lines()).hasSize(1);
        assertThat(lines().getFirst()).hasSizeLessThan(2_000);
        assertThat(JSON.readTree(lines().getFirst()).path("model").asString())
                .isEqualTo(nasty.substring(0, CallLog.VALUE_BOUND) + "…");
    }

    @Test
    void everyLineOfABurstIsWrittenBeforeTheLogIsClosed() {
        int calls = 10_000;
        try (CallLog log = CallLog.start(output, System::nanoTime, LogSettings.Client.ADDRESS)) {
            for (int i = 0; i < calls; i++) {
                log.ended(Reports.of("gpt-5.5", "openai", 200, Outcome.SERVED, Reports.USAGE));
            }
            assertThat(log.lost()).isZero();
        }
        assertThat(lines()).hasSize(calls).allMatch(line -> line.startsWith("{\"time\"") && line.endsWith("}"));
    }

    @Test
    void aLineIsWrittenSoonWithoutACompanion() {
        SlowOutput slow = new SlowOutput();
        slow.release.countDown();
        try (CallLog log = CallLog.start(slow, System::nanoTime, LogSettings.Client.ADDRESS)) {
            log.ended(Reports.of("gpt-5.5", "openai", 200, Outcome.SERVED, null));
            await().untilAsserted(() -> assertThat(slow.text()).endsWith("}\n"));
            log.ended(Reports.of("gpt-5.5", "openai", 200, Outcome.SERVED, null));
            await().untilAsserted(() -> assertThat(slow.text().lines()).hasSize(2));
        }
    }

    @Test
    void anOutputThatTakesNothingLosesLinesAndNeverBlocksACall() {
        SlowOutput stuck = new SlowOutput();
        CallLog log = CallLog.start(stuck, System::nanoTime, LogSettings.Client.ADDRESS, 100);
        // The caller is this thread: were one call to block, the test would not get past this loop.
        for (int i = 0; i < 10_000; i++) {
            log.ended(Reports.of("gpt-5.5", "openai", 200, Outcome.SERVED, null));
        }
        assertThat(log.lost()).isBetween(1L, 10_000L);
        stuck.release.countDown();
        log.close();
        assertThat(log.lost() + stuck.text().lines().count()).isEqualTo(10_000);
    }

    @Test
    void anOutputThatFailsCostsItsBatchAndNotTheLog() {
        FailingOutput failing = new FailingOutput();
        try (CallLog log = CallLog.start(failing, System::nanoTime, LogSettings.Client.ADDRESS)) {
            log.ended(Reports.of("gpt-5.5", "openai", 200, Outcome.SERVED, null));
            await().until(() -> log.lost() == 1);
            failing.broken = false;
            log.ended(Reports.of("gpt-5.4", "openai", 200, Outcome.SERVED, null));
            await().untilAsserted(() ->
                    assertThat(failing.written.toString(StandardCharsets.UTF_8)).contains("gpt-5.4"));
        }
    }

    @Test
    void aReportAfterTheEndIsCountedAsLost() {
        CallLog log = CallLog.start(output, System::nanoTime, LogSettings.Client.ADDRESS);
        log.close();
        log.ended(Reports.of("gpt-5.5", "openai", 200, Outcome.SERVED, null));
        assertThat(log.lost()).isEqualTo(1);
    }

    private List<String> lines() {
        String text = output.toString(StandardCharsets.UTF_8);
        assertThat(text).endsWith("\n");
        return List.of(text.substring(0, text.length() - 1).split("\n", -1));
    }

    private static final class SlowOutput extends OutputStream {
        final CountDownLatch release = new CountDownLatch(1);
        private final ByteArrayOutputStream written = new ByteArrayOutputStream();

        @Override
        public void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            try {
                release.await();
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            synchronized (written) {
                written.write(bytes, offset, length);
            }
        }

        String text() {
            synchronized (written) {
                return written.toString(StandardCharsets.UTF_8);
            }
        }
    }

    private static final class FailingOutput extends OutputStream {
        final ByteArrayOutputStream written = new ByteArrayOutputStream();
        volatile boolean broken = true;

        @Override
        public void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            if (broken) {
                throw new IOException("no space left on device");
            }
            written.write(bytes, offset, length);
        }
    }
}
