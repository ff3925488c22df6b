package dev.lockkeeper.ledger;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.units.Money;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** 200 callers at once on one budget of a dollar, by seeds. */
class OneDollarTest {
    private static final int CALLERS = 200;
    private static final int RUNS = 100;
    private static final long CENT = Money.DOLLAR / 100;
    private static final long SLICE = CENT / 4;
    private static final Payer PAYER = new Payer("org", "proj", "key", "", "");

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void itIsNeverOverspentAndNearlyAllOfItIsSpent(int part) {
        for (int seed = part; seed < RUNS; seed += 4) {
            run(RandomGeneratorFactory.of("L64X128MixRandom").create(seed));
        }
    }

    private static void run(RandomGenerator chance) {
        Books books = new Books(CALLERS, 0, false);
        Period ever = new Period(Period.Unit.TOTAL, ZoneOffset.UTC);
        Budget dollar = new Budget(
                1, new Scope(Scope.Kind.KEY, "key"), ever, false, new Budget.Terms(Money.DOLLAR, true, List.of()), 0);
        Standing standing = books.add(dollar, () -> new long[1]);
        books.loaded(standing);
        List<Call> running = new ArrayList<>();
        boolean refusedForGood = false;
        while (!refusedForGood || !running.isEmpty()) {
            if (!refusedForGood && running.size() < CALLERS && chance.nextInt(3) > 0) {
                Call call = Call.of(chance);
                switch (books.hold(nothing(), 0, call.ask(), 0, true)) {
                    case Holding.Granted(Hold hold) -> {
                        call.hold = hold;
                        running.add(call);
                    }
                    case Holding.Exhausted no -> {
                        refusedForGood = no.heldNanos() == 0;
                        if (refusedForGood) {
                            assertThat(no.spentNanos()).isGreaterThanOrEqualTo(Money.DOLLAR / 100 * 95);
                        }
                    }
                    default -> throw new AssertionError();
                }
            }
            if (!running.isEmpty() && chance.nextInt(3) > 0) {
                int which = chance.nextInt(running.size());
                if (running.get(which).goOn(books)) {
                    running.remove(which);
                }
            }
            Balance now = books.balances(0).getFirst();
            assertThat(now.spentNanos() + now.heldNanos()).isLessThanOrEqualTo(Money.DOLLAR);
            books.audit();
        }
    }

    @SuppressWarnings({"NullAway", "TypeParameterUnusedInFormals"}) // The ledger is not called here.
    private static <T> T nothing() {
        return null;
    }

    /** A call of random cost: in one piece, or a stream that grows. */
    private static final class Call {
        private final boolean stream;
        private final long cost;
        private final long worst;
        private Hold hold = nothing();
        private long delivered;

        private Call(boolean stream, long cost, long worst) {
            this.stream = stream;
            this.cost = cost;
            this.worst = worst;
        }

        static Call of(RandomGenerator chance) {
            long worst = chance.nextLong(CENT / 10, 4 * CENT);
            return new Call(chance.nextBoolean(), chance.nextLong(CENT / 20, worst), worst);
        }

        Ask ask() {
            long first = stream ? Math.min(SLICE, worst) : worst;
            return new Ask("call", 1, PAYER, "openai", "gpt", "gpt-x", first, first, stream ? worst / 2 : worst);
        }

        /** Delivers a slice; settles at its end, or where there is no money for another one. */
        boolean goOn(Books books) {
            delivered = Math.min(cost, stream ? delivered + SLICE : cost);
            boolean cut = delivered < cost && books.grow(hold, SLICE, SLICE) == 0;
            if (delivered < cost && !cut) {
                return false;
            }
            assertThat(books.charge(hold, Math.min(delivered, hold.grantedNanos)))
                    .isZero();
            books.strike(hold, 0, 0);
            return true;
        }
    }
}
