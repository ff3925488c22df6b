package dev.lockkeeper.ledger;

import java.util.Locale;

/**
 * What a hold waits for: something that a provider works on after it has answered, and bills when it is done. A hold that
 * waits outlives the process.
 *
 * @param kind what it is
 * @param id the provider's id of it: letters, digits and signs of ASCII, at most {@value #MAX_ID}
 * @param endpoint what was called, for the books; at most 64 bytes are kept
 * @param tier the tariff that it was asked for in, empty for the usual one; at most 64 bytes are kept
 * @param input tokens of the prompt, reckoned
 * @param output tokens of the answer at most
 * @param untilMillis how long it is waited for, milliseconds since 1970
 */
public record Awaited(Kind kind, String id, String endpoint, String tier, long input, long output, long untilMillis) {
    /** Characters of an id. */
    public static final int MAX_ID = 256;

    /** What may be waited for. Numbers are never used for anything else. */
    public enum Kind {
        /** A response that is made in the background. */
        RESPONSE(1),
        /** A batch of requests. */
        BATCH(2);

        private final String text = name().toLowerCase(Locale.ROOT);

        /** In journals. */
        final int number;

        Kind(int number) {
            this.number = number;
        }

        /** The name in the database, the admin API and metrics. */
        public String text() {
            return text;
        }

        static Kind of(int number) {
            return number == RESPONSE.number ? RESPONSE : BATCH;
        }
    }

    /** Whether an id is one that a hold can wait for. */
    public static boolean names(String id) {
        return !id.isEmpty() && id.length() <= MAX_ID && id.chars().allMatch(c -> c > 0x20 && c < 0x7f);
    }
}
