package dev.lockkeeper.db;

import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * A page of a list.
 *
 * @param elements at most as many as were wanted
 * @param more whether others follow
 */
public record Slice<T>(List<T> elements, boolean more) {
    public Slice {
        elements = List.copyOf(elements);
    }

    /** The first elements of what there is from the page's beginning on; one more than the limit is enough to know. */
    public static <T> Slice<T> of(Stream<T> from, Page page) {
        List<T> found = from.limit(page.limit() + 1L).toList();
        return found.size() > page.limit()
                ? new Slice<>(found.subList(0, page.limit()), true)
                : new Slice<>(found, false);
    }

    /** The same page with something else in each place. */
    public <R> Slice<R> map(Function<T, R> with) {
        return new Slice<>(elements.stream().map(with).toList(), more);
    }
}
