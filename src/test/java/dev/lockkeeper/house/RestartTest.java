package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.testing.ServeProcess;
import dev.lockkeeper.testing.SimulatedProvider;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.io.TempDir;

/**
 * A gateway is restarted on its port while calls come: its first process drains and ends, a second one takes the data
 * folder. The clients try again as official ones do: where no connection is to be had, where one ends before an answer
 * began, and on 408, 409, 429 and 5xx, after half a second, doubled each time up to eight. Every call is counted.
 *
 * <p>{@code -Dlockkeeper.restart.rate=500} makes a trial of it, which the page on operations describes; the usual rate is
 * one that a busy machine can bear. Calls under way are bounded to ten seconds' worth, so one that can't bear it has fewer.
 */
class RestartTest {
    private static final int CALLS_PER_SECOND = Integer.getInteger("lockkeeper.restart.rate", 50);
    private static final int MAX_UNDER_WAY = 10 * CALLS_PER_SECOND;
    private static final int STREAMS = 20;
    private static final int SHORT_CHUNKS = 15;

    private static final Set<Integer> AGAIN = Set.of(408, 409, 429);

    /** How long one call tries. */
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private static final String ASK =
            "{\"model\":\"gpt-4o-mini\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}";
    private static final String CHUNK = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,"
            + "\"model\":\"slow\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},"
            + "\"finish_reason\":null}]}\n\n";
    private static final String FINISH = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,"
            + "\"model\":\"slow\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
            + "data: [DONE]\n\n";

    @TempDir
    Path folder;

    private final Executor threads = task -> Thread.ofVirtual().start(task);
    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .executor(threads)
            .build();

    /** What became of calls, from their clients' view. */
    private final AtomicInteger whole = new AtomicInteger();

    private final AtomicInteger triedAgain = new AtomicInteger();
    private final AtomicInteger mostTries = new AtomicInteger();
    private final Semaphore room = new Semaphore(MAX_UNDER_WAY);
    private final Queue<String> lost = new ConcurrentLinkedQueue<>();

    @Test
    void noCallIsLostWhenTheGatewayIsRestartedUnderLoad(TestReporter reporter) throws Exception {
        assumeThat(Files.isDirectory(Path.of("/proc/self"))).as("Linux").isTrue();
        int port = freePort();
        try (SimulatedProvider provider = SimulatedProvider.seeded(1);
                ScriptedUpstream slow = ScriptedUpstream.answering(RestartTest::slowly);
                ScheduledExecutorService pace = Executors.newSingleThreadScheduledExecutor();
                ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            String configuration = "server: {port: " + port + ", drain-delay: 1s, drain: 1500ms}\nadmin: {port: 0}\n"
                    + "providers:\n" + provider("fast", provider.port()) + provider("slow", slow.port())
                    + "models:\n  gpt-4o-mini: fast\n  slow: {targets: [slow/slow], profile: exact}\n"
                    + "prices: {unpriced: {input: $1, output: $2}}\n";
            ServeProcess first = ServeProcess.start(folder, configuration).awaitOpen();
            ServeProcess second = null;
            List<CompletableFuture<String>> streams = new ArrayList<>();
            AtomicInteger begun = new AtomicInteger();
            try {
                String key = first.key();
                call(first.url(), key); // opens what is opened once

                ScheduledFuture<?> load = pace.scheduleAtFixedRate(
                        () -> {
                            if (room.tryAcquire()) {
                                begun.incrementAndGet();
                                clients.execute(() -> {
                                    call(first.url(), key);
                                    room.release();
                                });
                            }
                        },
                        0,
                        1_000_000 / CALLS_PER_SECOND,
                        TimeUnit.MICROSECONDS);
                for (int i = 0; i < STREAMS; i++) {
                    String length = i % 2 == 0 ? "short" : "long";
                    streams.add(CompletableFuture.supplyAsync(() -> stream(first.url(), key, length), threads));
                }
                answered(2 * CALLS_PER_SECOND);
                await().atMost(PATIENCE).until(() -> slow.requests().size() == STREAMS);
                long told = System.nanoTime();
                first.signal("TERM");
                assertThat(first.exit()).as(first.said()).isZero();
                long ended = System.nanoTime();
                second = ServeProcess.start(folder, configuration).awaitOpen();
                long open = System.nanoTime();
                answered(2 * CALLS_PER_SECOND);
                load.cancel(false);
                clients.shutdown();
                assertThat(clients.awaitTermination(PATIENCE.toSeconds(), TimeUnit.SECONDS))
                        .isTrue();

                assertThat(lost).as("lost, of %d calls", begun.get()).isEmpty();
                assertThat(whole.get()).isEqualTo(begun.get() + 1);
                assertThat(triedAgain.get()).as("the restart was felt").isPositive();
                int wholeStreams = 0;
                for (int i = 0; i < STREAMS; i++) {
                    String body = streams.get(i).get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
                    if (i % 2 == 0 && body.endsWith(FINISH)) {
                        wholeStreams++;
                        assertThat(body.split("\"content\":\"Hi\"", -1)).hasSize(SHORT_CHUNKS + 1);
                    } else {
                        assertThat(body).contains("server_shutting_down").doesNotContain("[DONE]");
                    }
                }

                second.signal("TERM");
                assertThat(second.exit()).as(second.said()).isZero();
                List<String> lines = new ArrayList<>(first.calls());
                lines.addAll(second.calls());
                assertThat(lines.stream()
                                .filter(line -> line.contains("\"model\":\"gpt-4o-mini\""))
                                .filter(line -> line.contains("\"outcome\":\"served\"")))
                        .as("no call was done twice")
                        .hasSizeLessThanOrEqualTo(whole.get());
                reporter.publishEntry(Map.of(
                        "calls", begun.toString(),
                        "tries more", triedAgain.toString(),
                        "most tries of a call", mostTries.toString(),
                        "streams whole", wholeStreams + " of " + STREAMS,
                        "ms to the end", Long.toString(TimeUnit.NANOSECONDS.toMillis(ended - told)),
                        "ms to open again", Long.toString(TimeUnit.NANOSECONDS.toMillis(open - ended))));
            } finally {
                first.close();
                if (second != null) {
                    second.close();
                }
            }
        }
    }

