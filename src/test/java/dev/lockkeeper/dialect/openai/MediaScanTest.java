package dev.lockkeeper.dialect.openai;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.dialect.openai.EncodedFile.Size;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Media;
import dev.lockkeeper.units.Media.Detail;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import javax.imageio.ImageIO;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MediaScanTest {
    private static byte[] picture(String format, int width, int height) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB), format, out);
        return out.toByteArray();
    }

    private static String url(String type, byte[] bytes) {
        return "data:" + type + ";base64," + Base64.getEncoder().encodeToString(bytes);
    }

    private static Size size(String text) {
        return EncodedFile.picture(Bytes.utf8(text + "\""), 0);
    }

    @ParameterizedTest
    @CsvSource({"png, 1, 1", "png, 640, 480", "gif, 31, 7", "jpeg, 640, 480", "jpeg, 17, 2000", "jpg, 1, 1"})
    void aPicturesSizeIsReadFromItsFirstBytes(String format, int width, int height) throws IOException {
        assertThat(size(url("image/" + format, picture(format, width, height)))).isEqualTo(new Size(width, height));
    }

    @Test
    void aJpegsSizeMayStandBehindAPreview() throws IOException {
        byte[] jpeg = picture("jpeg", 300, 200);
        byte[] preview = new byte[60_000];
        ByteBuffer with = ByteBuffer.allocate(jpeg.length + 2 * (preview.length + 4));
        with.put(jpeg, 0, 2);
        for (int i = 0; i < 2; i++) {
            with.put(new byte[] {(byte) 0xff, (byte) 0xe1})
                    .putShort((short) (preview.length + 2))
                    .put(preview);
        }
        with.put(jpeg, 2, jpeg.length - 2);
        assertThat(size(url("image/jpeg", with.array()))).isEqualTo(new Size(300, 200));
    }

    @ParameterizedTest
    @ValueSource(strings = {"VP8 ", "VP8L", "VP8X"})
    void aWebpsSizeIsReadOfEachKind(String kind) {
        ByteBuffer file = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
        file.put("RIFF".getBytes(US_ASCII))
                .putInt(56)
                .put("WEBP".getBytes(US_ASCII))
                .put(kind.getBytes(US_ASCII))
                .putInt(40);
        switch (kind) {
            case "VP8 " ->
                file.put(new byte[] {0, 0, 0, (byte) 0x9d, 1, 0x2a})
                        .putShort((short) 800)
                        .putShort((short) 600);
            case "VP8L" -> file.put((byte) 0x2f).putInt(799 | (599 << 14));
            default -> file.putInt(0).put(new byte[] {0x1f, 3, 0, 0x57, 2, 0});
        }
        assertThat(size(url("image/webp", file.array()))).isEqualTo(new Size(800, 600));
    }

    @Property(tries = 300)
    void nothingThatIsSentAsAPictureThrows(@ForAll byte[] bytes, @ForAll @IntRange(max = 4) int kind) {
        byte[] start = new byte[][] {
                    {(byte) 0x89, 'P'},
                    {'G', 'I'},
                    {(byte) 0xff, (byte) 0xd8, (byte) 0xff},
                    "RIFF....WEBPVP8X".getBytes(US_ASCII),
                    {}
                }
                [kind];
        byte[] all = Arrays.copyOf(start, start.length + bytes.length);
        System.arraycopy(bytes, 0, all, start.length, bytes.length);
        Size size = size(url("image/png", all));
        assertThat(size.width() == 0).isEqualTo(size.height() == 0);
        assertThat(size.width()).isNotNegative();
        assertThat(EncodedFile.bytesPerSecond(Bytes.of(all), 0)).isNotNegative();
    }

    @Property(tries = 200)
    void aPictureThatIsCutHasItsSizeOrNone(@ForAll @IntRange(max = 2_000) int cut) throws IOException {
        for (String format : List.of("png", "gif", "jpeg")) {
            String whole = url("image/" + format, picture(format, 90, 60));
            assertThat(size(whole.substring(0, Math.min(cut, whole.length())))).isIn(new Size(90, 60), new Size(0, 0));
        }
    }

    @Test
    void aChatsPicturesAndFilesAreTold() throws IOException {
        String png = url("image/png", picture("png", 64, 32)).replace("/", "\\/");
        RequestScan scan =
                Given.scan(Given.CHAT, """
                {"model":"m","messages":[{"role":"system","content":"Be brief"},{"role":"user","content":[
                 {"type":"text","text":"What?"},
                 {"type":"image_url","image_url":{"url":"%s","detail":"low"}},
                 {"type":"image_url","image_url":{"detail":"high","url":"https://example.org/a.png"}},
                 {"type":"input_audio","input_audio":{"data":"%s","format":"wav"}},
                 {"type":"file","file":{"file_data":"data:application/pdf;base64,AAAABBBB","filename":"a.pdf"}},
                 {"type":"file","file":{"file_id":"file-1"}}]}]}
                """.formatted(png, Base64.getEncoder().encodeToString(wav(48_000, 960))));
        assertThat(scan.media())
                .containsExactly(
                        new Media.Image(Detail.LOW, 64, 32),
                        new Media.Image(Detail.HIGH, 0, 0),
                        new Media.Audio(1_004, 48_000),
                        new Media.File(6, true),
                        new Media.File(0, true));
        assertThat(scan.messages()).isEqualTo(2);
        assertThat(scan.textBytes()).isEqualTo("Be brief".length() + "What?".length());
    }

    @Test
    void aResponsesPicturesAndFilesAreTold() throws IOException {
        RequestScan scan = Given.scan(Given.RESPONSES, """
                {"model":"m","input":[{"role":"user","content":[
                 {"type":"input_image","image_url":"%s","detail":"original"},
                 {"detail":"low","type":"input_image","file_id":"file-1"},
                 {"file_id":"file-2","type":"input_file"},
                 {"type":"input_file","file_url":"https://example.org/a.pdf"},
                 {"type":"input_file","filename":"a.txt","file_data":"data:text/plain;base64,QUJD"},
                 {"type":"input_text","text":"Compare"}]},
                 {"type":"computer_call_output","call_id":"c","output":{"type":"computer_screenshot",
                  "image_url":"%s"}}],
                 "tools":[{"type":"function","name":"image_url","parameters":{"image_url":"data:image/png;base64,AA"}}]}
                """.formatted(
                        url("image/jpeg", picture("jpeg", 50, 40)), url("image/png", picture("png", 9, 8))));
        assertThat(scan.media())
                .containsExactly(
                        new Media.Image(Detail.ORIGINAL, 50, 40),
                        new Media.Image(Detail.LOW, 0, 0),
                        new Media.File(0, true),
                        new Media.File(0, true),
                        new Media.File(3, false),
                        new Media.Image(Detail.AUTO, 9, 8));
        assertThat(scan.messages()).isEqualTo(2);
    }

    @Test
    void tokensThatAreGivenAsNumbersAreCounted() {
        RequestScan scan = Given.scan(Given.EMBEDDINGS, "{\"model\":\"m\",\"input\":[[1,2,3],[4,5]],\"dimensions\":6}");
        assertThat(scan.tokenIds()).isEqualTo(5);
        assertThat(Given.scan(Given.CHAT, "{\"n\":2,\"messages\":[{\"role\":\"user\",\"content\":\"1\"}]}")
                        .tokenIds())
                .isZero();
    }

    private static byte[] wav(int bytesPerSecond, int data) {
        ByteBuffer file = ByteBuffer.allocate(44 + data).order(ByteOrder.LITTLE_ENDIAN);
        file.put("RIFF".getBytes(US_ASCII)).putInt(36 + data).put("WAVE".getBytes(US_ASCII));
        file.put("fmt ".getBytes(US_ASCII)).putInt(16).putShort((short) 1).putShort((short) 1);
        file.putInt(bytesPerSecond / 2)
                .putInt(bytesPerSecond)
                .putShort((short) 2)
                .putShort((short) 16);
        return file.put("data".getBytes(US_ASCII)).putInt(data).array();
    }
}
