package dev.lockkeeper.limits;

import java.util.concurrent.CompletableFuture;

/** Whether a call may come in now. */
public sealed interface Entry permits Permit, Entry.Refused, Entry.Near, Entry.Later {
    /**
     * It may not, and nothing was taken.
     *
     * @param limit the limit that says no; its subject may stand for each of a kind
     * @param subject on whom it counts here
     * @param used what was used of it, at least 0
     * @param allowed what may be used of it: the burst, or the amount of a day, or calls at once; where nodes share the
     *     limit, what this one has of that now
     * @param asked what this call wanted of it
     * @param opensInMillis when so much will be left, in milliseconds from now, at least 1; {@link Refused#NEVER} where the
     *     call wants more than there can ever be
     */
    record Refused(Limit limit, Subject subject, long used, long allowed, long asked, long opensInMillis)
            implements Entry {
        /** Says that this call would be refused at any time. */
        public static final long NEVER = Gauge.NEVER;

        /** One sentence for the client: the limit, on whom, what was used, and when it opens. */
        public String message() {
            String counted = limit.measure().said();
            String reached = "Rate limit reached for " + subject + " on " + counted + ": limit " + limit.amount()
                    + (limit.measure().bursts() && limit.burst() != limit.amount()
                            ? " with a burst of " + limit.burst()
                            : "")
                    + (allowed != limit.burst() ? " (of which this gateway has " + allowed + " now)" : "")
                    + ", used " + used + ", requested " + asked + ".";
            return opensInMillis == NEVER
                    ? reached + " This call alone wants more than the limit ever allows: make it smaller, or ask the"
                            + " operator for a higher limit."
                    : reached + " Please try again in " + GoDuration.text(opensInMillis) + ".";
        }
    }

    /**
     * It depends on how many tokens the call has, more exactly than was said, and nothing was taken. Whoever asked counts
     * them and asks again.
     */
    record Near() implements Entry {}

    /**
     * A limit is shared with other nodes and this one's share has to be fetched; nothing was taken. Whoever asked asks again
     * then.
     *
     * @param then completed within {@link SharedGauge#PATIENCE}, on any thread, never with a failure
     */
    record Later(CompletableFuture<?> then) implements Entry {}
}
