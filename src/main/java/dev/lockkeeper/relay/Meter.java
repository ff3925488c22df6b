package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.Rewrite;
import dev.lockkeeper.http.Loop;
import dev.lockkeeper.ledger.Awaited;
import dev.lockkeeper.ledger.Bill;
import dev.lockkeeper.ledger.Hold;
import dev.lockkeeper.prices.Price;
import dev.lockkeeper.units.Usage;

/**
 * The money of one attempt while it runs: more is held while a stream's text goes by, and what it cost is booked once. On
 * the call's loop only.
 */
final class Meter {
    /** Bytes of text that are one token of it at least: English has four, most other scripts three. */
    static final int BYTES_PER_TOKEN = 3;

    /** Tokens of a slice that are left when the next one is asked for. */
    private static final int AHEAD = Quote.SLICE / 4;

    /** Tokens that may still be on their way when the last one that can be paid was seen. */
    private static final int ON_ITS_WAY = 64;

    /** How fast an answer is taken to have grown that nobody has seen, tokens a second: fast models make so many. */
    static final int UNSEEN_PER_SECOND = 50;

    private final Hold hold;
    private final Price price;
    private final Quote quote;
    private final String tier;

    /** Tokens of the answer that the hold pays. */
    private long paid;

    /** Bytes of text at which it is looked again whether they are paid. */
    private long nextLook;

    private boolean last;
    private boolean ended;

    Meter(Hold hold, Price price, Quote quote, String tier) {
        this.hold = hold;
        this.price = price;
        this.quote = quote;
        this.tier = tier;
        long granted = hold.grantedNanos();
        long first = quote.watched() ? Math.min(quote.output(), Quote.SLICE) : quote.output();
        this.paid = granted == quote.wanted() ? first : price.affordableOutput(granted, quote.input(), tier);
        this.nextLook = quote.watched() ? look(AHEAD) : Long.MAX_VALUE;
    }

    /** Tokens of one choice that the upstream may be asked for, {@link Rewrite#UNLIMITED} where its own limit will do. */
    long limit() {
        boolean enough = paid >= quote.output() && !(quote.guessed() && hold.bounded());
        return quote.watched() || enough
                ? Rewrite.UNLIMITED
                : Math.max(1, Math.min(paid, quote.output()) / quote.choices());
    }

    /** Whether so much generated text is paid; holds more where it is nearly used up. False: the answer ends here. */
    boolean pays(long textBytes) {
        if (textBytes < nextLook) {
            return true;
        }
        if (last) {
            return false;
        }
        // An event may bring more than a slice.
        long slices = Math.ceilDiv(textBytes / BYTES_PER_TOKEN + AHEAD + 1 - paid, (long) Quote.SLICE);
        long further = Math.max(1, slices) * Quote.SLICE;
        // All that is not held yet: before a budget was made, which may be a moment ago, nothing had to be.
        long more = Math.max(0, price.worst(quote.input(), paid + further, tier) - hold.grantedNanos());
        if (!hold.bounded() || more == 0 || hold.grow(more)) {
            paid += further;
            nextLook = look(AHEAD);
        } else {
            hold.growUpTo(more);
            paid = price.affordableOutput(hold.grantedNanos(), quote.input(), tier);
            last = true;
            nextLook = look(ON_ITS_WAY);
        }
        return textBytes < nextLook;
    }

    private long look(int before) {
        return Math.max(0, paid - before) * BYTES_PER_TOKEN;
    }

    /** Whether it was booked or let go already. */
    boolean ended() {
        return ended;
    }

    /** What so much usage costs, in nano-dollars. */
    long cost(Usage usage) {
        return price.cost(usage);
    }

    /**
     * Tokens that an answer broken off has cost beyond those seen: one in a piece, or one that reasons in secret, grows
     * unseen.
     */
    long unseen(long nanos) {
        return quote.watched() ? 0 : Math.min(quote.output(), nanos / 1_000_000_000 * UNSEEN_PER_SECOND);
    }

    /** Tokens of the prompt, as they were reckoned. */
    long input() {
        return quote.input();
    }

    /** Tokens of the answer that the upstream may make at most. */
    long output() {
        return Math.min(paid, quote.output());
    }

    /** What is set aside, in nano-dollars. */
    long heldNanos() {
        return hold.grantedNanos();
    }

    /**
     * Leaves the money aside until it is known what it cost. Later calls do nothing.
     *
     * @return whether that is so, and will be when this process is gone
     */
    boolean await(Later later, Loop loop, Awaited what) {
        if (ended || !hold.await(what)) {
            return false;
        }
        ended = true;
        later.add(loop, hold);
        return true;
    }

    /** Books what it cost. Later calls do nothing. */
    void settle(Bill bill) {
        if (!ended) {
            ended = true;
            hold.settle(bill);
        }
    }

    /** Nothing was used. Does nothing after {@link #settle}. */
    void release() {
        if (!ended) {
            ended = true;
            hold.release();
        }
    }
}
