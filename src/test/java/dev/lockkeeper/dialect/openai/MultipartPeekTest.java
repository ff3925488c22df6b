package dev.lockkeeper.dialect.openai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatNoException;

import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MultipartPeekTest {
    private static final String TYPE = "multipart/form-data; boundary=XyZ";

    private static String part(String name, String more, String content) {
        return "--XyZ\r\nContent-Disposition: form-data; name=\"" + name + "\"" + more + "\r\n\r\n" + content + "\r\n";
    }

    private static final String FORM = part("purpose", "", "batch")
            + part(
                    "file",
                    "; filename=\"a;b.bin\"\r\nContent-Type: application/octet-stream",
                    "\r\n--Xy\r\r\n--XyQ\r\n\r\n-\u0000ü")
            + part("model", "", "whisper-1")
            + part("stream", "", "true")
            + part("file_ids[]", "", "file-1")
            + part("prompt", "", "x".repeat(10_000))
            + "--XyZ--\r\n";

    @Property(tries = 1000)
    void anyCuttingFindsTheSameFields(@ForAll long seed) throws Malformed {
        MultipartPeek peek = MultipartPeek.of(TYPE);
        for (Bytes piece : new Chance(seed).cut(FORM)) {
            peek.feed(piece);
        }
        peek.end();
        assertThat(peek.complete()).isTrue();
        MultipartPeek.Field model = Objects.requireNonNull(peek.model());
        byte[] bytes = FORM.getBytes(StandardCharsets.UTF_8);
        assertThat(model.value()).isEqualTo("whisper-1");
        assertThat(new String(bytes, (int) model.from(), (int) (model.to() - model.from()), StandardCharsets.UTF_8))
                .isEqualTo("whisper-1");
        assertThat(peek.purpose()).isEqualTo("batch");
        assertThat(peek.stream()).isTrue();
        assertThat(peek.references()).containsExactly(new Reference("file_ids[]", "file-1", ObjectKind.FILE));
    }

    @Test
    void theModelIsKnownAsSoonAsItsFieldEnds() throws Malformed {
        MultipartPeek peek = MultipartPeek.of(TYPE);
        peek.feed(Bytes.utf8(part("model", "", "m").stripTrailing()));
        assertThat(peek.model()).isNull();
        peek.feed(Bytes.utf8("\r\n--XyZ"));
        assertThat(peek.model()).isNotNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "multipart/form-data; boundary=\"XyZ\"",
                "Multipart/Form-Data;charset=utf-8; Boundary=XyZ",
                "multipart/form-data; boundary=XyZ ; x=y"
            })
    void theBoundaryIsFoundHoweverItIsWritten(String type) throws Malformed {
        MultipartPeek peek = MultipartPeek.of(type);
        peek.feed(Bytes.utf8("a preamble\r\n" + part("model", "", "m") + "--XyZ--"));
        assertThat(peek.model()).isNotNull();
    }

    @Test
    void aFieldWithAFileNameIsAFile() throws Malformed {
        MultipartPeek peek = MultipartPeek.of(TYPE);
        peek.feed(Bytes.utf8(part("model", "; filename=\"m\"", "x".repeat(10_000)) + "--XyZ--"));
        assertThat(peek.model()).isNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "application/json",
                "multipart/form-data",
                ";",
                "multipart/form-data; boundary=",
                "multipart/mixed; boundary=a",
                "multipart/form-data; boundary=a; Boundary = b"
            })
    void anythingElseIsRefused(String type) {
        assertThatExceptionOfType(Malformed.class).isThrownBy(() -> MultipartPeek.of(type));
    }

    @Test
    void whatIsNoFormIsRefused() throws Malformed {
        MultipartPeek twice = MultipartPeek.of(TYPE);
        assertThatExceptionOfType(Malformed.class)
                .isThrownBy(() -> twice.feed(Bytes.utf8(part("model", "", "a") + part("model", "", "b") + "--XyZ--")))
                .matches(e -> "model".equals(e.param()));
        MultipartPeek noBoundary = MultipartPeek.of(TYPE);
        assertThatExceptionOfType(Malformed.class)
                .isThrownBy(() -> noBoundary.feed(Bytes.utf8("x".repeat(MultipartPeek.MAX_HEAD + 1))));
        MultipartPeek longField = MultipartPeek.of(TYPE);
        assertThatExceptionOfType(Malformed.class)
                .isThrownBy(() ->
                        longField.feed(Bytes.utf8(part("model", "", "x".repeat(MultipartPeek.MAX_FIELD + 1)))));
        MultipartPeek longHead = MultipartPeek.of(TYPE);
        assertThatExceptionOfType(Malformed.class)
                .isThrownBy(() -> longHead.feed(Bytes.utf8("--XyZ\r\nX: " + "x".repeat(MultipartPeek.MAX_HEAD))));
        MultipartPeek many = MultipartPeek.of(TYPE);
        assertThatExceptionOfType(Malformed.class)
                .isThrownBy(() -> many.feed(Bytes.utf8(part("a", "", "").repeat(MultipartPeek.MAX_PARTS + 1))));
        MultipartPeek cut = MultipartPeek.of(TYPE);
        cut.feed(Bytes.utf8(part("model", "", "a")));
        assertThatExceptionOfType(Malformed.class).isThrownBy(cut::end);
    }

    @Test
    void aLargeFileCostsNothing() {
        assertThatNoException().isThrownBy(() -> {
            MultipartPeek peek = MultipartPeek.of(TYPE);
            peek.feed(Bytes.utf8("--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"));
            Bytes block = Bytes.utf8("\r\n--Xy".repeat(10_000));
            for (int i = 0; i < 200; i++) {
                peek.feed(block);
            }
            peek.feed(Bytes.utf8("\r\n" + part("model", "", "m") + "--XyZ--"));
            peek.end();
            assertThat(peek.model()).isNotNull();
        });
    }

    @Property(tries = 1000)
    void randomBytesAreReadOrMalformed(@ForAll byte[] bytes) throws Malformed {
        MultipartPeek peek = MultipartPeek.of(TYPE);
        peek.feed(Bytes.utf8("--XyZ\r\n"));
        try {
            peek.feed(Bytes.of(bytes));
        } catch (Malformed e) {
            assertThat(e.message()).isNotEmpty();
        }
    }
}
