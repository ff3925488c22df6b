package dev.lockkeeper.ledger;

import dev.lockkeeper.db.Witness;
import dev.lockkeeper.units.Money;
import java.time.Clock;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The budgets, and how they stand. Any thread but an event loop's: what changes something blocks. */
public final class Budgets {
    /** Budgets in exactly one scope at most: each costs each call of the scope a little. */
    static final int MOST_IN_SCOPE = 8;

    /** The largest amount, in nano-dollars: a thousand million dollars. */
    static final long MOST_NANOS = 1_000_000_000 * Money.DOLLAR;

    private static final int MOST_PERCENT = 1_000;
    private static final int MOST_SURGE = 100_000;

    private static final Logger LOG = LoggerFactory.getLogger(Budgets.class);

    private final Ledger ledger;
    private final Books books;
    private final Store store;
    private final Applier applier;
    private final Clock clock;
    private final Surges surges;

    Budgets(Ledger ledger, Books books, Store store, Applier applier, Clock clock) {
        this.ledger = ledger;
        this.books = books;
        this.store = store;
        this.applier = applier;
        this.clock = clock;
        this.surges = new Surges(store);
    }

    /** A change of budgets, or why it was refused. */
    public sealed interface Changed {
        /**
         * It is done, and applies.
         *
         * @param budget as it stands now
         */
        record Done(Budget budget) implements Changed {}

        /**
         * Nothing has changed.
         *
         * @param field what of the wish is wrong, such as {@code amount}
         * @param value what it is
         * @param reason what is expected
         */
        record Refused(String field, String value, String reason) implements Changed {}
    }

    /**
     * Makes a budget. It applies at once, also to calls under way; what was spent in its scope in the current period counts.
     * Calls of the scope wait for the moment that it takes to add that up.
     *
     * @param within the scopes that the scope lies in: of a key its project and organization
     * @param witness is told of the change
     * @throws RuntimeException when the database does not take it; then it is not made
     */
    public Changed create(Budget.Wanted wanted, List<Scope> within, Witness witness) {
        Changed.Refused refused = refusal(wanted, within);
        return refused != null ? refused : ledger.onApplier(() -> create(wanted, witness));
    }

    /** The same with nobody who is told of the change. */
    public Changed create(Budget.Wanted wanted, List<Scope> within) {
        return create(wanted, within, Witness.NOBODY);
    }

    private Changed create(Budget.Wanted wanted, Witness witness) {
        if (books.in(wanted.scope()).size() >= MOST_IN_SCOPE) {
            return new Changed.Refused(
                    "scope",
                    wanted.scope().toString(),
                    "it has " + MOST_IN_SCOPE + " budgets, as many as may be; close one first");
        }
        Budget budget = new Budget(
                store.number(),
                wanted.scope(),
                wanted.period(),
                wanted.carryOver(),
                wanted.terms(),
                books.time(clock.millis()));
        Standing standing = books.add(budget, ledger::positions);
        Account first = standing.current;
        boolean made = false;
        try {
            ledger.applyUntil(standing.watermarks);
            Store.Row row = store.create(budget, first.start, first.end, witness);
            applier.track(new Tracked(budget, first.start, first.end, row.spent(), 0));
            boolean shared = store.shared(); // then what was spent before is nobody's
            books.added(first, shared ? 0 : row.spent(), shared ? 0 : row.overrun());
            ledger.lease();
            books.loaded(standing);
            made = true;
        } finally {
            if (!made) {
                books.remove(budget.number());
            }
        }
        return new Changed.Done(budget);
    }

    /** Takes up a budget that another process has made. The applier's thread, which tracks it. */
    void join(Budget budget) {
        Standing standing = books.add(budget, ledger::positions);
        boolean joined = false;
        try {
            ledger.applyUntil(standing.watermarks);
            Opening opening =
                    Opening.of(budget, store, standing.current.start, List.of()).getLast();
            books.added(standing.current, opening.own().spent(), opening.own().overrun());
            ledger.lease();
            books.loaded(standing);
            joined = true;
        } finally {
            if (!joined) {
                books.remove(budget.number());
            }
        }
    }

    /**
     * Gives a budget other terms. They apply at once; where less is left than nothing, new calls wait for the next period.
     *
     * @param number the budget's
     * @param within the scopes that its scope lies in
     * @param witness is told of the change
     */
    public Changed change(long number, Budget.Terms terms, List<Scope> within, Witness witness) {
        return ledger.onApplier(() -> {
            Budget before = books.find(number);
            if (before == null) {
                return missing(number);
            }
            Changed.Refused refused =
                    refusal(new Budget.Wanted(before.scope(), before.period(), before.carryOver(), terms), within);
            if (refused != null) {
                return refused;
            }
            Budget after = new Budget(
                    number, before.scope(), before.period(), before.carryOver(), terms, before.createdMillis());
            long now = books.time(clock.millis());
            long start = before.period().start(now);
            long previous = start == Long.MIN_VALUE ? start : before.period().start(start - 1);
            store.change(before, after, start, previous, witness);
            applier.change(after);
            ledger.change(before, after);
            return new Changed.Done(after);
        });
    }

    /** The same with nobody who is told of the change. */
    public Changed change(long number, Budget.Terms terms, List<Scope> within) {
        return change(number, terms, within, Witness.NOBODY);
    }

    /** Ends a budget: it bounds nothing any more. What it booked stays in the books. */
    public Changed close(long number) {
        return close(number, Witness.NOBODY);
    }

