package dev.lockkeeper.simulator;

import com.knuddels.jtokkit.api.IntArrayList;
import java.util.LinkedHashMap;
import java.util.Map;

/** Remembers the beginnings of prompts, as hashes of their first 1024, 1152, 1280 … tokens. Any thread. */
final class PromptCache {
    /** The most beginnings that are remembered; the one used longest ago is dropped. */
    static final int MOST_PREFIXES = 65_536;

    private static final int LEAST = 1_024;
    private static final int STEP = 128;

    /** What a prompt counts: its tokens, and how many of them were known already. */
    record Count(int tokens, int cached) {}

    private final Map<Long, Boolean> known = new LinkedHashMap<>(256, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Boolean> eldest) {
            return size() > MOST_PREFIXES;
        }
    };

    /** Counts a prompt and remembers its beginnings for the next one. */
    Count count(String model, String prompt) {
        if (prompt.length() < LEAST / 2) {
            return new Count(Tokens.count(prompt), 0);
        }
        IntArrayList tokens = Tokens.encode(prompt);
        int steps = tokens.size() < LEAST ? 0 : (tokens.size() - LEAST) / STEP + 1;
        if (steps == 0) {
            return new Count(tokens.size(), 0);
        }
        long[] hashes = new long[steps];
        long hash = Ids.mix(model.hashCode());
        int next = 0;
        for (int i = 0; i < tokens.size() && next < steps; i++) {
            hash = Ids.mix(hash ^ tokens.get(i));
            if (i + 1 == LEAST + next * STEP) {
                hashes[next++] = hash;
            }
        }
        int cached = 0;
        synchronized (known) {
            for (int i = 0; i < steps; i++) {
                if (known.get(hashes[i]) != null) {
                    cached = LEAST + i * STEP;
                }
            }
            for (long each : hashes) {
                known.put(each, Boolean.TRUE);
            }
        }
        return new Count(tokens.size(), cached);
    }
}
