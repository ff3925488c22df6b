package dev.lockkeeper.settings;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What differs between configurations, by key. Values are told only of what needs a restart, none of which is a secret.
 *
 * @param followed what changed since the last one and can be followed, such as {@code providers.openai.api-key changed}
 * @param restart what differs from the one that the process was started with and can't be followed, such as
 *     {@code server.port changed from 8080 to 9000: needs a restart}
 */
public record Changes(List<String> followed, List<String> restart) {
    public Changes {
        followed = List.copyOf(followed);
        restart = List.copyOf(restart);
    }

    /**
     * Compares.
     *
     * @param started what the process was started with
     * @param before what is in effect
     * @param after what was read now
     */
    public static Changes between(Effective started, Effective before, Effective after) {
        return new Changes(followed(keys(before), keys(after)), restart(keys(started), keys(after)));
    }

    private static Map<String, Reading.Entry> keys(Effective effective) {
        Map<String, Reading.Entry> keys = new LinkedHashMap<>();
        effective.entries().forEach(entry -> keys.put(key(entry.path()), entry));
        return keys;
    }

    private static String key(List<String> path) {
        String key = "";
        for (String name : path) {
            key = Section.join(key, name);
        }
        return key;
    }

    private static List<String> restart(Map<String, Reading.Entry> started, Map<String, Reading.Entry> after) {
        List<String> told = new ArrayList<>();
        after.forEach((key, entry) -> {
            Reading.Entry was = started.get(key);
            if (Restart.neededBy(entry.pattern()) && was != null && !was.exact().equals(entry.exact())) {
                told.add(key + " changed from " + was.yaml() + " to " + entry.yaml() + ": needs a restart");
            }
        });
        return told;
    }

    private static List<String> followed(Map<String, Reading.Entry> before, Map<String, Reading.Entry> after) {
        Map<String, Set<String>> namesBefore = named(before);
        Map<String, Set<String>> namesAfter = named(after);
        Set<String> told = new LinkedHashSet<>();
        namesAfter.forEach((kind, names) -> names.stream()
                .filter(name -> !names(namesBefore, kind).contains(name))
                .forEach(name -> told.add(name + " is new")));
        namesBefore.forEach((kind, names) -> names.stream()
                .filter(name -> !names(namesAfter, kind).contains(name))
                .forEach(name -> told.add(name + " is gone")));
        Set<String> keys = new LinkedHashSet<>(after.keySet());
        keys.addAll(before.keySet());
        for (String key : keys) {
            Reading.Entry was = before.get(key);
            Reading.Entry is = after.get(key);
            if (!Restart.neededBy(Objects.requireNonNull(is != null ? is : was).pattern())
                    && differ(was, is)
                    && !isTold(told, is != null ? is : was)) {
                told.add(key + " changed");
            }
        }
        namesAfter.forEach((kind, names) -> {
            Set<String> common = new LinkedHashSet<>(names(namesBefore, kind));
            common.retainAll(names);
            Set<String> now = new LinkedHashSet<>(names);
            now.retainAll(common);
            if (!List.copyOf(common).equals(List.copyOf(now))) {
                told.add("the order of " + kind + " changed");
            }
        });
        return List.copyOf(told);
    }

    private static boolean differ(Reading.@Nullable Entry was, Reading.@Nullable Entry is) {
        if (was == null || is == null) {
            // A key that the operator names: a header field that came or went. Others are always there.
            return true;
        }
        // A default that follows from another key changes with that one.
        boolean unwritten =
                was.origin().startsWith(Place.DEFAULT.source()) && is.origin().startsWith(Place.DEFAULT.source());
        return !unwritten && !was.exact().equals(is.exact());
    }

    /** Whether a key belongs to a provider or a model that is new or gone as a whole. */
    private static boolean isTold(Set<String> told, Reading.@Nullable Entry entry) {
        if (entry == null || !isNamed(entry)) {
            return false;
        }
        String name = key(entry.path().subList(0, 2));
        return told.contains(name + " is new") || told.contains(name + " is gone");
    }

    /** The providers and the models, in the order in which they are written. */
    private static Map<String, Set<String>> named(Map<String, Reading.Entry> keys) {
        Map<String, Set<String>> named = new LinkedHashMap<>();
        keys.values().stream()
                .filter(Changes::isNamed)
                .forEach(entry -> named.computeIfAbsent(entry.path().getFirst(), _ -> new LinkedHashSet<>())
                        .add(key(entry.path().subList(0, 2))));
        return named;
    }

    private static boolean isNamed(Reading.Entry entry) {
        return entry.pattern().startsWith("providers.<name>.")
                || entry.pattern().startsWith("models.<name>.");
    }

    private static Set<String> names(Map<String, Set<String>> named, String kind) {
        return named.getOrDefault(kind, Set.of());
    }
}
