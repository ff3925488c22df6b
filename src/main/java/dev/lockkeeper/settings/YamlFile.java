package dev.lockkeeper.settings;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.common.Anchor;
import org.snakeyaml.engine.v2.events.AliasEvent;
import org.snakeyaml.engine.v2.events.DocumentStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.events.MappingStartEvent;
import org.snakeyaml.engine.v2.events.NodeEvent;
import org.snakeyaml.engine.v2.events.ScalarEvent;
import org.snakeyaml.engine.v2.events.SequenceStartEvent;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.ReaderException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * One YAML file on its way to being {@link Piece}s. Built on the parser's events, not on its object tree: so the depth
 * and what aliases multiply to are bounded here, and a key written twice is seen with both its places.
 */
final class YamlFile {
    /** Mappings and lists inside each other, at most. */
    static final int MAX_DEPTH = 32;

    /** Pieces in a file, at most; an alias counts as what it stands for. */
    static final int MAX_PIECES = 50_000;

    private static final Set<String> CORE_TAGS = Set.of(
            "!",
            "tag:yaml.org,2002:str",
            "tag:yaml.org,2002:int",
            "tag:yaml.org,2002:float",
            "tag:yaml.org,2002:bool",
            "tag:yaml.org,2002:null",
            "tag:yaml.org,2002:map",
            "tag:yaml.org,2002:seq");

    private static final String DIGIT = "[0-9A-Fa-f]";

    /** An escape in quotes that stands for no character. */
    private static final Pattern NO_CHARACTER = Pattern.compile(
            "\\\\(?:x(?!" + DIGIT + "{2})|u(?!" + DIGIT + "{4})|U(?!(?:0010|000" + DIGIT + ")" + DIGIT + "{4}))");

    private final String name;
    private final String text;
    private final List<Mistake> mistakes;
    private final Iterator<Event> events;
    private final Map<Anchor, Piece> anchors = new HashMap<>();
    private int pieces;

    private YamlFile(String name, String text, List<Mistake> mistakes) {
        this.name = name;
        this.text = text;
        this.mistakes = mistakes;
        LoadSettings settings = LoadSettings.builder().setLabel(name).build();
        this.events = new Parse(settings).parseString(text).iterator();
    }

    /** The file's mapping, null if it is empty or not readable as YAML; then the mistakes say why. */
    static Piece.@Nullable Members read(String name, String text, List<Mistake> mistakes) {
        YamlFile file = new YamlFile(name, text, mistakes);
        try {
            return file.document();
        } catch (Stop stop) {
            mistakes.add(stop.mistake);
        } catch (MarkedYamlEngineException e) {
            mistakes.add(file.unreadable(e));
        } catch (ReaderException e) {
            mistakes.add(file.mistake(
                    file.placeOf(e.getPosition()),
                    "",
                    "the character U+%04X must not stand in YAML".formatted(e.getCodePoint())));
        } catch (YamlEngineException e) {
            mistakes.add(file.mistake(new Place(name, 1, 1), "", "not YAML"));
        } catch (IllegalArgumentException e) {
            // The parser takes digits of an escape for a character without a look at whether they are one.
            Matcher escape = NO_CHARACTER.matcher(text);
            Place place = escape.find() ? file.placeOf(text.codePointCount(0, escape.start())) : new Place(name, 1, 1);
            mistakes.add(file.mistake(
                    place,
                    "",
                    "not YAML: an escape that is no character (expected: two, four or eight digits, as in"
                            + " \\xe4, \\u00e4 or \\U0001f6a2)"));
        }
        return null;
    }

    private Piece.@Nullable Members document() throws Stop {
        Piece root = null;
        while (events.hasNext()) {
            Event event = events.next();
            if (event instanceof DocumentStartEvent && root != null) {
                throw stop(event, "", "a second document begins here; a configuration is one document");
            }
            if (event instanceof NodeEvent node) {
                root = piece(node, "", 0);
            }
        }
        return switch (root) {
            case null -> null;
            case Piece.Members members -> members;
            case Piece.Text scalar when scalar.isNull() -> null;
            case Piece.Text _, Piece.Items _ ->
                throw new Stop(mistake(
                        root.place(), "", root.kind() + " (expected: keys such as server:, providers:, models:)"));
        };
    }

