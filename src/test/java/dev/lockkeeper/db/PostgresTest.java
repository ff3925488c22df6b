package dev.lockkeeper.db;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.testing.Stores;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PostgresTest {
    @TempDir
    Path temp;

    @Test
    void theSchemaIsMadeAndBroughtUpToDate() throws Exception {
        DatabaseSettings settings = Stores.empty();
        for (int run = 0; run < 2; run++) {
            try (Database database = Database.open(temp, settings)) {
                List<String> names = database.<List<String>>read(
                                handle -> handle.createQuery("SELECT name FROM organizations")
                                        .mapTo(String.class)
                                        .list())
                        .join();
                assertThat(names).containsExactly("default");
                assertThat(temp.resolve("lockkeeper.db")).doesNotExist();
            }
        }
    }
}
