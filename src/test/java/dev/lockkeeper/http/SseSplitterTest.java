package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.units.Bytes;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class SseSplitterTest {
    private static final class Heard implements SseSplitter.Sink {
        final List<String> lines = new ArrayList<>();
        final ByteArrayOutputStream raw = new ByteArrayOutputStream();
        final List<Bytes> raws = new ArrayList<>();
        final List<String> copies = new ArrayList<>();

        @Override
        public void event(Bytes bytes, @Nullable String name, Bytes data) {
            keep(bytes);
            lines.add(name + "|" + data.utf8());
        }

        @Override
        public void comment(Bytes bytes) {
            keep(bytes);
            lines.add("comment " + bytes.utf8());
        }

        @Override
        public void tooLong() {
            lines.add("too long");
        }

        private void keep(Bytes bytes) {
            raw.writeBytes(bytes.toArray());
            raws.add(bytes);
            copies.add(bytes.utf8());
        }
    }

    private static Heard hear(String stream) {
        Heard heard = new Heard();
        new SseSplitter(1 << 20).feed(Bytes.utf8(stream), heard);
        return heard;
    }

    @Test
    void anEventIsItsNameAndItsData() {
        assertThat(hear("event: a\ndata: {\"x\":1}\n\n").lines).containsExactly("a|{\"x\":1}");
        assertThat(hear("data:x\n\n").lines).containsExactly("null|x");
        assertThat(hear("data:  x\n\n").lines).containsExactly("null| x");
        assertThat(hear("data\n\n").lines).containsExactly("null|");
        assertThat(hear("id: 7\nretry: 5\ndata: x\ndatum: y\n\n").lines).containsExactly("null|x");
    }

    @Test
    void linesEndInEveryWayTheStandardKnows() {
        assertThat(hear("data: a\n\ndata: b\n\n").lines).containsExactly("null|a", "null|b");
        assertThat(hear("data: a\r\n\r\ndata: b\r\n\r\n").lines).containsExactly("null|a", "null|b");
        assertThat(hear("data: a\r\rdata: b\r\r").lines).containsExactly("null|a", "null|b");
    }

    @Test
    void aPairOfLineEndsIsOnePartOfItsEvent() {
        Heard heard = hear("data: a\r\n\r\ndata: b\r\n\r\n");
        assertThat(heard.copies).containsExactly("data: a\r\n\r\n", "data: b\r\n\r\n");
    }

    @Test
    void severalDataLinesAreJoined() {
        assertThat(hear("data: a\ndata:\ndata: b\n\n").lines).containsExactly("null|a\n\nb");
        assertThat(hear("data: a\r\nevent: e\r\ndata: b\r\n\r\n").lines).containsExactly("e|a\nb");
    }

    @Test
    void commentsAndEmptyLinesAreTold() {
        assertThat(hear(": ping\n\ndata: a\n\n\n").lines).containsExactly("comment : ping\n\n", "null|a", "comment \n");
        assertThat(hear(": OPENROUTER PROCESSING\ndata: a\n\n").lines).containsExactly("null|a");
    }

    @Test
    void aByteOrderMarkAtTheStartIsLeftOut() {
        Heard heard = hear("\ufeffdata: a\n\ndata: b\n\n");
        assertThat(heard.lines).containsExactly("null|a", "null|b");
        assertThat(heard.copies.getFirst()).isEqualTo("data: a\n\n");
    }

    @Test
    void anEventInsideOneChunkIsAViewOfIt() {
        Bytes chunk = Bytes.utf8("data: a\n\ndata: b\n\n");
        Heard heard = new Heard();
        new SseSplitter(1 << 20).feed(chunk, heard);
        assertThat(heard.raws).allSatisfy(raw -> assertThat(raw.array()).isSameAs(chunk.array()));
    }

    @Test
    void anUnfinishedEventIsInsideAndAnUnfinishedCommentIsNot() {
        SseSplitter splitter = new SseSplitter(1 << 20);
        Heard heard = new Heard();
        assertThat(splitter.inside()).isFalse();
        splitter.feed(Bytes.utf8("data: a\n\n: pi"), heard);
        assertThat(splitter.inside()).isFalse();
        splitter.feed(Bytes.utf8("ng\n"), heard);
        assertThat(splitter.inside()).isFalse();
        splitter.feed(Bytes.utf8("da"), heard);
        assertThat(splitter.inside()).isTrue();
        splitter.feed(Bytes.utf8("ta: b\n"), heard);
        assertThat(splitter.inside()).isTrue();
        splitter.feed(Bytes.utf8("\n"), heard);
        assertThat(splitter.inside()).isFalse();
        assertThat(heard.lines).containsExactly("null|a", "null|b");
    }

    @Test
    void anEventOverTheBoundEndsTheStream() {
        String stream = "data: a\n\ndata: " + "x".repeat(100) + "\n\ndata: b\n\n";
        for (int piece : new int[] {1, 7, 1000}) {
            Heard heard = new Heard();
            SseSplitter splitter = new SseSplitter(50);
            byte[] bytes = stream.getBytes(StandardCharsets.UTF_8);
            for (int at = 0; at < bytes.length; at += piece) {
                splitter.feed(new Bytes(bytes, at, Math.min(piece, bytes.length - at)), heard);
            }
            assertThat(heard.lines).containsExactly("null|a", "too long");
        }
    }

    @Test
    void aVeryLongLineWithinTheBoundIsOneEvent() {
        String long1 = "x".repeat(1_500_000);
        Heard heard = new Heard();
        SseSplitter splitter = new SseSplitter(2 << 20);
        byte[] bytes = ("data: " + long1 + "\n\n").getBytes(StandardCharsets.UTF_8);
        for (int at = 0; at < bytes.length; at += 16_384) {
            splitter.feed(new Bytes(bytes, at, Math.min(16_384, bytes.length - at)), heard);
        }
        assertThat(heard.lines).containsExactly("null|" + long1);
    }

    @Property(tries = 3000)
    void anyCuttingGivesTheSameEvents(@ForAll long seed) {
        Random random = new Random(seed);
        String[] parts = {
            "data: ",
            "data:",
            "data",
            "event: ",
            "event:a\n",
            ": c",
            ":\r",
            "\n",
            "\r",
            "\r\n",
            "\n\n",
            "\r\n\r\n",
            "x",
            " ",
            "é",
            "😀",
            "{\"a\":1}",
            "id: 1\n",
            "\ufeff",
            "data: y\n\n",
            "data: z\r\n\r\n",
            "data: w\r\r"
        };
        StringBuilder stream = new StringBuilder(random.nextInt(4) == 0 ? "\ufeff" : "");
        for (int i = random.nextInt(30); i >= 0; i--) {
            stream.append(parts[random.nextInt(parts.length)]);
        }
        byte[] bytes = stream.toString().getBytes(StandardCharsets.UTF_8);
        Heard whole = new Heard();
        SseSplitter first = new SseSplitter(1 << 20);
        first.feed(Bytes.of(bytes), whole);
        Heard cut = new Heard();
        SseSplitter second = new SseSplitter(1 << 20);
        int at = 0;
        while (at < bytes.length) {
            int length = Math.min(bytes.length - at, random.nextInt(5));
            second.feed(new Bytes(bytes, at, length), cut);
            at += length;
        }
        assertThat(cut.lines).isEqualTo(whole.lines);
        assertThat(cut.copies).isEqualTo(whole.copies);
        assertThat(second.inside()).isEqualTo(first.inside());
        String told = whole.raw.toString(StandardCharsets.UTF_8);
        String sent = stream.toString().startsWith("\ufeff") ? stream.substring(1) : stream.toString();
        assertThat(sent).startsWith(told);
        // Bytes that were told stay as they were.
        for (int i = 0; i < cut.raws.size(); i++) {
            assertThat(cut.raws.get(i).utf8()).isEqualTo(cut.copies.get(i));
        }
    }
}
