package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.testing.Served;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A server in a process of its own that loses what it stands on: descriptors, disk, the reader of its log. It goes on with
 * what can go on, says clearly what can't, and recovers by itself. Needs Linux's /proc; the full disk needs prlimit, too.
 */
class SurvivalTest {
    private static final String CHAT =
            "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}";
    private static final String DISK = """
            server: {loops: 2}
            limits: {multipart-peek: 64KiB}
            providers: {simulator: {}}
            models: {gpt-4o-mini: simulator, whisper-1: simulator}
            """;
    private static final int DESCRIPTORS = 500;

    @BeforeAll
    static void onLinux() {
        assumeThat(Path.of("/proc/self/fd")).as("descriptors can be counted").exists();
    }

    @Test
    void withoutDescriptorsConnectionsWaitAndCallsGoOn() throws Exception {
        try (Served server =
                Served.start("server: {max-connections: 10000, loops: 2}", "ulimit -n " + DESCRIPTORS, true)) {
            assertThat(server.post("/v1/chat/completions", CHAT).statusCode()).isEqualTo(200);
            List<Socket> open = new ArrayList<>();
            try {
                Socket before = connect(server);
                open.add(before);
                assertThat(ask(server, before)).startsWith("HTTP/1.1 200");
                for (int i = descriptors(server); i < DESCRIPTORS + 30; i++) {
                    open.add(connect(server));
                }
                await().atMost(10, SECONDS).until(() -> server.errors().contains("No connection can be accepted"));

                long cpu = cpuMillis(server);
                long began = System.nanoTime();
                await().pollDelay(Duration.ofSeconds(2)).until(() -> true);
                long spent = cpuMillis(server) - cpu;
                assertThat(spent)
                        .as("it does not ask for connections in a tight loop")
                        .isLessThan(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began) / 2);
                for (int i = 0; i < 5; i++) {
                    assertThat(ask(server, before)).as("one that was open").startsWith("HTTP/1.1 200");
                }
                assertThat(server.errors().split("No connection can be accepted", -1))
                        .as("told now and then, not with each try")
                        .hasSizeLessThan(5);
            } finally {
                for (Socket each : open) {
                    each.close();
                }
            }
            await().atMost(15, SECONDS)
                    .ignoreExceptions()
                    .untilAsserted(() -> assertThat(
                                    server.post("/v1/chat/completions", CHAT).statusCode())
                            .isEqualTo(200));
            assertThat(server.metric("lockkeeper_overload_refused_total{reason=\"descriptors\"}"))
                    .isPositive();
            assertThat(server.stop()).as(server.errors()).isZero();
            assertThat(server.errors()).as("no thread has died").doesNotContain("Exception in thread");
        }
    }

    @Test
    void byDefaultClientsCannotTakeTheDescriptorsThatTheRestNeeds() throws Exception {
        try (Served server = Served.start("server: {loops: 2}", "ulimit -n " + DESCRIPTORS, true)) {
            List<Socket> open = new ArrayList<>();
            try {
                Socket before = connect(server);
                open.add(before);
                assertThat(ask(server, before)).startsWith("HTTP/1.1 200");
                for (int i = 0; i < DESCRIPTORS; i++) {
                    open.add(connect(server));
                }
                await().atMost(20, SECONDS)
                        .until(() -> server.metric("lockkeeper_overload_refused_total{reason=\"connections_unheard\"}")
                                > DESCRIPTORS / 2);
                assertThat(server.admin("/readyz").statusCode()).isEqualTo(200);
                assertThat(ask(server, before)).startsWith("HTTP/1.1 200");
                assertThat(server.errors()).doesNotContain("No connection can be accepted");
            } finally {
                for (Socket each : open) {
                    each.close();
                }
            }
        }
    }

    /** Closed, on a full disk, and a pipe whose reader has gone. */
    @ParameterizedTest
    @ValueSource(strings = {"exec 1>&-", "exec 1>/dev/full", "gone"})
    void aLogThatCannotBeWrittenLosesLinesAndNothingElse(String output) throws Exception {
        boolean gone = output.equals("gone");
        try (Served server = Served.start("server: {loops: 2}", gone ? "" : output, false)) {
            if (gone) {
                server.process().getInputStream().close();
            }
            for (int i = 0; i < 20; i++) {
                assertThat(server.post("/v1/chat/completions", CHAT).statusCode())
                        .isEqualTo(200);
            }
            await().atMost(10, SECONDS)
                    .untilAsserted(() -> assertThat(server.metric("lockkeeper_log_lines_lost_total"))
                            .isEqualTo(20));
            assertThat(server.stop()).isZero();
        }
    }

    @Test
    void aLogThatNobodyReadsHoldsNothingUp() throws Exception {
        try (Served server = Served.start("server: {loops: 2}", "", false)) {
            for (int i = 0; i < 300; i++) { // more lines than the pipe holds
                assertThat(server.send(server.request("/v1/models")).statusCode())
                        .isEqualTo(200);
            }
            assertThat(server.post("/v1/chat/completions", CHAT).statusCode()).isEqualTo(200);
            assertThat(server.stop()).isZero();
        }
    }

    @Test
    void onAFullDiskCallsGoOnAndWhatMustBeKeptIsRefusedUntilThereIsRoom() throws Exception {
        assumeThat(Stream.of("/usr/bin/prlimit", "/bin/prlimit").anyMatch(each -> Files.isExecutable(Path.of(each))))
                .as("prlimit is there")
                .isTrue();
        try (Served server = Served.start(DISK, "", true)) {
            int kept = 0;
            assertThat(upload(server, 100).statusCode()).isEqualTo(200);
            kept++;
            largestFile(server, "600000");
            HttpResponse<String> refused = upload(server, 100);
            while (refused.statusCode() == 200) {
                kept++;
                assertThat(kept).as("the disk is full at some time").isLessThan(2_000);
                refused = upload(server, 100);
            }
            assertThat(refused.statusCode()).as(refused.body()).isEqualTo(503);
            assertThat(refused.body()).contains("gateway_storage_unavailable").doesNotContain("file-");
            assertThat(refused.headers().firstValue("retry-after")).isPresent();
            HttpResponse<String> large = transcription(server, 2_000_000);
            assertThat(large.statusCode()).isEqualTo(503);
            assertThat(large.body()).contains("gateway_storage_unavailable");
            for (int i = 0; i < 5; i++) {
                assertThat(server.post("/v1/chat/completions", CHAT).statusCode())
                        .isEqualTo(200);
                assertThat(server.send(server.request("/v1/models")).statusCode())
                        .isEqualTo(200);
            }
            assertThat(server.send(server.request("/v1/files?limit=1")).statusCode())
                    .as("what is kept can be read")
                    .isEqualTo(200);

            largestFile(server, "unlimited");
            assertThat(upload(server, 100).statusCode())
                    .as("there is room again")
                    .isEqualTo(200);
            kept++;
            assertThat(transcription(server, 2_000_000).statusCode()).isEqualTo(200);
            assertThat(listed(server)).as("what was answered 200 is there").isEqualTo(kept);
            assertThat(server.stop()).isZero();
        }
    }

    private static int listed(Served server) throws IOException {
        int count = 0;
        String after = "";
        while (true) {
            String page =
                    server.send(server.request("/v1/files?limit=100" + after)).body();
            count += page.split("\"object\": ?\"file\"", -1).length - 1;
            int at = page.indexOf("\"last_id\":\"");
            if (!page.contains("\"has_more\":true") || at < 0) {
                return count;
            }
            after = "&after=" + page.substring(at + 11, page.indexOf('"', at + 11));
        }
    }

    private static HttpResponse<String> upload(Served server, int bytes) throws IOException {
        return form(server, "/v1/files", "purpose", "batch", "lines.jsonl", bytes);
    }

    /** A form whose model stands behind its file, which is kept on disk meanwhile. */
    private static HttpResponse<String> transcription(Served server, int bytes) throws IOException {
        return form(server, "/v1/audio/transcriptions", "model", "whisper-1", "speech.wav", bytes);
    }

    private static HttpResponse<String> form(
            Served server, String path, String field, String value, String fileName, int bytes) throws IOException {
        String file = "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + fileName
                + "\"\r\nContent-Type: application/octet-stream\r\n\r\n" + "x".repeat(bytes) + "\r\n";
        String other = "--cut\r\nContent-Disposition: form-data; name=\"" + field + "\"\r\n\r\n" + value + "\r\n";
        return server.send(server.request(path)
                .header("content-type", "multipart/form-data; boundary=cut")
                .POST(HttpRequest.BodyPublishers.ofString(file + other + "--cut--\r\n")));
    }

    /** Bounds the size of any file that the server writes: to it, a disk without room. */
    private static void largestFile(Served server, String bytes) throws IOException, InterruptedException {
        Process set = new ProcessBuilder(
                        "prlimit", "--pid", Long.toString(server.process().pid()), "--fsize=" + bytes + ":")
                .inheritIO()
                .start();
        assertThat(set.waitFor()).isZero();
    }

    private static Socket connect(Served server) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port());
        socket.setSoTimeout(20_000);
        return socket;
    }

    /** Asks for a completion on a bare connection; what is answered. */
    private static String ask(Served server, Socket socket) throws IOException {
        OutputStream out = socket.getOutputStream();
        out.write(("POST /v1/chat/completions HTTP/1.1\r\nhost: here\r\nauthorization: Bearer " + server.key()
                        + "\r\ncontent-type: application/json\r\ncontent-length: " + CHAT.length() + "\r\n\r\n" + CHAT)
                .getBytes(StandardCharsets.US_ASCII));
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int next = socket.getInputStream().read();
            assertThat(next).as("closed after: %s", head).isNotNegative();
            head.append((char) next);
        }
        int at = head.indexOf("content-length: ") + "content-length: ".length();
        socket.getInputStream().readNBytes(Integer.parseInt(head.substring(at, head.indexOf("\r\n", at))));
        return head.toString();
    }

    private static int descriptors(Served server) throws IOException {
        try (Stream<Path> open = Files.list(Path.of("/proc/" + server.process().pid() + "/fd"))) {
            return (int) open.count();
        }
    }

    private static long cpuMillis(Served server) {
        return server.process()
                .toHandle()
                .info()
                .totalCpuDuration()
                .orElseThrow()
                .toMillis();
    }
}
