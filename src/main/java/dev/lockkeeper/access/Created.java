package dev.lockkeeper.access;

/**
 * A key that has just been made, or given a new text: the only moment at which the text is known.
 *
 * @param text what callers send; kept nowhere
 * @param key everything else
 * @param newProject whether its project was made along with it
 */
public record Created(String text, KeyInfo key, boolean newProject) {
    /** Without the text, which is a secret. */
    @Override
    public String toString() {
        return "Created[" + key + "]";
    }
}
