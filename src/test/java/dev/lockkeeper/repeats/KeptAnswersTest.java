package dev.lockkeeper.repeats;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.testing.OnBothStores;
import dev.lockkeeper.testing.SetClock;
import dev.lockkeeper.testing.Stores;
import dev.lockkeeper.units.Bytes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;

@OnBothStores
class KeptAnswersTest {
    private static final String KEY = "key_1";
    private static final Name NAME = Name.of("k1");
    private static final Bytes REQUEST = Bytes.utf8("a digest");
    private static final @Nullable String OWN = null;
    private static final String SHARED = "a secret that both nodes have in common";

    @Parameter
    Stores store = Stores.SQLITE;

    @TempDir
    Path temp;

    private final List<KeptAnswers> open = new ArrayList<>();
    private final SetClock clock = new SetClock(Instant.parse("2026-11-21T12:00:00Z"));
    private Database database;

    @BeforeEach
    void openDatabase() throws Exception {
        database = store.open(temp);
    }

    @AfterEach
    void closeAll() {
        open.forEach(KeptAnswers::close);
        database.close();
    }

    /** A node is a data folder; those of this test share a database. */
    private KeptAnswers node(String name, @Nullable String secret) throws Exception {
        return node(name, new RepeatSettings(Duration.ofHours(24), Duration.ZERO, 4 << 20, 1 << 20, secret));
    }

    private KeptAnswers node(String name, RepeatSettings settings) throws Exception {
        Path folder = Files.createDirectories(temp.resolve(name));
        KeptAnswers kept = KeptAnswers.open(database, folder, settings, clock, new SecureRandom(), Duration.ofHours(1));
        open.add(kept);
        return kept;
    }

    private static <T> T get(CompletionStage<T> stage) throws Exception {
        return stage.toCompletableFuture().get(30, TimeUnit.SECONDS);
    }

    private static Claim claim(KeptAnswers node, String call) throws Exception {
        return get(node.claim(KEY, NAME, REQUEST, call));
    }

    private static Claim.Mine mine(KeptAnswers node, String call) throws Exception {
        Claim claim = claim(node, call);
        assertThat(claim).isInstanceOf(Claim.Mine.class);
        return (Claim.Mine) claim;
    }

    private static Answer answer(String call) {
        return new Answer(
                call,
                200,
                List.of(new Answer.Field("content-type", "text/plain; ü")),
                Bytes.utf8("the answer to " + call));
    }

    @Test
    void anAnswerComesBackAsItWasKept() throws Exception {
        KeptAnswers node = node("a", OWN);
        get(node.keep(mine(node, "c1"), answer("c1")));

        assertThat(claim(node, "c2")).isEqualTo(new Claim.Kept(answer("c1")));
        assertThat(get(node.claim(KEY, NAME, Bytes.utf8("another"), "c3"))).isEqualTo(new Claim.OtherRequest());
        assertThat(get(node.claim("key_2", NAME, REQUEST, "c4"))).isInstanceOf(Claim.Mine.class);
        assertThat(get(node.claim(KEY, Name.of("k2"), REQUEST, "c5"))).isInstanceOf(Claim.Mine.class);
    }

    @Test
    void aKeyThatIsGivenBackIsFree() throws Exception {
        KeptAnswers node = node("a", OWN);
        get(node.free(mine(node, "c1")));
        mine(node, "c2");
        assertThat(claim(node, "c3")).isEqualTo(new Claim.RunsElsewhere());
    }

    @Test
    void nodesWithTheSameSecretReplayEachOthersAnswersAndOthersDoNot() throws Exception {
        KeptAnswers a = node("a", SHARED);
        KeptAnswers b = node("b", SHARED);
        KeptAnswers stranger = node("c", OWN);
        Claim.Mine mine = mine(a, "c1");
        assertThat(claim(b, "c2")).isEqualTo(new Claim.RunsElsewhere());
        assertThat(claim(stranger, "c3")).isEqualTo(new Claim.RunsElsewhere());
        assertThat(get(b.claim(KEY, NAME, Bytes.utf8("another"), "c4"))).isEqualTo(new Claim.OtherRequest());

        get(a.keep(mine, answer("c1")));
        assertThat(claim(b, "c5")).isEqualTo(new Claim.Kept(answer("c1")));
        assertThat(claim(stranger, "c6")).isEqualTo(new Claim.KeptElsewhere());
    }

