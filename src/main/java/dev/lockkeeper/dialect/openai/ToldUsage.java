package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Usage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A {@code usage} object as OpenAI and those who speak like it send it, and what it means: there a prompt's tokens hold
 * those that were cached, an answer's hold those of reasoning; here each token is in one bucket.
 */
final class ToldUsage {
    private static final int INPUT = 0;
    private static final int OUTPUT = 1;
    private static final int TOTAL = 2;
    private static final int CACHED = 3;
    private static final int WRITTEN = 4;
    private static final int WRITTEN_LONG = 5;
    private static final int AUDIO_IN = 6;
    private static final int IMAGE_IN = 7;
    private static final int CACHED_AUDIO = 8;
    private static final int CACHED_IMAGE = 9;
    private static final int REASONING = 10;
    private static final int TEXT_OUT = 11;
    private static final int AUDIO_OUT = 12;
    private static final int IMAGE_OUT = 13;
    private static final int ACCEPTED = 14;
    private static final int REJECTED = 15;
    private static final int SECONDS = 16;
    private static final int COUNTS = 17;

    private static final long MILLIS = 1_000;

    /** Where the counts stand below a usage object; the first path is that object itself. */
    static final List<String> PATHS;

    private static final int[] MEANINGS;

    static {
        List<String> paths = new ArrayList<>(List.of(""));
        List<Integer> meanings = new ArrayList<>(List.of(-1));
        add(paths, meanings, INPUT, "", "prompt_tokens", "input_tokens");
        add(paths, meanings, OUTPUT, "", "completion_tokens", "output_tokens");
        add(paths, meanings, TOTAL, "", "total_tokens");
        // DeepSeek's and Moonshot's names for what was cached.
        add(paths, meanings, CACHED, "", "prompt_cache_hit_tokens", "cached_tokens");
        add(paths, meanings, SECONDS, "", "seconds");
        for (String in : List.of("prompt_tokens_details.", "input_tokens_details.", "input_token_details.")) {
            add(paths, meanings, CACHED, in, "cached_tokens");
            add(paths, meanings, WRITTEN, in, "cache_write_tokens");
            add(paths, meanings, WRITTEN_LONG, in, "cache_write_tokens_details.ttl_12h_tokens");
            add(paths, meanings, AUDIO_IN, in, "audio_tokens");
            add(paths, meanings, IMAGE_IN, in, "image_tokens");
            add(paths, meanings, CACHED_AUDIO, in, "cached_tokens_details.audio_tokens");
            add(paths, meanings, CACHED_IMAGE, in, "cached_tokens_details.image_tokens");
        }
        for (String out : List.of("completion_tokens_details.", "output_tokens_details.", "output_token_details.")) {
            add(paths, meanings, REASONING, out, "reasoning_tokens");
            add(paths, meanings, TEXT_OUT, out, "text_tokens");
            add(paths, meanings, AUDIO_OUT, out, "audio_tokens");
            add(paths, meanings, IMAGE_OUT, out, "image_tokens");
            add(paths, meanings, ACCEPTED, out, "accepted_prediction_tokens");
            add(paths, meanings, REJECTED, out, "rejected_prediction_tokens");
        }
        PATHS = List.copyOf(paths);
        MEANINGS = meanings.stream().mapToInt(Integer::intValue).toArray();
    }

    private static void add(List<String> paths, List<Integer> meanings, int meaning, String below, String... names) {
        for (String name : names) {
            paths.add(below + name);
            meanings.add(meaning);
        }
    }

    private final long[] reading = new long[COUNTS];
    private final long[] told = new long[COUNTS];
    private boolean any;

    /** A usage object begins. */
    void begins() {
        Arrays.fill(reading, -1);
    }

    /** A number stands at one of {@link #PATHS}. */
    void number(int path, long value) {
        if (path > 0 && value >= 0) {
            int meaning = MEANINGS[path];
            // Two names of one count: the larger is it, since one of them may be there and zero.
            reading[meaning] = Math.max(reading[meaning], Math.min(value, Usage.MOST));
        }
    }

    /**
     * The usage object is whole; whether it told anything. What is told later replaces what was told before, but for a later
     * one that tells only zeros.
     */
    boolean ends() {
        if (reading[INPUT] < 0 && reading[OUTPUT] < 0 && reading[SECONDS] < 0) {
            return false;
        }
        if (!any || reading[INPUT] > 0 || reading[OUTPUT] > 0 || reading[SECONDS] > 0) {
            System.arraycopy(reading, 0, told, 0, COUNTS);
        }
        any = true;
        return true;
    }

