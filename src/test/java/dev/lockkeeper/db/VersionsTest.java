package dev.lockkeeper.db;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.testing.OnBothStores;
import dev.lockkeeper.testing.Stores;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jdbi.v3.core.Handle;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;

/** Two versions side by side: the statements of the version before this one work on the schema of this one. */
@OnBothStores
class VersionsTest {
    private static final Pattern STATEMENT =
            Pattern.compile("(?s)-- rows (\\d+)(?: only (\\w+))?\\n(.+?);\\s*(?=\\n|\\z)");
    private static final Pattern KNOWS = Pattern.compile("It knows schema (\\d+)\\.");

    @Parameter
    Stores store = Stores.SQLITE;

    @TempDir
    Path temp;

    /** @param only the one store that it is for; empty: both */
    private record Frozen(int rows, String only, String sql) {}

    @Test
    void whatTheVersionBeforeDoesStillDoesTheSame() throws Exception {
        String name = store.name().toLowerCase(Locale.ROOT);
        int tried = 0;
        try (Database database = store.open(temp)) {
            for (Frozen each : statements()) {
                if (each.only.isEmpty() || each.only.equals(name)) {
                    int rows = database.<Integer>write(handle -> rows(handle, each.sql), _ -> {});
                    assertThat(rows).as(each.sql).isEqualTo(each.rows);
                    tried++;
                }
            }
        }
        assertThat(tried).isGreaterThan(10);
    }

    @Test
    void theVersionBeforeIsNotToldThatTheSchemaIsBeyondIt() throws Exception {
        Matcher knows = KNOWS.matcher(text());
        assertThat(knows.find()).isTrue();
        try (Database database = store.open(temp)) {
            int oldest = database.<Integer>read(handle -> handle.createQuery("SELECT oldest FROM schema_reach")
                            .mapTo(Integer.class)
                            .one())
                    .join();
            assertThat(oldest).isLessThanOrEqualTo(Integer.parseInt(knows.group(1)));
        }
    }

    private static int rows(Handle handle, String sql) {
        if (sql.startsWith("SELECT")) {
            return handle.createQuery(sql).mapToMap().list().size();
        }
        var update = handle.createUpdate(sql);
        return (sql.contains(":hash") ? update.bind("hash", new byte[32]) : update).execute();
    }

    private static List<Frozen> statements() throws Exception {
        List<Frozen> statements = new ArrayList<>();
        Matcher each = STATEMENT.matcher(text());
        while (each.find()) {
            statements.add(new Frozen(
                    Integer.parseInt(each.group(1)),
                    each.group(2) == null ? "" : each.group(2),
                    each.group(3).strip()));
        }
        return statements;
    }

    private static String text() throws Exception {
        try (InputStream in = Objects.requireNonNull(VersionsTest.class.getResourceAsStream("/db/previous.sql"))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
