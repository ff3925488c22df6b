package dev.lockkeeper.ledger;

import dev.lockkeeper.ledger.Batch.AccountKey;
import dev.lockkeeper.ledger.Leases.Wished;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * All accounts and all open holds, in memory, under this object's own lock: each method takes it for well under a
 * microsecond where a call is concerned. Any thread. Nothing in here does I/O or calls out.
 *
 * <p>A hold is charged first, then its record is written, then it is struck off: in between the lock is free, so that a
 * disk that hesitates holds up one loop and not all.
 */
final class Books {
    static final Account[] NONE = {};

    private final int maxOpen;
    private final ByScope<Standing> standings = new ByScope<>();
    private final Map<Long, Standing> byNumber = new TreeMap<>();

    /** The open holds, in no order: linked through themselves, so that coming and going costs no object. */
    private @Nullable Hold first;

    private int open;

    /** The latest time seen, milliseconds since 1970: the ledger's clock never goes back. */
    private long now;

    /** Used within one call of {@link #hold}. */
    private Account[] found = new Account[8];

    private int count;
    private @Nullable CompletableFuture<Void> loading;

    /** Whether other processes spend of the same budgets: each has then only what it leased of them. */
    private final boolean shared;

    private final boolean overspend;

    /** Shared accounts of which something is held, leased or wanted: those that calls have used lately. */
    private final List<Account> active = new ArrayList<>();

    /** Regular rounds in which leases were asked for. */
    private long rounds;

    /** Accounts of which another process lacks something, with the lowest number of such a process. */
    private Map<AccountKey, Long> hungry = Map.of();

    /** Why the last round failed; null when it did not. */
    private @Nullable String unreachable;

    private long failedRounds;

    /** Whether a round should be made soon. Written under the lock. */
    private volatile boolean wanting;

    /** Completes with the next round. */
    private CompletableFuture<Void> nextRound = new CompletableFuture<>();

    /**
     * @param now the latest time that the books know of, milliseconds since 1970
     * @param shared whether other processes spend of the same budgets
     */
    Books(int maxOpen, long now, boolean shared) {
        this(maxOpen, now, shared, false);
    }

    /** @param overspend whether calls that no lease covers are made while the database can't be asked */
    Books(int maxOpen, long now, boolean shared, boolean overspend) {
        this.maxOpen = maxOpen;
        this.now = now;
        this.shared = shared;
        this.overspend = overspend;
    }

    /** The ledger's time: the clock's, or the latest seen where the clock was set back. */
    synchronized long time(long clockMillis) {
        now = Math.max(now, clockMillis);
        return now;
    }

    /** @param patient whether it may be answered that it is worth waiting for a lease */
    synchronized Holding hold(Ledger ledger, int loop, Ask ask, long clockMillis, boolean patient) {
        if (open >= maxOpen) {
            return new Holding.Closed(open + " holds are open, as many as may be");
        }
        long at = time(clockMillis);
        count = 0;
        loading = null;
        standings.each(ask.payer(), ask.model(), ask.provider(), standing -> find(standing, at));
        if (loading != null) {
            return new Holding.Parked(loading.copy());
        }
        long granted = ask.wantedNanos();
        Account least = null;
        boolean wait = false;
        for (int i = 0; i < count; i++) {
            Account each = found[i];
            if (each.standing.budget.terms().hard()) {
                long can = Math.max(0, each.available() - each.promised);
                wait |= each.share != null && lacks(each, each.share, ask, can);
                if (can < granted && !unbounded(each)) {
                    granted = can;
                    least = each;
                }
            }
        }
        if (wait && patient && unreachable == null) {
            return new Holding.Parked(nextRound.copy());
        }
        if (least != null && granted < ask.leastNanos()) {
            Share share = least.share;
            return share != null && unreachable != null && !share.dry(rounds)
                    ? new Holding.Closed("what may be spent of " + least.standing.budget.id()
                            + " can't be asked of the database: " + unreachable)
                    : exhausted(least);
        }
        Hold hold = new Hold(ledger, loop, ask, at, count == 0 ? NONE : Arrays.copyOf(found, count), granted);
        for (Account each : hold.accounts) {
            hold.beyond |= unbounded(each) && each.standing.budget.terms().hard() && each.available() < granted;
            each.hold(granted);
            each.promised += hold.promised();
            watch(each);
        }
        link(hold);
        return new Holding.Granted(hold);
    }

