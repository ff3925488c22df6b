package dev.lockkeeper.routing;

import java.util.Locale;

/** By what the candidates of one rank are put in order. */
public enum Choose {
    /** By chance, as often as their weights say. */
    WEIGHT,
    /** The one first whose first token comes soonest. */
    LATENCY,
    /** The one first that has least to do for its weight. */
    BUSY,
    /** The one first that costs least for this call. */
    PRICE,
    /** The same one first for all calls that have the same anchor. */
    STICKY;

    /** As the configuration has it. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
