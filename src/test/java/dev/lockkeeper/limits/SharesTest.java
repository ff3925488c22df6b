package dev.lockkeeper.limits;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.DatabaseSettings;
import dev.lockkeeper.db.DatabaseUnavailable;
import dev.lockkeeper.db.Witness;
import dev.lockkeeper.limits.LimitsTest.Time;
import dev.lockkeeper.limits.Subject.Kind;
import dev.lockkeeper.testing.Stores;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jdbi.v3.core.Handle;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Several nodes on one PostgreSQL, whose clocks are moved by hand and whose rounds are called for. */
class SharesTest {
    private static final Scoped CALLER = new Scoped("org_default", "proj_default", "key_1", "", "", "");
    private static final Subject KEY = new Subject(Kind.KEY, "key_1");

    @TempDir
    static Path temp;

    /** Open databases that no node has: opening one takes longer than most of what is tested with it. */
    private static final Deque<Database> SPARE = new ArrayDeque<>();

    private static int folders;

    private final Time time = new Time();
    private final List<Node> nodes = new ArrayList<>();

    /** One process. Calls are asked for as the relay does. */
    private final class Node {
        private final Database database;
        private final Limits limits;
        private final Shares shares;
        private final List<Permit> running = new ArrayList<>();

        /** Whether its transactions fail when they are to be committed. */
        private boolean failing;

        Node(Database database) {
            this.database = database;
            limits = Limits.open(database, time, time::nanos);
            shares = limits.sharing(database, this::now);
            shares.round();
        }

        private long now(Handle handle) {
            if (failing) {
                handle.execute("CREATE TABLE never (id INT)");
                handle.execute("CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
                        + " 'BEGIN RAISE EXCEPTION ''no'' USING ERRCODE = ''40001''; END'");
                handle.execute("CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON never DEFERRABLE INITIALLY DEFERRED"
                        + " FOR EACH ROW EXECUTE FUNCTION fail()");
                handle.execute("INSERT INTO never VALUES (1)");
            }
            return time.millis();
        }

        /** Tries to move its shares, and fails when all but the commit is done. */
        void fails() {
            failing = true;
            shares.round();
            assertThat(shares.away()).isTrue();
            assertThat(limits.shared().failedRounds()).isPositive();
            failing = false;
            shares.fetch();
            shares.round();
            assertThat(shares.away()).isFalse();
            assertThat(limits.shared().failedRounds()).isZero();
        }

        Entry enter(String key, long tokens) {
            Scoped who = new Scoped("org_default", "proj_default", key, "", "", "");
            for (int waits = 0; waits < 3; waits++) {
                Entry entry = limits.enter(who, tokens, tokens, true);
                if (!(entry instanceof Entry.Later)) {
                    return entry;
                }
                shares.fetch();
            }
            return limits.enter(who, tokens, tokens, false);
        }

        boolean enters() {
            return enters(1);
        }

        boolean enters(long tokens) {
            Entry entry = enter("key_1", tokens);
            if (entry instanceof Permit permit) {
                running.add(permit);
                return true;
            }
            return false;
        }

        int entering(int most) {
            int entered = 0;
            while (entered < most && enters()) {
                entered++;
            }
            return entered;
        }

        void leaveOne() {
            running.removeFirst().leave();
        }

        void set(Measure measure, long amount, long burst) {
            limits.set(KEY, measure, amount, measure.bursts() ? burst : null, _ -> List.of(), Witness.NOBODY);
        }

        /** The process is gone; nothing is given back. */
        void dies() {
            database.close();
            nodes.remove(this);
        }

        void stops() {
            limits.close();
            SPARE.add(database);
            nodes.remove(this);
        }
    }

    private static Database open(Path own) {
        try {
            return Database.open(Files.createDirectories(own), settings());
        } catch (IOException | DatabaseUnavailable e) {
            throw new IllegalStateException(e);
        }
    }

    private static DatabaseSettings settings() {
        return Stores.POSTGRESQL.settings(temp);
    }

    private Node node() {
        Database spare = SPARE.poll();
        Node made = new Node(spare != null ? spare : open(temp.resolve("node" + folders++)));
        nodes.add(made);
        return made;
    }

    private List<Node> nodes(int count) {
        for (int i = 0; i < count; i++) {
            node();
        }
        rounds(1);
        return List.copyOf(nodes);
    }

