package dev.lockkeeper.simulator;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Keeps things by id, bounded in number and in weight: the oldest is dropped for the newest. Any thread. */
final class Shelf<T> {
    /** The most things that a shelf keeps. */
    static final int MOST_THINGS = 10_000;

    private record Kept<T>(T thing, long bytes) {}

    private final int mostThings;
    private final long mostBytes;
    private final Map<String, Kept<T>> kept = new LinkedHashMap<>();
    private long bytes;

    Shelf(int mostThings, long mostBytes) {
        this.mostThings = mostThings;
        this.mostBytes = mostBytes;
    }

    synchronized void put(String id, T thing, long weight) {
        remove(id);
        kept.put(id, new Kept<>(thing, weight));
        bytes += weight;
        var oldest = kept.entrySet().iterator();
        while ((kept.size() > mostThings || bytes > mostBytes) && kept.size() > 1) {
            bytes -= oldest.next().getValue().bytes();
            oldest.remove();
        }
    }

    /** Replaces a thing in its place; nothing where it was dropped already. */
    synchronized void change(String id, T thing) {
        kept.computeIfPresent(id, (_, before) -> new Kept<>(thing, before.bytes()));
    }

    synchronized @Nullable T get(String id) {
        Kept<T> found = kept.get(id);
        return found == null ? null : found.thing();
    }

    /**
     * A thing that a request asks for.
     *
     * @param what its kind, as a sentence begins
     */
    T needed(String id, String what) throws Refused {
        T found = get(id);
        if (found == null) {
            throw Refused.notFound(what + " with id '" + id + "' not found.");
        }
        return found;
    }

    synchronized boolean remove(String id) {
        Kept<T> gone = kept.remove(id);
        if (gone != null) {
            bytes -= gone.bytes();
        }
        return gone != null;
    }

    /** A page of what is kept. */
    record Page<T>(List<Map.Entry<String, T>> entries, boolean more) {}

    /** The things after one, newest first unless ascending, that pass the test. */
    Page<T> page(@Nullable String after, int limit, boolean ascending, Predicate<T> test) {
        List<Map.Entry<String, T>> all = new ArrayList<>();
        synchronized (this) {
            kept.forEach((id, each) -> all.add(Map.entry(id, each.thing())));
        }
        if (!ascending) {
            Collections.reverse(all);
        }
        List<Map.Entry<String, T>> page = new ArrayList<>();
        boolean reached = after == null;
        for (Map.Entry<String, T> each : all) {
            if (!reached) {
                reached = each.getKey().equals(after);
            } else if (test.test(each.getValue())) {
                if (page.size() == limit) {
                    return new Page<>(page, true);
                }
                page.add(each);
            }
        }
        return new Page<>(page, false);
    }
}