    /** Notes what a call would take of a shared account; returns whether more may be had soon. */
    private boolean lacks(Account account, Share share, Ask ask, long can) {
        if (can >= ask.wantedNanos()) {
            return false;
        }
        boolean dry = share.dry(rounds);
        if (!dry) {
            share.need(ask.wantedNanos(), ask.leastNanos());
            wanting = true;
        } else if (can < ask.leastNanos() && !lasting(account, share, ask.leastNanos())) {
            share.need(ask.leastNanos(), ask.leastNanos());
        }
        list(account, share);
        return !dry;
    }

    /** Whether so much could not be had even if all that is held and leased came back. */
    private static boolean lasting(Account account, Share share, long nanos) {
        return spent(account) + share.answer.lost() > share.answer.whole() - nanos;
    }

    /** Has a shared account looked at in each round, and soon where little is left of its lease. */
    private void watch(Account account) {
        Share share = account.share;
        if (share != null && account.standing.budget.terms().hard()) {
            list(account, share);
            if (!share.asked && account.free() - account.promised < share.low && !share.dry(rounds)) {
                share.asked = true;
                wanting = true;
            }
        }
    }

    private void list(Account account, Share share) {
        if (!share.listed) {
            share.listed = true;
            active.add(account);
        }
    }

    /** Whether a round should be made soon. Any thread; takes no lock. */
    boolean wanting() {
        return wanting;
    }

    /**
     * What is to be written of leases; what is given back is given back here already.
     *
     * @param regular whether time has passed since the last call with it
     * @param all whether all is given back that is not held
     * @param node the number of this process
     */
    synchronized List<Wished> wishes(boolean regular, boolean all, long node) {
        wanting = false;
        if (regular) {
            rounds++;
        }
        List<Wished> wishes = new ArrayList<>();
        for (Iterator<Account> accounts = active.iterator(); accounts.hasNext(); ) {
            Account each = accounts.next();
            Share share = Objects.requireNonNull(each.share);
            Wished wish = each.standing.gone ? null : wish(each, share, regular, all, node);
            if (wish != null) {
                wishes.add(wish);
            } else if (each.standing.gone || (each.held() == 0 && each.free() <= 0)) {
                share.listed = false;
                accounts.remove();
            }
        }
        wishes.sort(Comparator.comparing(Wished::key, AccountKey.ORDER));
        return wishes;
    }

    private @Nullable Wished wish(Account account, Share share, boolean regular, boolean all, long node) {
        boolean past = account != account.standing.current;
        boolean grow = !all && (account.standing.budget.terms().hard() || account.standing.hardening);
        Share.Wish wish = share.wish(account, grow, past, regular);
        Long other = hungry.get(account.key());
        long back = 0;
        long more = wish.more();
        if (all) {
            back = Math.max(0, account.free());
        } else if (other != null || share.answer.over()) {
            // Of several that are hungry the one with the lowest number eats first.
            boolean first = wish.hungry() > 0 && (other == null || node < other);
            // What there is no longer, since the budget became smaller, nobody may keep.
            back = first ? Math.clamp(share.excess(), 0, Math.max(0, wish.spare())) : Math.max(0, wish.spare());
            more = wish.must();
        } else if (more == 0 && wish.spare() > 4 * wish.ahead()) {
            back = wish.spare() - 2 * wish.ahead();
        }
        if (back > 0) {
            account.amount(account.granted() - back);
        }
        boolean write = back > 0 || more > 0 || share.unsure || share.wished != (wish.hungry() > 0);
        return write ? new Wished(account, account.key(), account.granted(), wish.must(), more, wish.hungry()) : null;
    }

    /** Takes note of what a round brought, and wakes those who wait for it. */
    void answered(List<Wished> wishes, Leases.Round round) {
        CompletableFuture<Void> waiting;
        synchronized (this) {
            unreachable = null;
            failedRounds = 0;
            hungry = round.hungry();
            for (Wished each : wishes) {
                Leases.Answer answer = round.answers().get(each.key());
                Share share = each.account().share;
                if (answer != null && share != null) {
                    each.account().amount(answer.granted());
                    share.unsure = false;
                    share.wished = each.hungry() > answer.granted() - each.granted();
                    share.learn(each.account(), answer, rounds);
                }
            }
            waiting = nextRound;
            nextRound = new CompletableFuture<>();
        }
        waiting.complete(null);
    }

