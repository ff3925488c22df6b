package dev.lockkeeper.admin;

import java.util.List;

/** What came of reading the configuration again. Holds names and mistakes, never a secret. */
public sealed interface Reloaded {
    /**
     * It has no mistakes and is in effect.
     *
     * @param changes what changed, one sentence for each key; empty if nothing did
     * @param restart what can't be followed without a restart, one sentence for each key
     * @param notes what is not wrong but worth knowing
     */
    record Followed(List<String> changes, List<String> restart, List<String> notes) implements Reloaded {
        public Followed {
            changes = List.copyOf(changes);
            restart = List.copyOf(restart);
            notes = List.copyOf(notes);
        }
    }

    /**
     * It has mistakes, and what was in effect before still is.
     *
     * @param mistakes all of them, with line and column
     */
    record Refused(List<String> mistakes) implements Reloaded {
        public Refused {
            mistakes = List.copyOf(mistakes);
        }
    }

    /**
     * It could not be put into effect, and what was in effect before still is.
     *
     * @param why one sentence
     */
    record Failed(String why) implements Reloaded {}
}
