package dev.lockkeeper.ledger;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Values by the scope they stand for, looked up by the six names of an attempt without making an object. Not safe for
 * several threads.
 *
 * @param <V> a value
 */
final class ByScope<V> {
    private final EnumMap<Scope.Kind, Map<String, List<V>>> byName = new EnumMap<>(Scope.Kind.class);

    /** End users, by project and then by user. */
    private final Map<String, Map<String, List<V>>> users = new HashMap<>();

    ByScope() {
        for (Scope.Kind each : Scope.Kind.values()) {
            byName.put(each, new HashMap<>());
        }
    }

    void add(Scope scope, V value) {
        names(scope).computeIfAbsent(last(scope), _ -> new ArrayList<>(1)).add(value);
    }

    void remove(Scope scope, V value) {
        Map<String, List<V>> names = names(scope);
        List<V> values = names.get(last(scope));
        if (values != null && values.remove(value) && values.isEmpty()) {
            names.remove(last(scope));
        }
    }

    /** Visits what stands for any scope of an attempt, the widest scopes first. */
    void each(Payer payer, String model, String provider, Consumer<? super V> visit) {
        visit(Scope.Kind.ORGANIZATION, payer.organization(), visit);
        visit(Scope.Kind.PROJECT, payer.project(), visit);
        visit(Scope.Kind.KEY, payer.key(), visit);
        if (!users.isEmpty() && !payer.endUser().isEmpty()) {
            Map<String, List<V>> ofProject = users.get(payer.project());
            if (ofProject != null) {
                visit(ofProject.get(payer.endUser()), visit);
            }
        }
        visit(Scope.Kind.MODEL, model, visit);
        visit(Scope.Kind.PROVIDER, provider, visit);
    }

    private void visit(Scope.Kind kind, String name, Consumer<? super V> visit) {
        Map<String, List<V>> names = byName.get(kind);
        if (names != null && !names.isEmpty()) {
            visit(names.get(name), visit);
        }
    }

    private void visit(@Nullable List<V> values, Consumer<? super V> visit) {
        if (values != null) {
            for (int i = 0; i < values.size(); i++) {
                visit.accept(values.get(i));
            }
        }
    }

    private Map<String, List<V>> names(Scope scope) {
        return scope.kind() == Scope.Kind.END_USER
                ? users.computeIfAbsent(scope.id().substring(0, scope.id().indexOf('/')), _ -> new HashMap<>())
                : Objects.requireNonNull(byName.get(scope.kind()));
    }

    private static String last(Scope scope) {
        return scope.kind() == Scope.Kind.END_USER
                ? scope.id().substring(scope.id().indexOf('/') + 1)
                : scope.id();
    }
}
