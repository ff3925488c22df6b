package dev.lockkeeper.ledger;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What some attempts come to together. Immutable. */
public final class Sums {
    /** No attempt. */
    public static final Sums NONE = new Sums(new long[4 + Counts.COLUMNS.length]);

    /** The names of the counts of usage, in their order: tokens, milliseconds of audio, pictures, calls of hosted tools. */
    public static final List<String> COUNTS = List.of(Counts.COLUMNS);

    /** Calls, estimated, cost, overrun, and the counts. */
    private final long[] values;

    private Sums(long[] values) {
        this.values = values;
    }

    /** @param values calls, estimated, cost, overrun, and the counts in their order */
    static Sums of(long[] values) {
        return new Sums(values.clone());
    }

    /** The sum of both; throws {@link ArithmeticException} when one is too large. */
    public Sums plus(Sums other) {
        long[] both = new long[values.length];
        for (int i = 0; i < both.length; i++) {
            both[i] = Math.addExact(values[i], other.values[i]);
        }
        return new Sums(both);
    }

    /** Attempts. */
    public long calls() {
        return values[0];
    }

    /** Of {@link #calls}, those whose upstream told nothing that could be relied on. */
    public long estimated() {
        return values[1];
    }

    /** Nano-dollars. */
    public long costNanos() {
        return values[2];
    }

    /** Of {@link #costNanos}, what neither holds nor hard budgets could pay. */
    public long overrunNanos() {
        return values[3];
    }

    /** One of the counts. */
    long count(String name) {
        int at = COUNTS.indexOf(name);
        if (at < 0) {
            throw new IllegalArgumentException("count: " + name + " (expected: one of " + COUNTS + ")");
        }
        return values[4 + at];
    }

    /** Tokens of prompts, whatever they are. */
    public long input() {
        return sum("fresh_input", "audio_input", "image_input") + cached() + sum("written_input", "written_long_input");
    }

    /** Of {@link #input}, what was read from caches. */
    public long cached() {
        return sum("cached_input", "cached_audio_input", "cached_image_input");
    }

    /** Generated tokens, hidden reasoning included. */
    public long output() {
        return sum(
                "text_output",
                "reasoning_output",
                "audio_output",
                "image_output",
                "accepted_output",
                "rejected_output");
    }

    private long sum(String... names) {
        long sum = 0;
        for (String each : names) {
            sum = Math.addExact(sum, count(each));
        }
        return sum;
    }

    /** All counts by their names, in their order. */
    public Map<String, Long> counts() {
        Map<String, Long> counts = new LinkedHashMap<>();
        for (int i = 0; i < Counts.COLUMNS.length; i++) {
            counts.put(Counts.COLUMNS[i], values[4 + i]);
        }
        return Collections.unmodifiableMap(counts);
    }
}