    synchronized Leased leased() {
        long nanos = 0;
        long free = 0;
        for (Account each : active) {
            nanos += Math.max(0, each.granted() - each.spent());
            free += Math.max(0, each.free());
        }
        return new Leased(nanos, free, failedRounds, unreachable);
    }

    /** Nothing is leased any more: what is held and spent may not grow. */
    synchronized void fence() {
        for (Account each : active) {
            if (each.granted() > each.spent()) {
                each.amount(each.spent());
            }
        }
    }

    /** Notes that a round failed, wholly or after it was written. */
    void unanswered(List<Wished> wishes, String why) {
        CompletableFuture<Void> waiting;
        synchronized (this) {
            unreachable = why;
            failedRounds++;
            for (Wished each : wishes) {
                if (each.account().share != null) {
                    each.account().share.unsure = true;
                }
            }
            waiting = nextRound;
            nextRound = new CompletableFuture<>();
        }
        waiting.complete(null);
    }

    private void find(Standing standing, long at) {
        if (standing.loading != null) {
            loading = standing.loading;
        }
        if (count == found.length) {
            found = Arrays.copyOf(found, 2 * count);
        }
        found[count++] = standing.at(at);
    }

    private static Holding exhausted(Account account) {
        Share share = account.share;
        return share == null
                ? new Holding.Exhausted(
                        account.standing.budget, account.granted(), account.spent(), account.held(), 0, account.end)
                : new Holding.Exhausted(
                        account.standing.budget,
                        share.answer.whole(),
                        spent(account),
                        account.held() + share.answer.elsewhere(),
                        share.answer.lost(),
                        account.end);
    }

    /** What all processes have spent, as far as it is known here. */
    private static long spent(Account account) {
        Share share = account.share;
        return share == null ? account.spent() : share.answer.spent() - share.answer.ownSpent() + account.spent();
    }

    synchronized boolean bounded(Hold hold) {
        for (Account each : hold.accounts) {
            if (each.standing.budget.terms().hard()) {
                return true;
            }
        }
        return false;
    }

    /** Sets aside between {@code least} and {@code most} more; 0 when it is less than {@code least}. */
    synchronized long grow(Hold hold, long least, long most) {
        long more = most;
        boolean beyond = false;
        for (Account each : hold.accounts) {
            if (bounds(each)) {
                if (unbounded(each)) {
                    beyond |= each.available() < more;
                } else {
                    more = Math.min(more, each.available());
                }
            }
        }
        if (more < least || more <= 0) {
            for (Account each : hold.accounts) {
                Share share = each.share;
                if (share != null && bounds(each) && each.available() < most) {
                    // It is too late for this call; the next one that grows finds more.
                    share.need(most, 0);
                    list(each, share);
                    wanting = true;
                }
            }
            return 0;
        }
        hold.beyond |= beyond;
        long before = hold.promised();
        hold.grantedNanos = Math.addExact(hold.grantedNanos, more);
        for (Account each : hold.accounts) {
            each.hold(more);
            each.promised += hold.promised() - before;
            watch(each);
        }
        return more;
    }

    /** Whether running calls may not take more of it than there is: where it is shared, not before something was leased. */
    private static boolean bounds(Account account) {
        return account.standing.budget.terms().hard() && (account.share == null || account.standing.loading == null);
    }

    /** Whether more may be taken of it than is leased, since nobody can be asked. */
    private boolean unbounded(Account account) {
        return overspend && unreachable != null && account.share != null;
    }

    /** Takes back what {@link #grow} gave. */
    synchronized void shrink(Hold hold, long nanos) {
        long before = hold.promised();
        hold.grantedNanos -= nanos;
        for (Account each : hold.accounts) {
            each.hold(-nanos);
            each.promised += hold.promised() - before;
        }
    }

