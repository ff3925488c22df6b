package dev.lockkeeper.settings;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** What came of reading the configuration: settings, or every mistake in it. */
public sealed interface Loaded {
    /**
     * The files that were read, and what tells their content from other content: equal to {@link SettingsLoader#state} as
     * long as a file is as it was read.
     */
    Map<Path, String> files();

    /**
     * Nothing is wrong.
     *
     * @param settings complete: every default is filled in
     * @param notes sentences for the operator: what is not wrong but worth knowing
     * @param effective the same settings as text, with the origin of each value
     * @param fromFile whether a file says any of it
     */
    record Good(Settings settings, List<String> notes, Effective effective, boolean fromFile, Map<Path, String> files)
            implements Loaded {
        public Good {
            notes = List.copyOf(notes);
            files = Map.copyOf(files);
        }
    }

    /**
     * Something is wrong, and nothing may be started.
     *
     * @param mistakes all of them, in the order of the file; never empty
     * @param data the data folder that the configuration names all the same, as far as it could be read
     */
    record Bad(List<Mistake> mistakes, Path data, Map<Path, String> files) implements Loaded {
        public Bad {
            mistakes = List.copyOf(mistakes);
            files = Map.copyOf(files);
        }
    }
}
