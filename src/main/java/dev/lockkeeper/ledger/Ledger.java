package dev.lockkeeper.ledger;

import dev.lockkeeper.db.Database;
import dev.lockkeeper.ledger.Batch.AccountKey;
import dev.lockkeeper.ledger.Store.Known;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What was held, spent and left. {@link #hold} and what it gives are used on event loops and never block; the rest blocks
 * and belongs on other threads.
 *
 * <p>The way of a hold: {@link Books} sets the money aside in memory, the loop's {@link Journal} has it before the attempt
 * begins, and its end before the client sees the answer's. The {@link Applier} brings both into the database behind that.
 * What a process leaves in its journals the {@link Recovery} of the next one books.
 */
public final class Ledger implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Ledger.class);

    /** How a reason begins that lasts until the next start. */
    private static final String FENCED = "fenced: ";

    private final Clock clock;
    private final LedgerSettings settings;
    private final Storage storage;
    private final Store store;
    private final Books books;
    private final List<Journal> journals;
    private final Applier applier;
    private final Budgets budgets;

    /** Null where no other process spends of the same budgets. */
    private final @Nullable Leases leases;

    private final @Nullable Keeper keeper;
    private final List<Hold> waiting = new ArrayList<>();

    /** How often budgets were changed until those stood that the books have. The applier's thread. */
    private long adopted;

    /** Why no new holds are taken; null while they are. */
    private volatile @Nullable String closed;

    private Ledger(
            Clock clock,
            LedgerSettings settings,
            Storage storage,
            Store store,
            List<Known> begins,
            List<OpenHold> left,
            String place,
            boolean threads)
            throws IOException {
        this.clock = clock;
        this.settings = settings;
        this.storage = storage;
        this.store = store;
        Store.Heard heard = store.heard();
        long latest = begins.stream().mapToLong(Known::latestMillis).max().orElse(0);
        for (Budget each : heard.budgets()) {
            latest = Math.max(latest, each.createdMillis());
        }
        this.books = new Books(
                settings.maxOpenHolds(),
                Math.max(latest, clock.millis()),
                store.shared(),
                settings.withoutDatabase() == LedgerSettings.WithoutDatabase.ALLOW);
        store.rejoin(held(heard.budgets(), left), place);
        List<Tracked> tracked = new ArrayList<>();
        for (Budget each : heard.budgets()) {
            List<Long> taken = left.stream()
                    .filter(hold -> each.scope().covers(hold.payer, hold.model, hold.provider))
                    .map(hold -> hold.atMillis)
                    .toList();
            List<Opening> openings = Opening.of(each, store, time(), taken);
            books.restore(each, openings);
            Opening current = openings.getLast();
            tracked.add(new Tracked(each, current.start(), current.end(), current.spent(), current.told()));
        }
        for (OpenHold each : left) {
            waiting.add(books.restore(this, each, each.position));
        }
        books.restored();
        this.keeper = threads ? new Keeper(this, settings.forceEvery()) : null;
        this.journals = new ArrayList<>();
        List<Feed> feeds = new ArrayList<>();
        for (int i = 0; i < begins.size(); i++) {
            Known begin = begins.get(i);
            journals.add(new Journal(
                    i,
                    Journal.number(begin.position()),
                    begin.sequence(),
                    storage,
                    settings.segmentBytes(),
                    keeper == null ? () -> {} : keeper::wake));
            feeds.add(new Feed(i, begin.position(), begin.sequence(), begin.latestMillis()));
        }
        for (OpenHold each : left) {
            feeds.get(each.journal).open.put(each.position, each);
        }
        for (Journal each : journals) {
            each.restore((int)
                    left.stream().filter(hold -> hold.journal == each.index()).count());
        }
        this.applier = new Applier(store, feeds, tracked, heard.changes(), false, clock);
        this.adopted = heard.changes();
        this.budgets = new Budgets(this, books, store, applier, clock);
        this.leases = store.shared() ? new Leases(books, store, threads, this::fenced) : null;
    }

    /**
     * Opens the ledger of a data folder: books what the last process left in its journals, then loads the accounts. Blocks.
     *
     * @param database where entries, budgets and balances are kept
     * @param folder where the journals are, made where it is missing
     * @param loops how many event loops will hold; it may differ from the last time
     * @param clock the time on the wall
     * @param settings the bounds
     * @throws JournalDamaged when a journal can't be read where it must be
     * @throws IOException when the folder can't be written
     */
    public static Ledger open(Database database, Path folder, int loops, Clock clock, LedgerSettings settings)
            throws IOException {
        FileStorage files = new FileStorage(folder);
        Store store = new Store(database, files.node(() -> Store.newNode(database, clock.millis())));
        String machine = System.getenv().getOrDefault("HOSTNAME", "");
        String place = (machine.isEmpty() ? "" : machine + ":") + folder.toAbsolutePath();
        Ledger opened = open(store, files, loops, clock, settings, place, true);
        if (opened.keeper != null) {
            opened.keeper.start();
        }
        if (opened.leases != null) {
            LOG.info("this is node {} of the database", store.node());
            opened.leases.start();
        }
        return opened;
    }

    /** The same on any storage; without threads of its own {@link #step} has to be called. */
    static Ledger open(Store store, Storage storage, int loops, Clock clock, LedgerSettings settings)
            throws IOException {
        return open(store, storage, loops, clock, settings, "", false);
    }

    private static Ledger open(
            Store store,
            Storage storage,
            int loops,
            Clock clock,
            LedgerSettings settings,
            String place,
            boolean threads)
            throws IOException {
        Recovery.Found found = Recovery.run(storage, store, clock);
        Map<Integer, Known> known = new TreeMap<>(found.journals());
        List<Known> begins = new ArrayList<>();
        for (int i = 0; i < loops; i++) {
            Known begin = known.get(i);
            if (begin == null) {
                begin = new Known(Journal.position(1, Segment.HEAD), 1, 0);
                store.begin(i, begin);
            }
            begins.add(begin);
        }
        // Journals of loops that are no more count for the time, and for nothing else.
        long latest =
                known.values().stream().mapToLong(Known::latestMillis).max().orElse(0);
        begins.replaceAll(each -> new Known(each.position(), each.sequence(), Math.max(latest, each.latestMillis())));
        List<OpenHold> waiting = onLoops(store, begins, found.waiting());
        return new Ledger(clock, settings, storage, store, begins, waiting, place, threads);
    }

    /** What holds are left of, by account. */
    private static Map<AccountKey, Long> held(List<Budget> budgets, List<OpenHold> left) {
        Map<AccountKey, Long> held = new HashMap<>();
        for (Budget budget : budgets) {
            for (OpenHold each : left) {
                if (budget.scope().covers(each.payer, each.model, each.provider)) {
                    held.merge(
                            new AccountKey(budget.number(), budget.period().start(each.atMillis)),
                            each.grantedNanos,
                            Math::addExact);
                }
            }
        }
        return held;
    }

    /**
     * Finds journals for holds whose loops are no more. Such a hold gets a place in a segment that never was: its number is
     * left out. Killed in between, the next start finds each in its old or its new place.
     */
    private static List<OpenHold> onLoops(Store store, List<Known> begins, List<OpenHold> waiting) {
        List<OpenHold> all = new ArrayList<>();
        long[] places = new long[begins.size()];
        for (OpenHold each : waiting) {
            if (each.journal < begins.size()) {
                all.add(each);
                continue;
            }
            int journal = each.journal % begins.size();
            Known begin = begins.get(journal);
            if (places[journal] == 0) {
                places[journal] = Journal.position(Journal.number(begin.position()), 0);
                Known next = new Known(
                        Journal.position(Journal.number(begin.position()) + 1, Segment.HEAD),
                        begin.sequence(),
                        begin.latestMillis());
                store.begin(journal, next);
                begins.set(journal, next);
            }
            long place = ++places[journal];
            store.move(each, journal, place);
            all.add(each.at(journal, place));
        }
        return all;
    }

    /**
     * Sets money aside for an attempt on all accounts that it touches, or on none. On the thread of the loop; never blocks.
     *
     * @param loop the index of the loop
     */
    public Holding hold(int loop, Ask ask) {
        return hold(loop, ask, true);
    }

    /**
     * The same.
     *
     * @param patient whether the answer may be that it is worth waiting until more of a budget is leased
     */
    public Holding hold(int loop, Ask ask, boolean patient) {
        String why = closed;
        if (why != null) {
            return new Holding.Closed(why);
        }
        Holding holding = books.hold(this, loop, ask, clock.millis(), patient);
        if (leases != null && (holding instanceof Holding.Parked || books.wanting())) {
            if (leases.running()) {
                leases.wake();
            } else {
                lease();
                holding = holding instanceof Holding.Parked
                        ? books.hold(this, loop, ask, clock.millis(), false)
                        : holding;
            }
        }
        if (holding instanceof Holding.Granted(Hold hold)) {
            String refused;
            try {
                refused = journals.get(loop).hold(hold);
            } catch (RuntimeException | InternalError e) {
                refused = unwritable(e);
            }
            if (refused != null) {
                books.charge(hold, 0);
                books.strike(hold, Long.MAX_VALUE, 0);
                return new Holding.Closed(refused);
            }
        }
        return holding;
    }

    /**
     * The holds that outlived the last process, since they wait for something still. Each is used on the loop of its
     * {@link Hold#loop} only. Any thread.
     */
    public List<Hold> waiting() {
        return List.copyOf(waiting);
    }

    /** How the budgets stand that an attempt would touch; nothing is held. Any thread; never blocks. */
    public List<Balance> touched(Ask ask) {
        return books.touched(ask, clock.millis());
    }

    /** The budgets, and how they stand. */
    public Budgets budgets() {
        return budgets;
    }

    /**
     * Checks that all sums add up: {@code granted = free + held + spent} on every account, and that what accounts hold is
     * what open holds hold. Any thread.
     *
     * @throws IllegalStateException when they don't
     */
    public void audit() {
        books.audit();
    }

    /** Holds that are open. Any thread. */
    public int openHolds() {
        return books.open();
    }

    /** Bytes of the journals' files. Any thread. */
    public long journalBytes() {
        return journals.stream().mapToLong(Journal::bytes).sum();
    }

    /** How far the database is behind. Any thread. */
    public Lag lag() {
        long[] applied = applier.applied();
        long records = 0;
        for (Journal each : journals) {
            records += Math.max(0, each.sequence() - applied[each.index()]);
        }
        return new Lag(records, records == 0 ? 0 : applier.behindMillis(), applier.trouble());
    }

    /** What is leased of budgets that other processes share; nothing where none does. Any thread. */
    public Leased leased() {
        return books.leased();
    }

    /** Why no new holds are taken; null while they are. Any thread. */
    public @Nullable String closed() {
        return closed;
    }

    /** The ledger's time, milliseconds since 1970: it never goes back. Any thread. */
    long time() {
        return books.time(clock.millis());
    }

    boolean bounded(Hold hold) {
        return books.bounded(hold);
    }

    long grow(Hold hold, long least, long most) {
        long more = books.grow(hold, least, most);
        if (leases != null && books.wanting()) {
            if (leases.running()) {
                leases.wake();
            } else {
                lease();
                more = more == 0 ? books.grow(hold, least, most) : more;
            }
        }
        if (more == 0) {
            return 0;
        }
        boolean written;
        try {
            written = journals.get(hold.loop).grow(hold, hold.grantedNanos);
        } catch (RuntimeException | InternalError e) {
            unwritable(e);
            written = false;
        }
        if (!written) {
            books.shrink(hold, more);
            return 0;
        }
        return more;
    }

    boolean await(Hold hold, Awaited what) {
        boolean written;
        try {
            written = journals.get(hold.loop).await(hold, hold.grantedNanos, what);
        } catch (RuntimeException | InternalError e) {
            unwritable(e);
            return false;
        }
        if (written) {
            books.await(hold, what);
        }
        return written;
    }

    @Nullable Pending pending(Hold hold) {
        return books.pending(hold);
    }

    void settle(Hold hold, Bill bill) {
        long overrun = books.charge(hold, bill.costNanos());
        long position = Long.MAX_VALUE;
        try {
            position = journals.get(hold.loop).settle(hold, bill, overrun);
        } catch (RuntimeException | InternalError e) {
            LOG.error("the bill of call {} of {} nanos is not in the journal", hold.ask.callId(), bill.costNanos());
            unwritable(e);
        }
        books.strike(hold, position, overrun);
    }

    void release(Hold hold) {
        books.charge(hold, 0);
        try {
            long _ = journals.get(hold.loop).release(hold);
        } catch (RuntimeException | InternalError e) {
            unwritable(e);
        }
        books.strike(hold, Long.MAX_VALUE, 0);
    }

    private String unwritable(Throwable why) {
        String message = "the journal can't be written: " + why.getMessage();
        LOG.error("no new calls are taken: {}", message, why);
        closed = message;
        return message;
    }

    /** Where the journals end. */
    long[] positions() {
        return journals.stream().mapToLong(Journal::position).toArray();
    }

    /** Brings all that stands before some places into the database, and nothing behind them. The applier's thread. */
    void applyUntil(long[] places) {
        journals.forEach(Journal::force);
        while (applier.apply(journals, places)) {
            // Each round writes a batch.
        }
    }

    /** Runs something on the applier's thread, and waits for it. */
    <T> T onApplier(Callable<T> work) {
        if (keeper != null) {
            return keeper.onApplier(work);
        }
        try {
            return work.call();
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** Brings into the database what is on the disk; returns whether there is more. The applier's thread. */
    boolean apply() {
        long[] forced = journals.stream().mapToLong(Journal::forced).toArray();
        boolean more = applier.apply(journals, forced);
        applier.writeAlerts(books);
        return more;
    }

    /** Takes up what other processes changed of budgets. The applier's thread. */
    void hear() {
        if (!store.shared()) {
            return;
        }
        if (store.changes() != applier.changes()) {
            applier.hear();
        }
        long changes = applier.changes();
        if (adopted != changes) {
            List<Budget> standing = applier.budgets();
            books.keepOnly(standing.stream().map(Budget::number).collect(Collectors.toSet()));
            for (Budget each : standing) {
                Budget known = books.find(each.number());
                if (known == null) {
                    budgets.join(each);
                } else if (!known.equals(each)) {
                    change(known, each);
                }
            }
            adopted = changes;
        }
    }

    /** Gives a budget in memory other terms. The applier's thread. */
    void change(Budget before, Budget after) {
        if (leases != null && after.terms().hard() && !before.terms().hard()) {
            books.harden(after.number());
            lease();
        }
        books.change(after);
        lease();
        if (books.isOver(after.number())) {
            lease(); // now it is known how much is to be given back
        }
    }

    /** An operator has taken what was leased: nothing new is held, and what is held grows no more. */
    private void fenced() {
        String why = closed;
        if (why == null || !why.startsWith(FENCED)) {
            closed = FENCED + "an operator has taken what node " + store.node()
                    + " had leased of budgets. Start this server"
                    + " anew: then it books what its calls cost, and takes part again";
            LOG.error("no new calls are taken: {}", closed);
        }
        books.fence();
    }

    /** Asks for leases and gives back what is not needed, where budgets are shared. What fails is tried again. Blocks. */
    void lease() {
        if (leases != null) {
            try {
                leases.round(true, false);
            } catch (RuntimeException e) {
                LOG.debug("leases", e); // it is told by the thread that makes rounds
            }
        }
    }

    /** Forces, extends and retires journals. The keeper's thread. */
    void keep() throws IOException {
        long[] written = applier.written();
        for (Journal each : journals) {
            each.force();
        }
        for (Journal each : journals) {
            each.retire(written[each.index()]);
        }
        for (Journal each : journals) {
            each.extend(); // last: it fails when the disk is full
        }
    }

    /** Takes no new holds while the disk is low. The keeper's thread. */
    void lookAtDisk() throws IOException {
        long free = storage.free();
        String why = closed;
        if (free < settings.minFreeBytes()) {
            if (why == null) {
                closed = Keeper.LOW + free + " bytes are free on the disk of the journals (expected: "
                        + settings.minFreeBytes() + " or more, which is ledger.min-free-disk)";
                LOG.error("no new calls are taken: {}", closed);
            }
        } else if (why != null && why.startsWith(Keeper.LOW)) {
            closed = null;
            LOG.info("calls are taken again: the disk of the journals has room");
        }
    }

    /** One round of all that threads do else. */
    void step() throws IOException {
        keep();
        while (apply()) {
            // Each round writes a batch.
        }
        hear();
        lease();
        keep();
    }

    /** Writes what can be written; what the database does not take stays in the journals for the next start. */
    @Override
    public void close() throws IOException {
        closed = "the ledger is closed";
        if (keeper != null) {
            keeper.close();
        }
        if (leases != null) {
            leases.close();
        }
        for (Journal each : journals) {
            each.close();
        }
    }
}