    private Piece piece(NodeEvent event, String path, int depth) throws Stop {
        if (depth > MAX_DEPTH) {
            throw stop(event, path, "nested more than " + MAX_DEPTH + " levels deep");
        }
        Piece piece = switch (event) {
            case AliasEvent alias -> alias(alias, path);
            case ScalarEvent scalar -> {
                tag(scalar.getTag(), event, path);
                yield new Piece.Text(scalar.getValue(), scalar.isPlain(), place(event));
            }
            case SequenceStartEvent list -> {
                tag(list.getTag(), event, path);
                yield items(list, path, depth);
            }
            case MappingStartEvent mapping -> {
                tag(mapping.getTag(), event, path);
                yield members(mapping, path, depth);
            }
            default -> throw new IllegalStateException("not a piece of a document: " + event.getEventId());
        };
        // What is inside a collection was counted on the way in; an alias brings its inside with it.
        count(event, event instanceof AliasEvent ? piece.size() : 1, path);
        if (!(event instanceof AliasEvent)) {
            event.getAnchor().ifPresent(anchor -> anchors.put(anchor, piece));
        }
        return piece;
    }

    private Piece alias(AliasEvent alias, String path) throws Stop {
        Anchor anchor = alias.getAlias();
        Piece piece = anchors.get(anchor);
        if (piece == null) {
            throw stop(alias, path, "the alias *" + anchor + " stands before or inside its anchor, or has none");
        }
        return piece;
    }

    private Piece items(SequenceStartEvent start, String path, int depth) throws Stop {
        List<Piece> items = new ArrayList<>();
        int size = 1;
        while (events.next() instanceof NodeEvent event) {
            Piece item = piece(event, path + "[" + items.size() + "]", depth + 1);
            items.add(item);
            size += item.size();
        }
        return new Piece.Items(items, place(start), size);
    }

    private Piece members(MappingStartEvent start, String path, int depth) throws Stop {
        Map<String, Piece.Member> members = new LinkedHashMap<>();
        int size = 1;
        while (events.next() instanceof NodeEvent event) {
            Place at = place(event);
            Piece key = piece(event, path, depth + 1);
            String keyName = key instanceof Piece.Text scalar ? scalar.text() : "?";
            String keyPath = Section.join(path, keyName);
            Piece value = piece((NodeEvent) events.next(), keyPath, depth + 1);
            size += value.size() + 1;
            if (!(key instanceof Piece.Text)) {
                mistakes.add(mistake(at, path, key.kind() + " as a key (expected: text)"));
                continue;
            }
            Piece.Member first = members.putIfAbsent(keyName, new Piece.Member(at, value));
            if (first != null) {
                mistakes.add(mistake(
                        at,
                        keyPath,
                        "written twice (first in line " + first.at().line() + ")"));
            }
        }
        return new Piece.Members(members, place(start), size);
    }

    private void tag(Optional<String> tag, Event event, String path) {
        if (tag.isPresent() && !CORE_TAGS.contains(tag.get())) {
            mistakes.add(mistake(place(event), path, "tags such as " + tag.get() + " mean nothing here; remove it"));
        }
    }

    private void count(Event event, int more, String path) throws Stop {
        pieces += more;
        if (pieces > MAX_PIECES) {
            throw stop(event, path, "more than " + MAX_PIECES + " values (aliases count as what they stand for)");
        }
    }

    private Mistake unreadable(MarkedYamlEngineException e) {
        Optional<Mark> mark = e.getProblemMark().or(e::getContextMark);
        Place place = mark.map(this::place).orElse(new Place(name, 1, 1));
        // The parser quotes the character that it stumbled over as it is, a line end too.
        String problem =
                e.getProblem() == null ? "" : ": " + e.getProblem().strip().replaceAll("[\\p{Cntrl}\\s]+", " ");
        List<String> lines = text.lines().toList();
        String line = place.line() <= lines.size() ? lines.get(place.line() - 1) : "";
        // In {…} and […] a brace ends a plain value, and what the parser says of it helps nobody.
        String hint = line.contains("${") ? "; inside {} and [] write \"${…}\" in quotes" : "";
        return mistake(place, "", "not YAML" + problem + hint);
    }

    private Place placeOf(int codePointIndex) {
        int line = 1;
        int column = 1;
        int[] codePoints = text.codePoints().limit(codePointIndex).toArray();
        for (int c : codePoints) {
            column = c == '\n' ? 1 : column + 1;
            line += c == '\n' ? 1 : 0;
        }
        return new Place(name, line, column);
    }

    private Place place(Event event) {
        return event.getStartMark().map(this::place).orElse(new Place(name, 1, 1));
    }

    private Place place(Mark mark) {
        return new Place(name, mark.getLine() + 1, mark.getColumn() + 1);
    }

    private Stop stop(Event event, String path, String what) {
        return new Stop(mistake(place(event), path, what));
    }

    private Mistake mistake(Place place, String path, String what) {
        return new Mistake(place.source(), place.line(), place.column(), path, null, what, null);
    }

    /** Reading can't go on. */
    private static final class Stop extends Exception {
        private static final long serialVersionUID = 1;

        private final transient Mistake mistake;

        Stop(Mistake mistake) {
            super(null, null, false, false);
            this.mistake = mistake;
        }
    }
}
