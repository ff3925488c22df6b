package dev.lockkeeper.objects;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.objects.ObjectRegistry.Owned;
import dev.lockkeeper.testing.OnBothStores;
import dev.lockkeeper.testing.Stores;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;

@OnBothStores
class ObjectRegistryTest {
    @Parameter
    Stores store = Stores.SQLITE;

    @TempDir
    Path temp;

    private Database database;
    private ObjectRegistry objects;
    private Instant now = Instant.ofEpochSecond(1_000_000);

    @BeforeEach
    void open() throws Exception {
        database = store.open(temp);
        objects = new ObjectRegistry(database, Clock.fixed(now, ZoneOffset.UTC));
    }

    @AfterEach
    void close() {
        database.close();
    }

    @Test
    void anObjectIsThereForItsProjectAndForNoOther() {
        CountDownLatch go = holdTheWriter();
        CompletionStage<Void> written = objects.made(file("f1", "a"));
        CompletableFuture<@Nullable Owned> early =
                objects.find("f1", "FILE", "a", null).toCompletableFuture();

        assertThat(written.toCompletableFuture()).isNotDone();
        assertThat(early).as("whose it is shows when it is written").isNotDone();
        assertThat(found(objects.find("f1", "FILE", "b", null))).isNull();
        go.countDown();
        got(written);
        assertThat(found(early)).isEqualTo(file("f1", "a"));
        assertThat(objects.find("f1", "FILE", "a", null).toCompletableFuture())
                .as("in memory after the commit")
                .isCompletedWithValue(file("f1", "a"));
        assertThat(found(objects.find("f1", "FILE", "b", null))).isNull();
    }

    @Test
    void anIdThatAnotherProjectMadeIsNeverSeenNotEvenForAMoment() {
        got(objects.made(file("f1", "a")));
        CountDownLatch go = holdTheWriter();
        objects.made(file("f1", "b"));
        CompletionStage<@Nullable Owned> early = objects.find("f1", "FILE", "b", null);
        go.countDown();
        assertThat(found(early)).isNull();
        assertThat(found(objects.find("f1", "FILE", "a", null))).isNotNull();
    }

    @Test
    void anIdThatNoDatabaseKeepsIsNotFound() {
        assertThat(found(objects.find("f\0", "FILE", "a", null))).isNull();
        assertThat(objects.page("FILE", "a", null, "f\0", 10, true).toCompletableFuture())
                .isCompletedWithValue(List.of());
    }

    @Test
    void anIdOfAnotherKindIsNotFound() {
        got(objects.made(file("f1", "a")));
        assertThat(found(objects.find("f1", "RESPONSE", "a", null))).isNull();
        got(objects.made(new Owned("f1", "RESPONSE", "a", "openai", null, 7)));
        assertThat(found(objects.find("f1", "RESPONSE", "a", null))).isNull();
        assertThat(found(objects.find("f1", "FILE", "a", null))).isNotNull();
    }

    @Test
    void ofOneIdAtTwoProvidersTheOneToldOfLastIsMeantUnlessOneIsPreferred() throws Exception {
        got(objects.made(new Owned("f1", "FILE", "a", "one", null, 1)));
        got(objects.made(new Owned("f1", "FILE", "a", "two", null, 2)));
        for (int run = 0; run < 2; run++) {
            assertThat(at(null)).isEqualTo("two");
            assertThat(at("one")).isEqualTo("one");
            assertThat(at("two")).isEqualTo("two");
            assertThat(at("three")).isEqualTo("two");
            assertThat(page("a", null, 10, true)).containsExactly("f1");
            assertThat(page("a", "f1", 10, true)).isEmpty();
            assertThat(got(objects.page("FILE", "a", "one", null, 10, true)))
                    .extracting(Owned::provider)
                    .containsExactly("one");
            close();
            open();
        }
        got(objects.made(new Owned("f1", "FILE", "a", "one", null, 3)));
        assertThat(at(null)).isEqualTo("one");
        close();
        open();
        assertThat(at(null)).as("after a restart").isEqualTo("one");

        got(objects.gone("f1", "FILE", "a", "one"));
        assertThat(at(null)).isEqualTo("two");
        got(objects.gone("f1", "FILE", "a", "two"));
        assertThat(found(objects.find("f1", "FILE", "a", null))).isNull();
    }

    private @Nullable String at(@Nullable String preferred) {
        Owned owned = found(objects.find("f1", "FILE", "a", preferred));
        return owned == null ? null : owned.provider();
    }

