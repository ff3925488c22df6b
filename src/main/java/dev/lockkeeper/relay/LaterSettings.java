package dev.lockkeeper.relay;

import java.time.Duration;

/**
 * How long, and how often, is looked for what providers bill later.
 *
 * @param first from its beginning to the first look
 * @param longest between two looks at most: each takes twice as long to come as the one before
 * @param background how long a response in the background is waited for; then it is booked at what is held for it
 * @param batch the same for a batch: its provider has 24 hours for it, and then some to write down what came of it
 * @param most how many may be waited for at once; a further one is refused
 */
public record LaterSettings(Duration first, Duration longest, Duration background, Duration batch, int most) {
    /** What holds where nothing is written. */
    public static final LaterSettings DEFAULT = new LaterSettings(
            Duration.ofSeconds(2), Duration.ofMinutes(1), Duration.ofHours(24), Duration.ofHours(48), 10_000);
}
