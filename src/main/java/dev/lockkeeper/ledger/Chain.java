package dev.lockkeeper.ledger;

import java.util.List;

/** A budget's periods as the database has them, in order, and what of each is neither spent nor leased to anybody. */
final class Chain {
    private final Budget budget;
    private final List<Link> links;
    private final long[] carried;
    private final long[] left;

    /**
     * A period.
     *
     * @param start when it began
     * @param amount its own
     * @param committed what is spent or leased of it, in nano-dollars
     */
    record Link(long start, long amount, long committed) {}

    /** @param links of a budget that carries over all there are, else any */
    Chain(Budget budget, List<Link> links) {
        this.budget = budget;
        this.links = links;
        this.carried = new long[links.size()];
        this.left = new long[links.size()];
        long begins = budget.period().start(budget.createdMillis());
        for (int i = 0; i < links.size(); i++) {
            Link link = links.get(i);
            if (budget.carryOver() && link.start > begins) {
                // Where nobody called in the period before, it is carried over whole.
                carried[i] = follows(i) ? Account.carry(left[i - 1], links.get(i - 1).amount) : link.amount;
            }
            left[i] = Math.subtractExact(Math.addExact(link.amount, carried[i]), link.committed);
        }
    }

    private boolean follows(int at) {
        return at > 0 && budget.period().end(links.get(at - 1).start) == links.get(at).start;
    }

    /** The amount of a period, with what was carried over. */
    long whole(int at) {
        return links.get(at).amount + carried[at];
    }

    /** What is left of a period; below 0 where more is spent and leased than there is. */
    long left(int at) {
        return left[at];
    }

    /** What can be taken of a period and leaves nothing below zero, in those behind it neither; 0 or more. */
    long available(int at) {
        if (left[at] <= 0) {
            return 0;
        }
        int next = at + 1;
        return budget.carryOver() && next < left.length && follows(next)
                ? Math.max(0, Math.min(left[at], left[at] - carried[next] + available(next)))
                : left[at];
    }
}
