package dev.lockkeeper.fuzz;

import dev.lockkeeper.dialect.openai.Malformed;
import dev.lockkeeper.dialect.openai.MultipartPeek;
import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A multipart form, its content type in the first line: any cutting finds the same fields or the same mistake, and a
 * field stands where it is said to stand.
 */
public final class MultipartTarget {
    private MultipartTarget() {}

    /** What Jazzer calls. */
    public static void fuzzerTestOneInput(byte[] data) {
        Input input = new Input(data);
        String text = input.text();
        int line = text.indexOf('\n');
        if (line < 0) {
            return;
        }
        String type = text.substring(0, line);
        Bytes form = input.rest().slice(line + 1, input.rest().length());
        String whole = read(type, List.of(form), form);
        Input.same(whole, read(type, input.cut(form), form), "cut otherwise");
    }

    private static String read(String type, List<Bytes> pieces, Bytes form) {
        try {
            MultipartPeek peek = MultipartPeek.of(type);
            try {
                for (Bytes piece : pieces) {
                    peek.feed(piece);
                }
                peek.end();
            } catch (Malformed refused) {
                return "refused: " + refused.message();
            }
            MultipartPeek.Field model = peek.model();
            if (model != null) {
                Input.same(
                        model.value(),
                        form.slice((int) model.from(), (int) model.to()).utf8(),
                        "the model's field stands elsewhere");
                between(form, type, (int) model.from(), (int) model.to());
            }
            return model + " " + peek.purpose() + " " + peek.stream() + " " + peek.references();
        } catch (Malformed refused) {
            return "not begun: " + refused.message();
        }
    }

    /** Before a field stands the empty line behind its head, after it the boundary, and none inside. */
    private static void between(Bytes form, String type, int from, int to) {
        String all = new String(form.toArray(), StandardCharsets.ISO_8859_1);
        Input.check(from >= 2 && all.charAt(from - 1) == '\n', "no line ends before the field in " + type);
        Input.check(all.startsWith("\r\n--", to), "no boundary behind the field");
        int end = all.indexOf('\n', to + 4);
        String boundary = all.substring(to, end < 0 ? all.length() : end).stripTrailing();
        Input.check(!all.substring(from, to).contains(boundary), "a boundary inside the field");
    }
}
