package dev.lockkeeper.ledger;

import dev.lockkeeper.db.Database;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The two threads of a ledger: one keeps the journals' files, one is the applier's. */
final class Keeper implements AutoCloseable {
    /** How a reason begins that goes away when there is room on the disk. */
    static final String LOW = "the disk is low: ";

    private static final Logger LOG = LoggerFactory.getLogger(Keeper.class);
    /** Rows are cheaper by the hundred: a call is in the database so much later, which nobody but a statement sees. */
    private static final Duration IDLE = Duration.ofMillis(200);

    private static final Duration AFTER_FAILURE = Duration.ofMillis(500);
    private static final Duration DISK_EVERY = Duration.ofSeconds(1);

    /** How long somebody waits for the applier's thread at most. */
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** Batches that closing writes at most: some millions of records. */
    private static final int LAST_BATCHES = 1_000;

    private final Ledger ledger;
    private final Duration forceEvery;
    private final Thread keeping;
    private final Thread applying;

    /** Bounded by the operators who wait. */
    private final ConcurrentLinkedQueue<FutureTask<?>> wishes = new ConcurrentLinkedQueue<>();

    private volatile boolean closing;
    /** Whether the applier's last try failed. Its thread. */
    private boolean failing;

    /** Whether the keeper's last round failed. Its thread. */
    private boolean unkept;

    Keeper(Ledger ledger, Duration forceEvery) {
        this.ledger = ledger;
        this.forceEvery = forceEvery;
        this.keeping =
                Thread.ofPlatform().name("lockkeeper-ledger-keeper").daemon().unstarted(this::keep);
        this.applying =
                Thread.ofPlatform().name("lockkeeper-ledger-applier").daemon().unstarted(this::apply);
    }

    void start() {
        keeping.start();
        applying.start();
    }

    /** Makes the keeper look at the journals soon. Any thread. */
    void wake() {
        LockSupport.unpark(keeping);
    }

    private void keep() {
        int rounds = 0;
        long perLook = Math.max(1, DISK_EVERY.toMillis() / Math.max(1, forceEvery.toMillis()));
        while (!closing) {
            try {
                if (rounds++ % perLook == 0) {
                    ledger.lookAtDisk();
                }
                ledger.keep();
                unkept = false;
            } catch (IOException | RuntimeException | Error e) {
                // Without spare segments new holds are refused; with them again they are taken.
                if (!unkept) {
                    unkept = true;
                    LOG.error("the journals can't be kept: {}", e.toString());
                }
                LockSupport.parkNanos(AFTER_FAILURE.toNanos());
            }
            LockSupport.parkNanos(forceEvery.toNanos());
        }
    }

    private void apply() {
        while (!closing) {
            boolean more = applyOnce();
            for (FutureTask<?> each = wishes.poll(); each != null; each = wishes.poll()) {
                each.run();
            }
            if (!more) {
                LockSupport.parkNanos((failing ? AFTER_FAILURE : IDLE).toNanos());
            }
        }
    }

    private boolean applyOnce() {
        try {
            boolean more = ledger.apply();
            ledger.hear();
            if (failing) {
                failing = false;
                LOG.info("the database takes the journals' records again");
            }
            return more;
        } catch (RuntimeException | Error e) {
            if (!failing) {
                failing = true;
                LOG.warn("the database does not take the journals' records, they wait: {}", Database.said(e));
            }
            return false;
        }
    }

    /** Runs something on the applier's thread, and waits for it. */
    <T> T onApplier(Callable<T> work) {
        FutureTask<T> wish = new FutureTask<>(work);
        wishes.add(wish);
        LockSupport.unpark(applying);
        try {
            return wish.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e.getCause());
        } catch (TimeoutException e) {
            wish.cancel(false);
            throw new IllegalStateException("the ledger did not come to it within " + PATIENCE, e);
        } catch (InterruptedException e) {
            wish.cancel(false);
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while the ledger was changed", e);
        }
    }

    @Override
    public void close() {
        closing = true;
        LockSupport.unpark(keeping);
        LockSupport.unpark(applying);
        try {
            keeping.join();
            applying.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return;
        }
        try {
            ledger.keep();
            boolean more = true;
            for (int i = 0; more && i < LAST_BATCHES; i++) {
                more = ledger.apply();
            }
        } catch (IOException | RuntimeException | Error e) {
            LOG.warn("what the database does not have yet stays in the journals for the next start: {}", e.toString());
        }
    }
}