    /**
     * Turns a hold into what it cost. It stays in the list until {@link #strike}, so that a budget made in between finds
     * it.
     *
     * @return how much of the cost neither the hold nor what is free on a hard account covers, in nano-dollars
     */
    synchronized long charge(Hold hold, long costNanos) {
        hold.charged = true;
        hold.costNanos = costNanos;
        long beyond = hold.beyond ? costNanos : Math.max(0, costNanos - hold.grantedNanos);
        long overrun = 0;
        for (Account each : hold.accounts) {
            each.promised -= hold.promised();
            each.hold(-hold.grantedNanos);
            each.spend(costNanos);
            if (bounds(each)) {
                overrun = Math.max(overrun, Math.min(each.shortage(), beyond));
            }
        }
        if (overrun > 0) {
            for (Account each : hold.accounts) {
                each.overran(overrun);
            }
        }
        return overrun;
    }

    /**
     * Takes a hold that was charged off the list.
     *
     * @param position where the record of its end stands in its journal
     * @param overrunNanos what {@link #charge} returned
     */
    synchronized void strike(Hold hold, long position, long overrunNanos) {
        unlink(hold);
        for (Account each : hold.late) {
            each.hold(-hold.costNanos);
            if (position >= each.standing.watermarks[hold.loop]) {
                each.spend(hold.costNanos);
                each.overran(overrunNanos);
            }
        }
    }

    private void link(Hold hold) {
        hold.after = first;
        if (first != null) {
            first.before = hold;
        }
        first = hold;
        open++;
    }

    private void unlink(Hold hold) {
        if (hold.before != null) {
            hold.before.after = hold.after;
        } else {
            first = hold.after;
        }
        if (hold.after != null) {
            hold.after.before = hold.before;
        }
        hold.before = null;
        hold.after = null;
        open--;
    }

    synchronized @Nullable Budget find(long number) {
        Standing standing = byNumber.get(number);
        return standing == null ? null : standing.budget;
    }

    /**
     * Adds a budget, to open holds of its current period too. Until {@link #loaded} calls in its scope are parked; what is
     * booked from the returned places on counts here, what was booked before them is to be told there.
     *
     * @param positions tells where the journals end
     */
    synchronized Standing add(Budget budget, Supplier<long[]> positions) {
        now = Math.max(now, budget.createdMillis());
        Standing standing = new Standing(
                budget, shared, budget.period().start(now), budget.period().end(now));
        standing.loading = new CompletableFuture<>();
        standing.watermarks = positions.get();
        put(standing);
        ByScope<Standing> alone = new ByScope<>();
        alone.add(budget.scope(), standing);
        for (Hold hold = first; hold != null; hold = hold.after) {
            Hold each = hold;
            alone.each(each.ask.payer(), each.ask.model(), each.ask.provider(), _ -> join(each, standing.current));
        }
        return standing;
    }

    private static void join(Hold hold, Account account) {
        if (!account.holds(hold.atMillis)) {
            return;
        }
        if (hold.charged) {
            // Whether its record is before the watermark is known only when it is struck off.
            hold.late = with(hold.late, account);
            account.hold(hold.costNanos);
            return;
        }
        hold.accounts = with(hold.accounts, account);
        account.hold(hold.grantedNanos);
        account.promised += hold.promised();
    }

    private static Account[] with(Account[] accounts, Account further) {
        Account[] more = Arrays.copyOf(accounts, accounts.length + 1);
        more[accounts.length] = further;
        return more;
    }

    private void put(Standing standing) {
        byNumber.put(standing.budget.number(), standing);
        standings.add(standing.budget.scope(), standing);
    }

    /**
     * Puts a budget back as it stood, after a restart.
     *
     * @param periods those that holds are left of, and the current one, which is the last
     */
    synchronized void restore(Budget budget, List<Opening> periods) {
        Opening first = periods.getFirst();
        Standing standing = new Standing(budget, shared, first.start(), first.end());
        List<Account> accounts = new ArrayList<>();
        for (Opening each : periods) {
            Account before = accounts.isEmpty() ? null : accounts.getLast();
            Account account = before != null && !shared && budget.carryOver() && before.end == each.start()
                    ? before.open(each.start(), each.end(), each.amount())
                    : standing.account(each.start(), each.end(), each.amount(), each.carried());
            account.spend(each.own().spent());
            account.overran(each.own().overrun());
            if (shared) {
                account.amount(each.own().granted());
            }
            accounts.add(account);
            standing.current = account;
        }
        standing.periods = accounts;
        put(standing);
    }

