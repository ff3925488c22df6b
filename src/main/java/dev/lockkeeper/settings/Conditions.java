package dev.lockkeeper.settings;

import dev.lockkeeper.routing.Condition;
import dev.lockkeeper.routing.ModelSettings.RankedTarget;
import dev.lockkeeper.routing.Property;
import dev.lockkeeper.routing.Term;
import dev.lockkeeper.upstream.ProviderSettings;
import java.time.DateTimeException;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Reads what a call must be for a case of a model: {@code when}. */
final class Conditions {
    /** A reasoning effort. */
    static final Type<String> EFFORT = Type.choice(
            Property.EFFORT.all().stream().filter(each -> !each.isEmpty()).toList(), effort -> effort);

    /** All that is asked for in the document: they are many, and each is written alike. */
    private static final String PATTERN = "<condition>";

    private static final String TYPE = "condition";

    private static final Pattern RANGE = Pattern.compile("(\\d{1,10})?\\.\\.(\\d{1,10})?");

    private static final Type<Term.Range> TOKENS = new Type<>(
            "range",
            "a range of tokens with both ends included, such as 8000..100000, 100000.. or ..8000",
            Conditions::range,
            Term.Range::toString,
            text -> text.matches("(>=?|<=?) ?\\d{1,10}") ? near(text) : text.matches("\\d{1,10}") ? text + ".." : null,
            false);

    private static final List<String> DAYS = List.of("mon", "tue", "wed", "thu", "fri", "sat", "sun");

    private static final Pattern HOURS = Pattern.compile(
            "(?:(mon|tue|wed|thu|fri|sat|sun)(?:-(mon|tue|wed|thu|fri|sat|sun))? )?(\\d{1,2})-(\\d{1,2})(?: (\\S+))?");

    private static final Type<Span> SPAN = new Type<>(
            "hours",
            "hours, with days before and a zone behind them if wanted, such as 8-18, mon-fri 8-18 or"
                    + " mon-fri 22-6 Europe/Berlin",
            Conditions::span,
            Span::text,
            _ -> null,
            false);

    private static final Type<String> REGION =
            Type.text("region", "a region: small letters, digits and hyphens", "[a-z0-9-]{1,63}");

    private static final Type<String> ANY = Type.text("text", "a text of at most 256 characters", ".{1,256}");

    private final Reading reading;
    private final Map<String, Set<String>> regions = new HashMap<>();

    Conditions(Reading reading, List<ProviderSettings> providers) {
        this.reading = reading;
        providers.forEach(
                provider -> regions.put(provider.name(), Sites.of(provider).regions()));
    }

    /** Hours of a week, as they were written. */
    private record Span(BitSet hours, ZoneId zone, String text) {}

    /** Reads a mapping; without members it holds for any call. */
    Setting<Condition> read(Section when) {
        List<Term> terms = new ArrayList<>(terms(when, false));
        Section not = when.section("not");
        terms.addAll(terms(not, true));
        not.end();
        when.end();
        Condition condition = new Condition(terms);
        boolean usable = when.clean() && not.clean();
        if (usable && Reach.never(List.of(), condition)) {
            reading.mistake(when.place(), when.key(), null, "no call can ever be all of this: " + condition, null);
            usable = false;
        }
        return new Setting<>(condition, when.place(), when.key(), null, usable);
    }

    private List<Term> terms(Section section, boolean except) {
        List<Term> terms = new ArrayList<>();
        List<Term.Range> ranges = values(section, "input-tokens", TOKENS);
        if (!ranges.isEmpty()) {
            terms.add(new Term.Tokens(ranges, except));
        }
        for (Property property : Property.values()) {
            List<String> values = values(section, property.word(), type(property));
            if (!values.isEmpty()) {
                terms.add(new Term.Said(property, new LinkedHashSet<>(values), except));
            }
        }
        Setting<List<Setting<Span>>> spans = section.several("hours", PATTERN, SPAN, TYPE);
        if (!spans.value().isEmpty()) {
            terms.add(hours(spans, except));
        }
        List<String> bound = values(section, "region", REGION);
        if (!bound.isEmpty()) {
            terms.add(new Term.Bound(new LinkedHashSet<>(bound), except));
        }
        return terms;
    }

