package dev.lockkeeper.prices;

import java.util.Locale;

/** A provider's tariff: the same answer for another price, sooner or later. */
public enum Tier {
    /** The usual one. */
    STANDARD(100),
    /** Answers within a day. Without a price of its own it is charged as the usual one. */
    BATCH(100),
    /** Answers when there is room. Without a price of its own it is charged as the usual one. */
    FLEX(100),
    /** Answers first; also called fast. Without a price of its own it is charged twice the usual one. */
    PRIORITY(200),
    /** Answers on hardware apart. Without a price of its own it is charged six times the usual one. */
    ULTRAFAST(600);

    private final int assumed;

    Tier(int assumed) {
        this.assumed = assumed;
    }

    /** Percent of the usual price that are charged where nothing is written. */
    int assumed() {
        return assumed;
    }

    /** Its name in files, such as {@code batch}. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * The tariff that a request or an answer names: OpenAI calls the usual one {@code default} and asks for {@code auto},
     * and its {@code priority} is asked for as {@code fast}. Names that nobody knows are the usual one.
     */
    static Tier of(String name) {
        return switch (name) {
            case "batch" -> BATCH;
            case "flex" -> FLEX;
            case "priority", "fast" -> PRIORITY;
            case "ultrafast" -> ULTRAFAST;
            default -> STANDARD;
        };
    }
}
