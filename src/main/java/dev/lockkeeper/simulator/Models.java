package dev.lockkeeper.simulator;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Which models there are and what each refuses, by name. */
final class Models {
    /**
     * A model.
     *
     * @param name as asked for, without controls
     * @param snapshot as answers name it
     * @param reasons whether it thinks before it answers
     * @param noneAllowed whether it can be told not to think, and then takes sampling parameters
     * @param efforts which efforts it takes; empty for a model that does not reason
     * @param effort the effort where none is asked for
     * @param chat whether chat completions are served
     * @param context tokens of prompt and answer together
     * @param dimensions of an embedding; 0 for another kind of model
     */
    record Model(
            String name,
            String snapshot,
            boolean reasons,
            boolean noneAllowed,
            List<String> efforts,
            String effort,
            boolean chat,
            int context,
            int dimensions) {}

    /** The names that {@code GET /v1/models} lists. */
    static final List<String> LISTED = List.of(
            "gpt-6-astra",
            "gpt-6-sol",
            "gpt-6-luna",
            "gpt-5.6-sol",
            "gpt-5.6-terra",
            "gpt-5.6-luna",
            "gpt-5.5",
            "gpt-5.5-pro",
            "gpt-5.4",
            "gpt-5.4-mini",
            "gpt-5.4-nano",
            "gpt-4.1",
            "gpt-4.1-mini",
            "gpt-4o",
            "gpt-4o-mini",
            "o3",
            "o4-mini",
            "gpt-3.5-turbo-instruct",
            "text-embedding-3-large",
            "text-embedding-3-small",
            "text-embedding-ada-002",
            "omni-moderation-latest",
            "gpt-image-2",
            "gpt-image-1",
            "gpt-4o-mini-tts",
            "gpt-transcribe",
            "gpt-4o-transcribe",
            "whisper-1");

    private static final Map<String, String> SNAPSHOTS = Map.of(
            "gpt-5.5", "gpt-5.5-2026-04-23",
            "gpt-5.4", "gpt-5.4-2026-03-05",
            "gpt-5.4-mini", "gpt-5.4-mini-2026-03-17",
            "gpt-5.4-nano", "gpt-5.4-nano-2026-03-17",
            "gpt-4o", "gpt-4o-2024-08-06",
            "gpt-4o-mini", "gpt-4o-mini-2024-07-18",
            "gpt-4.1", "gpt-4.1-2025-04-14",
            "gpt-4.1-mini", "gpt-4.1-mini-2025-04-14");

    private static final Pattern KNOWN = Pattern.compile(
            "(ft:[A-Za-z0-9./:_-]+|gpt-\\d[A-Za-z0-9.:_-]*|gpt-image-[a-z0-9.-]+|gpt-transcribe|gpt-audio[a-z0-9-]*|o[134](-[A-Za-z0-9.-]+)?|chatgpt-[a-z0-9-]+"
                    + "|codex-[a-z0-9-]+|text-embedding-[a-z0-9-]+|text-moderation-[a-z0-9-]+|omni-moderation-[a-z0-9-]+"
                    + "|tts-[a-z0-9-]+|whisper-[a-z0-9-]+|dall-e-[23]|davinci-002|babbage-002)");

    private static final Pattern DATE = Pattern.compile("-20\\d\\d-\\d\\d-\\d\\d$");
    private static final Pattern GPT = Pattern.compile("gpt-(\\d+)(?:\\.(\\d+))?.*");

    private static final int LARGE_CONTEXT = 1_050_000;

    private Models() {}

    static boolean known(String name, List<String> more) {
        return more.contains(name) || KNOWN.matcher(name).matches();
    }

    /** Whether a model serves legacy completions and no chat. */
    static boolean completes(String name) {
        return name.contains("-instruct") || name.equals("davinci-002") || name.equals("babbage-002");
    }

    /** What a name stands for; says nothing about whether there is such a model. */
    static Model of(String asked) {
        String name = asked.startsWith("ft:") ? asked.substring(3).split(":", 2)[0] : asked;
        String family = DATE.matcher(name.toLowerCase(Locale.ROOT)).replaceAll("");
        String snapshot = SNAPSHOTS.getOrDefault(asked, asked);
        if (family.startsWith("text-embedding")) {
            return new Model(asked, asked, false, false, List.of(), "none", false, 8191, dimensions(family));
        }
        var gpt = GPT.matcher(family);
        if (family.matches("o[134](-.*)?")) {
            boolean chat = !family.endsWith("-pro") && !family.contains("deep-research");
            return new Model(
                    asked, snapshot, true, false, List.of("low", "medium", "high"), "medium", chat, 200_000, 0);
        }
        if (gpt.matches() && Integer.parseInt(gpt.group(1)) >= 5 && !family.contains("-chat")) {
            int major = Integer.parseInt(gpt.group(1));
            @Nullable String second = gpt.group(2);
            int minor = second == null ? 0 : Integer.parseInt(second);
            boolean none = (major == 5 && minor >= 1) || (major >= 6 && none6(family));
            boolean pro = family.endsWith("-pro");
            boolean chat = !pro && !family.contains("codex");
            return new Model(
                    asked,
                    snapshot,
                    true,
                    none && !pro,
                    efforts(major, minor, none && !pro, pro),
                    pro ? "high" : major == 5 && (minor == 1 || minor == 2 || minor == 4) ? "none" : "medium",
                    chat,
                    (major == 5 && minor < 4) || family.contains("5.4-") ? 400_000 : LARGE_CONTEXT,
                    0);
        }
        int context = family.startsWith("gpt-4.1") ? 1_047_576 : family.startsWith("gpt-3.5") ? 16_385 : 128_000;
        return new Model(asked, snapshot, false, false, List.of(), "none", !completes(asked), context, 0);
    }

    private static boolean none6(String family) {
        return (family.contains("-sol") && !family.startsWith("gpt-6."))
                || family.contains("-luna")
                || family.contains("-terra");
    }

    private static List<String> efforts(int major, int minor, boolean none, boolean pro) {
        if (pro) {
            return List.of("medium", "high", "xhigh");
        }
        if (major == 5 && minor == 0) {
            return List.of("minimal", "low", "medium", "high");
        }
        if (major == 5 && minor == 1) {
            return List.of("none", "low", "medium", "high");
        }
        if (major == 5 && minor <= 5) {
            return List.of("none", "low", "medium", "high", "xhigh");
        }
        return none
                ? List.of("none", "low", "medium", "high", "xhigh", "max")
                : List.of("low", "medium", "high", "xhigh", "max");
    }

    private static int dimensions(String family) {
        return family.endsWith("3-large") ? 3072 : 1536;
    }
}