    private static <T> List<T> values(Section section, String name, Type<T> type) {
        return section.several(name, PATTERN, type, TYPE).value().stream()
                .map(Setting::value)
                .toList();
    }

    private Term hours(Setting<List<Setting<Span>>> spans, boolean except) {
        Span first = spans.value().getFirst().value();
        BitSet hours = new BitSet();
        for (Setting<Span> span : spans.value()) {
            hours.or(span.value().hours);
            if (!span.value().zone.equals(first.zone)) {
                reading.mistake(span, "the zone of the hours before it, " + first.zone);
            }
        }
        String text = spans.value().stream().map(each -> each.value().text).collect(Collectors.joining(", "));
        return new Term.Hours(first.zone, hours, text, except);
    }

    /** Makes sure that calls that are bound to a region find a target of it where they are sent. */
    void checkRegions(Setting<Condition> when, List<List<RankedTarget>> ranks) {
        if (!when.usable() || ranks.isEmpty()) {
            return;
        }
        Set<String> served = ranks.stream()
                .flatMap(List::stream)
                .flatMap(each -> regions.getOrDefault(each.target().provider(), Set.of()).stream())
                .collect(Collectors.toCollection(TreeSet::new));
        for (Term term : when.value().terms()) {
            if (term instanceof Term.Bound bound && !bound.except()) {
                for (String region : new TreeSet<>(bound.regions())) {
                    if (!served.contains(region)) {
                        reading.mistake(
                                when.place(),
                                when.key() + ".region",
                                region,
                                "a region that a target of this case serves"
                                        + (served.isEmpty()
                                                ? "; none says where it is, write region: " + region + " at a provider"
                                                : ": " + String.join(", ", served)),
                                null);
                    }
                }
            }
        }
    }

    private static Type<String> type(Property property) {
        return property.all().isEmpty() ? unlessUnknown() : oneOf(property);
    }

    private static Type<String> oneOf(Property property) {
        return Type.choice(property.all(), value -> value.isEmpty() ? Term.UNKNOWN : value);
    }

    private static Type<String> unlessUnknown() {
        return new Type<>(
                ANY.name(),
                ANY.expected(),
                text -> text.equals(Term.UNKNOWN) ? "" : ANY.read().apply(text),
                text -> text.isEmpty() ? Term.UNKNOWN : text,
                _ -> null,
                false);
    }

    private static Term.@Nullable Range range(String text) {
        Matcher matcher = RANGE.matcher(text);
        if (!matcher.matches() || text.equals("..")) {
            return null;
        }
        long from = matcher.group(1) == null ? 0 : Long.parseLong(matcher.group(1));
        long to = matcher.group(2) == null ? Long.MAX_VALUE : Long.parseLong(matcher.group(2));
        return from > to ? null : new Term.Range(from, to);
    }

    private static String near(String text) {
        long number = Long.parseLong(text.replaceAll("\\D", ""));
        return switch (text.replaceAll("[\\d ]", "")) {
            case ">" -> number + 1 + "..";
            case ">=" -> number + "..";
            case "<" -> ".." + Math.max(0, number - 1);
            default -> ".." + number;
        };
    }

    private static @Nullable Span span(String text) {
        Matcher matcher = HOURS.matcher(text);
        if (!matcher.matches()) {
            return null;
        }
        int from = Integer.parseInt(matcher.group(3));
        int to = Integer.parseInt(matcher.group(4));
        if (from > 23 || to > 24 || from == to) {
            return null;
        }
        int firstDay = matcher.group(1) == null ? 0 : DAYS.indexOf(matcher.group(1));
        int lastDay =
                matcher.group(1) == null ? 6 : matcher.group(2) == null ? firstDay : DAYS.indexOf(matcher.group(2));
        try {
            ZoneId zone = matcher.group(5) == null ? ZoneOffset.UTC : ZoneId.of(matcher.group(5));
            BitSet hours = new BitSet();
            int days = (lastDay - firstDay + 7) % 7 + 1;
            int length = to > from ? to - from : 24 - from + to;
            for (int day = 0; day < days; day++) {
                for (int hour = 0; hour < length; hour++) {
                    hours.set(((firstDay + day) * 24 + from + hour) % Term.Hours.WEEK);
                }
            }
            return new Span(hours, zone, text);
        } catch (DateTimeException e) {
            return null;
        }
    }
}
