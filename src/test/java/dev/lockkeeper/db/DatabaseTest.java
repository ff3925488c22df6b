package dev.lockkeeper.db;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockkeeper.testing.OnBothStores;
import dev.lockkeeper.testing.Stores;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;

@OnBothStores
class DatabaseTest {
    @Parameter
    Stores store = Stores.SQLITE;

    @TempDir
    Path temp;

    @Test
    void whatWasWrittenIsThereAfterReopening() throws Exception {
        try (Database database = store.open(temp)) {
            insert(database, "x");
        }
        try (Database database = store.open(temp)) {
            assertThat(names(database)).contains("x");
        }
    }

    @Test
    void anOpenDatabaseAnswersAndAClosedOneDoesNot() throws Exception {
        Database database = store.open(temp);
        assertThat(database.answers()).isTrue();
        database.close();
        assertThat(database.answers()).isFalse();
    }

    @Test
    void readersCantWrite() throws Exception {
        try (Database database = store.open(temp)) {
            CompletableFuture<Integer> write = database.read(handle -> handle.execute("DELETE FROM projects"));
            assertThatThrownBy(write::join).hasMessageMatching("(?is).*(readonly|read-only).*");
        }
    }

    @Test
    void aChangeThatThrowsIsRolledBackAndItsExceptionReachesTheCaller() throws Exception {
        try (Database database = store.open(temp)) {
            assertThatThrownBy(() -> database.write(
                            handle -> {
                                handle.execute("INSERT INTO organizations (id, name, created) VALUES ('a', 'a', 0)");
                                throw new IllegalArgumentException("no");
                            },
                            _ -> {}))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("no");
            assertThat(names(database)).containsExactly("default");
        }
    }

    @Test
    void changesWrittenBehindAreCommittedInBatchesAndInOrder() throws Exception {
        List<Integer> batches = new ArrayList<>();
        try (Database database = store.open(temp)) {
            CountDownLatch go = new CountDownLatch(1);
            WriteBehind<String> behind = database.writeBehind(1_000, 10, (handle, changes) -> {
                batches.add(changes.size());
                changes.forEach(each ->
                        handle.execute("INSERT INTO organizations (id, name, created) VALUES (?, ?, 0)", each, each));
                return List.of();
            });
            occupyWriter(database, go);
            List<CompletableFuture<Void>> all = new ArrayList<>();
            for (int i = 0; i < 25; i++) {
                all.add(behind.add("o" + (100 + i)));
            }
            assertThat(behind.settled()).isNotDone();
            go.countDown();
            behind.settled().join();
            assertThat(all).allMatch(CompletableFuture::isDone);
            assertThat(names(database)).hasSize(26);
            assertThat(behind.waiting()).isZero();
            // The first may have been taken before the others came.
            assertThat(batches).hasSizeBetween(3, 4).allMatch(size -> size <= 10);
        }
    }

    @Test
    void oneChangeThatCantBeWrittenDoesNotTakeItsNeighboursWithIt() throws Exception {
        try (Database database = store.open(temp)) {
            CountDownLatch go = new CountDownLatch(1);
            WriteBehind<String> behind = database.writeBehind(1_000, 100, (handle, changes) -> {
                changes.forEach(each ->
                        handle.execute("INSERT INTO organizations (id, name, created) VALUES (?, ?, 0)", each, each));
                return List.of();
            });
            occupyWriter(database, go);
            CompletableFuture<Void> good = behind.add("good");
            CompletableFuture<Void> twice = behind.add("default");
            CompletableFuture<Void> alsoGood = behind.add("also good");
            go.countDown();
            behind.settled().join();

            assertThat(good).isCompleted();
            assertThat(alsoGood).isCompleted();
            assertThatThrownBy(twice::join).hasMessageMatching("(?is).*unique.*");
            assertThat(names(database)).contains("good", "also good");
        }
    }

    @Test
    void aFullQueueRefusesFurtherChanges() throws Exception {
        try (Database database = store.open(temp)) {
            CountDownLatch go = new CountDownLatch(1);
            WriteBehind<String> behind = database.writeBehind(2, 100, (_, _) -> List.of());
            occupyWriter(database, go);
            CompletableFuture<Void> first = behind.add("1");
            CompletableFuture<Void> second = behind.add("2");
            assertThatThrownBy(() -> behind.add("3").join()).hasCauseInstanceOf(RejectedExecutionException.class);
            go.countDown();
            CompletableFuture.allOf(first, second).join();
            behind.add("4").join();
        }
    }

    @Test
    void closingWritesWhatIsQueuedAndLaterChangesFail() throws Exception {
        Database database = store.open(temp);
        WriteBehind<String> behind = database.writeBehind(10_000, 10, (handle, changes) -> {
            changes.forEach(each ->
                    handle.execute("INSERT INTO organizations (id, name, created) VALUES (?, ?, 0)", each, each));
            return List.of();
        });
        List<CompletableFuture<Void>> queued = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            queued.add(behind.add("o" + i));
        }
        database.close();
        assertThat(queued).allMatch(CompletableFuture::isDone).noneMatch(CompletableFuture::isCompletedExceptionally);
        assertThatThrownBy(() -> behind.add("late").join()).hasMessageContaining("closed");
        assertThatThrownBy(() -> insert(database, "late")).hasMessageContaining("closed");
        assertThatThrownBy(() -> names(database)).hasMessageContaining("closed");
        try (Database again = store.open(temp)) {
            assertThat(names(again)).hasSize(1_001);
        }
    }

    /** Keeps the writing thread busy until {@code go}; returns when it is. */
    private static void occupyWriter(Database database, CountDownLatch go) throws InterruptedException {
        CountDownLatch occupied = new CountDownLatch(1);
        Thread.ofVirtual()
                .start(() -> database.<String>write(
                        _ -> {
                            occupied.countDown();
                            return awaited(go);
                        },
                        _ -> {}));
        assertThat(occupied.await(10, TimeUnit.SECONDS)).isTrue();
    }

    private static String awaited(CountDownLatch go) {
        try {
            assertThat(go.await(10, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        return "";
    }

    static void insert(Database database, String name) {
        database.<Integer>write(
                handle -> handle.execute("INSERT INTO organizations (id, name, created) VALUES (?, ?, 0)", name, name),
                _ -> {});
    }

    static List<String> names(Database database) {
        return database.<List<String>>read(handle -> handle.createQuery("SELECT name FROM organizations")
                        .mapTo(String.class)
                        .list())
                .join();
    }
}