    /** All nodes have so many rounds, one a second. */
    private void rounds(int count) {
        for (int i = 0; i < count; i++) {
            time.pass(Duration.ofSeconds(1));
            nodes.forEach(each -> each.shares.round());
        }
    }

    /** The next test finds the tables as they were, and folders of which no node knows. */
    @AfterEach
    void close() throws Exception {
        List.copyOf(nodes).forEach(Node::stops);
        if (SPARE.isEmpty()) {
            SPARE.add(open(temp.resolve("node" + folders++)));
        }
        for (Database each : SPARE) {
            Files.deleteIfExists(each.folder().resolve(Shares.FILE));
        }
        boolean _ = SPARE.getFirst()
                .write(
                        handle -> {
                            for (String table : List.of("limit_shares", "limit_pots", "limit_nodes", "limit_days")) {
                                handle.execute("DELETE FROM " + table);
                            }
                            return handle.execute("DELETE FROM limits WHERE kind <> 'organization'") > 0;
                        },
                        _ -> {});
    }

    @AfterAll
    static void shut() {
        SPARE.forEach(Database::close);
        SPARE.clear();
    }

    @Test
    void aBurstAtOneNodeMayBeWholeWhereNobodyElseAsks() {
        List<Node> three = nodes(3);
        three.getFirst().set(Measure.REQUESTS_PER_MINUTE, 60, 60);
        rounds(1);
        assertThat(three.get(1).entering(100)).isEqualTo(60);
        assertThat(three.get(0).entering(100)).isZero();
        assertThat(three.get(2).entering(100)).isZero();
    }

    @Test
    void theFirstCallAtEachNodeComesInAtOnceThoughOthersAreInUse() {
        List<Node> three = nodes(3);
        three.getFirst().set(Measure.REQUESTS_PER_MINUTE, 60, 60);
        rounds(1);
        for (Node each : three) {
            assertThat(each.enters()).isTrue();
        }
        assertThat(three.getFirst().limits.shared()).isEqualTo(new Shared(1, 1, 3, 0));
        assertThat(three.stream().mapToInt(each -> each.entering(100)).sum()).isEqualTo(57);
    }

    @ParameterizedTest
    @CsvSource({"5,3", "2,3", "1,3", "100,2"})
    void callsAtOnceStayWithinTheLimitAndNobodyStarves(int limit, int count) {
        List<Node> all = nodes(count);
        all.getFirst().set(Measure.CONCURRENT_CALLS, limit, limit);
        rounds(1);
        int[] entered = new int[count];
        Random random = new Random(limit);
        for (int step = 0; step < 240; step++) {
            int at = random.nextInt(count);
            Node node = all.get(at);
            if (node.running.isEmpty() || random.nextBoolean()) {
                entered[at] += node.enters() ? 1 : 0;
            } else {
                node.leaveOne();
            }
            assertThat(all.stream().mapToInt(each -> each.running.size()).sum()).isLessThanOrEqualTo(limit);
            if (step % 8 == 0) {
                rounds(1);
            }
        }
        assertThat(Arrays.stream(entered).min().orElse(0)).isGreaterThanOrEqualTo(3);
    }

    @Test
    void whatOneNodeNeedsMoreMovesToItWithinTwoRounds() {
        List<Node> two = nodes(2);
        two.getFirst().set(Measure.CONCURRENT_CALLS, 10, 10);
        rounds(1);
        assertThat(two.get(0).entering(10)).isEqualTo(10);
        assertThat(two.get(1).enters()).isFalse();
        for (int i = 0; i < 10; i++) {
            two.get(0).leaveOne();
        }
        for (int i = 0; i < 10; i++) {
            assertThat(two.get(1).enters()).isFalse();
        }
        rounds(2);
        assertThat(two.get(1).entering(10)).isGreaterThanOrEqualTo(5);
    }

    @Test
    void aShareThatIsTooSmallForALargeCallGrowsWhereTheLimitIsNot() {
        List<Node> three = nodes(3);
        three.getFirst().set(Measure.TOKENS_PER_MINUTE, 60_000, 60_000);
        rounds(1);
        for (int i = 0; i < 10; i++) {
            for (Node each : three) {
                each.enters(100);
            }
            rounds(1);
        }
        int tries = 0;
        while (!three.get(2).enters(45_000)) {
            assertThat(three.get(2).enter("key_1", 45_000))
                    .isInstanceOfSatisfying(
                            Entry.Refused.class,
                            refused -> assertThat(refused.opensInMillis()).isNotEqualTo(Entry.Refused.NEVER));
            rounds(1);
            assertThat(++tries).isLessThan(20);
        }
        assertThat(three.get(0).enter("key_1", 60_001))
                .isInstanceOfSatisfying(
                        Entry.Refused.class,
                        refused -> assertThat(refused.opensInMillis()).isEqualTo(Entry.Refused.NEVER));
    }

