package dev.lockkeeper.settings;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One run of the loader: what was said outside the file, and what is gathered on the way. */
final class Reading {
    private final Interpolation interpolation;
    private final Map<String, List<Said>> outside = new HashMap<>();
    private final List<Mistake> mistakes = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();
    private final List<Entry> entries = new ArrayList<>();

    Reading(Interpolation interpolation) {
        this.interpolation = interpolation;
    }

    /**
     * A value from the environment or the command line.
     *
     * @param source the variable or the option
     */
    record Said(String source, String text) {}

    /**
     * A key that was asked for, and what came of it.
     *
     * @param path its names from the root
     * @param pattern its path with {@code <…>} for names that the operator chooses
     * @param type name of its type
     * @param byDefault its default in words
     * @param yaml its value as YAML
     * @param origin where the value came from
     */
    record Entry(List<String> path, String pattern, String type, String byDefault, String yaml, String origin) {}

    /** Adds a value for a key; the first one that is added for a key is the strongest. */
    void say(String key, String source, @Nullable Object value) {
        if (value != null && !value.toString().isEmpty()) {
            outside.computeIfAbsent(key, _ -> new ArrayList<>()).add(new Said(source, value.toString()));
        }
    }

    List<Said> said(String key) {
        return outside.getOrDefault(key, List.of());
    }

    Interpolation.Filled fill(String text) {
        return interpolation.fill(text);
    }

    void mistake(Place place, String key, @Nullable String shown, String expected, @Nullable String instead) {
        mistakes.add(new Mistake(place.source(), place.line(), place.column(), key, shown, expected, instead));
    }

    void mistake(Setting<?> setting, String expected) {
        mistake(setting.place(), setting.key(), setting.shown(), expected, null);
    }

    void mistake(Setting<?> setting, String expected, String instead) {
        mistake(setting.place(), setting.key(), setting.shown(), expected, instead);
    }

    void note(String note) {
        notes.add(note);
    }

    void entry(Entry entry) {
        entries.add(entry);
    }

    /** Where the parser puts what it finds. */
    List<Mistake> parserMistakes() {
        return mistakes;
    }

    /** All mistakes in the order of the file, then those outside it. */
    List<Mistake> mistakes() {
        return mistakes.stream()
                .distinct()
                .sorted(Comparator.comparing((Mistake mistake) -> mistake.line() == 0)
                        .thenComparingInt(Mistake::line)
                        .thenComparingInt(Mistake::column))
                .toList();
    }

    List<String> notes() {
        return notes;
    }

    List<Entry> entries() {
        return entries;
    }
}