    /** Waits until so many more calls were answered. */
    private void answered(int more) {
        int before = whole.get();
        await().atMost(PATIENCE).until(() -> whole.get() >= before + more);
    }

    private static String provider(String name, int port) {
        return "  " + name + ": {base-url: \"http://127.0.0.1:" + port
                + "/v1\", api-key: sk-1, private-addresses: true}\n";
    }

    private static int freePort() throws IOException {
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return free.getLocalPort();
        }
    }

    /** Streams for a second and a half where the prompt says short, else until the other side goes. */
    private static void slowly(ScriptedUpstream.Request request, ScriptedUpstream.Conversation conversation)
            throws Exception {
        boolean ends = request.text().contains("short");
        conversation.chunkedEvents();
        for (int i = 0; i < (ends ? SHORT_CHUNKS : 1_000); i++) {
            conversation.chunk(CHUNK);
            LockSupport.parkNanos(100_000_000L);
        }
        conversation.chunk(FINISH);
        conversation.lastChunk();
    }

    private static HttpRequest ask(String url, String key, String body) {
        return HttpRequest.newBuilder(URI.create(url + "/v1/chat/completions"))
                .header("authorization", "Bearer " + key)
                .header("content-type", "application/json")
                .timeout(PATIENCE)
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
    }

    private String stream(String url, String key, String length) {
        try {
            return http.send(
                            ask(
                                    url,
                                    key,
                                    "{\"model\":\"slow\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\""
                                            + length + "\"}]}"),
                            BodyHandlers.ofString())
                    .body();
        } catch (IOException | InterruptedException broken) {
            return "broken: " + broken;
        }
    }

    /** One call of a client that tries again. */
    private void call(String url, String key) {
        long began = System.nanoTime();
        long pauseMillis = 500;
        int tries = 0;
        String why = "never tried";
        while (System.nanoTime() - began < PATIENCE.toNanos()) {
            HttpResponse<InputStream> answer = null;
            int now = ++tries;
            mostTries.updateAndGet(before -> Math.max(before, now));
            try {
                answer = http.send(ask(url, key, ASK), BodyHandlers.ofInputStream());
            } catch (IOException noAnswer) {
                why = noAnswer.toString();
            } catch (InterruptedException over) {
                return;
            }
            if (answer != null) {
                try (InputStream body = answer.body()) {
                    String text = new String(body.readAllBytes(), StandardCharsets.UTF_8);
                    if (answer.statusCode() == 200 && text.contains("\"finish_reason\"") && text.endsWith("}")) {
                        whole.incrementAndGet();
                        return;
                    }
                    why = answer.statusCode() + " " + text;
                    if (answer.statusCode() < 500 && !AGAIN.contains(answer.statusCode())) {
                        break;
                    }
                } catch (IOException cut) {
                    why = "cut: " + cut;
                    break;
                }
            }
            triedAgain.incrementAndGet();
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(
                    pauseMillis - ThreadLocalRandom.current().nextLong(pauseMillis / 4)));
            pauseMillis = Math.min(2 * pauseMillis, 8_000);
        }
        lost.add(why);
    }
}
