package dev.lockkeeper.settings;

import org.jspecify.annotations.Nullable;

/**
 * A value that was read, and where.
 *
 * @param value the value; the default if nothing was written, or nothing that could be used
 * @param place where it was written, or where it could have been
 * @param key its path
 * @param shown what was written, as far as it may be shown; null if nothing was
 * @param usable false if what was written was a mistake: then the value is a stand-in, and rules about it are not checked
 */
record Setting<T>(
        T value, Place place, String key, @Nullable String shown, boolean usable) {
    boolean written() {
        return shown != null;
    }
}
