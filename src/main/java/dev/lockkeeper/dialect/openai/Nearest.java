package dev.lockkeeper.dialect.openai;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** Did you mean: the known names nearest to one that is not known. Any thread. */
public final class Nearest {
    /** Characters of a name that are compared; longer names differ anyway. */
    private static final int MAX_LENGTH = 128;

    private Nearest() {}

    /**
     * The known names that are near, nearest first, by the number of letters to change, add, leave out or swap; none if
     * all of them are far (more than a third of the letters, at least two).
     *
     * @param max how many at most
     */
    public static List<String> names(String asked, Collection<String> known, int max) {
        String from = slim(asked);
        record Near(String name, int distance) {}
        return known.stream()
                .map(name -> new Near(name, distance(from, slim(name))))
                .filter(near -> near.distance <= Math.max(2, Math.max(from.length(), near.name.length()) / 3))
                .sorted(Comparator.comparingInt(Near::distance).thenComparing(Near::name))
                .limit(max)
                .map(Near::name)
                .toList();
    }

    private static String slim(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return lower.length() > MAX_LENGTH ? lower.substring(0, MAX_LENGTH) : lower;
    }

    private static int distance(String a, String b) {
        int[] before = new int[b.length() + 1];
        int[] last = new int[b.length() + 1];
        int[] now = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            last[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            now[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
                int best = Math.min(Math.min(last[j] + 1, now[j - 1] + 1), last[j - 1] + change);
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    best = Math.min(best, before[j - 2] + 1);
                }
                now[j] = best;
            }
            int[] spare = before;
            before = last;
            last = now;
            now = spare;
        }
        return last[b.length()];
    }
}