    @Test
    void aRateIsUsedWholeThoughItIsDivided() {
        List<Node> three = nodes(3);
        three.getFirst().set(Measure.REQUESTS_PER_SECOND, 30, 30);
        rounds(1);
        int entered = 0;
        for (int tenth = 0; tenth < 150; tenth++) {
            time.pass(Duration.ofMillis(100));
            for (Node each : three) {
                entered += each.entering(2);
            }
            if (tenth % 10 == 9) {
                three.forEach(each -> each.shares.round());
            }
        }
        assertThat(entered).isBetween(15 * 30 * 95 / 100, 30 + 15 * 30);
    }

    @Test
    void whatANodeLeavesWhenItStopsTheOthersHaveAtOnceAndItsBurstIsNotNew() {
        List<Node> two = nodes(2);
        two.getFirst().set(Measure.REQUESTS_PER_MINUTE, 60, 60);
        rounds(1);
        assertThat(two.get(0).entering(40)).isEqualTo(40);
        two.get(0).stops();
        assertThat(two.get(1).entering(100)).isEqualTo(20);
        Node third = node();
        assertThat(third.entering(100)).isZero();
    }

    @Test
    void theShareOfAKilledNodeComesBackAfterItsTimeWithoutItsBurst() {
        List<Node> two = nodes(2);
        two.getFirst().set(Measure.CONCURRENT_CALLS, 10, 10);
        two.getFirst().set(Measure.REQUESTS_PER_MINUTE, 60, 60);
        rounds(1);
        assertThat(two.get(0).entering(10)).isEqualTo(10);
        two.get(0).dies();
        Node left = two.get(1);
        assertThat(left.enters()).isFalse();
        rounds(14);
        assertThat(left.enters()).isFalse();
        rounds(4);
        assertThat(left.entering(100)).isEqualTo(10);
    }

    @Test
    void aNodeThatIsStartedAgainOnItsFolderNeedNotWaitForItsOldShare() {
        Node only = node();
        only.set(Measure.CONCURRENT_CALLS, 10, 10);
        only.shares.round();
        assertThat(only.entering(20)).isEqualTo(10);
        only.dies();
        Node again = new Node(open(only.database.folder()));
        nodes.add(again);
        assertThat(again.entering(20)).isEqualTo(10);
    }

    @Test
    void aNodeThatCouldNotSayThatItLivesGoesByAPartLikeAllAndComesBackAsANewOne() {
        List<Node> two = nodes(2);
        two.getFirst().set(Measure.REQUESTS_PER_MINUTE, 60, 60);
        rounds(1);
        Node frozen = two.get(0);
        assertThat(frozen.entering(1)).isEqualTo(1);
        nodes.remove(frozen);
        rounds(20);
        assertThat(two.get(1).entering(100)).isBetween(30, 60);
        assertThat(frozen.entering(100)).as("by itself").isBetween(1, 30);
        frozen.shares.round();
        frozen.shares.fetch();
        nodes.add(frozen);
        assertThat(frozen.enters()).as("the other has all").isFalse();
        rounds(70);
        assertThat(frozen.enters()).isTrue();
    }

    @Test
    void withoutTheDatabaseShareStayAndNewcomersGetAPartLikeAll() throws IOException {
        List<Node> two = nodes(2);
        two.getFirst().set(Measure.REQUESTS_PER_MINUTE, 60, 60);
        rounds(1);
        Node cut = two.get(0);
        assertThat(cut.entering(10)).isEqualTo(10);
        long had = cut.entering(0);
        cut.database.close();
        cut.shares.round();
        assertThat(cut.entering(100)).as("of the share").isPositive();
        Entry other = cut.limits.enter(new Scoped("", "", "key_1", "", "", ""), 1, 1, true);
        assertThat(other).isInstanceOf(Entry.Refused.class);
        time.pass(Duration.ofSeconds(11));
        assertThat(cut.entering(100)).isBetween(1, 30);
        assertThat(had).isZero();
        nodes.remove(cut);
    }

