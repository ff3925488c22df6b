package dev.lockkeeper.units;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Something in a prompt that is not text, as far as its size can be told without opening it. */
public sealed interface Media {
    /**
     * A picture.
     *
     * @param detail how closely it is to be looked at
     * @param width pixels; 0 where they can't be told, because it is named by URL or id, or in an unknown format
     * @param height pixels; 0 where they can't be told
     */
    record Image(Detail detail, int width, int height) implements Media {}

    /**
     * A recording.
     *
     * @param bytes its size; 0 where it can't be told
     * @param bytesPerSecond by its own header; 0 where it can't be told
     */
    record Audio(long bytes, long bytesPerSecond) implements Media {}

    /**
     * A file.
     *
     * @param bytes its size; 0 where it can't be told, because it is named by URL or id
     * @param pages whether it may have pages, as a PDF, rather than be plain text
     */
    record File(long bytes, boolean pages) implements Media {}

    /** Whether its size is known well enough to say how many tokens it has: of a picture it need not be. */
    default boolean known() {
        return switch (this) {
            case Image _ -> true;
            case Audio(long bytes, long _) -> bytes > 0;
            case File(long bytes, boolean _) -> bytes > 0;
        };
    }

    /** How closely a model is to look at a picture. */
    enum Detail {
        LOW,
        HIGH,
        ORIGINAL,
        /** The model's own choice: what is left out or unknown means this too. */
        AUTO;

        private final String word = name().toLowerCase(Locale.ROOT);

        /** The detail that is written so. */
        public static Detail of(@Nullable String word) {
            for (Detail each : values()) {
                if (each.word.equals(word)) {
                    return each;
                }
            }
            return AUTO;
        }
    }
}
