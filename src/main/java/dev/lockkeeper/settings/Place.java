package dev.lockkeeper.settings;

/**
 * Where a value was written.
 *
 * @param source the file as the operator named it, a variable, an option, or {@code default}
 * @param line from 1; 0 outside a file
 * @param column from 1; 0 outside a file
 */
record Place(String source, int line, int column) {
    /** Where nobody wrote anything. */
    static final Place DEFAULT = outside("default");

    static Place outside(String source) {
        return new Place(source, 0, 0);
    }

    /** The origin of a value, as it stands behind it in the effective configuration. */
    String origin() {
        return line == 0 ? source : source + ":" + line;
    }
}
