package dev.lockkeeper.fuzz;

import dev.lockkeeper.http.EmbeddedServer;
import dev.lockkeeper.http.EmbeddedServer.Heard;
import dev.lockkeeper.http.EmbeddedServer.Seen;
import dev.lockkeeper.units.Bytes;
import java.util.Arrays;
import java.util.List;

/**
 * The bytes of an HTTP/1.1 connection: whatever the server hands on as a request is what a strict reader finds at the
 * same place, and where that reader finds none, the answer is a 4xx and the end. So nobody can make the gateway and a
 * strict proxy before it disagree on where a request ends.
 */
public final class HeadTarget {
    /** Bytes of a head in these trials. */
    private static final int MAX_HEAD = 2_048;

    private static final EmbeddedServer SERVER = new EmbeddedServer(MAX_HEAD);

    private HeadTarget() {}

    /** What Jazzer calls. */
    public static void fuzzerTestOneInput(byte[] data) {
        Input input = new Input(data);
        Heard whole = SERVER.hear(List.of(input.rest()));
        Heard cut = SERVER.hear(input.cut());
        Input.same(whole.requests().toString(), cut.requests().toString(), "cut otherwise");
        Input.same(whole.refusal().isEmpty(), cut.refusal().isEmpty(), "cut otherwise, refused");
        if (!whole.refusal().isEmpty()) {
            Input.check(whole.refusal().startsWith("HTTP/1.1 4"), whole.refusal());
            Input.check(whole.refusal().contains("connection: close\r\n"), whole.refusal());
        }
        StrictReader strict = new StrictReader(input.rest());
        int left = whole.requests().size();
        for (Seen seen : whole.requests()) {
            left--;
            StrictReader.Request expected = strict.next();
            Input.check(expected != null, "handed on, but " + strict.why() + ": " + seen);
            Input.same(expected.method() + " " + expected.target(), seen.method() + " " + seen.target(), "request");
            List<String> fields = withoutUpgrade(expected.fields());
            Input.same(fields, withoutOwnClose(fields, seen.fields()), "fields");
            if (seen.whole()) {
                Input.check(expected.whole(), "whole: " + seen);
                Input.same(expected.body(), seen.body(), "body");
            } else {
                Input.check(expected.body().startsWith(seen.body()), "body");
                Input.check(left == 0, "a request behind one that is not whole");
            }
        }
    }

    /** Where {@code close} stands among other words, or behind a folded line's space, the server says it once more alone. */
    private static List<String> withoutOwnClose(List<String> came, List<String> seen) {
        boolean listed = came.stream()
                .filter(field -> field.startsWith("connection: "))
                .flatMap(field ->
                        Arrays.stream(field.substring("connection: ".length()).split(",", -1)))
                .anyMatch(word -> word.strip().equalsIgnoreCase("close"));
        boolean added = seen.size() > came.size() && seen.getLast().equals("connection: close");
        return listed && added ? seen.subList(0, seen.size() - 1) : seen;
    }

    /** No protocol is changed to: the server takes the offer off. */
    private static List<String> withoutUpgrade(List<String> fields) {
        return fields.stream().anyMatch(field -> field.startsWith("upgrade: "))
                ? fields.stream()
                        .filter(field -> !field.startsWith("upgrade: ") && !field.startsWith("http2-settings: "))
                        .toList()
                : fields;
    }

    static Heard hear(String text) {
        return SERVER.hear(List.of(Bytes.of(text.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1))));
    }
}
