package dev.lockkeeper.ledger;

import dev.lockkeeper.ledger.Leases.Answer;

/**
 * What this process knows and wants of an account that it shares with others: it holds and spends what it has leased of
 * it, and asks for more ahead of need. Guarded by {@link Books}. All amounts in nano-dollars.
 */
final class Share {
    /** Regular rounds for which it is believed that nothing more can be had. */
    private static final int DRY_ROUNDS = 4;

    /** Regular rounds for which a need is remembered: its call was refused, and tries again. */
    private static final int PATIENCE = 8;

    /** An account in use asks ahead for this share of its amount at the least: a thousandth. */
    private static final int LEAST_AHEAD = 1_000;

    /** What the database told last. */
    Answer answer;

    /** Whether it is in the list of those that are looked at each round. */
    boolean listed;

    /** Whether the database may have another lease than the account: it is written in the next round. */
    boolean unsure;

    /** Whether it was asked for a round for it since the last one. */
    boolean asked;

    /** Whether the database has a wish of it. */
    boolean wished;

    /** Below so much to spare more is asked for. */
    long low;

    /** The most that a call wanted, and needed at least, since the last round. */
    private long want;

    private long least;

    /** What a call needs that could not be had, and for how long it is still remembered. */
    private long hunger;

    private int patience;

    /** What it needed when it was asked for last. */
    private long wanted;

    /** When nothing more could be had, by the count of regular rounds. */
    private long dryAt = Long.MIN_VALUE / 2;

    /** What was spent lately: seven eighths of it are left after each round. */
    private long recent;

    private long seenSpent;

    /** @param amount of the period, as far as it is known */
    Share(long amount) {
        this.answer = new Answer(0, amount, 0, 0, 0, 0, 0, 0, false);
    }

    /** Notes what a call would take and can't. */
    void need(long wantNanos, long leastNanos) {
        want = Math.max(want, wantNanos);
        least = Math.max(least, leastNanos);
    }

    /** Whether nothing more is to be had for now, so that it is no use to wait for it. */
    boolean dry(long rounds) {
        return rounds - dryAt <= DRY_ROUNDS;
    }

    /**
     * What is wanted and needed now.
     *
     * @param grow whether more may be leased: the budget is hard
     * @param past whether the period is over
     */
    Wish wish(Account account, boolean grow, boolean past, boolean regular) {
        long spare = account.free() - account.promised;
        recent = (regular ? recent / 8 * 7 : recent) + Math.max(0, account.spent() - seenSpent);
        seenSpent = account.spent();
        asked = false;
        if (want > 0) {
            hunger = least;
            patience = PATIENCE;
        } else if (regular && patience > 0 && --patience == 0) {
            hunger = 0;
        }
        wanted = grow ? Math.max(want, hunger) : 0;
        want = 0;
        least = 0;
        long used = Math.addExact(Math.addExact(account.held(), account.promised), Math.addExact(recent, wanted));
        long ahead = past || used == 0 || !grow ? 0 : Math.max(used, answer.whole() / LEAST_AHEAD);
        low = ahead / 2;
        long hungry = grow ? Math.max(0, hunger - spare) : 0;
        long must = Math.max(0, wanted - spare);
        long more = spare - wanted < low ? Math.max(must, wanted + ahead - spare) : must;
        return grow ? new Wish(spare, ahead, hungry, must, more) : new Wish(spare, 0, 0, 0, 0);
    }

    /** How much more all processes have leased and spent than there is; below 0: so much is left. */
    long excess() {
        long here = answer.granted() - answer.ownSpent();
        return answer.spent() + answer.elsewhere() + answer.lost() + here - answer.whole();
    }

    /** Forgets that nothing more could be had. */
    void hope() {
        dryAt = Long.MIN_VALUE / 2;
    }

    /** Takes note of an answer; the account has the lease already. */
    void learn(Account account, Answer told, long rounds) {
        answer = told;
        if (account.free() - account.promised >= wanted) {
            hunger = 0;
            patience = 0;
            dryAt = Long.MIN_VALUE / 2;
        } else {
            dryAt = rounds;
        }
    }

    /**
     * What an account has and wants.
     *
     * @param spare what its calls don't need; below 0: what they lack
     * @param ahead what it should have to spare
     * @param hungry what calls need that others should give back
     * @param must what calls wait for
     * @param more what is asked for in all
     */
    record Wish(long spare, long ahead, long hungry, long must, long more) {}
}
