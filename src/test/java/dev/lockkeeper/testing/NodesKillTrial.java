package dev.lockkeeper.testing;

import dev.lockkeeper.db.DatabaseSettings.Postgres;
import dev.lockkeeper.units.Money;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Several gateways in processes of their own share one hard budget on one PostgreSQL, and have load. Each is killed at random
 * moments, as {@code kill -9} does, and started again on its folder: sometimes after an operator has fenced it. That goes on
 * until a call is refused for good; then all run, and are asked until that happens again. Meanwhile the database is looked at
 * all the time; at the end the books are held against what clients saw. Each call has a mark of its own. Prompts are free, a
 * token of an answer costs {@value #TOKEN_NANOS} nano-dollars.
 */
public final class NodesKillTrial {
    private static final int CALLERS = 24;
    private static final int TOKEN_NANOS = 10_000;
    private static final int MOST_TOKENS = 1_000;
    private static final Duration LOOK = Duration.ofMillis(10);
    private static final Duration FENCING = Duration.ofSeconds(30);
    private static final Duration DRAINED = Duration.ofSeconds(60);

    private static final Pattern CODE = Pattern.compile("\"code\": ?\"(\\w+)\"");

    private final int rate;
    private final long seed;
    private final long budgetNanos;
    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final AtomicInteger number = new AtomicInteger();
    private final Set<Integer> complete = ConcurrentHashMap.newKeySet();

    /** What the upstream has billed, tokens by call. */
    private final Map<Integer, Integer> billed = new ConcurrentHashMap<>();

    private final List<NodeProcess> nodes = new ArrayList<>();
    private final Queue<String> odd = new ConcurrentLinkedQueue<>();
    /** Refusals, by status and code. */
    private final Map<String, Integer> refused = new ConcurrentSkipListMap<>();

    private final AtomicInteger kills = new AtomicInteger();
    private final AtomicInteger fenced = new AtomicInteger();
    private String key = "";
    private String schema = "";

    /** How the books stood when a call was first refused for good. */
    private final AtomicReference<long @Nullable []> first = new AtomicReference<>();

    /** The same of calls that began when all ran. */
    private final AtomicReference<long @Nullable []> last = new AtomicReference<>();

    /** When all ran; {@link Long#MAX_VALUE} until then. */
    private volatile long allRunFrom = Long.MAX_VALUE;

    private volatile boolean killing = true;
    private volatile boolean calling = true;
    private volatile boolean looking = true;

    /** The most that was ever spent and leased together, without overruns. The observer's. */
    private long most;

    /** The observer's. */
    private int looks;

    /**
     * What came of it.
     *
     * @param budgetNanos the budget
     * @param asked calls that were sent
     * @param complete answers whose end a client saw
     * @param booked of those, how many have exactly one entry, with their cost
     * @param twice calls with more than one entry, complete or not
     * @param recovered entries of calls that were cut off, booked at what was held
     * @param looks how often the database was looked at
     * @param mostNanos the most that was spent and leased together at any of these, without overruns
     * @param firstNanos what was spent when the first call was refused for good; 0 if none was
     * @param firstLeasedNanos what was leased then and not spent, most of it to those that were gone
     * @param lastNanos what was spent when a call was refused for good while all ran; 0 if none was
     * @param spentNanos what was spent in the end, overruns included
     * @param overrunNanos what fenced processes booked when they came back, and what else was beyond
     * @param entriesNanos what all entries come to
     * @param leasedNanos what was leased and not spent when all had stopped
     * @param refused calls that were refused, by status and code, and those that were {@code cut} off
     * @param odd answers that are neither good nor refused
     */
    public record Result(
            int kills,
            int fenced,
            long budgetNanos,
            int asked,
            int complete,
            int booked,
            int twice,
            int recovered,
            int looks,
            long mostNanos,
            long firstNanos,
            long firstLeasedNanos,
            long lastNanos,
            long spentNanos,
            long overrunNanos,
            long entriesNanos,
            long leasedNanos,
            Map<String, Integer> refused,
            List<String> odd) {

        /** What should not be, in words; empty when all is as it should be. */
        public List<String> wrong() {
            List<String> wrong = new ArrayList<>();
            note(wrong, complete == 0, "no client saw an answer");
            note(
                    wrong,
                    booked != complete,
                    (complete - booked) + " answers seen whole are not booked once at their cost");
            note(wrong, twice > 0, twice + " calls are booked twice");
            note(wrong, mostNanos > budgetNanos, "spent and leased: " + new Money(mostNanos));
            note(
                    wrong,
                    spentNanos - overrunNanos > budgetNanos,
                    "spent without overruns: " + new Money(spentNanos - overrunNanos));
            note(
                    wrong,
                    fenced == 0 && overrunNanos > 0,
                    "overruns though nobody was fenced: " + new Money(overrunNanos));
            note(
                    wrong,
                    entriesNanos != spentNanos,
                    "the entries come to " + new Money(entriesNanos) + ", the account to " + new Money(spentNanos));
            note(wrong, leasedNanos != 0, "leased though all have stopped: " + leasedNanos + " nano-dollars");
            note(
                    wrong,
                    lastNanos < budgetNanos / 100 * 95,
                    "spent when a call was refused for good: " + new Money(lastNanos));
            note(wrong, !odd.isEmpty(), "answers that should not be: " + odd);
            return wrong;
        }

        private static void note(List<String> wrong, boolean is, String what) {
            if (is) {
                wrong.add(what);
            }
        }
    }

    /** A gateway's folder, and the process that runs on it. */
    private static final class NodeProcess {
        final Path folder;
        final RandomGenerator chance;
        volatile @Nullable ServeProcess running;

        NodeProcess(Path folder, RandomGenerator chance) {
            this.folder = folder;
            this.chance = chance;
        }
    }

    /**
     * @param folder an empty one
     * @param count how many gateways
     * @param rate calls a second at most, of all callers together
     * @param budgetNanos what they may spend
     * @param seed of the times of the kills, and what is asked
     */
    public NodesKillTrial(Path folder, int count, int rate, long budgetNanos, long seed) {
        this.rate = rate;
        this.budgetNanos = budgetNanos;
        this.seed = seed;
        for (int i = 0; i < count; i++) {
            nodes.add(new NodeProcess(folder.resolve("node-" + i), chance(1_000 + i)));
        }
    }

    private RandomGenerator chance(int who) {
        return RandomGeneratorFactory.of("L64X128MixRandom").create(seed * 10_000 + who);
    }

    /**
     * Runs it.
     *
     * @param killMillis for how long processes are killed at most
     * @param fencing whether some are fenced, which takes ten seconds and more of each
     */
    public Result run(long killMillis, boolean fencing) throws Exception {
        Postgres database = Stores.empty();
        schema = database.schema();
        try (ScriptedUpstream upstream = ScriptedUpstream.answering(this::answer)) {
            String configuration = """
                    server: {port: 0}
                    admin: {port: 0}
                    database: {url: 'postgres://127.0.0.1:%d/%s', user: %s, schema: %s, tls: disable}
                    providers:
                      up: {base-url: 'http://127.0.0.1:%d/v1', auth: none, private-addresses: true}
                    models: {plain: up}
                    prices: {unpriced: {input: $0, output: $10}}
                    """.formatted(
                            database.servers().getFirst().port(),
                            database.database(),
                            database.user(),
                            schema,
                            upstream.port());
            try {
                return under(configuration, killMillis, fencing);
            } finally {
                for (NodeProcess each : nodes) {
                    ServeProcess process = each.running;
                    if (process != null) {
                        process.close();
                    }
                }
            }
        }
    }

    private Result under(String configuration, long killMillis, boolean fencing) throws Exception {
        for (NodeProcess each : nodes) {
            Files.createDirectories(each.folder);
            start(each, configuration);
        }
        key = process(nodes.getFirst()).key();
        HttpResponse<String> made = admin(
                nodes.getFirst(),
                "/admin/v1/budgets",
                "{\"scope_kind\":\"project\",\"scope_id\":" + "\"proj_default\",\"amount\":\"" + new Money(budgetNanos)
                        + "\",\"period\":\"total\"}");
        if (made.statusCode() != 201) {
            throw new IllegalStateException("no budget: " + made.body());
        }
        LockSupport.parkNanos(2_000_000_000L); // all have heard of it
        Thread observer = Thread.ofPlatform().daemon().start(this::observe);
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < CALLERS; i++) {
            RandomGenerator chance = chance(i);
            callers.add(Thread.ofVirtual().start(() -> call(chance)));
        }
        List<Thread> fates = new ArrayList<>();
        for (NodeProcess each : nodes) {
            fates.add(Thread.ofVirtual().start(() -> fate(each, configuration, fencing)));
        }
        long until = System.nanoTime() + killMillis * 1_000_000;
        while (first.get() == null && System.nanoTime() < until) {
            LockSupport.parkNanos(1_000_000);
        }
        killing = false;
        for (Thread each : fates) {
            each.join();
        }
        allRunFrom = System.nanoTime();
        until = allRunFrom + DRAINED.toNanos();
        while (last.get() == null && System.nanoTime() < until) {
            LockSupport.parkNanos(1_000_000);
        }
        calling = false;
        for (Thread each : callers) {
            each.join();
        }
        for (NodeProcess each : nodes) {
            process(each).signal("TERM");
        }
        for (NodeProcess each : nodes) {
            int exit = process(each).exit();
            if (exit != 0) {
                odd.add("exit code " + exit);
            }
        }
        looking = false;
        observer.join();
        return compared();
    }

    private static ServeProcess process(NodeProcess node) {
        ServeProcess process = node.running;
        if (process == null) {
            throw new IllegalStateException("it does not run");
        }
        return process;
    }

    private static void start(NodeProcess node, String configuration) throws Exception {
        node.running = ServeProcess.start(node.folder, configuration).awaitOpen();
    }

    /** Kills a node now and then, and starts it again; ends with the node running. */
    private void fate(NodeProcess node, String configuration, boolean fencing) {
        try {
            while (killing) {
                pause(node.chance.nextLong(1_000, 8_000));
                if (!killing) {
                    return;
                }
                ServeProcess process = process(node);
                node.running = null;
                process.signal("KILL");
                process.exit();
                kills.incrementAndGet();
                if (fencing && node.chance.nextInt(4) == 0) {
                    fence(node);
                }
                pause(node.chance.nextLong(0, 3_000));
                start(node, configuration);
            }
        } catch (Exception failed) {
            odd.add("a node: " + failed);
        }
    }

    /** Sleeps, but not longer than there are kills. */
    private void pause(long millis) {
        long until = System.nanoTime() + millis * 1_000_000;
        while (killing && System.nanoTime() < until) {
            LockSupport.parkNanos(5_000_000);
        }
    }

    /** Has another node take what a killed one had leased, as soon as that is told to be dead. */
    private void fence(NodeProcess node) throws Exception {
        String which = Files.readString(node.folder.resolve("lockkeeper-data/journal/node"))
                .strip();
        long until = System.nanoTime() + FENCING.toNanos();
        while (killing && System.nanoTime() < until) {
            NodeProcess other = nodes.stream()
                    .filter(each -> each.running != null)
                    .findAny()
                    .orElse(null);
            try {
                HttpResponse<String> answer =
                        other == null ? null : admin(other, "/admin/v1/nodes/node_" + which + "/fence", "{}");
                if (answer != null && answer.statusCode() == 200) {
                    fenced.incrementAndGet();
                    return;
                }
            } catch (IOException | IllegalStateException gone) {
                // It was killed meanwhile.
            }
            LockSupport.parkNanos(300_000_000);
        }
    }

    private HttpResponse<String> admin(NodeProcess node, String path, String json) throws Exception {
        String token = Files.readString(node.folder.resolve("lockkeeper-data/admin-token"))
                .strip();
        return http.send(
                HttpRequest.newBuilder(URI.create(process(node).adminUrl() + path))
                        .header("authorization", "Bearer " + token)
                        .header("content-type", "application/json")
                        .timeout(Duration.ofSeconds(10))
                        .POST(HttpRequest.BodyPublishers.ofString(json))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    // ---- callers ----

    private void call(RandomGenerator chance) {
        while (calling) {
            long began = System.nanoTime();
            ServeProcess at = nodes.get(chance.nextInt(nodes.size())).running;
            if (at == null) {
                LockSupport.parkNanos(5_000_000);
                continue;
            }
            int mine = number.incrementAndGet();
            boolean stream = chance.nextBoolean();
            String body = "{\"model\":\"plain\",\"max_tokens\":" + MOST_TOKENS + ",\"stream\":" + stream
                    + ",\"messages\":[{\"role\":\"user\",\"content\":\"#" + chance.nextInt(1, MOST_TOKENS) + "# no. "
                    + mine + ".\"}]}";
            try {
                HttpResponse<String> answer = http.send(
                        HttpRequest.newBuilder(URI.create(at.url() + "/v1/chat/completions"))
                                .header("authorization", "Bearer " + key)
                                .header("content-type", "application/json")
                                .header("x-lockkeeper-tag", "call-" + mine)
                                .timeout(Duration.ofSeconds(30))
                                .POST(HttpRequest.BodyPublishers.ofString(body))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
                told(mine, stream, answer, began, chance);
            } catch (IOException cut) {
                refused.merge("cut", 1, Integer::sum); // the process was killed
            } catch (InterruptedException hurried) {
                Thread.currentThread().interrupt();
                return;
            }
            LockSupport.parkNanos(1_000_000_000L * CALLERS / rate - (System.nanoTime() - began));
        }
    }

    private void told(int mine, boolean stream, HttpResponse<String> answer, long began, RandomGenerator chance) {
        String said = answer.body();
        if (answer.statusCode() != 200) {
            Matcher code = CODE.matcher(said);
            refused.merge(answer.statusCode() + (code.find() ? " " + code.group(1) : ""), 1, Integer::sum);
        }
        switch (answer.statusCode()) {
            case 200 -> {
                if (said.endsWith(stream ? "data: [DONE]\n\n" : "}")) {
                    complete.add(mine);
                }
            }
            case 429 -> {
                if (!said.contains("\"insufficient_quota\"")) {
                    LockSupport.parkNanos(chance.nextLong(5_000_000, 50_000_000));
                } else {
                    note(began >= allRunFrom ? last : first);
                }
            }
            // It was just started, or an operator has fenced it.
            case 503 -> LockSupport.parkNanos(chance.nextLong(20_000_000, 100_000_000));
            default -> odd.add(answer.statusCode() + " " + said);
        }
    }

    private void note(AtomicReference<long @Nullable []> when) {
        if (when.get() == null) {
            try {
                when.compareAndSet(null, sums());
            } catch (SQLException failed) {
                odd.add("a look: " + failed);
            }
        }
    }

    private void answer(ScriptedUpstream.Request request, ScriptedUpstream.Conversation conversation)
            throws IOException {
        String text = request.text();
        int from = text.indexOf("no. ") + 4;
        int mine = Integer.parseInt(text.substring(from, text.indexOf('.', from)));
        LockSupport.parkNanos(5_000_000);
        billed.put(mine, BilledAnswer.asAsked(request, conversation));
    }

    // ---- the database ----

    private void observe() {
        while (looking) {
            try {
                long[] now = sums();
                most = Math.max(most, now[0]);
                looks++;
                Thread.sleep(LOOK);
            } catch (SQLException failed) {
                odd.add("a look: " + failed);
                return;
            } catch (InterruptedException hurried) {
                return;
            }
        }
    }

    /** What is spent and leased together without overruns, what is spent, and what of that is an overrun: at one instant. */
    private long[] sums() throws SQLException {
        try (Connection connection = Stores.superuser();
                Statement statement = connection.createStatement();
                ResultSet found = statement.executeQuery(("SELECT coalesce((SELECT sum(spent) FROM %1$s.accounts), 0),"
                                + " coalesce((SELECT sum(overrun) FROM %1$s.accounts), 0),"
                                + " coalesce((SELECT sum(greatest(0, granted - spent)) FROM %1$s.leases), 0)")
                        .formatted(schema))) {
            found.next();
            long spent = found.getLong(1);
            long overrun = found.getLong(2);
            return new long[] {spent - overrun + found.getLong(3), spent, overrun};
        }
    }

    private static long leased(long[] sums) {
        return sums[0] - (sums[1] - sums[2]);
    }

    private Result compared() throws SQLException {
        int booked = 0;
        int twice = 0;
        int recovered = 0;
        long entriesNanos = 0;
        Set<Integer> seen = new TreeSet<>();
        try (Connection connection = Stores.superuser();
                Statement statement = connection.createStatement();
                ResultSet entries = statement.executeQuery("SELECT tag, kind, cost FROM " + schema + ".entries")) {
            while (entries.next()) {
                int call = Integer.parseInt(entries.getString(1).substring("call-".length()));
                String kind = entries.getString(2);
                entriesNanos += entries.getLong(3);
                if (!seen.add(call)) {
                    twice++;
                    continue;
                }
                recovered += kind.equals("recovered") ? 1 : 0;
                long cost = (long) billed.getOrDefault(call, -1) * TOKEN_NANOS;
                if (complete.contains(call) && !kind.equals("recovered") && entries.getLong(3) == cost) {
                    booked++;
                }
            }
        }
        long[] end = sums();
        long[] refusedFirst = Objects.requireNonNullElse(first.get(), new long[3]);
        long[] refusedLast = Objects.requireNonNullElse(last.get(), new long[3]);
        return new Result(
                kills.get(),
                fenced.get(),
                budgetNanos,
                number.get(),
                complete.size(),
                booked,
                twice,
                recovered,
                looks,
                most,
                refusedFirst[1],
                leased(refusedFirst),
                refusedLast[1],
                end[1],
                end[2],
                entriesNanos,
                leased(end),
                Map.copyOf(refused),
                List.copyOf(odd));
    }
}
