package dev.lockkeeper.routing;

import java.time.DayOfWeek;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** One thing that a condition asks of a call. */
public sealed interface Term {
    /** What the caller didn't say, in words. */
    String UNKNOWN = "unknown";

    /** Whether it holds for a call at a time. */
    boolean holds(Traits call, long nowMillis);

    /** The key and its values, as they are written. */
    String written();

    /** What the call has instead, for who asks why it doesn't hold. */
    String found(Traits call, long nowMillis);

    /**
     * A text is one of these, or none of these.
     *
     * @param of which text
     * @param values any of them; empty text: not said
     * @param except whether it must be none of them
     */
    record Said(Property of, Set<String> values, boolean except) implements Term {
        public Said {
            values = Set.copyOf(values);
        }

        @Override
        public boolean holds(Traits call, long nowMillis) {
            boolean in =
                    values.contains(of.of(call)) || (of == Property.PROJECT && values.contains(call.projectName()));
            return in != except;
        }

        @Override
        public String written() {
            return Term.written(of.word(), values.stream().map(Term::word).collect(Collectors.toSet()), except);
        }

        @Override
        public String found(Traits call, long nowMillis) {
            return of.word() + " is "
                    + word(of == Property.PROJECT && !call.projectName().isEmpty() ? call.projectName() : of.of(call));
        }
    }

    /**
     * The tokens of the input are within one of these.
     *
     * @param ranges any of them
     * @param except whether they must be within none of them
     */
    record Tokens(List<Range> ranges, boolean except) implements Term {
        public Tokens {
            ranges = List.copyOf(ranges);
        }

        @Override
        public boolean holds(Traits call, long nowMillis) {
            boolean in = false;
            for (Range range : ranges) {
                in |= call.inputTokens() >= range.from && call.inputTokens() <= range.to;
            }
            return in != except;
        }

        @Override
        public String written() {
            return Term.written(
                    "input-tokens", ranges.stream().map(Range::toString).collect(Collectors.toSet()), except);
        }

        @Override
        public String found(Traits call, long nowMillis) {
            return "input-tokens are " + call.inputTokens();
        }
    }

    /**
     * Numbers from one to another, both included.
     *
     * @param to {@link Long#MAX_VALUE}: without end
     */
    record Range(long from, long to) {
        @Override
        public String toString() {
            return from + ".." + (to == Long.MAX_VALUE ? "" : to);
        }
    }

    /**
     * It is one of these hours somewhere.
     *
     * @param zone where
     * @param hours of the week, 0 from Monday's midnight to 167; any of them
     * @param text as it was written
     * @param except whether it must be none of them
     */
    record Hours(ZoneId zone, BitSet hours, String text, boolean except) implements Term {
        /** The hours of a week. */
        public static final int WEEK = 168;

        public Hours {
            hours = (BitSet) hours.clone();
        }

        @Override
        public boolean holds(Traits call, long nowMillis) {
            return hours.get(hour(nowMillis)) != except;
        }

        private int hour(long nowMillis) {
            ZonedDateTime now = Instant.ofEpochMilli(nowMillis).atZone(zone);
            return (now.getDayOfWeek().getValue() - DayOfWeek.MONDAY.getValue()) * 24 + now.getHour();
        }

        @Override
        public String written() {
            return Term.written("hours", Set.of(text), except);
        }

        @Override
        public String found(Traits call, long nowMillis) {
            ZonedDateTime now = Instant.ofEpochMilli(nowMillis).atZone(zone);
            return "it is " + now.getDayOfWeek().name().toLowerCase(java.util.Locale.ROOT) + " " + now.getHour()
                    + ":00 in " + zone;
        }
    }

    /**
     * The call is bound to one of these regions, maybe among others.
     *
     * @param regions any of them
     * @param except whether it must be bound to none of them
     */
    record Bound(Set<String> regions, boolean except) implements Term {
        public Bound {
            regions = Set.copyOf(regions);
        }

        @Override
        public boolean holds(Traits call, long nowMillis) {
            boolean in = false;
            for (String region : call.regions()) {
                in |= regions.contains(region);
            }
            return in != except;
        }

        @Override
        public String written() {
            return Term.written("region", regions, except);
        }

        @Override
        public String found(Traits call, long nowMillis) {
            return call.regions().isEmpty()
                    ? "the call is bound to no region"
                    : "the call is bound to " + String.join(", ", new TreeSet<>(call.regions()));
        }
    }

    private static String word(String text) {
        return text.isEmpty() ? UNKNOWN : text;
    }

    private static String written(String key, Set<String> values, boolean except) {
        return (except ? "not " : "") + key + ": " + String.join(", ", new TreeSet<>(values));
    }
}
