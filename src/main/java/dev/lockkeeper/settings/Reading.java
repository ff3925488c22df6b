package dev.lockkeeper.settings;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One run of the loader: what was said outside the file, and what is gathered on the way. */
final class Reading {
    private final Interpolation interpolation;
    private final Map<String, List<Said>> outside = new HashMap<>();
    private final List<Mistake> mistakes;
    private final List<String> notes;
    private final List<Entry> entries;

    /** The files that were read, and what was in them, see {@link Content#state}. */
    final Map<Path, String> files = new LinkedHashMap<>();

    private final boolean again;

    /**
     * @param folder where relative paths of files start
     * @param again whether the files were read before
     */
    Reading(Map<String, String> environment, Path folder, boolean again) {
        this.again = again;
        this.mistakes = new ArrayList<>();
        this.notes = new ArrayList<>();
        this.entries = new ArrayList<>();
        this.interpolation = new Interpolation(environment, folder, this::content);
    }

    private Reading(Reading other) {
        this.again = other.again;
        this.interpolation = other.interpolation;
        this.mistakes = other.mistakes;
        this.notes = other.notes;
        this.entries = new ArrayList<>();
    }

    /** One that gathers mistakes with another one, and no entries. */
    static Reading without(Reading other) {
        return new Reading(other);
    }

    /** Reads a file, and remembers what was in it. What is no regular file, such as a pipe, can be read once only. */
    Content content(Path file) {
        Content content = again ? Content.again(file) : Content.of(file);
        if (!content.once() && (content.bytes() == null || Files.isRegularFile(file))) {
            files.put(file, content.state());
        }
        return content;
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
     * @param yaml its value as YAML, masked if it is a secret
     * @param exact its value as YAML; only ever compared
     * @param origin where the value came from
     */
    record Entry(
            List<String> path,
            String pattern,
            String type,
            String byDefault,
            String yaml,
            String exact,
            String origin) {
        /** Without the exact value, which may be a secret. */
        @Override
        public String toString() {
            return pattern + ": " + yaml + " # " + origin;
        }
    }

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

    void mistake(Setting<?> setting, String expected, @Nullable String instead) {
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
