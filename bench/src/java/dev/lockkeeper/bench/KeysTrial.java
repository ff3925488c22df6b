package dev.lockkeeper.bench;

import dev.lockkeeper.access.Access;
import dev.lockkeeper.access.Actor;
import dev.lockkeeper.access.Created;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.KeyTerms;
import dev.lockkeeper.access.Presented;
import dev.lockkeeper.access.TenantState;
import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.Page;
import dev.lockkeeper.testing.Stores;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import java.util.random.RandomGenerator;
import org.jdbi.v3.core.statement.PreparedBatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code keys}: what changes of keys take where there are many, and when another process goes by them. */
@Command(
        name = "keys",
        mixinStandardHelpOptions = true,
        description = "Fills a database with keys, and measures what changing some of them takes.")
final class KeysTrial implements Callable<Integer> {
    private static final Actor ACTOR = Actor.folder("bench");
    private static final String HERE = "192.0.2.1";
    private static final int IN_A_PROJECT = 100;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--store", description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private Stores store = Stores.SQLITE;

    @Option(names = "--keys", description = "Keys, 100 to a project. Default: ${DEFAULT-VALUE}.")
    private int keys = 100_000;

    @Option(names = "--rounds", description = "How often each is measured. Default: ${DEFAULT-VALUE}.")
    private int rounds = 15;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        Path folder = Files.createTempDirectory("lockkeeper-keys");
        RandomGenerator random = new SecureRandom();
        try (Database database = store.open(folder)) {
            fill(database, random);
            long began = System.nanoTime();
            try (Access access = Access.open(database, Clock.systemUTC(), random, System::nanoTime);
                    Access other = Access.open(database, Clock.systemUTC(), random, System::nanoTime)
                            .watching()) {
                say(out, "reading all keys at a start", new long[] {(System.nanoTime() - began) / 2});
                measure(out, access, other);
            }
        }
        out.println("the folder is " + folder.toAbsolutePath());
        out.flush();
        return 0;
    }

    private void fill(Database database, RandomGenerator random) {
        boolean _ = database.write(
                handle -> {
                    try (PreparedBatch project = handle.prepareBatch(
                                    "INSERT INTO projects (id, organization, name, created) VALUES (?, 'org_default', ?, ?)");
                            PreparedBatch key = handle.prepareBatch(
                                    "INSERT INTO keys (id, project, name, kind, hash, last4, models, created)"
                                            + " VALUES (?, ?, ?, 'live', ?, 'abcd', '', ?)")) {
                        for (int i = 0; i < keys / IN_A_PROJECT; i++) {
                            project.add("proj_" + i, "p" + i, i);
                        }
                        project.execute();
                        for (int i = 0; i < keys; i++) {
                            byte[] hash = new byte[32];
                            random.nextBytes(hash);
                            key.add("key_" + i, "proj_" + i / IN_A_PROJECT, "k" + i, hash, i);
                        }
                        key.execute();
                    }
                    return true;
                },
                _ -> {});
    }

    private void measure(PrintWriter out, Access access, Access other) {
        long[] create = new long[rounds];
        long[] rotate = new long[rounds];
        long[] close = new long[rounds];
        long[] revoke = new long[rounds];
        long[] heard = new long[rounds];
        long[] page = new long[rounds];
        for (int i = 0; i < rounds; i++) {
            String project = "proj_" + i;
            Created created =
                    timed(create, i, () -> access.keys().create(ACTOR, "new", project, KeyKind.LIVE, KeyTerms.FREE));
            String id = created.key().id();
            Created renewed =
                    timed(rotate, i, () -> Objects.requireNonNull(access.keys().rotate(ACTOR, id, Duration.ZERO)));
            var _ = timed(close, i, () -> access.tenants().projectBecomes(ACTOR, project, TenantState.CLOSED));
            var _ = access.tenants().projectBecomes(ACTOR, project, TenantState.OPEN);
            while (!(other.keys().find(renewed.text(), HERE) instanceof Presented.Known)) {
                LockSupport.parkNanos(1_000_000);
                if (store == Stores.SQLITE) {
                    break; // one process alone has it
                }
            }
            long began = System.nanoTime();
            var _ = timed(revoke, i, () -> Objects.requireNonNull(access.keys().revoke(ACTOR, id)));
            while (store != Stores.SQLITE && other.keys().find(renewed.text(), HERE) instanceof Presented.Known) {
                LockSupport.parkNanos(1_000_000);
            }
            heard[i] = System.nanoTime() - began;
            String after = "key_" + (i + 1) * (keys / (rounds + 1));
            var _ = timed(page, i, () -> access.keys().list(null, null, new Page(after, 100)));
        }
        say(out, "making a key", create);
        say(out, "rotating one", rotate);
        say(out, "closing a project of " + IN_A_PROJECT, close);
        say(out, "revoking one", revoke);
        if (store != Stores.SQLITE) {
            say(out, "from revoking till another process refuses it", heard);
        }
        say(out, "a page of 100 keys", page);
    }

    private static <T> T timed(long[] into, int at, java.util.function.Supplier<T> work) {
        long began = System.nanoTime();
        T result = work.get();
        into[at] = System.nanoTime() - began;
        return result;
    }

    private static void say(PrintWriter out, String what, long[] nanos) {
        long[] sorted = nanos.clone();
        Arrays.sort(sorted);
        out.printf(
                "%-48s p50 %6.1f ms, most %6.1f ms%n",
                what, sorted[sorted.length / 2] / 1e6, sorted[sorted.length - 1] / 1e6);
        out.flush();
    }
}