    @Test
    void aDayIsSharedToTheLastCall() {
        List<Node> three = nodes(3);
        three.getFirst().set(Measure.REQUESTS_PER_DAY, 1_000, 0);
        rounds(1);
        int entered = 0;
        Random random = new Random(5);
        for (int i = 0; i < 60; i++) {
            for (Node each : three) {
                entered += each.entering(random.nextInt(20));
            }
            rounds(1);
        }
        assertThat(entered).isEqualTo(1_000);
        assertThat(three.get(1).enter("key_1", 1))
                .isInstanceOfSatisfying(
                        Entry.Refused.class,
                        refused -> assertThat(refused.opensInMillis()).isPositive());
        time.pass(Duration.ofDays(1));
        rounds(1);
        assertThat(three.get(1).entering(2_000))
                .as("but for what the others have")
                .isBetween(950, 1_000);
    }

    @Test
    void whatIsLeftOfADayOutlivesANodeThatStops() {
        List<Node> two = nodes(2);
        two.getFirst().set(Measure.TOKENS_PER_DAY, 10_000, 0);
        rounds(1);
        assertThat(two.get(0).enters(4_000)).isTrue();
        two.get(0).running.getFirst().correct(3_000);
        two.get(0).stops();
        assertThat(two.get(1).enters(7_001)).isFalse();
        assertThat(two.get(1).enters(7_000)).isTrue();
        two.get(1).running.getFirst().correct(7_500);
        rounds(1);
        Node third = node();
        assertThat(third.enters(1)).isFalse();
    }

    @Test
    void aLimitThatIsSetAtOneNodeCountsAtAllAfterARound() {
        List<Node> three = nodes(3);
        three.get(0).set(Measure.CONCURRENT_CALLS, 50, 50);
        rounds(1);
        three.forEach(each -> assertThat(each.entering(10)).isEqualTo(10));
        three.get(1).set(Measure.CONCURRENT_CALLS, 3, 3);
        rounds(1);
        three.forEach(each -> {
            for (int i = 0; i < 10; i++) {
                each.leaveOne();
            }
        });
        assertThat(three.stream().mapToInt(each -> each.entering(10)).sum()).isLessThanOrEqualTo(3);
        three.get(2).set(Measure.CONCURRENT_CALLS, 60, 60);
        rounds(2);
        assertThat(three.stream().mapToInt(each -> each.entering(100)).sum()).isGreaterThan(50);
    }

    @Test
    void whatNobodyAsksForIsForgotten() {
        List<Node> two = nodes(2);
        two.getFirst().set(Measure.REQUESTS_PER_MINUTE, 60, 60);
        two.getFirst().set(Measure.CONCURRENT_CALLS, 5, 5);
        two.getFirst().set(Measure.REQUESTS_PER_DAY, 500, 0);
        rounds(1);
        two.forEach(Node::enters);
        assertThat(rows("limit_shares")).isEqualTo(4);
        two.forEach(Node::leaveOne);
        rounds(95);
        assertThat(rows("limit_shares")).isZero();
        assertThat(rows("limit_pots")).isZero();
        assertThat(rows("limit_nodes")).isEqualTo(2);
        assertThat(nodes.getFirst()
                        .database
                        .<Long>read(handle -> handle.createQuery("SELECT used FROM limit_days")
                                .mapTo(Long.class)
                                .one())
                        .join())
                .isEqualTo(2);
    }

    private long rows(String table) {
        return nodes.getFirst()
                .database
                .<Long>read(handle -> handle.createQuery("SELECT count(*) FROM " + table)
                        .mapTo(Long.class)
                        .one())
                .join();
    }

    @Test
    void headersAndRefusalsTellTheWholeLimit() {
        List<Node> three = nodes(3);
        three.getFirst().set(Measure.REQUESTS_PER_MINUTE, 60, 60);
        rounds(1);
        assertThat(three.get(0).enters()).isTrue();
        Map<String, String> headers = new LinkedHashMap<>();
        three.get(0).running.getFirst().rateLimitHeaders(Permit.FREE, headers::put);
        assertThat(headers)
                .containsEntry("x-ratelimit-limit-requests", "60")
                .containsEntry("x-ratelimit-remaining-requests", "59")
                .containsEntry("x-ratelimit-reset-requests", "1s");
        three.get(1).entering(10);
        three.get(0).entering(100);
        assertThat(three.get(2).enter("key_1", 1)).isInstanceOfSatisfying(Entry.Refused.class, refused -> {
            assertThat(refused.message())
                    .contains("limit 60 (of which this gateway has 0 now), used 0, requested 1")
                    .contains("try again in 2s");
            assertThat(refused.opensInMillis()).isEqualTo(2_000);
        });
    }