    @Test
    void objectsSurviveARestart() throws Exception {
        Owned response = new Owned("resp_1", "RESPONSE", "a", "openai", "gpt-5.5", 42);
        got(objects.made(response));
        got(objects.made(file("f1", "a")));
        close();
        open();

        assertThat(found(objects.find("resp_1", "RESPONSE", "a", null))).isEqualTo(response);
        assertThat(found(objects.find("f1", "FILE", "a", null))).isEqualTo(file("f1", "a"));
        assertThat(found(objects.find("f1", "FILE", "b", null))).isNull();
        assertThat(objects.find("f1", "FILE", "a", null).toCompletableFuture())
                .as("read once, then in memory")
                .isCompleted();
    }

    @Test
    void theFirstOwnerOfAnIdAtAProviderKeepsIt() throws Exception {
        got(objects.made(file("f1", "a")));
        got(objects.made(file("f1", "b")));
        assertThat(found(objects.find("f1", "FILE", "b", null))).isNull();
        assertThat(found(objects.find("f1", "FILE", "a", null))).isNotNull();

        got(objects.gone("f1", "FILE", "a", "openai"));
        got(objects.made(file("f1", "b")));
        assertThat(found(objects.find("f1", "FILE", "b", null)))
                .as("not even once it is deleted")
                .isNull();
        close();
        open();
        assertThat(found(objects.find("f1", "FILE", "b", null))).isNull();
    }

    @Test
    void theSameIdAtAnotherProviderIsAnotherObject() {
        got(objects.made(new Owned("f1", "FILE", "a", "one", null, 1)));
        got(objects.made(new Owned("f1", "FILE", "b", "two", null, 1)));

        assertThat(found(objects.find("f1", "FILE", "a", null)))
                .extracting(Owned::provider)
                .isEqualTo("one");
        assertThat(found(objects.find("f1", "FILE", "b", null)))
                .extracting(Owned::provider)
                .isEqualTo("two");
    }

    @Test
    void bookingTwiceChangesNothing() {
        got(objects.made(file("f1", "a")));
        got(objects.made(file("f1", "a")));
        assertThat(page("a", null, 10, false)).containsExactly("f1");
    }

    @Test
    void aDeletedObjectIsGoneAndStaysGone() throws Exception {
        got(objects.made(file("f1", "a")));
        CountDownLatch go = holdTheWriter();
        CompletionStage<Void> deleted = objects.gone("f1", "FILE", "a", "openai");
        CompletionStage<@Nullable Owned> early = objects.find("f1", "FILE", "a", null);
        go.countDown();
        assertThat(found(early)).isNull();
        got(deleted);
        assertThat(found(objects.find("f1", "FILE", "a", null))).isNull();
        close();
        open();
        assertThat(found(objects.find("f1", "FILE", "a", null))).isNull();
        assertThat(page("a", null, 10, false)).isEmpty();
    }

    @Test
    void madeAndDeletedInOneBatchLeavesNothing() {
        CountDownLatch go = holdTheWriter();
        CompletionStage<Void> made = objects.made(file("f1", "a"));
        CompletionStage<Void> gone = objects.gone("f1", "FILE", "a", "openai");
        CompletionStage<Void> again = objects.made(file("f2", "a"));
        go.countDown();
        got(made);
        got(gone);
        got(again);
        assertThat(found(objects.find("f1", "FILE", "a", null))).isNull();
        assertThat(page("a", null, 10, false)).containsExactly("f2");
    }

    @Test
    void anotherProjectCantDeleteAnObject() {
        got(objects.made(file("f1", "a")));
        got(objects.gone("f1", "FILE", "b", "openai"));
        assertThat(found(objects.find("f1", "FILE", "a", null))).isNotNull();
    }

    @Test
    void anObjectMadeAgainByItsOwnerIsThereAgain() throws Exception {
        got(objects.made(file("f1", "a")));
        got(objects.gone("f1", "FILE", "a", "openai"));
        got(objects.made(file("f1", "a")));
        close();
        open();
        assertThat(found(objects.find("f1", "FILE", "a", null))).isNotNull();
    }

    @Test
    void pagesFollowEachOtherWithoutGapsEvenWhereTimesAreEqual() {
        List<String> all = new ArrayList<>();
        for (int i = 0; i < 25; i++) {
            String id = "f" + (100 + i);
            all.add(id);
            objects.made(new Owned(id, "FILE", "a", "p", null, i / 5)); // five of each time
            objects.made(new Owned("x" + i, "FILE", "b", "p", null, i / 5));
            objects.made(new Owned("v" + i, "VECTOR_STORE", "a", "p", null, i / 5));
        }
        assertThat(paged("a", false)).isEqualTo(all);
        assertThat(paged("a", true)).isEqualTo(all.reversed());
    }