    @Test
    void theKeysOfADeadNodeAreFreeAfterItsLeaseAndALiveOnesAreNot() throws Exception {
        KeptAnswers a = node("a", SHARED);
        KeptAnswers b = node("b", SHARED);
        Claim.Mine first = mine(a, "c1");
        clock.forward(KeptAnswers.LEASE.minusSeconds(1));
        a.tellAlive();
        clock.forward(KeptAnswers.LEASE.minusSeconds(1));
        assertThat(claim(b, "c2")).isEqualTo(new Claim.RunsElsewhere());
        clock.forward(Duration.ofSeconds(2));
        Claim.Mine second = mine(b, "c3");

        // It was not dead, only slow: what it has to tell comes too late.
        get(a.keep(first, answer("c1")));
        assertThat(claim(a, "c4")).isEqualTo(new Claim.RunsElsewhere());
        get(b.keep(second, answer("c3")));
        assertThat(claim(a, "c5")).isEqualTo(new Claim.Kept(answer("c3")));
    }

    @Test
    void whatAFoldersProcessLeftRunningIsFreeAtOnceForTheNextOne() throws Exception {
        mine(node("a", OWN), "c1");
        mine(node("a", OWN), "c2");
    }

    @Test
    void ofManyThatClaimAtOnceOneGetsTheKey() throws Exception {
        KeptAnswers a = node("a", SHARED);
        KeptAnswers b = node("b", SHARED);
        List<CompletionStage<Claim>> all = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            all.add((i % 2 == 0 ? a : b).claim(KEY, NAME, REQUEST, "c" + i));
        }
        int got = 0;
        for (CompletionStage<Claim> each : all) {
            Claim claim = get(each);
            got += claim instanceof Claim.Mine ? 1 : 0;
            assertThat(claim).isInstanceOfAny(Claim.Mine.class, Claim.RunsElsewhere.class);
        }
        assertThat(got).isEqualTo(1);
    }

    @Test
    void theSweepDeletesWhatIsOverAndCountsTheRest() throws Exception {
        KeptAnswers node = node("a", OWN);
        get(node.keep(mine(node, "c1"), answer("c1")));
        clock.forward(Duration.ofHours(12));
        assertThat(get(node.claim(KEY, Name.of("k2"), REQUEST, "c2"))).isInstanceOf(Claim.Mine.class);
        node.sweep();
        assertThat(node.keys()).isEqualTo(2);
        assertThat(node.bytes()).isPositive();

        clock.forward(Duration.ofHours(12));
        node.sweep();
        assertThat(node.keys()).isEqualTo(1);
        assertThat(node.bytes()).isZero();
        clock.forward(Duration.ofHours(24));
        node.tellAlive();
        node.sweep();
        assertThat(node.keys()).as("its call still runs").isEqualTo(1);
    }

    @Test
    void beyondTheTotalOnlyTheFactIsKept() throws Exception {
        KeptAnswers node = node("a", new RepeatSettings(Duration.ofHours(1), Duration.ZERO, 4 << 20, 500, null));
        node.sweep();
        get(node.keep(mine(node, "c1"), answer("c1")));
        Claim.Mine second = (Claim.Mine) get(node.claim(KEY, Name.of("k2"), REQUEST, "c2"));
        get(node.keep(second, new Answer("c2", 200, List.of(), Bytes.of(new byte[450]))));

        assertThat(claim(node, "c3")).isEqualTo(new Claim.Kept(answer("c1")));
        assertThat(get(node.claim(KEY, Name.of("k2"), REQUEST, "c4"))).isEqualTo(new Claim.NotKept());
        assertThat(node.notKept()).isEqualTo(1);
        assertThat(node.bytes()).isBetween(1L, 500L);
    }

    @Test
    void anAnswerThatWasTamperedWithIsNotTold() throws Exception {
        KeptAnswers node = node("a", OWN);
        get(node.keep(mine(node, "c1"), answer("c1")));
        Claim.Mine second = (Claim.Mine) get(node.claim(KEY, Name.of("k2"), REQUEST, "c2"));
        get(node.keep(second, answer("c2")));
        database.<Integer>write(handle -> handle.createUpdate("""
                        UPDATE repeats SET answer = (SELECT o.answer FROM repeats o WHERE o.call_id = 'c2')
                        WHERE call_id = 'c1'
                        """).execute(), _ -> {});

        assertThat(claim(node, "c3")).as("bound to its place").isEqualTo(new Claim.NotKept());
        assertThat(get(node.claim(KEY, Name.of("k2"), REQUEST, "c4"))).isEqualTo(new Claim.Kept(answer("c2")));
    }
}