    @Test
    void whoeverWaitsForAProviderIsHeardByTheOthers() {
        List<Node> two = nodes(2);
        Subject provider = new Subject(Kind.PROVIDER, "openai");
        two.getFirst().limits.set(provider, Measure.CONCURRENT_CALLS, 2, null, _ -> List.of(), Witness.NOBODY);
        rounds(1);
        Scoped who = new Scoped("org_default", "", "", "", "", "openai");
        Node busy = two.get(0);
        assertThat(busy.limits.enter(who, 1)).isInstanceOf(Entry.Later.class);
        busy.shares.fetch();
        Permit first = (Permit) busy.limits.enter(who, 1);
        if (busy.limits.enter(who, 1) instanceof Entry.Later) {
            busy.shares.fetch();
            assertThat(busy.limits.enter(who, 1)).isInstanceOf(Permit.class);
        }
        Node waits = two.get(1);
        for (int i = 0; i < 4; i++) {
            assertThat(waits.limits.leavesRoom(provider)).isFalse();
            rounds(1);
        }
        first.leave();
        for (int i = 0; !waits.limits.leavesRoom(provider); i++) {
            assertThat(i).isLessThan(3);
            rounds(1);
        }
        assertThat(waits.limits.enter(who, 1, 1, false)).isInstanceOf(Permit.class);
    }

    @Test
    void nothingOfALimitIsLostWhereAMoveOfSharesFails() {
        List<Node> two = nodes(2);
        two.getFirst().set(Measure.CONCURRENT_CALLS, 10, 10);
        rounds(1);
        assertThat(two.get(0).entering(10)).isEqualTo(10);
        for (int i = 0; i < 10; i++) {
            assertThat(two.get(1).enters()).isFalse();
            two.get(0).leaveOne();
        }
        two.get(1).fails();
        two.get(0).fails();
        for (int i = 0; i < 10; i++) {
            two.get(0).entering(10);
            two.get(1).entering(10);
            rounds(1);
        }
        assertThat(two.stream().mapToInt(each -> each.running.size()).sum()).isEqualTo(10);
    }

    @Test
    void aShareThatTheDatabaseRefusesHoldsUpNoOther() {
        Node node = node();
        node.limits.set(
                new Subject(Kind.KEY, Subject.EACH), Measure.CONCURRENT_CALLS, 5, null, _ -> List.of(), Witness.NOBODY);
        boolean _ = node.database.write(
                handle ->
                        handle.execute("ALTER TABLE limit_shares ADD CONSTRAINT no_bad CHECK (subject <> 'bad')") == 0,
                _ -> {});
        rounds(1);
        Scoped bad = new Scoped("", "", "bad", "", "", "");
        Scoped good = new Scoped("", "", "good", "", "", "");
        assertThat(node.limits.enter(bad, 1)).isInstanceOf(Entry.Later.class);
        assertThat(node.limits.enter(good, 1)).isInstanceOf(Entry.Later.class);
        node.shares.fetch();
        assertThat(node.limits.enter(good, 1)).isInstanceOf(Permit.class);
        assertThat(node.limits.enter(bad, 1)).as("by itself").isInstanceOf(Permit.class);
        rounds(1);
        assertThat(node.shares.away()).isFalse();
        boolean _ = node.database.write(
                handle -> handle.execute("ALTER TABLE limit_shares DROP CONSTRAINT no_bad") == 0, _ -> {});
    }

