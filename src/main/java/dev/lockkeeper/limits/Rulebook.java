package dev.lockkeeper.limits;

import dev.lockkeeper.limits.Subject.Kind;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which limits there are, and which of them go for a subject. Immutable. */
final class Rulebook {
    static final Limit[] NONE = {};

    /** Calls and requests before tokens: a call that is refused for those needs no count of tokens. */
    private static final Comparator<Limit> ORDER = Comparator.<Limit, Measure.Unit>comparing(
                    each -> switch (each.measure().unit()) {
                        case CALLS -> Measure.Unit.REQUESTS;
                        case REQUESTS -> Measure.Unit.REQUESTS;
                        case TOKENS -> Measure.Unit.TOKENS;
                    })
            .thenComparing(Limit::measure);

    final long edition;
    private final List<Limit> all;
    private final Map<Kind, OfKind> kinds = new EnumMap<>(Kind.class);

    Rulebook(long edition, List<Limit> limits) {
        this.edition = edition;
        this.all = List.copyOf(limits);
        for (Limit each : limits) {
            kinds.computeIfAbsent(each.subject().kind(), _ -> new OfKind())
                    .byId
                    .computeIfAbsent(each.subject().id(), _ -> new EnumMap<>(Measure.class))
                    .put(each.measure(), each);
        }
        kinds.values().forEach(OfKind::arrange);
    }

    List<Limit> all() {
        return all;
    }

    /** Whether there are limits on any of a kind. */
    boolean knows(Kind kind) {
        return kinds.containsKey(kind);
    }

    /** The limits that go for a subject: its own, and those for each of its kind where it has none of its own. */
    Limit[] of(Kind kind, String id) {
        OfKind known = kinds.get(kind);
        return known == null ? NONE : known.of(id);
    }

    /** The limit that goes for a subject by one measure; null for none. */
    @Nullable Limit of(DayBook.Row row) {
        for (Limit each : of(row.kind(), row.id())) {
            if (each.measure() == row.measure()) {
                return each;
            }
        }
        return null;
    }

    private static final class OfKind {
        private final Map<String, Map<Measure, Limit>> byId = new HashMap<>();
        private final Map<String, Limit[]> effective = new HashMap<>();
        private Limit[] each = NONE;

        private void arrange() {
            byId.keySet().forEach(id -> effective.put(id, merged(id)));
            each = effective.getOrDefault(Subject.EACH, NONE);
        }

        private Limit[] merged(String id) {
            Map<Measure, Limit> limits = new EnumMap<>(Measure.class);
            limits.putAll(byId.getOrDefault(Subject.EACH, Map.of()));
            int slash = id.indexOf('/');
            if (slash >= 0) {
                limits.putAll(byId.getOrDefault(id.substring(0, slash + 1) + Subject.EACH, Map.of()));
            }
            limits.putAll(byId.getOrDefault(id, Map.of()));
            List<Limit> going = new ArrayList<>(limits.values());
            going.removeIf(Limit::unlimited);
            going.sort(ORDER);
            return going.toArray(Limit[]::new);
        }

        private Limit[] of(String id) {
            Limit[] own = effective.get(id);
            if (own != null) {
                return own;
            }
            int slash = id.indexOf('/');
            return slash < 0 ? each : effective.getOrDefault(id.substring(0, slash + 1) + Subject.EACH, each);
        }
    }
}