    /**
     * Notes what was booked before a new budget's watermarks: where it is shared, by this process. Then it may be leased.
     */
    synchronized void added(Account first, long spent, long overrun) {
        first.spend(spent);
        first.overran(overrun);
        Share share = first.share;
        if (share != null) {
            share.unsure = true;
            list(first, share);
        }
    }

    /** Opens a budget that was added. Wakes those who are parked. */
    void loaded(Standing standing) {
        CompletableFuture<Void> waiting;
        synchronized (this) {
            waiting = standing.loading;
            standing.loading = null;
        }
        if (waiting != null) {
            waiting.complete(null);
        }
    }

    synchronized void change(Budget budget) {
        Standing standing = byNumber.get(budget.number());
        if (standing != null) {
            Account current = standing.at(now);
            standing.budget = budget;
            standing.hardening = false;
            if (current.share == null) {
                current.amount(budget.terms().amountNanos());
            } else {
                current.share.unsure = true;
                current.share.hope();
                list(current, current.share);
            }
        }
    }

    /** Whether more of a budget's period is leased and spent, by all processes, than there is. */
    synchronized boolean isOver(long number) {
        Standing standing = byNumber.get(number);
        Share share = standing == null ? null : standing.at(now).share;
        return share != null && share.answer.over();
    }

    /** Leases of a budget from the next round on as if it were hard, which it is about to be. */
    synchronized void harden(long number) {
        Standing standing = byNumber.get(number);
        if (standing != null) {
            Account current = standing.at(now);
            if (current.share != null) {
                standing.hardening = true;
                current.share.unsure = true;
                list(current, current.share);
            }
        }
    }

    /** Takes a budget away; wakes those who are parked for it. */
    void remove(long number) {
        CompletableFuture<Void> waiting = null;
        synchronized (this) {
            Standing standing = byNumber.remove(number);
            if (standing != null) {
                standings.remove(standing.budget.scope(), standing);
                standing.gone = true;
                waiting = standing.loading;
                standing.loading = null;
            }
        }
        if (waiting != null) {
            waiting.complete(null);
        }
    }

    /** Takes all other budgets away. */
    void keepOnly(Set<Long> numbers) {
        List<Long> gone;
        synchronized (this) {
            gone = byNumber.keySet().stream()
                    .filter(each -> !numbers.contains(each))
                    .toList();
        }
        gone.forEach(this::remove);
    }

    /**
     * What a budget grants in its current period, of a shared one without what was carried over; null where it is not here,
     * since another process has only just made it.
     */
    synchronized @Nullable Long granted(long number) {
        Standing standing = byNumber.get(number);
        if (standing == null) {
            return null;
        }
        return shared ? standing.budget.terms().amountNanos() : standing.current.granted();
    }

    /** The budgets that stand, by number. */
    synchronized List<Budget> budgets() {
        return byNumber.values().stream().map(each -> each.budget).toList();
    }

    /** The current accounts' keys, by budget. */
    synchronized Map<Long, AccountKey> current(long clockMillis) {
        long at = time(clockMillis);
        Map<Long, AccountKey> keys = new TreeMap<>();
        byNumber.forEach((number, each) -> keys.put(number, each.at(at).key()));
        return keys;
    }

    /** Takes note of how accounts stand in the database, where they are current ones. */
    synchronized void learn(Map<AccountKey, Leases.Answer> answers) {
        for (Standing each : byNumber.values()) {
            Leases.Answer answer = answers.get(each.current.key());
            Share share = each.current.share;
            if (answer != null && share != null) {
                share.answer = answer;
            }
        }
    }

    /** The budgets that stand in exactly this scope. */
    synchronized List<Budget> in(Scope scope) {
        return byNumber.values().stream()
                .map(each -> each.budget)
                .filter(each -> each.scope().equals(scope))
                .toList();
    }

    synchronized int open() {
        return open;
    }

    synchronized List<Balance> balances(long clockMillis) {
        long at = time(clockMillis);
        List<Balance> all = new ArrayList<>();
        byNumber.values().forEach(each -> all.add(balance(each, at)));
        return all;
    }