    /** With real clocks, real rounds, and threads that ask as fast as they can. */
    @Test
    void manyThreadsAtTwoNodesNeverGetMoreThanTheLimit() throws Exception {
        AtomicInteger running = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        AtomicInteger admitted = new AtomicInteger();
        int[] each = new int[4];
        try (Database one = open(temp.resolve("a"));
                Database two = open(temp.resolve("b"));
                Limits first = Limits.open(one, Clock.systemUTC(), System::nanoTime);
                Limits second = Limits.open(two, Clock.systemUTC(), System::nanoTime);
                ExecutorService threads = Executors.newFixedThreadPool(each.length)) {
            first.set(KEY, Measure.CONCURRENT_CALLS, 3, null, _ -> List.of(), Witness.NOBODY);
            first.set(KEY, Measure.REQUESTS_PER_SECOND, 2_000, 500L, _ -> List.of(), Witness.NOBODY);
            first.sharing();
            second.sharing();
            await().until(() -> second.all().equals(first.all()));
            long began = System.nanoTime();
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < each.length; i++) {
                int at = i;
                Limits here = i % 2 == 0 ? first : second;
                all.add(threads.submit(() -> {
                    while (System.nanoTime() - began < TimeUnit.SECONDS.toNanos(3)) {
                        switch (here.enter(CALLER, 1, 1, true)) {
                            case Permit permit -> {
                                most.accumulateAndGet(running.incrementAndGet(), Math::max);
                                admitted.incrementAndGet();
                                each[at]++;
                                running.decrementAndGet();
                                permit.leave();
                            }
                            case Entry.Later later -> later.then().get();
                            case Entry.Refused _, Entry.Near _ -> Thread.onSpinWait();
                        }
                    }
                    return null;
                }));
            }
            for (Future<?> call : all) {
                call.get(60, TimeUnit.SECONDS);
            }
            double seconds = (System.nanoTime() - began) / 1e9;
            assertThat(most.get()).isLessThanOrEqualTo(3);
            assertThat((double) admitted.get()).isBetween(1_000.0, 500 + 2_000 * seconds);
            assertThat(each[0] + each[2]).isPositive();
            assertThat(each[1] + each[3]).isPositive();
        }
    }

    /**
     * Whatever is asked where and whenever shares move or fail to, nodes die, stop and come: all nodes together let in what one bucket
     * would, no more calls at once than the limit, and no more of a day than there is.
     */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void allNodesTogetherLetInNoMoreThanOneWould(long seed) {
        Random random = new Random(seed);
        nodes(1 + random.nextInt(4));
        long perMinute = 1L + random.nextInt(random.nextBoolean() ? 10 : 2_000);
        long burst = 1L + random.nextInt(random.nextBoolean() ? 10 : 2_000);
        long perDay = 1L + random.nextInt(3_000);
        long atOnce = 1L + random.nextInt(40);
        Node first = nodes.getFirst();
        first.set(Measure.TOKENS_PER_MINUTE, perMinute, burst);
        first.set(Measure.REQUESTS_PER_DAY, perDay, 0);
        first.set(Measure.CONCURRENT_CALLS, atOnce, atOnce);
        rounds(1);
        double level = burst;
        long lastMillis = time.millis();
        long requests = 0;
        int admitted = 0;
        for (int step = 0; step < 200; step++) {
            Node node = nodes.get(random.nextInt(nodes.size()));
            switch (random.nextInt(12)) {
                case 0, 1, 2, 3, 4, 5 -> {
                    long tokens = 1 + random.nextLong(Math.max(1, random.nextBoolean() ? 3 : burst));
                    level = Math.min((double) burst, level + perMinute * (time.millis() - lastMillis) / 60_000.0);
                    lastMillis = time.millis();
                    if (node.enters(tokens)) {
                        level -= tokens;
                        requests++;
                        admitted++;
                    }
                }
                case 6, 7 -> {
                    if (!node.running.isEmpty()) {
                        node.leaveOne();
                    }
                }
                case 8 -> time.pass(Duration.ofMillis(random.nextInt(1_500)));
                case 9 -> node.shares.fetch();
                case 10 -> node.shares.round();
                default -> {
                    if (random.nextInt(4) == 0) {
                        switch (random.nextInt(4)) {
                            case 0 -> {
                                if (nodes.size() < 5) {
                                    node();
                                }
                            }
                            case 1 -> node.fails();
                            case 2 -> {
                                if (nodes.size() > 1) {
                                    node.dies();
                                }
                            }
                            default -> {
                                if (nodes.size() > 1) {
                                    node.stops();
                                }
                            }
                        }
                    } else {
                        time.pass(Duration.ofSeconds(2));
                        nodes.forEach(each -> each.shares.round());
                    }
                }
            }
            if (step % 5 == 0) {
                // Nobody is silent for so long that its shares lapse.
                nodes.forEach(each -> each.shares.round());
            }
            assertThat(level).as("tokens left at step %s", step).isGreaterThan(-1e-6);
            assertThat(requests).isLessThanOrEqualTo(perDay);
            assertThat(nodes.stream().mapToLong(each -> each.running.size()).sum())
                    .isLessThanOrEqualTo(atOnce);
        }
        assertThat(admitted).isPositive();
    }
}
