package dev.lockkeeper.access;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Which tools that run at the provider a key may ask for: none, some, or all. Functions of the client's own are not meant.
 *
 * @param all whether every one, those included that nobody here knows yet
 * @param some names, such as {@code web_search}; empty when {@code all}
 */
public record HostedTools(boolean all, Set<String> some) {
    /** Every tool. */
    public static final HostedTools ALL = new HostedTools(true, Set.of());

    /** No tool. */
    public static final HostedTools NONE = new HostedTools(false, Set.of());

    /** Names that can be allowed one by one. */
    public static final List<String> KNOWN = List.of(
            "apply_patch",
            "code_interpreter",
            "computer_use",
            "file_search",
            "image_generation",
            "local_shell",
            "mcp",
            "shell",
            "tool_search",
            "web_search");

    /** Types that run at the client. */
    private static final Set<String> OWN = Set.of("function", "custom", "namespace");

    public HostedTools {
        some = Set.copyOf(some);
    }

    /** As words: {@code all}, {@code none}, or names. */
    List<String> words() {
        return all ? List.of("all") : some.isEmpty() ? List.of("none") : List.copyOf(new TreeSet<>(some));
    }

    /**
     * What words mean; no word at all means all.
     *
     * @throws IllegalArgumentException for a word that is none of {@link #KNOWN}; the message may be shown
     */
    public static HostedTools of(List<String> words) {
        if (words.isEmpty() || words.equals(List.of("all"))) {
            return ALL;
        }
        if (words.equals(List.of("none"))) {
            return NONE;
        }
        for (String word : words) {
            if (!KNOWN.contains(word)) {
                throw new IllegalArgumentException("tools: " + word + " (expected: all or none alone, or some of "
                        + String.join(", ", KNOWN) + ")");
            }
        }
        return new HostedTools(false, Set.copyOf(words));
    }

    /** What words mean that were checked when they were written; a later version may know more of them. */
    static HostedTools stored(List<String> words) {
        return words.equals(List.of("all"))
                ? ALL
                : words.equals(List.of("none")) ? NONE : new HostedTools(false, Set.copyOf(words));
    }

    /**
     * Whether a tool may be asked for.
     *
     * @param type as a request names it: dated and preview names, such as {@code web_search_preview_2025_03_11}, count as
     *     the tool that they begin with
     */
    boolean allow(String type) {
        if (all || OWN.contains(type) || some.contains(type)) {
            return true;
        }
        // "computer" is what newer requests call "computer_use".
        String name = type.equals("computer") ? "computer_use" : type;
        for (String each : some) {
            if (name.startsWith(each) && (name.length() == each.length() || name.charAt(each.length()) == '_')) {
                return true;
            }
        }
        return false;
    }
}
