package dev.lockkeeper.ledger;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Collection;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;

/**
 * Writes many rows of a table. Where each statement has its price, which is on PostgreSQL, many go in one. Stateless; any
 * thread.
 */
final class Rows {
    /** Rows of one statement. PostgreSQL takes 65,535 values in one. */
    private static final int AT_ONCE = 100;

    private final String one;
    private final String many;

    /**
     * @param table where they go
     * @param columns which values they have
     * @param end what follows the values; empty: nothing
     */
    Rows(String table, List<String> columns, String end) {
        String head = "INSERT INTO " + table + " (" + String.join(", ", columns) + ") VALUES ";
        String row = "(" + String.join(", ", Collections.nCopies(columns.size(), "?")) + ")";
        this.one = head + row + end;
        this.many = head + String.join(", ", Collections.nCopies(AT_ONCE, row)) + end;
    }

    /** Binds a row's values. */
    @FunctionalInterface
    interface Values<T> {
        /**
         * Binds them.
         *
         * @param from the number of the first
         * @return the number behind the last
         */
        int bind(PreparedStatement statement, int from, T row) throws SQLException;
    }

    /**
     * Writes rows, in their order.
     *
     * @param together many in one statement: then no two may be the same row of the table
     */
    <T> void write(Connection connection, Collection<T> rows, boolean together, Values<T> values) throws SQLException {
        Iterator<T> left = rows.iterator();
        int full = together ? rows.size() / AT_ONCE : 0;
        if (full > 0) {
            try (PreparedStatement statement = connection.prepareStatement(many)) {
                for (int i = 0; i < full; i++) {
                    int at = 1;
                    for (int row = 0; row < AT_ONCE; row++) {
                        at = values.bind(statement, at, left.next());
                    }
                    statement.addBatch();
                }
                statement.executeBatch();
            }
        }
        if (left.hasNext()) {
            try (PreparedStatement statement = connection.prepareStatement(one)) {
                while (left.hasNext()) {
                    int _ = values.bind(statement, 1, left.next());
                    statement.addBatch();
                }
                statement.executeBatch();
            }
        }
    }
}
