package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.OnBothStores;
import dev.lockkeeper.testing.Stores;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;

@OnBothStores
class DataFolderTest {
    @Parameter
    Stores store = Stores.SQLITE;

    @TempDir
    Path temp;

    @Test
    void everyFileIsForItsOwnerAloneAlsoInAFolderThatOthersMayRead() throws Exception {
        assumeThat(temp.getFileSystem().supportedFileAttributeViews()).contains("posix");
        Files.setPosixFilePermissions(temp, PosixFilePermissions.fromString("rwxr-xr-x"));
        try (Gateway gateway = Gateway.plan().data(temp).store(store).start()) {
            assertThat(gateway.house().ledger().closed()).isNull();
            List<Path> files;
            try (Stream<Path> all = Files.walk(temp)) {
                files = all.filter(Files::isRegularFile).toList();
            }
            assertThat(files)
                    .hasSizeGreaterThan(4)
                    .allSatisfy(file -> assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                            .as(file.toString())
                            .isEqualTo("rw-------"));
        }
    }
}
