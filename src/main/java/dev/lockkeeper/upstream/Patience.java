package dev.lockkeeper.upstream;

import dev.lockkeeper.dialect.openai.Refusals;
import dev.lockkeeper.upstream.ProviderSettings.Timeouts;
import org.jspecify.annotations.Nullable;

/**
 * How long an answer is waited for: a provider's timeouts, stretched for calls that think longer before their first token.
 *
 * @param firstByteNanos from the request's last byte to the answer's head
 * @param firstTokenNanos without a sign of life before a stream's first token, where somebody else could answer
 * @param idleNanos between two pieces of the answer
 * @param totalNanos from the attempt's start to the answer's last byte
 */
public record Patience(long firstByteNanos, long firstTokenNanos, long idleNanos, long totalNanos) {
    private static final long FIRST_TOKEN_NANOS = 10_000_000_000L;

    /** What the flex tier stretches by: it queues behind everything else. */
    private static final int FLEX = 5;

    private static final int PRO = 10;

    /**
     * The patience for one call.
     *
     * @param model what the provider calls the model, empty where there is none
     * @param effort the reasoning effort asked for, null when none was
     * @param tier the service tier asked for, null when none was
     */
    public static Patience of(Timeouts timeouts, String model, @Nullable String effort, @Nullable String tier) {
        long stretch = Math.multiplyExact(byEffort(model, effort), "flex".equals(tier) ? FLEX : 1);
        long firstByte = timeouts.firstByte().toNanos();
        long idle = timeouts.idle().toNanos();
        // The total grows by as much as the first byte may come later, and never cuts the wait for it short.
        return new Patience(
                firstByte * stretch,
                FIRST_TOKEN_NANOS * stretch,
                idle * stretch,
                timeouts.total().toNanos() + firstByte * (stretch - 1));
    }

    private static long byEffort(String model, @Nullable String effort) {
        if (model.endsWith("-pro") || model.contains("-pro-")) {
            return PRO;
        }
        if (effort == null) {
            // A model that reasons refuses max_tokens; left to itself it reasons at medium effort.
            return Refusals.of(model, null).maxTokens() ? 2 : 1;
        }
        return switch (effort) {
            case "medium" -> 2;
            case "high" -> 4;
            case "xhigh" -> 8;
            case "max" -> 10;
            default -> 1;
        };
    }
}
