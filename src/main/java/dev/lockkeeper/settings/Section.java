package dev.lockkeeper.settings;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A mapping that is being read, key by key. What is asked for is what is known: {@link #end} calls everything else a
 * mistake. Each value that is asked for is remembered with its origin, so neither the effective configuration nor the
 * document of the keys can miss one.
 */
final class Section {
    /** Names of mappings that stand in a list. */
    private static final Pattern ITEM = Pattern.compile("\\[\\d+\\]");

    private static final Pattern SIMPLE = Pattern.compile("[A-Za-z0-9_-]+");

    /** What other gateways call it; names that a release gives up go here, too. */
    private static final Map<String, String> OTHER_NAMES = Map.ofEntries(
            Map.entry("model_list", "models"),
            Map.entry("routes", "models"),
            Map.entry("logging", "log"),
            Map.entry("server.bind", "host"),
            Map.entry("server.address", "host"),
            Map.entry("server.tls.cert", "certificate"),
            Map.entry("providers.<name>.url", "base-url"),
            Map.entry("providers.<name>.api_base", "base-url"),
            Map.entry("providers.<name>.endpoint", "base-url"),
            Map.entry("providers.<name>.key", "api-key"),
            Map.entry("providers.<name>.token", "api-key"),
            Map.entry("providers.<name>.credential", "api-key"),
            Map.entry("models.<name>.provider", "targets: [provider/model]"),
            Map.entry("models.<name>.model", "targets: [provider/model]"));

    private static final Piece NOTHING = new Piece.Text("", true, Place.DEFAULT);

    private final Reading reading;
    private final List<String> path;
    private final String key;
    private final String pattern;
    private final Place place;
    private final Map<String, Piece.Member> members;
    private final Set<String> asked = new LinkedHashSet<>();
    private final Set<String> refused = new LinkedHashSet<>();
    private boolean clean = true;

    private Section(
            Reading reading,
            List<String> path,
            String key,
            String pattern,
            Place place,
            Map<String, Piece.Member> members) {
        this.reading = reading;
        this.path = path;
        this.key = key;
        this.pattern = pattern;
        this.place = place;
        this.members = members;
    }

    /** The whole configuration. */
    static Section root(Reading reading, Place place, Map<String, Piece.Member> members) {
        return new Section(reading, List.of(), "", "", place, members);
    }

    /** A path and a name below it; a name with dots in it is put in quotes. */
    static String join(String path, String name) {
        if (ITEM.matcher(name).matches()) {
            return path + name;
        }
        String last = SIMPLE.matcher(name).matches() ? name : '"' + Shown.value(name) + '"';
        return path.isEmpty() ? last : path + "." + last;
    }

    /** The path from the root. */
    String key() {
        return key;
    }

    /** The last name of the path; of a mapping in a list, the list's. */
    String name() {
        String last = path.getLast();
        return ITEM.matcher(last).matches() ? path.get(path.size() - 2) : last;
    }

    /** Whether anything is written here. */
    boolean isWritten() {
        return !members.isEmpty();
    }

    /** Whether a key of this name is written. */
    boolean has(String name) {
        Piece.Member member = members.get(name);
        return member != null && !isNothing(member);
    }

    /** Whether nothing that was read here was a mistake. */
    boolean clean() {
        return clean;
    }

    /** Where its key stands. */
    Place place() {
        return place;
    }

    /** A mapping inside this one, without members if it is not written. */
    Section section(String name) {
        asked.add(name);
        return child(name, name, members.get(name));
    }

    /**
     * The mappings below this one, whose names the operator chooses.
     *
     * @param longForm makes a mapping of a shorter form, and leaves alone what is none
     */
    List<Section> each(Function<Piece, Piece> longForm) {
        List<Section> sections = new ArrayList<>();
        members.forEach((name, member) -> {
            asked.add(name);
            Piece piece = isNothing(member) ? member.value() : longForm.apply(member.value());
            sections.add(child(name, "<name>", new Piece.Member(member.at(), piece)));
        });
        return sections;
    }

    /** A mapping inside this one, under a name in the document that several share. */
    Section section(String name, String patternName, Function<Piece, Piece> longForm) {
        asked.add(name);
        Piece.Member member = members.get(name);
        return child(
                name,
                patternName,
                member == null ? null : new Piece.Member(member.at(), longForm.apply(member.value())));
    }

    /** Like {@link #each}, where a list of mappings may stand for one mapping. */
    List<Section> eachOrEachOfList() {
        List<Section> sections = new ArrayList<>();
        members.forEach((name, member) -> {
            asked.add(name);
            Section one = child(
                    name,
                    "<name>",
                    member.value() instanceof Piece.Items ? new Piece.Member(member.at(), NOTHING) : member);
            if (member.value() instanceof Piece.Items list) {
                for (int i = 0; i < list.items().size(); i++) {
                    Piece item = list.items().get(i);
                    Section inside = one.child("[" + i + "]", "", new Piece.Member(item.place(), item));
                    sections.add(inside);
                }
            } else {
                sections.add(one);
            }
        });
        return sections;
    }

    /** The mappings of a list; none if it is not written. */
    List<Section> items(String name) {
        asked.add(name);
        Piece.Member member = members.get(name);
        if (member == null || isNothing(member)) {
            return List.of();
        }
        if (!(member.value() instanceof Piece.Items)) {
            reading.mistake(
                    member.value().place(), join(key, name), member.value().kind(), "a list of mappings", null);
            return List.of();
        }
        return items(name, piece -> piece);
    }

    /**
     * The same; one mapping alone may stand for a list of one.
     *
     * @param longForm makes a mapping of a shorter form of an item, and leaves alone what is none
     */
    List<Section> items(String name, Function<Piece, Piece> longForm) {
        asked.add(name);
        Piece.Member member = members.get(name);
        if (member == null || isNothing(member)) {
            return List.of();
        }
        List<Piece> items = member.value() instanceof Piece.Items list ? list.items() : List.of(member.value());
        Section inside = child(name, name, new Piece.Member(member.at(), NOTHING));
        List<Section> sections = new ArrayList<>();
        for (Piece each : items) {
            sections.add(inside.child(
                    "[" + sections.size() + "]", "", new Piece.Member(each.place(), longForm.apply(each))));
        }
        return sections;
    }

    /**
     * The items of a list whose values somebody else reads, with {@link #read} and {@link #unnamed}, and tells with
     * {@link #told}; none if it is not written.
     *
     * @param example of an item
     */
    Setting<List<Piece>> pieces(String name, String example) {
        asked.add(name);
        Piece.Member member = members.get(name);
        String at = join(key, name);
        if (member == null || isNothing(member)) {
            return new Setting<>(List.of(), place, at, null, true);
        }
        Piece value = member.value();
        if (value instanceof Piece.Items list) {
            return new Setting<>(list.items(), list.place(), at, "a list", true);
        }
        reading.mistake(value.place(), at, value.kind(), "a list, such as [" + example + "]", null);
        return new Setting<>(List.of(), value.place(), at, value.kind(), false);
    }

    /** A single value that stands at a path; empty if it can't be used. */
    <T> Setting<Optional<T>> one(Piece piece, String path, Type<T> type) {
        Found<T> found = read(piece, path, type);
        return new Setting<>(Optional.ofNullable(found.value), found.place, path, found.shown, found.value != null);
    }

    /** A mapping that stands at a path, none of whose keys is remembered: what holds it tells of it as one value. */
    Section unnamed(Piece.Members mapping, String path) {
        return new Section(Reading.without(reading), this.path, path, pattern, mapping.place(), mapping.members());
    }

    /** Remembers a value that {@link #pieces} gave. */
    void told(String name, String typeName, String words, String yaml, Setting<?> from) {
        String origin = from.written() ? from.place().origin() : "default";
        remember(name, typeName, words, Written.plain(yaml), origin);
    }

    /** One value, or a list of several, remembered only if it is written. */
    <T> Setting<List<Setting<T>>> several(String name, String patternName, Type<T> type, String typeName) {
        asked.add(name);
        Piece.Member member = members.get(name);
        String at = join(key, name);
        if (member == null || isNothing(member)) {
            return new Setting<>(List.of(), place, at, null, true);
        }
        Piece value = member.value();
        List<Piece> items = value instanceof Piece.Items list ? list.items() : List.of(value);
        List<Setting<T>> values = new ArrayList<>();
        boolean usable = true;
        for (int i = 0; i < items.size(); i++) {
            String itemKey = value instanceof Piece.Items ? at + "[" + i + "]" : at;
            Found<T> found = read(items.get(i), itemKey, type);
            usable &= found.value != null;
            if (found.value != null) {
                values.add(new Setting<>(found.value, found.place, itemKey, found.shown, true));
            }
        }
        if (items.isEmpty()) {
            reading.mistake(
                    value.place(),
                    at,
                    null,
                    "an empty list holds for nothing; leave the key out, or write a value",
                    null);
            usable = false;
        }
        clean &= usable;
        String joined =
                values.stream().map(each -> yaml(type, each.value()).yaml).collect(Collectors.joining(", "));
        String yaml = values.size() == 1 ? joined : "[" + joined + "]";
        remember(
                name,
                patternName,
                typeName,
                "any",
                Written.plain(yaml),
                value.place().origin());
        return new Setting<>(values, value.place(), at, "written", usable);
    }

    /** Where a key's value stands, null where nothing is written. */
    @Nullable Place written(String name) {
        Piece.Member member = members.get(name);
        return member == null || isNothing(member) ? null : member.at();
    }

    /** A list of values, for which one value may stand. */
    <T> Setting<List<Setting<T>>> listOrOne(String name, Type<T> type, String words) {
        Piece.Member member = members.get(name);
        if (member != null && member.value() instanceof Piece.Text one && !one.isNull()) {
            Piece.Items list = new Piece.Items(List.of(one), one.place(), 2);
            Map<String, Piece.Member> asList = new LinkedHashMap<>(members);
            asList.put(name, new Piece.Member(member.at(), list));
            asked.add(name);
            return new Section(reading, path, key, pattern, place, asList).list(name, type, words, piece -> piece);
        }
        return list(name, type, words, piece -> piece);
    }

    /** A mapping of one member. */
    static Piece.Members single(String name, Piece value) {
        return new Piece.Members(Map.of(name, new Piece.Member(value.place(), value)), value.place(), value.size() + 1);
    }

    /** A value that is remembered only if it is written: of these there are many, and most are absent. */
    <T> Setting<Optional<T>> ifWritten(String name, Type<T> type, String words) {
        return ifWritten(name, name, type, words);
    }

    /** The same under a name in the document that several share. */
    <T> Setting<Optional<T>> ifWritten(String name, String patternName, Type<T> type, String words) {
        Found<T> found = find(name, type);
        Optional<T> value = found == null ? Optional.empty() : Optional.ofNullable(found.value);
        if (found != null) {
            clean &= found.value != null;
            Written yaml = value.map(each -> yaml(type, each)).orElse(Written.plain("null"));
            remember(name, patternName, type.name(), words, yaml, found.origin);
        }
        return setting(name, found, value);
    }

    /**
     * The single word that may stand where a mapping is expected; empty where a mapping, or nothing, stands there.
     *
     * @param byDefault the word that is meant where nothing is written
     */
    Setting<Optional<String>> wordInstead(String name, String byDefault) {
        asked.add(name);
        Piece.Member member = members.get(name);
        if (member == null || isNothing(member)) {
            remember(name, "word", byDefault, Written.plain(byDefault), "default");
            return new Setting<>(Optional.empty(), place, join(key, name), null, true);
        }
        if (!(member.value() instanceof Piece.Text)) {
            return new Setting<>(Optional.empty(), place, join(key, name), null, true);
        }
        return optional(name, Type.TEXT, byDefault);
    }

    /** A value with a default. */
    <T> Setting<T> value(String name, Type<T> type, T byDefault) {
        return value(name, type, byDefault, type.write().apply(byDefault));
    }

    /**
     * A value whose default depends on something else.
     *
     * @param words the default in words
     */
    <T> Setting<T> value(String name, Type<T> type, T byDefault, String words) {
        Found<T> found = find(name, type);
        T value = found != null && found.value != null ? found.value : byDefault;
        Written yaml = yaml(type, value);
        String unwritten = words.equals(type.write().apply(byDefault)) ? "default" : "default: " + words;
        remember(name, type.name(), words, yaml, found == null ? unwritten : found.origin);
        return setting(name, found, value);
    }

    /**
     * A value that may be absent.
     *
     * @param words what its absence means
     */
    <T> Setting<Optional<T>> optional(String name, Type<T> type, String words) {
        Found<T> found = find(name, type);
        Optional<T> value = found == null ? Optional.empty() : Optional.ofNullable(found.value);
        Written yaml = value.map(each -> yaml(type, each)).orElse(Written.plain("null"));
        remember(name, type.name(), words, yaml, found == null ? "default: " + words : found.origin);
        return setting(name, found, value);
    }

    /**
     * A list of values.
     *
     * @param words what its absence means
     * @param shortForm makes a single value of a longer form of an item, and leaves alone what is none
     */
    <T> Setting<List<Setting<T>>> list(String name, Type<T> type, String words, Function<Piece, Piece> shortForm) {
        asked.add(name);
        Piece.Member member = members.get(name);
        String key = join(this.key, name);
        String typeName = "list of " + type.name();
        if (member == null || isNothing(member)) {
            remember(name, typeName, words, Written.plain("[]"), "default");
            return new Setting<>(List.of(), place, key, null, true);
        }
        if (!(member.value() instanceof Piece.Items list)) {
            reading.mistake(
                    member.value().place(),
                    key,
                    member.value().kind(),
                    "a list, such as [" + type.expected() + "]",
                    null);
            return new Setting<>(
                    List.of(), member.value().place(), key, member.value().kind(), false);
        }
        List<Setting<T>> values = new ArrayList<>();
        boolean usable = true;
        for (int i = 0; i < list.items().size(); i++) {
            String itemKey = key + "[" + i + "]";
            Found<T> found = read(shortForm.apply(list.items().get(i)), itemKey, type);
            usable &= found.value != null;
            if (found.value != null) {
                values.add(new Setting<>(found.value, found.place, itemKey, found.shown, true));
            }
        }
        List<Written> items =
                values.stream().map(value -> yaml(type, value.value())).toList();
        Written yaml = new Written(
                items.stream().map(Written::yaml).collect(Collectors.joining(", ", "[", "]")),
                items.stream().map(Written::exact).collect(Collectors.joining(", ", "[", "]")));
        remember(name, typeName, words, yaml, list.place().origin());
        return new Setting<>(values, list.place(), key, "a list", usable);
    }

    /** Values by names that the operator chooses. */
    <T> Map<String, Setting<T>> map(String name, Type<T> type, T standIn) {
        Section inside = section(name);
        Map<String, Setting<T>> values = new LinkedHashMap<>();
        inside.members.forEach((each, member) -> {
            Found<T> found = read(member.value(), join(inside.key(), each), type);
            T value = found.value != null ? found.value : standIn;
            inside.remember(each, "<name>", type.name(), "none", yaml(type, value), found.origin);
            values.put(each, inside.setting(each, found, value));
        });
        if (values.isEmpty()) {
            remember(name, "<name>", type.name(), "none", Written.plain("{}"), "default");
        }
        return Collections.unmodifiableMap(values);
    }

    /** Says why a key that stands beside these elsewhere must not stand here. */
    void refuse(String name, String why) {
        Piece.Member member = members.get(name);
        if (member != null) {
            refused.add(name);
            reading.mistake(member.at(), join(key, name), null, why, null);
        }
    }

    /** Calls every key that nobody asked for a mistake. To be called when all keys were asked for. */
    void end() {
        members.forEach((name, member) -> {
            if (asked.contains(name) || refused.contains(name)) {
                return;
            }
            String other = OTHER_NAMES.get(pattern.isEmpty() ? name : pattern + "." + name);
            String instead = other != null ? other : Near.to(name, asked);
            String what = name.equals("<<")
                    ? "YAML 1.2 has no merge keys; give a whole mapping an anchor and write key: *anchor"
                    : instead != null ? "unknown key" : "unknown key; known here: " + String.join(", ", asked);
            reading.mistake(member.at(), join(key, name), null, what, name.equals("<<") ? null : instead);
        });
    }

    private Section child(String name, String patternName, Piece.@Nullable Member member) {
        List<String> childPath = Stream.concat(path.stream(), Stream.of(name)).toList();
        String childKey = join(key, name);
        // A mapping in a list has the keys of one that stands alone.
        String childPattern =
                patternName.isEmpty() ? pattern : pattern.isEmpty() ? patternName : pattern + "." + patternName;
        if (member == null) {
            return new Section(reading, childPath, childKey, childPattern, place, Map.of());
        }
        Map<String, Piece.Member> inside = Map.of();
        if (member.value() instanceof Piece.Members mapping) {
            inside = mapping.members();
        } else if (!isNothing(member)) {
            Piece value = member.value();
            reading.mistake(value.place(), join(key, name), value.kind(), "a mapping", null);
        }
        return new Section(reading, childPath, childKey, childPattern, member.at(), inside);
    }

    /** What was written for a name, the strongest source first; null if nothing was. Looks at the weaker ones for mistakes. */
    private <T> @Nullable Found<T> find(String name, Type<T> type) {
        asked.add(name);
        String key = join(this.key, name);
        Found<T> strongest = null;
        for (Reading.Said said : reading.said(key)) {
            Found<T> found = parse(said.text(), type, Place.outside(said.source()), key, List.of(), said.text());
            strongest = strongest == null ? found : strongest;
        }
        Piece.Member member = members.get(name);
        if (member != null && !isNothing(member)) {
            Found<T> found = read(member.value(), key, type);
            strongest = strongest == null ? found : strongest;
        }
        return strongest;
    }

    private <T> Found<T> read(Piece piece, String key, Type<T> type) {
        Place at = piece.place();
        if (!(piece instanceof Piece.Text text)) {
            reading.mistake(at, key, piece.kind(), type.expected(), null);
            return new Found<>(null, at, piece.kind(), at.origin());
        }
        if (text.isNull()) {
            reading.mistake(at, key, "nothing", type.expected(), null);
            return new Found<>(null, at, "nothing", at.origin());
        }
        return switch (reading.fill(text.text())) {
            case Interpolation.Filled.Whole(String filled, List<String> from) ->
                parse(filled, type, at, key, from, text.text());
            case Interpolation.Filled.Missing(String place, String expected, String near) -> {
                reading.mistake(at, key, place, expected, near.isEmpty() ? null : near);
                yield new Found<>(null, at, place, at.origin());
            }
        };
    }

    /** @param from what was filled in: then what was written is shown, and not what came of it, which may be a secret */
    private <T> Found<T> parse(String text, Type<T> type, Place at, String key, List<String> from, String written) {
        String shown = type.secret() ? Shown.MASK : Shown.value(from.isEmpty() ? text : written);
        String origin = at.origin() + (from.isEmpty() ? "" : " with " + String.join(", ", from));
        T value = type.read().apply(text);
        if (value == null) {
            reading.mistake(
                    at,
                    key,
                    shown,
                    type.expected(),
                    from.isEmpty() ? type.near().apply(text) : null);
        }
        return new Found<>(value, at, shown, origin);
    }

    private <T> Setting<T> setting(String name, @Nullable Found<?> found, T value) {
        String key = join(this.key, name);
        return found == null
                ? new Setting<>(value, place, key, null, true)
                : new Setting<>(value, found.place, key, found.shown, found.value != null);
    }

    private void remember(String name, String type, String byDefault, Written yaml, String origin) {
        remember(name, name, type, byDefault, yaml, origin);
    }

    private void remember(String name, String patternName, String type, String byDefault, Written yaml, String origin) {
        List<String> whole = Stream.concat(path.stream(), Stream.of(name)).toList();
        String wholePattern = pattern.isEmpty() ? patternName : pattern + "." + patternName;
        reading.entry(new Reading.Entry(whole, wholePattern, type, byDefault, yaml.yaml, yaml.exact, origin));
    }

    private static boolean isNothing(Piece.Member member) {
        return member.value() instanceof Piece.Text text && text.isNull();
    }

    private static <T> Written yaml(Type<T> type, T value) {
        String exact = Effective.scalar(type.write().apply(value));
        return new Written(type.secret() ? Effective.scalar(Shown.MASK) : exact, exact);
    }

    /** A value as YAML: as it may be shown, and as it is, which may be a secret. */
    private record Written(String yaml, String exact) {
        static Written plain(String yaml) {
            return new Written(yaml, yaml);
        }
    }

    /**
     * What stood in one place.
     *
     * @param value null if it could not be used
     */
    private record Found<T>(@Nullable T value, Place place, String shown, String origin) {}
}
