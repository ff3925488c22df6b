package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.testing.ScriptedUpstream.Script;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Other settings put into effect while calls run. */
class ReloadTest {
    private static final String UNARY =
            "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":"
                    + "{\"role\":\"assistant\",\"content\":\"%s\"},\"finish_reason\":\"stop\"}],"
                    + "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1,\"total_tokens\":6}}";
    private static final String CHUNK =
            "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ho\"},\"finish_reason\":null}]}\n\n";
    private static final String FINISH =
            "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    private static final String DONE = "data: [DONE]\n\n";
    private static final int RELOADS = 200;

    private static String ask(String model, boolean stream) {
        return "{\"model\":\"" + model + "\",\"stream\":" + stream
                + ",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    }

    private static ScriptedUpstream calling(String name) {
        return ScriptedUpstream.answering((_, conversation) -> conversation.json(200, UNARY.formatted(name)));
    }

    @Test
    void callsGoByTheNewModelsProvidersAndCredentialsAtOnce() {
        try (ScriptedUpstream one = calling("one");
                ScriptedUpstream two = calling("two");
                Gateway gateway = Gateway.plan()
                        .provider("one", one.port())
                        .model("old", Profile.AUTO, "one/m")
                        .start()) {
            assertThat(gateway.post("/v1/chat/completions", ask("old", false)).body())
                    .contains("one");

            gateway.reload(Gateway.plan()
                    .provider("two", two.port())
                    .credential("sk-two")
                    .model("new", Profile.AUTO, "two/n"));

            assertThat(gateway.post("/v1/chat/completions", ask("new", false)).body())
                    .contains("two");
            assertThat(gateway.post("/v1/chat/completions", ask("old", false)).statusCode())
                    .isEqualTo(404);
            assertThat(gateway.get("/v1/models").body()).contains("\"new\"").doesNotContain("\"old\"");
            assertThat(two.requests()).singleElement().satisfies(request -> {
                assertThat(request.field("authorization")).isEqualTo("Bearer sk-two");
                assertThat(request.text()).contains("\"n\"");
            });
        }
    }

    @Test
    void aCallThatBeganBeforeAReloadEndsUnderTheOldRulesAndThenItsConnectionCloses() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        try (ScriptedUpstream old = ScriptedUpstream.answering((_, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(CHUNK);
                    go.await();
                    conversation.chunk(CHUNK + FINISH + DONE);
                    conversation.lastChunk();
                });
                ScriptedUpstream next = calling("next");
                Gateway gateway = Gateway.plan()
                        .provider("old", old.port())
                        .model("m", Profile.AUTO, "old/m")
                        .start()) {
            CompletableFuture<HttpResponse<String>> stream =
                    CompletableFuture.supplyAsync(() -> gateway.post("/v1/chat/completions", ask("m", true)));
            await().until(() -> old.requests().size() == 1);

            gateway.reload(Gateway.plan().provider("next", next.port()).model("m", Profile.AUTO, "next/m"));

            assertThat(gateway.post("/v1/chat/completions", ask("m", false)).body())
                    .contains("next");
            assertThat(gateway.house().pools())
                    .as("the old one still carries a call")
                    .isEqualTo(2);
            go.countDown();
            assertThat(stream.get(10, SECONDS).body()).isEqualTo(CHUNK + CHUNK + FINISH + DONE);
            await().untilAsserted(() -> assertThat(old.connections()).isZero());
            await().untilAsserted(() -> assertThat(gateway.house().pools()).isEqualTo(1));
        }
    }

    @Test
    void aCallWhoseBodyIsStillComingIsServedByTheProviderThatWasRemoved() throws Exception {
        try (ScriptedUpstream old = calling("old");
                ScriptedUpstream next = calling("next");
                Gateway gateway = Gateway.plan()
                        .provider("old", old.port())
                        .model("m", Profile.AUTO, "old/m")
                        .start();
                java.net.Socket client = gateway.connect()) {
            String body = ask("m", false);
            client.getOutputStream()
                    .write(("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + gateway.key()
                                    + "\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: "
                                    + body.length() + "\r\n\r\n" + body.substring(0, 10))
                            .getBytes(java.nio.charset.StandardCharsets.UTF_8));
            await().until(() -> gateway.house().callsInFlight() == 1);

            gateway.reload(Gateway.plan().provider("next", next.port()).model("m", Profile.AUTO, "next/m"));
            client.getOutputStream().write(body.substring(10).getBytes(java.nio.charset.StandardCharsets.UTF_8));

            assertThat(new String(client.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8))
                    .startsWith("HTTP/1.1 200")
                    .contains("\"old\"");
            await().untilAsserted(() -> assertThat(old.connections()).isZero());
        }
    }

