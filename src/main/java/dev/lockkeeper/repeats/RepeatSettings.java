package dev.lockkeeper.repeats;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How calls with an idempotency key are kept.
 *
 * @param keepFor how long an answer is replayed after it ended
 * @param goOn how long a call goes on while nobody listens to it
 * @param maxAnswer bytes of an answer that is kept; a longer one is delivered, but not kept
 * @param maxTotal bytes of all answers in the database; one beyond it is not kept
 * @param secret what answers are encrypted with, the same on every node that shares a database; null: a key of this data
 *     folder's own, so that no other node can replay them
 */
public record RepeatSettings(
        Duration keepFor,
        Duration goOn,
        int maxAnswer,
        long maxTotal,
        @Nullable String secret) {
    /** What is not written. */
    public static final RepeatSettings USUAL =
            new RepeatSettings(Duration.ofHours(24), Duration.ofMinutes(10), 4 << 20, 256L << 20, null);

    /** Whether there is a secret, never which. */
    @Override
    public String toString() {
        return "RepeatSettings[keepFor=" + keepFor + ", goOn=" + goOn + ", maxAnswer=" + maxAnswer + ", maxTotal="
                + maxTotal + ", secret=" + (secret == null ? "none" : "set") + "]";
    }
}
