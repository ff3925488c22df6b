package dev.lockkeeper.ledger;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
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

    /** @param now the latest time that the books know of, milliseconds since 1970 */
    Books(int maxOpen, long now) {
        this.maxOpen = maxOpen;
        this.now = now;
    }

    /** The ledger's time: the clock's, or the latest seen where the clock was set back. */
    synchronized long time(long clockMillis) {
        now = Math.max(now, clockMillis);
        return now;
    }

    synchronized Holding hold(Ledger ledger, int loop, Ask ask, long clockMillis) {
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
        for (int i = 0; i < count; i++) {
            Account each = found[i];
            if (each.standing.budget.terms().hard()) {
                long can = Math.max(0, each.available() - each.promised);
                if (can < granted) {
                    granted = can;
                    least = each;
                }
            }
        }
        if (least != null && granted < ask.leastNanos()) {
            return exhausted(least);
        }
        Hold hold = new Hold(ledger, loop, ask, at, count == 0 ? NONE : Arrays.copyOf(found, count), granted);
        for (Account each : hold.accounts) {
            each.hold(granted);
            each.promised += hold.promised();
        }
        link(hold);
        return new Holding.Granted(hold);
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
        return new Holding.Exhausted(
                account.standing.budget, account.granted(), account.spent(), account.held(), account.end);
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
        for (Account each : hold.accounts) {
            if (each.standing.budget.terms().hard()) {
                more = Math.min(more, each.available());
            }
        }
        if (more < least || more <= 0) {
            return 0;
        }
        long before = hold.promised();
        hold.grantedNanos = Math.addExact(hold.grantedNanos, more);
        for (Account each : hold.accounts) {
            each.hold(more);
            each.promised += hold.promised() - before;
        }
        return more;
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
        long beyond = Math.max(0, costNanos - hold.grantedNanos);
        long overrun = 0;
        for (Account each : hold.accounts) {
            each.promised -= hold.promised();
            each.hold(-hold.grantedNanos);
            each.spend(costNanos);
            if (each.standing.budget.terms().hard()) {
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
        Standing standing =
                new Standing(budget, budget.period().start(now), budget.period().end(now), 0);
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
        Standing standing = new Standing(budget, periods.getFirst());
        List<Account> accounts = new ArrayList<>();
        for (Opening each : periods) {
            Account before = accounts.isEmpty() ? null : accounts.getLast();
            Account account = before != null && budget.carryOver() && before.end == each.start()
                    ? before.open(each.start(), each.end(), each.amount())
                    : new Account(standing, each.start(), each.end(), each.amount(), each.carried());
            account.spend(each.spent());
            account.overran(each.overrun());
            accounts.add(account);
            standing.current = account;
        }
        standing.periods = accounts;
        put(standing);
    }

    /** Opens a budget that was added, with what was booked before its watermarks. Wakes those who are parked. */
    void loaded(Standing standing, Account first, long spent, long overrun) {
        CompletableFuture<Void> waiting;
        synchronized (this) {
            first.spend(spent);
            first.overran(overrun);
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
            current.amount(budget.terms().amountNanos());
        }
    }

    /** Takes a budget away; wakes those who are parked for it. */
    void remove(long number) {
        CompletableFuture<Void> waiting = null;
        synchronized (this) {
            Standing standing = byNumber.remove(number);
            if (standing != null) {
                standings.remove(standing.budget.scope(), standing);
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

    /** What a budget grants in its current period; 0 where it does not stand. */
    synchronized long granted(long number) {
        Standing standing = byNumber.get(number);
        return standing == null ? 0 : standing.current.granted();
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
        return new Balance(
                standing.budget,
                account.start,
                account.end,
                account.granted(),
                account.free(),
                account.held(),
                account.spent(),
                account.overrun());
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
        byNumber.values().forEach(each -> each.periods = List.of());
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