    @Test
    void aPageSeesWhatIsNotCommittedYet() {
        CountDownLatch go = holdTheWriter();
        objects.made(file("f1", "a"));
        CompletableFuture<List<Owned>> page =
                objects.page("FILE", "a", null, null, 10, false).toCompletableFuture();
        assertThat(page).isNotDone();
        go.countDown();
        assertThat(got(page)).extracting(Owned::id).containsExactly("f1");
    }

    @Test
    void aClientThatDeletesWhatItListsSeesEveryObject() {
        for (int i = 0; i < 10; i++) {
            got(objects.made(new Owned("f" + i, "FILE", "a", "p", null, i)));
        }
        List<String> seen = new ArrayList<>();
        @Nullable String after = null;
        for (List<String> page = page("a", after, 3, false); !page.isEmpty(); page = page("a", after, 3, false)) {
            seen.addAll(page);
            page.forEach(id -> got(objects.gone(id, "FILE", "a", "p")));
            after = page.getLast();
        }
        assertThat(seen).hasSize(10);
    }

    @Test
    void aPageAfterAnotherProjectsObjectIsEmpty() {
        got(objects.made(file("f1", "a")));
        got(objects.made(file("f2", "b")));
        assertThat(page("a", "f2", 10, false)).isEmpty();
        assertThat(page("a", "nothing", 10, false)).isEmpty();
    }

    @Test
    void aPageHasABound() {
        assertThatIllegalArgumentException().isThrownBy(() -> objects.page("FILE", "a", null, null, 0, false));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> objects.page("FILE", "a", null, null, ObjectRegistry.MAX_PAGE + 1, false));
    }

    @Test
    void thePlaceOfADeletedObjectIsForgottenAfterAMonth() throws Exception {
        got(objects.made(file("f1", "a")));
        got(objects.gone("f1", "FILE", "a", "openai"));
        now = now.plus(Duration.ofDays(31));
        close();
        open();
        got(objects.made(file("f1", "b")));
        assertThat(found(objects.find("f1", "FILE", "b", null))).isNotNull();
    }

    @Test
    void tenThousandObjectsAreAllWrittenAndFound() throws Exception {
        List<CompletableFuture<Void>> written = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            written.add(objects.made(file("f" + i, "p" + i % 10)).toCompletableFuture());
        }
        await().atMost(Duration.ofSeconds(20)).until(() -> written.stream().allMatch(CompletableFuture::isDone));
        assertThat(written).noneMatch(CompletableFuture::isCompletedExceptionally);
        close();
        open();
        for (int i = 0; i < 10_000; i += 37) {
            assertThat(found(objects.find("f" + i, "FILE", "p" + i % 10, null))).isNotNull();
        }
    }

    private CountDownLatch holdTheWriter() {
        CountDownLatch go = new CountDownLatch(1);
        CountDownLatch held = new CountDownLatch(1);
        Thread.ofVirtual()
                .start(() -> database.<Boolean>write(
                        _ -> {
                            held.countDown();
                            try {
                                return go.await(10, TimeUnit.SECONDS);
                            } catch (InterruptedException e) {
                                throw new IllegalStateException(e);
                            }
                        },
                        _ -> {}));
        try {
            assertThat(held.await(10, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        return go;
    }

    private List<String> paged(String project, boolean descending) {
        List<String> all = new ArrayList<>();
        @Nullable String after = null;
        for (List<String> page = page(project, after, 4, descending);
                !page.isEmpty();
                page = page(project, after, 4, descending)) {
            all.addAll(page);
            after = page.getLast();
        }
        return all;
    }

    private List<String> page(String project, @Nullable String after, int limit, boolean descending) {
        return got(objects.page("FILE", project, null, after, limit, descending)).stream()
                .map(Owned::id)
                .toList();
    }

    private static Owned file(String id, String project) {
        return new Owned(id, "FILE", project, "openai", null, 7);
    }

    private static @Nullable Owned found(CompletionStage<@Nullable Owned> stage) {
        return stage.toCompletableFuture().orTimeout(10, TimeUnit.SECONDS).join();
    }

    private static <T extends @Nullable Object> T got(CompletionStage<T> stage) {
        return stage.toCompletableFuture().orTimeout(10, TimeUnit.SECONDS).join();
    }
}