    /** How the budgets stand that an attempt would touch. */
    synchronized List<Balance> touched(Ask ask, long clockMillis) {
        long at = time(clockMillis);
        List<Balance> all = new ArrayList<>();
        standings.each(ask.payer(), ask.model(), ask.provider(), each -> all.add(balance(each, at)));
        return all;
    }

    private static Balance balance(Standing standing, long at) {
        Account account = standing.at(at);
        Share share = account.share;
        if (share == null) {
            return new Balance(
                    standing.budget,
                    account.start,
                    account.end,
                    account.granted(),
                    account.free(),
                    account.held(),
                    0,
                    account.spent(),
                    account.overrun());
        }
        long elsewhere = share.answer.elsewhere() + share.answer.lost();
        long spent = spent(account);
        return new Balance(
                standing.budget,
                account.start,
                account.end,
                share.answer.whole(),
                share.answer.whole() - spent - account.held() - elsewhere,
                account.held(),
                elsewhere,
                spent,
                share.answer.overrun() - share.answer.ownOverrun() + account.overrun());
    }

    /** Puts a hold back that outlived its process. */
    synchronized Hold restore(Ledger ledger, OpenHold left, long position) {
        Ask ask = new Ask(
                left.callId,
                left.attempt,
                left.payer,
                left.provider,
                left.model,
                left.upstreamModel,
                0,
                left.grantedNanos,
                left.grantedNanos);
        Hold hold = new Hold(ledger, left.journal, ask, left.atMillis, NONE, left.grantedNanos);
        hold.position = position;
        hold.awaited = left.awaited;
        standings.each(
                ask.payer(),
                ask.model(),
                ask.provider(),
                standing -> standing.periods.stream()
                        .filter(each -> each.holds(left.atMillis))
                        .forEach(each -> join(hold, each)));
        link(hold);
        return hold;
    }

    /** All holds are back: periods that are over, and of which none is left, are forgotten. */
    synchronized void restored() {
        for (Standing standing : byNumber.values()) {
            for (Account each : standing.periods) {
                if (each.share != null && (each.held() > 0 || each.free() != 0)) {
                    list(each, each.share);
                }
            }
            standing.periods = List.of();
        }
    }

    synchronized void await(Hold hold, Awaited what) {
        hold.awaited = what;
    }

    synchronized @Nullable Pending pending(Hold hold) {
        Awaited awaited = hold.awaited;
        Ask ask = hold.ask;
        return awaited == null
                ? null
                : new Pending(
                        awaited,
                        ask.callId(),
                        ask.payer(),
                        ask.provider(),
                        ask.model(),
                        ask.upstreamModel(),
                        hold.grantedNanos,
                        hold.atMillis);
    }

    /**
     * Compares every sum with every other.
     *
     * @throws IllegalStateException when they don't add up
     */
    synchronized void audit() {
        IdentityHashMap<Account, long[]> sums = new IdentityHashMap<>();
        for (Standing each : byNumber.values()) {
            sums.put(each.current, new long[2]);
        }
        int seen = 0;
        for (Hold hold = first; hold != null; hold = hold.after) {
            seen++;
            for (Account each : hold.late) {
                sums.computeIfAbsent(each, _ -> new long[2])[0] += hold.costNanos;
            }
            if (!hold.charged) {
                for (Account each : hold.accounts) {
                    long[] sum = sums.computeIfAbsent(each, _ -> new long[2]);
                    sum[0] += hold.grantedNanos;
                    sum[1] += hold.promised();
                }
            }
        }
        check(seen == open, "open holds", open, seen);
        sums.forEach((account, sum) -> {
            String name = account.standing.budget.id() + " from " + account.start + ": ";
            check(account.held() == sum[0], name + "held", account.held(), sum[0]);
            check(account.promised == sum[1], name + "promised", account.promised, sum[1]);
            check(
                    account.granted() == account.free() + account.held() + account.spent(),
                    name + "free + held + spent",
                    account.free() + account.held() + account.spent(),
                    account.granted());
        });
    }

    private static void check(boolean holds, String name, long value, long expected) {
        if (!holds) {
            throw new IllegalStateException(name + ": " + value + " (expected: " + expected + ")");
        }
    }
}
