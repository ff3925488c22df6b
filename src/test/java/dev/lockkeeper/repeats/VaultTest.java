package dev.lockkeeper.repeats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockkeeper.units.Bytes;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VaultTest {
    private static final Name NAME = Name.of("k");

    @TempDir
    Path temp;

    private Vault open(@Nullable String secret) throws IOException {
        return Vault.open(temp, secret, new SecureRandom());
    }

    private static Answer answer(String body) {
        return new Answer(
                "req_1",
                200,
                List.of(new Answer.Field("a", "1"), new Answer.Field("b", ""), new Answer.Field("a", "ü")),
                Bytes.utf8(body));
    }

    @Test
    void whatIsSealedOpensAlsoAfterARestartAndNowhereElse() throws Exception {
        byte[] sealed = open(null).seal("key_1", NAME, answer("text that is secret"));

        assertThat(new String(sealed, StandardCharsets.ISO_8859_1))
                .doesNotContain("secret")
                .doesNotContain("req_1");
        Vault again = open(null);
        assertThat(again.open("key_1", NAME, sealed)).isEqualTo(answer("text that is secret"));
        assertThat(again.open("key_2", NAME, sealed)).isNull();
        assertThat(again.open("key_1", Name.of("other"), sealed)).isNull();
        assertThat(open("another secret").open("key_1", NAME, sealed)).isNull();
        assertThat(open("another secret").node()).isEqualTo(again.node());
        assertThat(open("another secret").id()).isNotEqualTo(again.id());
    }

    @Test
    void theSameAnswerIsNeverSealedAlike() throws Exception {
        Vault vault = open(null);
        assertThat(vault.seal("k", NAME, answer("x"))).isNotEqualTo(vault.seal("k", NAME, answer("x")));
    }

    @Test
    void whatIsCutOrChangedDoesNotOpen() throws Exception {
        Vault vault = open(null);
        byte[] sealed = vault.seal("k", NAME, answer("x"));
        for (int at = 0; at < sealed.length; at++) {
            byte[] changed = sealed.clone();
            changed[at] ^= 1;
            assertThat(vault.open("k", NAME, changed)).as("changed at %d", at).isNull();
        }
        for (int length = 0; length < sealed.length; length++) {
            assertThat(vault.open("k", NAME, java.util.Arrays.copyOf(sealed, length)))
                    .as("cut to %d", length)
                    .isNull();
        }
    }

    @Property(tries = 200)
    void anyAnswerComesBack(@ForAll @Size(max = 5_000) byte[] body, @ForAll String value) throws Exception {
        Path folder = Files.createTempDirectory("vault");
        Vault vault = Vault.open(folder, "a secret", new SecureRandom());
        String wellFormed = new String(value.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
        Answer answer = new Answer("c", 201, List.of(new Answer.Field("f", wellFormed)), Bytes.of(body));
        assertThat(vault.open("k", NAME, vault.seal("k", NAME, answer))).isEqualTo(answer);
        Files.delete(folder.resolve(Vault.FILE));
        Files.delete(folder);
    }

    @Test
    void aFileThatOthersCouldReadIsClosedToThemAndOneThatIsNoKeyIsRefused() throws Exception {
        open(null);
        Path file = temp.resolve(Vault.FILE);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        open(null);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");

        Files.writeString(file, "not a key");
        assertThatThrownBy(() -> open(null))
                .hasMessageContaining("idempotency-key")
                .hasMessageContaining("64 hex");
    }
}
