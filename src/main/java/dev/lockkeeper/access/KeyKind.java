package dev.lockkeeper.access;

import java.util.Locale;

/** What a key is for; written into its text, so that one is not taken for the other. */
public enum KeyKind {
    /** Calls that count. */
    LIVE,
    /** Trials. */
    TEST;

    /** {@code live} or {@code test}. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** What every key of this kind starts with. */
    String prefix() {
        return "lk-" + word() + "-";
    }
}
