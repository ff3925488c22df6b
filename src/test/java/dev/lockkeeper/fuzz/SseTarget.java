package dev.lockkeeper.fuzz;

import dev.lockkeeper.http.SseSplitter;
import dev.lockkeeper.units.Bytes;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Server-sent events: any cutting gives the same events, all bytes of them come out as they went in, and they are those
 * that a reader of whole lines finds.
 */
public final class SseTarget {
    private static final int[] BOUNDS = {1 << 20, 16, 64};

    private SseTarget() {}

    /** What Jazzer calls. */
    public static void fuzzerTestOneInput(byte[] data) {
        Input input = new Input(data);
        int bound = BOUNDS[input.choice(BOUNDS.length)];
        Told whole = new Told();
        SseSplitter first = new SseSplitter(bound);
        first.feed(input.rest(), whole);
        Told cut = new Told();
        SseSplitter second = new SseSplitter(bound);
        for (Bytes piece : input.cut()) {
            second.feed(piece, cut);
        }
        Input.same(whole.events, cut.events, "cut otherwise");
        Input.same(whole.all, cut.all, "cut otherwise");
        for (int i = 0; i < cut.raws.size(); i++) {
            Input.same(cut.copies.get(i), cut.raws.get(i).utf8(), "bytes that were told have changed");
        }
        boolean over = whole.all.contains("too long");
        if (!over) {
            Input.same(first.inside(), second.inside(), "inside");
        }
        byte[] sent = input.rest().toArray();
        int mark = sent.length >= 3 && (sent[0] & 0xff) == 0xef && (sent[1] & 0xff) == 0xbb && (sent[2] & 0xff) == 0xbf
                ? 3
                : 0;
        byte[] told = whole.raw.toByteArray();
        for (int i = 0; i < told.length; i++) {
            Input.check(told[i] == sent[mark + i], "byte " + i + " changed on its way");
        }
        if (!over) {
            List<String> expected = lines(sent, mark);
            int missing = expected.size() - whole.events.size();
            // Where lines end in pairs, the last event waits for its line feed.
            boolean waits = missing == 1 && sent[sent.length - 1] == '\r';
            Input.same(
                    waits ? expected.subList(0, expected.size() - 1) : expected,
                    whole.events,
                    "a reader of lines found others");
        }
    }

    /** The events of a text as the standard reads them, line by line; an event with an empty data line is one. */
    private static List<String> lines(byte[] sent, int mark) {
        List<String> events = new ArrayList<>();
        StringBuilder data = new StringBuilder();
        boolean any = false;
        String name = "null";
        int from = mark;
        int at = mark;
        while (at < sent.length) {
            if (sent[at] != '\n' && sent[at] != '\r') {
                at++;
                continue;
            }
            String line = new String(sent, from, at - from, StandardCharsets.UTF_8);
            at += sent[at] == '\r' && at + 1 < sent.length && sent[at + 1] == '\n' ? 2 : 1;
            from = at;
            if (line.isEmpty()) {
                if (any) {
                    events.add(name + "|" + data);
                }
                data.setLength(0);
                any = false;
                name = "null";
                continue;
            }
            int colon = line.indexOf(':');
            String field = colon < 0 ? line : line.substring(0, colon);
            String value = colon < 0 ? "" : line.substring(colon + 1);
            value = value.startsWith(" ") ? value.substring(1) : value;
            if (field.equals("data")) {
                data.append(any ? "\n" : "").append(value);
                any = true;
            } else if (field.equals("event")) {
                name = value.isEmpty() ? "null" : value;
            }
        }
        return events;
    }

    private static final class Told implements SseSplitter.Sink {
        final List<String> events = new ArrayList<>();
        final List<String> all = new ArrayList<>();
        final List<Bytes> raws = new ArrayList<>();
        final List<String> copies = new ArrayList<>();
        final ByteArrayOutputStream raw = new ByteArrayOutputStream();

        @Override
        public void event(Bytes bytes, @Nullable String name, Bytes data) {
            Input.check(!all.contains("too long"), "an event after the end");
            events.add(name + "|" + data.utf8());
            all.add(name + "|" + data.utf8());
            keep(bytes);
        }

        @Override
        public void comment(Bytes bytes) {
            all.add("comment " + bytes.utf8());
            keep(bytes);
        }

        @Override
        public void tooLong() {
            Input.check(!all.contains("too long"), "told twice");
            all.add("too long");
        }

        private void keep(Bytes bytes) {
            raw.write(bytes.array(), bytes.offset(), bytes.length());
            raws.add(bytes);
            copies.add(bytes.utf8());
        }
    }
}
