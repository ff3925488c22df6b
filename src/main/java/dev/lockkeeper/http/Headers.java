package dev.lockkeeper.http;

import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpHeaders;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** Header fields; names are compared without regard to case. Not thread-safe. */
public final class Headers {
    final MultiMap map;

    Headers(MultiMap map) {
        this.map = map;
    }

    /** No fields yet. */
    public static Headers empty() {
        return new Headers(HttpHeaders.headers());
    }

    /** The first value of a field, or null. */
    public @Nullable String get(String name) {
        return map.get(name);
    }

    /** All values of a field, in order. */
    public java.util.List<String> all(String name) {
        return map.getAll(name);
    }

    /** Replaces a field. Refuses a value with line breaks. */
    public Headers set(String name, String value) {
        map.set(name, value);
        return this;
    }

    /** Adds a value to a field. */
    public Headers add(String name, String value) {
        map.add(name, value);
        return this;
    }

    /** Removes a field. */
    public Headers remove(String name) {
        map.remove(name);
        return this;
    }

    /** Calls {@code each} for every field and value, in order. */
    public void forEach(BiConsumer<String, String> each) {
        map.forEach(each);
    }
}
