package dev.lockkeeper.routing;

/**
 * A part of the calls.
 *
 * @param percent of them, 0 to 100
 * @param by what calls have in common that are in it together; what has none of it counts by its key
 */
public record Share(double percent, Anchor by) {
    public Share {
        if (!(percent >= 0 && percent <= 100)) {
            throw new IllegalArgumentException("a share of " + percent + "% is none");
        }
    }
}
