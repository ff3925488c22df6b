package dev.lockkeeper.settings;

import java.util.List;

/** What came of reading the configuration: settings, or every mistake in it. */
public sealed interface Loaded {
    /**
     * Nothing is wrong.
     *
     * @param settings complete: every default is filled in
     * @param notes sentences for the operator: what is not wrong but worth knowing
     * @param effective the same settings as text, with the origin of each value
     */
    record Good(Settings settings, List<String> notes, Effective effective) implements Loaded {
        public Good {
            notes = List.copyOf(notes);
        }
    }

    /**
     * Something is wrong, and nothing may be started.
     *
     * @param mistakes all of them, in the order of the file; never empty
     */
    record Bad(List<Mistake> mistakes) implements Loaded {
        public Bad {
            mistakes = List.copyOf(mistakes);
        }
    }
}
