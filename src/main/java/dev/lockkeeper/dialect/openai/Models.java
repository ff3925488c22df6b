package dev.lockkeeper.dialect.openai;

import org.jspecify.annotations.Nullable;

/** What the name of one of OpenAI's models tells about the parameters it takes. */
final class Models {
    /** The family and what follows: {@code gpt-5.4-mini} is major 5, minor 4, rest {@code mini}. */
    private record Gpt(int major, int minor, String rest) {}

    private Models() {}

    /** Whether it is a reasoning model: o-series, gpt-5 and later, but for the chat aliases. */
    static boolean reasons(String model) {
        String name = plain(model);
        if (name.length() > 1 && name.charAt(0) == 'o' && isDigit(name, 1)) {
            int to = digits(name, 1);
            return to == name.length() || name.charAt(to) == '-';
        }
        Gpt gpt = gpt(name);
        return gpt != null && gpt.major >= 5 && !gpt.rest.contains("chat");
    }

    /** Whether a reasoning model does not reason at this effort and therefore takes sampling parameters. */
    static boolean quiet(String model, @Nullable String effort) {
        Gpt gpt = gpt(plain(model));
        if (gpt == null || gpt.rest.startsWith("pro") || gpt.rest.startsWith("codex")) {
            return false;
        }
        boolean takesNone = (gpt.major == 5 && gpt.minor >= 1 && gpt.minor <= 6)
                || (gpt.major == 6 && (gpt.rest.startsWith("luna") || gpt.rest.startsWith("terra")))
                || (gpt.major == 6 && gpt.minor == 0 && gpt.rest.startsWith("sol"));
        // From gpt-5.5 on a model reasons unless told not to; gpt-5.1 to gpt-5.4 do not unless told to.
        boolean none = effort == null ? gpt.major == 5 && gpt.minor <= 4 : effort.equals("none");
        return takesNone && none;
    }

    /** Gateways put a maker before the name, fine-tuning puts things around it. */
    private static String plain(String model) {
        String name = model.startsWith("ft:") ? model.substring(3) : model;
        name = name.substring(name.lastIndexOf('/') + 1);
        int colon = name.indexOf(':');
        return colon < 0 ? name : name.substring(0, colon);
    }

    private static @Nullable Gpt gpt(String name) {
        if (!name.startsWith("gpt-") || !isDigit(name, 4)) {
            return null;
        }
        int to = digits(name, 4);
        int major = number(name, 4, to);
        int minor = 0;
        if (to < name.length() && name.charAt(to) == '.' && isDigit(name, to + 1)) {
            int from = to + 1;
            to = digits(name, from);
            minor = number(name, from, to);
        }
        if (to == name.length()) {
            return new Gpt(major, minor, "");
        }
        return name.charAt(to) == '-' ? new Gpt(major, minor, name.substring(to + 1)) : null;
    }

    private static int digits(String name, int from) {
        int to = from;
        while (isDigit(name, to)) {
            to++;
        }
        return to;
    }

    private static boolean isDigit(String name, int at) {
        return at < name.length() && name.charAt(at) >= '0' && name.charAt(at) <= '9';
    }

    private static int number(String name, int from, int to) {
        return to - from > 4 ? 0 : Integer.parseInt(name, from, to, 10);
    }
}
