package dev.lockkeeper.relay;

import java.time.Duration;

/**
 * How streams are kept for clients that lose their connection, and asked for that.
 *
 * @param within how long a stream is kept while nobody listens to it, and its generation goes on; zero: none is
 * @param most bytes of one stream that is kept; a longer one goes on for its present client alone
 * @param total bytes of all that are kept; for what comes beyond, the same holds
 */
public record ResumeSettings(Duration within, long most, long total) {
    /** What is not written, where the heap does not matter. */
    public static final ResumeSettings USUAL = new ResumeSettings(Duration.ofMinutes(5), 4 << 20, 64 << 20);
}
