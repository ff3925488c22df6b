package dev.lockkeeper.ledger;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.ledger.Batch.AccountKey;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes and gives back this process's part of budgets that several processes share. More is taken in the database first and
 * in memory after; it is given back in memory first. So what the database says is leased is never less than what is held and
 * spent here. Each round writes absolute sums: one whose outcome is unknown is put right by the next.
 */
final class Leases implements AutoCloseable {
    /** How long a process that says nothing counts as running: till then what it has leased may come back by itself. */
    static final Duration LIVE = Duration.ofSeconds(10);

    private static final Duration ROUND = Duration.ofMillis(250);

    /** Between two rounds that were asked for. */
    private static final Duration BREATH = Duration.ofMillis(3);

    /** Rounds that were asked for, after which one counts as regular. */
    private static final int REGULAR = 20;

    private static final Logger LOG = LoggerFactory.getLogger(Leases.class);

    private final Books books;
    private final Store store;
    private final Runnable fenced;
    private final @Nullable Thread thread;
    private volatile boolean woken;
    private volatile boolean closing;
    private boolean failing;

    /** @param fenced called in each round that finds this process fenced */
    Leases(Books books, Store store, boolean threads, Runnable fenced) {
        this.fenced = fenced;
        this.books = books;
        this.store = store;
        this.thread =
                threads ? Thread.ofPlatform().name("lockkeeper-leases").daemon().unstarted(this::run) : null;
    }

    /**
     * What is to be written of one account.
     *
     * @param account which
     * @param key its budget and period
     * @param granted what is leased of it now, in memory
     * @param must what calls wait for
     * @param more what is wanted in all
     * @param hungry what others should give back for it, if it can't be had
     */
    record Wished(Account account, AccountKey key, long granted, long must, long more, long hungry) {}

    /**
     * How an account stands in the database.
     *
     * @param granted what is leased to this process, from the period's beginning
     * @param whole the amount of the period, with what was carried over
     * @param spent booked by all
     * @param overrun of that
     * @param ownSpent booked by this process
     * @param ownOverrun of that
     * @param elsewhere leased to other processes that run, and not spent
     * @param lost leased to processes that are gone, and not spent
     * @param over whether more is leased and spent than there is
     */
    record Answer(
            long granted,
            long whole,
            long spent,
            long overrun,
            long ownSpent,
            long ownOverrun,
            long elsewhere,
            long lost,
            boolean over) {}

    /**
     * What a round has brought.
     *
     * @param fenced whether an operator has taken all leases away; then nothing was written
     * @param hungry accounts of which another process lacks something, with the lowest number of such a process
     * @param answers by account
     */
    record Round(boolean fenced, Map<AccountKey, Long> hungry, Map<AccountKey, Answer> answers) {}

    void start() {
        if (thread != null) {
            thread.start();
        }
    }

    /** Whether a thread makes rounds; else whoever needs one has to. */
    boolean running() {
        return thread != null;
    }

    /** Asks for a round soon. Any thread; never blocks. */
    void wake() {
        if (thread != null && !woken) {
            woken = true;
            LockSupport.unpark(thread);
        }
    }

    private void run() {
        int asked = 0;
        while (!closing) {
            if (!woken) {
                LockSupport.parkNanos(ROUND.toNanos());
            }
            boolean regular = !woken || ++asked >= REGULAR;
            woken = false;
            if (regular) {
                asked = 0;
            }
            roundSafely(regular);
            try {
                Thread.sleep(BREATH);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    private void roundSafely(boolean regular) {
        try {
            round(regular, false);
            if (failing) {
                failing = false;
                LOG.info("the database leases parts of budgets again");
            }
        } catch (RuntimeException | Error e) {
            if (!failing) {
                failing = true;
                LOG.warn(
                        "the database leases no parts of budgets, calls go on with what there is: {}",
                        Database.said(e));
            }
        }
    }

    /**
     * Asks the database for what is needed and gives back what is not. Blocks.
     *
     * @param regular whether time has passed since the last one that was
     * @param all whether all is given back that no call holds
     * @throws RuntimeException when the database does not take it; whatever is thrown, who waits for the round is woken
     */
    synchronized void round(boolean regular, boolean all) {
        List<Wished> wishes = books.wishes(regular, all, store.node());
        Round round;
        try {
            round = store.lease(wishes);
        } catch (RuntimeException | Error e) {
            books.unanswered(wishes, Database.said(e));
            throw e;
        }
        if (round.fenced()) {
            fenced.run();
        }
        books.answered(wishes, round);
    }

    /** Gives back what no call holds. */
    @Override
    public void close() {
        closing = true;
        if (thread != null) {
            LockSupport.unpark(thread);
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
        if (failing) {
            LOG.warn("what is leased of budgets stays leased until the next start: the database does not answer");
            return;
        }
        try {
            round(true, true);
            store.stopped();
        } catch (RuntimeException e) {
            LOG.warn("what is leased of budgets stays leased until the next start: {}", Database.said(e));
        }
    }
}
