package dev.lockkeeper.dialect.openai;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What the name of one of OpenAI's models tells about the parameters it takes. */
final class Models {
    private static final Pattern GPT = Pattern.compile("gpt-(\\d+)(?:\\.(\\d+))?(?:-(.*))?");
    private static final Pattern O = Pattern.compile("o\\d+(-.*)?");

    private Models() {}

    /** Whether it is a reasoning model: o-series, gpt-5 and later, but for the chat aliases. */
    static boolean reasons(String model) {
        String name = plain(model);
        if (O.matcher(name).matches()) {
            return true;
        }
        Matcher gpt = GPT.matcher(name);
        return gpt.matches() && number(gpt.group(1)) >= 5 && !suffix(gpt).contains("chat");
    }

    /** Whether a reasoning model does not reason at this effort and therefore takes sampling parameters. */
    static boolean quiet(String model, @Nullable String effort) {
        Matcher gpt = GPT.matcher(plain(model));
        if (!gpt.matches()) {
            return false;
        }
        int major = number(gpt.group(1));
        int minor = number(gpt.group(2));
        String suffix = suffix(gpt);
        if (suffix.startsWith("pro") || suffix.startsWith("codex")) {
            return false;
        }
        boolean takesNone = (major == 5 && minor >= 1 && minor <= 6)
                || (major == 6 && (suffix.startsWith("luna") || suffix.startsWith("terra")))
                || (major == 6 && minor == 0 && suffix.startsWith("sol"));
        // From gpt-5.5 on a model reasons unless told not to; gpt-5.1 to gpt-5.4 do not unless told to.
        boolean none = effort == null ? major == 5 && minor <= 4 : effort.equals("none");
        return takesNone && none;
    }

    /** Gateways put a maker before the name, fine-tuning puts things around it. */
    private static String plain(String model) {
        String name = model.startsWith("ft:") ? model.substring(3) : model;
        name = name.substring(name.lastIndexOf('/') + 1);
        int colon = name.indexOf(':');
        return colon < 0 ? name : name.substring(0, colon);
    }

    private static int number(@Nullable String digits) {
        return digits == null || digits.length() > 4 ? 0 : Integer.parseInt(digits);
    }

    private static String suffix(Matcher gpt) {
        String suffix = gpt.group(3);
        return suffix == null ? "" : suffix;
    }
}
