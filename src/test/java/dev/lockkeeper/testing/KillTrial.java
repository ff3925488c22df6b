package dev.lockkeeper.testing;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Kills a gateway under load, as {@code kill -9} does, starts it again on the same folder, and so on; then holds what clients
 * saw against the books. Every second call is a stream. Each call has a mark of its own, by which its entry is found, and
 * costs what its number says.
 */
public final class KillTrial {
    private static final int CALLERS = 16;
    private static final int PROMPT = 10;

    /** Nano-dollars of a token, of the prompt or of the answer. */
    private static final int TOKEN_NANOS = 1_000;

    private static final int LONGEST_ANSWER = 900;
    private static final long LEAST_LOAD_MILLIS = 300;

    private final Path folder;
    private final RandomGenerator chance;
    private static final Duration FIRST_ANSWER = Duration.ofSeconds(30);

    private final long pauseNanos;
    private final AtomicInteger number = new AtomicInteger();
    private final Set<Integer> complete = ConcurrentHashMap.newKeySet();
    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    /**
     * What came of it.
     *
     * @param kills how often the gateway was killed
     * @param asked calls that were sent
     * @param complete answers whose end a client saw
     * @param booked of those, how many have exactly one entry, of kind {@code settled}, with their cost
     * @param twice calls with more than one entry, complete or not
     * @param recovered entries of calls that were cut off, booked at what was held
     * @param loadMillis for how long there was load
     */
    public record Result(int kills, int asked, int complete, int booked, int twice, int recovered, long loadMillis) {}

    /**
     * @param folder an empty one
     * @param rate calls a second at most, of all callers together
     * @param seed of the times of the kills
     */
    public KillTrial(Path folder, int rate, long seed) {
        this.folder = folder;
        this.pauseNanos = 1_000_000_000L * CALLERS / rate;
        this.chance = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    }

    /**
     * Runs it.
     *
     * @param loadMillis how long each process has load at most, before it is killed; longer where none has answered yet
     */
    public Result run(int kills, long loadMillis) throws Exception {
        long loaded = 0;
        try (ScriptedUpstream upstream = ScriptedUpstream.answering(KillTrial::answer)) {
            String configuration = """
                    server: {port: 0}
                    admin: {port: 0}
                    providers:
                      up: {base-url: 'http://127.0.0.1:%d/v1', auth: none, private-addresses: true}
                    models: {plain: up}
                    prices: {unpriced: {input: $1, output: $1}}
                    """.formatted(upstream.port());
            String key = "";
            for (int i = 0; i < kills; i++) {
                try (ServeProcess process =
                        ServeProcess.start(folder, configuration).awaitOpen()) {
                    key = key.isEmpty() ? process.key() : key;
                    loaded += killed(process, key, chance.nextLong(LEAST_LOAD_MILLIS, loadMillis + 1));
                }
            }
            try (ServeProcess last = ServeProcess.start(folder, configuration).awaitOpen()) {
                last.signal("TERM");
                last.exit();
            }
        }
        return compared(kills, loaded);
    }

    /** Loads a process, and kills it meanwhile. */
    private long killed(ServeProcess process, String key, long millis) throws Exception {
        long began = System.nanoTime();
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < CALLERS; i++) {
            callers.add(Thread.ofVirtual().start(() -> callUntilGone(process, key)));
        }
        LockSupport.parkNanos(Duration.ofMillis(millis).toNanos());
        // A busy machine may take longer for its first answer; a trial in which nobody saw one would tell nothing.
        await().atMost(FIRST_ANSWER).until(() -> !complete.isEmpty());
        process.signal("KILL");
        process.exit();
        for (Thread each : callers) {
            each.join();
        }
        return (System.nanoTime() - began) / 1_000_000;
    }

    private void callUntilGone(ServeProcess process, String key) {
        URI chat = URI.create(process.url() + "/v1/chat/completions");
        while (process.runs()) {
            long began = System.nanoTime();
            int mine = number.incrementAndGet();
            boolean stream = mine % 2 == 0;
            try {
                HttpResponse<String> answer = http.send(
                        HttpRequest.newBuilder(chat)
                                .header("authorization", "Bearer " + key)
                                .header("content-type", "application/json")
                                .header("x-lockkeeper-tag", "call-" + mine)
                                .timeout(Duration.ofSeconds(30))
                                .POST(HttpRequest.BodyPublishers.ofString("{\"model\":\"plain\",\"stream\":" + stream
                                        + ",\"user\":\"" + mine
                                        + "\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
                boolean whole = stream
                        ? answer.body().endsWith("data: [DONE]\n\n")
                        : answer.body().endsWith("}");
                if (answer.statusCode() == 200 && whole) {
                    complete.add(mine);
                }
            } catch (IOException cut) {
                // The process is being killed.
            } catch (InterruptedException hurried) {
                Thread.currentThread().interrupt();
                return;
            }
            LockSupport.parkNanos(pauseNanos - (System.nanoTime() - began));
        }
    }

    private static int tokens(int number) {
        return 1 + number * 37 % LONGEST_ANSWER;
    }

    private static void answer(ScriptedUpstream.Request request, ScriptedUpstream.Conversation conversation)
            throws IOException {
        String text = request.text();
        int from = text.indexOf("\"user\":\"") + 8;
        int tokens = tokens(Integer.parseInt(text.substring(from, text.indexOf('"', from))));
        BilledAnswer.tell(request, conversation, PROMPT, tokens, List.of("ho", "ho", "ho"));
    }

    private Result compared(int kills, long loadMillis) throws SQLException {
        int booked = 0;
        int twice = 0;
        int recovered = 0;
        Set<Integer> seen = ConcurrentHashMap.newKeySet();
        try (Connection database =
                        DriverManager.getConnection("jdbc:sqlite:" + folder.resolve("lockkeeper-data/lockkeeper.db"));
                ResultSet entries = database.createStatement()
                        .executeQuery("SELECT tag, kind, cost FROM entries WHERE tag LIKE 'call-%'")) {
            while (entries.next()) {
                int call = Integer.parseInt(entries.getString(1).substring("call-".length()));
                String kind = entries.getString(2);
                if (!seen.add(call)) {
                    twice++;
                    continue;
                }
                recovered += kind.equals("recovered") ? 1 : 0;
                long cost = (long) (PROMPT + tokens(call)) * TOKEN_NANOS;
                if (complete.contains(call) && kind.equals("settled") && entries.getLong(3) == cost) {
                    booked++;
                }
            }
        }
        return new Result(kills, number.get(), complete.size(), booked, twice, recovered, loadMillis);
    }
}