    boolean told() {
        return any;
    }

    private long of(int which) {
        return Math.max(0, told[which]);
    }

    /** What was told last, in disjoint buckets. */
    Usage.Builder normal(Endpoint.Kind kind) {
        long input = of(INPUT);
        long output = of(OUTPUT);
        long cached = of(CACHED);
        long written = of(WRITTEN);
        long reasoning = of(REASONING);
        // A total that is more than its parts: an upstream that counts the cache beside the prompt, or reasoning beside
        // the
        // answer (or hides it altogether). The bill will have it.
        long beside = of(TOTAL) - input - output;
        if (beside > 0 && beside != reasoning && cached + written > 0) {
            if (beside == cached + written || beside == cached + written + reasoning) {
                input += cached + written;
                beside -= cached + written;
            }
        }
        if (beside > 0) {
            output += beside;
            reasoning += beside == reasoning ? 0 : beside;
        }
        if (cached + written > input) {
            input += cached + written;
        }
        if (reasoning > output) {
            output += reasoning;
        }
        Usage.Builder usage = new Usage.Builder();
        input(usage, kind, input, cached, written);
        output(usage, kind, output, reasoning);
        return usage.audioMillis(bounded(of(SECONDS) * MILLIS));
    }

    private void input(Usage.Builder usage, Endpoint.Kind kind, long input, long cached, long written) {
        long audio = of(AUDIO_IN);
        long image = of(IMAGE_IN);
        if (kind == Endpoint.Kind.TRANSCRIPTION && told[AUDIO_IN] < 0) {
            audio = input;
        }
        long cachedAudio = Math.min(of(CACHED_AUDIO), cached);
        long cachedImage = Math.min(of(CACHED_IMAGE), cached - cachedAudio);
        long cachedText = cached - cachedAudio - cachedImage;
        // More of it cached than the prompt has text: the rest can only be pictures or audio.
        long more = Math.max(0, cachedText - Math.max(0, input - audio - image));
        long moreImage = Math.clamp(image - cachedImage, 0, more);
        long moreAudio = Math.clamp(audio - cachedAudio, 0, more - moreImage);
        cachedImage += moreImage;
        cachedAudio += moreAudio;
        cachedText -= moreImage + moreAudio;
        long rest = input - cached - written;
        long freshAudio = Math.clamp(audio - cachedAudio, 0, rest);
        long freshImage = Math.clamp(image - cachedImage, 0, rest - freshAudio);
        long writtenLong = Math.min(of(WRITTEN_LONG), written);
        usage.cachedInput(bounded(cachedText))
                .cachedAudioInput(bounded(cachedAudio))
                .cachedImageInput(bounded(cachedImage))
                .writtenInput(bounded(written - writtenLong))
                .writtenLongInput(bounded(writtenLong))
                .audioInput(bounded(freshAudio))
                .imageInput(bounded(freshImage))
                .freshInput(bounded(rest - freshAudio - freshImage));
    }

    private void output(Usage.Builder usage, Endpoint.Kind kind, long output, long reasoning) {
        long rest = output - reasoning;
        long audio = of(AUDIO_OUT);
        long image = of(IMAGE_OUT);
        if (kind == Endpoint.Kind.SPEECH && told[AUDIO_OUT] < 0) {
            audio = Math.max(0, rest - of(TEXT_OUT));
        } else if (kind == Endpoint.Kind.IMAGES && told[IMAGE_OUT] < 0) {
            image = Math.max(0, rest - of(TEXT_OUT));
        }
        audio = Math.min(audio, rest);
        image = Math.min(image, rest - audio);
        long rejected = Math.min(of(REJECTED), rest - audio - image);
        long accepted = Math.min(of(ACCEPTED), rest - audio - image - rejected);
        usage.reasoningOutput(bounded(reasoning))
                .audioOutput(bounded(audio))
                .imageOutput(bounded(image))
                .rejectedOutput(bounded(rejected))
                .acceptedOutput(bounded(accepted))
                .textOutput(bounded(rest - audio - image - rejected - accepted));
    }

    private static long bounded(long count) {
        return Math.min(count, Usage.MOST);
    }
}