    @Test
    void aProviderThatIsReachedAsBeforeKeepsItsConnections() {
        Set<Integer> served = new ConcurrentSkipListSet<>();
        Script script = (_, conversation) -> {
            served.add(conversation.served());
            conversation.json(200, UNARY.formatted("kept"));
        };
        try (ScriptedUpstream upstream = ScriptedUpstream.answering(script);
                Gateway gateway = Gateway.plan()
                        .provider("kept", upstream.port())
                        .credential("sk-before")
                        .model("m", Profile.AUTO, "kept/m")
                        .start()) {
            gateway.post("/v1/chat/completions", ask("m", false));

            gateway.reload(Gateway.plan()
                    .provider("kept", upstream.port())
                    .credential("sk-after")
                    .timeouts(Duration.ofSeconds(5), Duration.ofSeconds(5), Duration.ofSeconds(5))
                    .model("m", Profile.AUTO, "kept/m"));
            for (int i = 0; i < 4; i++) {
                gateway.post("/v1/chat/completions", ask("m", false));
            }

            // Clients' connections are spread over two loops, so there are at most two to the provider.
            assertThat(upstream.connections()).isBetween(1, 2);
            assertThat(served).hasSizeGreaterThan(1);
            assertThat(upstream.requests().getLast().field("authorization")).isEqualTo("Bearer sk-after");
            assertThat(gateway.house().pools()).isEqualTo(1);
        }
    }

