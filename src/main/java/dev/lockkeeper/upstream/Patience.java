package dev.lockkeeper.upstream;

import dev.lockkeeper.dialect.openai.Refusals;
import dev.lockkeeper.upstream.ProviderSettings.Timeouts;
import org.jspecify.annotations.Nullable;

/**
 * How long an answer is waited for: a provider's timeouts, stretched for calls that think longer before their first token.
 *
 * @param stretch by how much the first token of such a call may come later than that of a call without reasoning
 * @param firstByteNanos from the request's last byte to the answer's head
 * @param firstTokenNanos without a sign of life before a stream's first token, past which another candidate is asked where
 *     there is one; never more than the total
 * @param idleNanos between two pieces of the answer
 * @param totalNanos from the attempt's start to the answer's last byte
 */
public record Patience(int stretch, long firstByteNanos, long firstTokenNanos, long idleNanos, long totalNanos) {
    /** What the flex tier stretches by: it queues behind everything else. */
    private static final int FLEX = 5;

    private static final int PRO = 10;

    /**
     * What the first token is stretched by with the flex tier, and with a pro model or the highest effort: a healthy call
     * may think, or queue, for minutes before it. With 10 s that is 5 and 10 minutes.
     */
    private static final int FLEX_TOKEN = 30;

    private static final int PRO_TOKEN = 60;

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
        long total = timeouts.total().toNanos() + firstByte * (stretch - 1);
        int token = tokenByEffort(model, effort) * ("flex".equals(tier) ? FLEX_TOKEN : 1);
        long firstToken = Math.min(timeouts.firstToken().toNanos() * token, total);
        return new Patience(token, firstByte * stretch, firstToken, idle * stretch, total);
    }

    private static int tokenByEffort(String model, @Nullable String effort) {
        if (model.endsWith("-pro") || model.contains("-pro-")) {
            return PRO_TOKEN;
        }
        if (effort == null) {
            return Refusals.of(model, null).maxTokens() ? 6 : 1;
        }
        return switch (effort) {
            case "low" -> 2;
            case "medium" -> 6;
            case "high" -> 18;
            case "xhigh" -> 48;
            case "max" -> PRO_TOKEN;
            default -> 1;
        };
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
