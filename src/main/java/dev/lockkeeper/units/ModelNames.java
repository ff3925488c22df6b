package dev.lockkeeper.units;

/** How vendors name models, and what of a name says which model it is. */
public final class ModelNames {
    private ModelNames() {}

    /** A model's name without the vendor before a slash: {@code openai/gpt-5.5} is {@code gpt-5.5}. */
    public static String bare(String upstreamModel) {
        return upstreamModel.substring(upstreamModel.lastIndexOf('/') + 1);
    }

    /**
     * A model's name without the day of its release: {@code gpt-5.5-2026-04-23} is {@code gpt-5.5},
     * {@code claude-haiku-4-5-20251001} is {@code claude-haiku-4-5}; any other name is itself.
     */
    public static String withoutRelease(String name) {
        int length = name.length();
        if (fits(name, "-dddd-dd-dd")) {
            return name.substring(0, length - 11);
        }
        return fits(name, "-dddddddd") ? name.substring(0, length - 9) : name;
    }

    private static boolean fits(String name, String end) {
        int from = name.length() - end.length();
        if (from < 0) {
            return false;
        }
        for (int i = 0; i < end.length(); i++) {
            char c = name.charAt(from + i);
            if (end.charAt(i) == 'd' ? c < '0' || c > '9' : c != '-') {
                return false;
            }
        }
        return true;
    }
}
