package dev.lockkeeper.limits;

import dev.lockkeeper.units.Media;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;

/**
 * How many tokens a prompt has, reckoned from its bytes. How many bytes of text a token has is learnt for each upstream
 * model from what upstreams report. Any thread; nothing blocks.
 */
public final class TokenEstimate {
    /** Bytes of text for a token of a model that nothing is known of: English has four to five. */
    static final double BYTES_PER_TOKEN = 4;

    /** No text has more tokens than bytes: byte-level vocabularies have each byte. */
    static final double LEAST_BYTES_PER_TOKEN = 1;

    /** No report is believed that says more: it did not count all of the prompt. */
    static final double MOST_BYTES_PER_TOKEN = 8;

    /** What a report weighs beside those before it. The first ones weigh more, each as much as the ones before. */
    static final double WEIGHT = 1.0 / 16;

    /** Shorter prompts teach nothing: their tokens are mostly the frame around them. */
    static final int LEAST_TEXT = 256;

    /** Tokens around each message, and before the answer (OpenAI's cookbook on counting tokens). */
    static final int PER_MESSAGE = 4;

    /** The most tokens that stand around a message, and once around all of them. */
    static final int MOST_PER_MESSAGE = 16;

    /** Upstream models that are told apart; what comes beyond is reckoned, but nothing is learnt of it. */
    static final int MAX_MODELS = 1_000;

    private static final Rate UNKNOWN = new Rate(BYTES_PER_TOKEN, 0);

    private final ConcurrentHashMap<String, AtomicReference<Rate>> rates = new ConcurrentHashMap<>();

    /** Bytes for a token, and of how many reports. */
    private record Rate(double bytes, int reports) {
        Rate and(double seen) {
            double weight = Math.max(WEIGHT, 1.0 / (reports + 1));
            return new Rate(bytes + weight * (seen - bytes), Math.min(reports + 1, 1_000));
        }
    }

    /**
     * Reckons a prompt.
     *
     * @param upstreamModel the model as its provider calls it
     * @param textBytes bytes of text in UTF-8, at least 0
     * @param messages how many messages it has, at least 0
     * @param media what it has beside text
     */
    public Tokens input(String upstreamModel, long textBytes, int messages, List<Media> media) {
        long text = Math.min(textBytes, (long) Math.ceil(textBytes / bytesPerToken(upstreamModel)));
        Tokens told = new Tokens(text + frame(messages), atMost(textBytes, messages));
        return media.isEmpty() ? told : told.plus(MediaTokens.of(upstreamModel, media));
    }

    private static long frame(int messages) {
        return (long) PER_MESSAGE * (messages + 1L);
    }

    private static long atMost(long textBytes, int messages) {
        return textBytes + (long) MOST_PER_MESSAGE * (messages + 1L);
    }

    /**
     * Learns from what an upstream reported of a prompt that stood in the request's body as a whole and was text only: no
     * pictures, no earlier turns that the provider kept.
     *
     * @param reportedInput tokens of the prompt, cached ones included
     */
    public void learn(String upstreamModel, long textBytes, int messages, long reportedInput) {
        long tokens = reportedInput - frame(messages);
        if (textBytes < LEAST_TEXT || tokens <= 0) {
            return;
        }
        AtomicReference<Rate> rate = rates.get(upstreamModel);
        if (rate == null) {
            if (rates.size() >= MAX_MODELS) {
                return;
            }
            rate = rates.computeIfAbsent(upstreamModel, _ -> new AtomicReference<>(UNKNOWN));
        }
        double seen = Math.clamp((double) textBytes / tokens, LEAST_BYTES_PER_TOKEN, MOST_BYTES_PER_TOKEN);
        rate.updateAndGet(before -> before.and(seen));
    }

    /** Bytes of text for a token of a model, as far as is known. */
    double bytesPerToken(String upstreamModel) {
        AtomicReference<Rate> rate = rates.get(upstreamModel);
        return rate == null ? BYTES_PER_TOKEN : rate.get().bytes;
    }

    int models() {
        return rates.size();
    }
}