    /** The same; the witness is told of the change. */
    public Changed close(long number, Witness witness) {
        return ledger.onApplier(() -> {
            Budget before = books.find(number);
            if (before == null) {
                return missing(number);
            }
            store.close(before, books.time(clock.millis()), witness);
            applier.forget(number);
            books.remove(number);
            return new Changed.Done(before);
        });
    }

    /** The budgets that stand, and how, by number. */
    public List<Balance> balances() {
        if (store.shared()) {
            try {
                books.learn(store.standings(books.current(clock.millis()), books.budgets()));
            } catch (RuntimeException e) {
                LOG.debug("what others have spent is told as it was known last", e);
            }
        }
        return books.balances(clock.millis());
    }

    /** The processes that share these budgets, by number; none where there is only this one. Blocks. */
    public List<Node> nodes() {
        return store.nodes();
    }

    /**
     * Takes from a process what it has leased and not spent: for one that won't come back. If it runs all the same, it takes
     * no new calls within a second, and what its calls cost from now on is an overrun. Blocks.
     *
     * @param number the process
     * @param force also where it says that it runs
     * @param witness is told of the change
     */
    public Node.Fenced fence(long number, boolean force, Witness witness) {
        return store.fence(number, force, witness);
    }

    /** Writes an alert for each budget in whose scope the present hour costs a multiple of what it usually does. One thread. */
    public void lookForSurges() {
        surges.look(balances(), ledger.time());
    }

    private static Changed.Refused missing(long number) {
        return new Changed.Refused("budget", "bud_" + number, "no such budget stands; see the list");
    }

    private Changed.@Nullable Refused refusal(Budget.Wanted wanted, List<Scope> within) {
        Budget.Terms terms = wanted.terms();
        String amount = new Money(terms.amountNanos()).toString();
        if (terms.amountNanos() < 0 || terms.amountNanos() > MOST_NANOS) {
            return new Changed.Refused("amount", amount, "expected: $0.00 to " + new Money(MOST_NANOS));
        }
        if (wanted.carryOver() && wanted.period().unit() == Period.Unit.TOTAL) {
            return new Changed.Refused("carry_over", "true", "a budget over all time has no next period");
        }
        int before = 0;
        for (int percent : terms.alertPercents()) {
            if (percent <= before || percent > MOST_PERCENT) {
                return new Changed.Refused(
                        "alerts",
                        terms.alertPercents().toString(),
                        "expected: percentages from 1 to " + MOST_PERCENT + ", ascending");
            }
            before = percent;
        }
        if (terms.surgePercent() != 0 && (terms.surgePercent() <= 100 || terms.surgePercent() > MOST_SURGE)) {
            return new Changed.Refused(
                    "surge_percent",
                    String.valueOf(terms.surgePercent()),
                    "expected: 101 to " + MOST_SURGE + " percent of what the hour usually costs, or 0 for never");
        }
        if (!terms.fallbackModel().isEmpty() && !terms.hard()) {
            return new Changed.Refused(
                    "fallback_model", terms.fallbackModel(), "expected: none, since a soft budget refuses no call");
        }
        if (wanted.scope().kind() == Scope.Kind.MODEL && wanted.scope().id().equals(terms.fallbackModel())) {
            return new Changed.Refused(
                    "fallback_model",
                    terms.fallbackModel(),
                    "expected: another model than the one that has the budget");
        }
        return within.stream()
                .flatMap(scope -> books.in(scope).stream())
                .filter(parent -> neverReached(wanted, parent))
                .findFirst()
                .map(parent -> new Changed.Refused(
                        "amount",
                        amount,
                        "it could never be reached: " + parent.id() + " of " + parent.scope() + " allows "
                                + new Money(parent.terms().amountNanos()) + " per "
                                + parent.period().unit().text() + atMost(wanted, parent)))
                .orElse(null);
    }

    /** Whether a wider budget ends calls before the wanted one can, whatever is spent elsewhere. */
    private static boolean neverReached(Budget.Wanted wanted, Budget wider) {
        return wider.terms().hard() && most(wanted, wider) < wanted.terms().amountNanos();
    }

    private static String atMost(Budget.Wanted wanted, Budget wider) {
        long most = most(wanted, wider);
        return most == wider.terms().amountNanos()
                ? ""
                : ", which is at most " + new Money(most) + " in a "
                        + wanted.period().unit().text();
    }

    /** The most that a wider budget allows in one period of the wanted one; no end: {@link Long#MAX_VALUE}. */
    private static long most(Budget.Wanted wanted, Budget wider) {
        Period.Unit of = wanted.period().unit();
        Period.Unit unit = wider.period().unit();
        if (unit != Period.Unit.TOTAL && of == Period.Unit.TOTAL) {
            return Long.MAX_VALUE;
        }
        // How many periods of the wider one a period of the wanted one may touch; days of 25 hours, months of 31 days.
        int touched = switch (unit) {
            case HOUR ->
                switch (of) {
                    case HOUR -> 1;
                    case DAY -> 25;
                    case WEEK -> 169;
                    case MONTH, TOTAL -> 745;
                };
            case DAY ->
                switch (of) {
                    case HOUR, DAY -> 1;
                    case WEEK -> 7;
                    case MONTH, TOTAL -> 31;
                };
            case WEEK -> of == Period.Unit.MONTH ? 6 : 1;
            case MONTH -> of == Period.Unit.WEEK ? 2 : 1;
            case TOTAL -> 1;
        };
        boolean apart = unit != Period.Unit.TOTAL
                && !wanted.period().zone().equals(wider.period().zone());
        long times = touched + (apart ? 1L : 0) + (wider.carryOver() ? 1 : 0);
        return wider.terms().amountNanos() > Long.MAX_VALUE / times
                ? Long.MAX_VALUE
                : times * wider.terms().amountNanos();
    }
}
