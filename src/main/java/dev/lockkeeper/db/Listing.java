package dev.lockkeeper.db;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.mapper.RowMapper;
import org.jdbi.v3.core.statement.Query;

/**
 * How a table's rows are listed page by page: by a column that tells when, and where it tells the same by id. A page begins
 * behind a row and not at a number, so what is added or goes meanwhile moves nothing.
 *
 * @param select what is read, without conditions
 * @param table the table whose rows are listed
 * @param row its name in the selection, with the point: {@code k.}
 * @param time its column that tells when
 * @param newestFirst whether the newest comes first
 */
public record Listing(String select, String table, String row, String time, boolean newestFirst) {
    /** A condition: a column of the selection and its value. */
    public record Where(String column, Object value) {}

    /**
     * Reads a page. Blocks.
     *
     * @throws IllegalArgumentException when there is no row that it follows; the message may be shown
     */
    public <T> Slice<T> read(Database database, Page page, List<Where> where, RowMapper<T> mapper) {
        String after = page.after();
        Optional<Slice<T>> found = database.<Optional<Slice<T>>>read(handle -> {
                    Optional<Long> from = after == null ? Optional.of(0L) : moment(handle, after);
                    return from.map(at -> Slice.of(rows(handle, at, page, where, mapper).stream(), page));
                })
                .join();
        return found.orElseThrow(() -> gone(page));
    }

    /** Ends a listing: what a page should follow is not in the list. */
    public static IllegalArgumentException gone(Page page) {
        return new IllegalArgumentException(
                "after: " + page.after()
                        + " is not known (expected: the last_id of the page before; what it named may be gone, then begin anew)");
    }

    private Optional<Long> moment(Handle handle, String id) {
        return handle.createQuery("SELECT " + time + " FROM " + table + " WHERE id = ?")
                .bind(0, id)
                .mapTo(Long.class)
                .findOne();
    }

    private <T> List<T> rows(Handle handle, long from, Page page, List<Where> where, RowMapper<T> mapper) {
        List<String> conditions = new ArrayList<>();
        List<Object> values = new ArrayList<>();
        where.forEach(each -> {
            conditions.add(each.column + " = ?");
            values.add(each.value);
        });
        if (page.after() != null) {
            conditions.add("(" + row + time + ", " + row + "id) " + (newestFirst ? "<" : ">") + " (?, ?)");
            values.add(from);
            values.add(page.after());
        }
        String down = newestFirst ? " DESC" : "";
        Query query = handle.createQuery(select
                + (conditions.isEmpty() ? "" : conditions.stream().collect(Collectors.joining(" AND ", " WHERE ", "")))
                + " ORDER BY " + row + time + down + ", " + row + "id" + down + " LIMIT " + (page.limit() + 1));
        for (int i = 0; i < values.size(); i++) {
            query.bind(i, values.get(i));
        }
        return query.map(mapper).list();
    }
}