    @Test
    void theSimulatorStartsWhenItIsNamedAndStopsWhenItIsNotAndNoCallNeedsIt() throws Exception {
        try (ScriptedUpstream upstream = calling("real");
                Gateway gateway = Gateway.plan()
                        .provider("real", upstream.port())
                        .model("m", Profile.AUTO, "real/m")
                        .start()) {
            gateway.reload(Gateway.plan().simulated());
            assertThat(gateway.post("/v1/chat/completions", ask("gpt-5.5", false))
                            .statusCode())
                    .isEqualTo(200);
            assertThat(gateway.house().simulatorRuns()).isTrue();
            CompletableFuture<HttpResponse<String>> slow =
                    CompletableFuture.supplyAsync(() -> gateway.send(gateway.request("/v1/chat/completions")
                            .header("content-type", "application/json")
                            .header("x-simulator", "stall(2,2s)")
                            .POST(BodyPublishers.ofString(ask("gpt-5.5", true)))));
            await().until(() -> gateway.house().callsInFlight() == 1);

            gateway.reload(Gateway.plan().provider("real", upstream.port()).model("m", Profile.AUTO, "real/m"));

            assertThat(slow.get(20, SECONDS).body()).endsWith(DONE);
            await().atMost(10, SECONDS).until(() -> !gateway.house().simulatorRuns());
            assertThat(gateway.post("/v1/chat/completions", ask("m", false)).statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void originsAndBoundsChangeToo() {
        try (Gateway gateway = Gateway.plan().origins("https://a.example").start()) {
            assertThat(preflight(gateway, "https://b.example")).isNotEqualTo(204);

            gateway.reload(Gateway.plan().origins("https://b.example").maxBytesInFlight(100));

            assertThat(preflight(gateway, "https://b.example")).isEqualTo(204);
            String large = ask("gpt-5.5", false).replace("hi", "hi".repeat(100));
            assertThat(gateway.post("/v1/chat/completions", large).statusCode()).isEqualTo(503);
        }
    }

    private static int preflight(Gateway gateway, String origin) {
        return gateway.send(gateway.request("/v1/chat/completions")
                        .header("origin", origin)
                        .header("access-control-request-method", "POST")
                        .method("OPTIONS", BodyPublishers.noBody()))
                .statusCode();
    }

    @Test
    void manyReloadsUnderLoadFailNoCallAndLeaveNothingBehind() throws Exception {
        Script script = (request, conversation) -> {
            boolean mine = request.field("authorization").equals("Bearer sk-" + request.field("host"));
            if (request.text().contains("\"stream\":true")) {
                conversation.chunkedEvents();
                for (int i = 0; i < 5; i++) {
                    conversation.chunk(CHUNK);
                }
                conversation.chunk(FINISH + DONE);
                conversation.lastChunk();
            } else {
                conversation.json(mine ? 200 : 401, UNARY.formatted("ok"));
            }
        };
        try (ScriptedUpstream one = ScriptedUpstream.answering(script);
                ScriptedUpstream two = ScriptedUpstream.answering(script);
                ScriptedUpstream both = ScriptedUpstream.answering(script);
                Gateway gateway = first(one, both).start();
                ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            AtomicBoolean over = new AtomicBoolean();
            AtomicInteger done = new AtomicInteger();
            Set<String> wrong = new ConcurrentSkipListSet<>();
            for (int i = 0; i < 4; i++) {
                boolean stream = i % 2 == 0;
                String model = i < 2 ? "moved" : "stays";
                clients.execute(() -> {
                    while (!over.get()) {
                        HttpResponse<String> answer = gateway.post("/v1/chat/completions", ask(model, stream));
                        boolean whole = stream
                                ? answer.body().endsWith(FINISH + DONE)
                                : answer.body().contains("ok");
                        if (answer.statusCode() != 200 || !whole) {
                            wrong.add(answer.statusCode() + " " + answer.body());
                        }
                        done.incrementAndGet();
                    }
                });
            }
            reloads(gateway, one, two, both, done, 20);
            Counted before = Counted.now();
            long seriesBefore = series(admin(gateway, "/metrics"));

            reloads(gateway, one, two, both, done, RELOADS);

            Counted after = Counted.now();
            over.set(true);
            clients.shutdown();
            assertThat(clients.awaitTermination(20, SECONDS)).isTrue();
            assertThat(wrong).isEmpty();
            assertThat(done).hasValueGreaterThan(RELOADS);
            assertThat(after.threads)
                    .as("platform threads, before: %s", before.names)
                    .isLessThanOrEqualTo(before.threads + 2);
            await().untilAsserted(() -> assertThat(gateway.house().pools()).isEqualTo(2));
            await().untilAsserted(
                            () -> assertThat(gateway.house().callsInFlight()).isZero());
            // Two loops, and the clients' connections: some come and go, hundreds would have stayed.
            assertThat(after.files).isLessThan(before.files + 40);
            int last = RELOADS % 2;
            ScriptedUpstream left = last == 0 ? two : one;
            await().untilAsserted(() -> assertThat(left.connections()).isZero());
            // And no map grows: what a scrape tells of connections names the two providers once each.
            String scraped = admin(gateway, "/metrics");
            List<String> connections = scraped.lines()
                    .filter(line -> line.startsWith("lockkeeper_upstream_connections{"))
                    .toList();
            assertThat(connections).hasSize(2);
            assertThat(series(scraped)).isLessThanOrEqualTo(seriesBefore);
        }
    }

    /** Series of the gateway's own; connections come and go, so theirs are looked at by name. */
    private static long series(String scraped) {
        return scraped.lines()
                .filter(line -> line.startsWith("lockkeeper_") && !line.startsWith("lockkeeper_upstream_connections"))
                .count();
    }

    private static String admin(Gateway gateway, String path) throws IOException, InterruptedException {
        try (java.net.http.HttpClient http = java.net.http.HttpClient.newHttpClient()) {
            return http.send(
                            java.net.http.HttpRequest.newBuilder(java.net.URI.create("http://127.0.0.1:"
                                            + gateway.house().adminPort() + path))
                                    .build(),
                            HttpResponse.BodyHandlers.ofString())
                    .body();
        }
    }

    private static Gateway.Plan first(ScriptedUpstream one, ScriptedUpstream both) {
        return Gateway.plan()
                .provider("one", one.port())
                .credential("sk-127.0.0.1:" + one.port())
                .provider("both", both.port())
                .credential("sk-127.0.0.1:" + both.port())
                .model("moved", Profile.AUTO, "one/a")
                .model("stays", Profile.AUTO, "both/b");
    }

    private static Gateway.Plan second(ScriptedUpstream two, ScriptedUpstream both) {
        return Gateway.plan()
                .provider("both", both.port())
                .credential("sk-127.0.0.1:" + both.port())
                .provider("two", two.port())
                .credential("sk-127.0.0.1:" + two.port())
                .model("stays", Profile.SAMPLING, "both/c")
                .model("moved", Profile.AUTO, "two/d")
                .model("only here", Profile.AUTO, "two/e");
    }

    /** Reloads, first and second in turn, each time after at least one more call has ended. */
    private static void reloads(
            Gateway gateway,
            ScriptedUpstream one,
            ScriptedUpstream two,
            ScriptedUpstream both,
            AtomicInteger done,
            int count) {
        for (int i = 0; i < count; i++) {
            int seen = done.get();
            gateway.reload(i % 2 == 0 ? second(two, both) : first(one, both));
            await().pollDelay(Duration.ZERO)
                    .pollInterval(Duration.ofMillis(1))
                    .atMost(10, SECONDS)
                    .until(() -> done.get() > seen);
        }
    }

    /** What a process has of what can leak. */
    private record Counted(long files, int threads, Set<String> names) {
        static Counted now() throws IOException {
            // Those of the test's own client come and go with its calls.
            Set<Thread> all = Thread.getAllStackTraces().keySet().stream()
                    .filter(each -> !each.getName().matches("(HttpClient|ForkJoinPool).*"))
                    .collect(Collectors.toSet());
            long files = 0;
            Path open = Path.of("/proc/self/fd");
            if (Files.isDirectory(open)) {
                try (Stream<Path> each = Files.list(open)) {
                    files = each.count();
                }
            }
            return new Counted(
                    files,
                    all.size(),
                    all.stream().map(Thread::getName).collect(Collectors.toCollection(TreeSet::new)));
        }
    }
}
