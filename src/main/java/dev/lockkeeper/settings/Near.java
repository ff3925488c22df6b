package dev.lockkeeper.settings;

import java.util.Collection;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Finds what was probably meant by a name that nobody knows. */
final class Near {
    private Near() {}

    /** The nearest of the known names, null if none is near. {@code baseUrl} and {@code base_url} are {@code base-url}. */
    static @Nullable String to(String asked, Collection<String> known) {
        String wanted = plain(asked);
        int bound = wanted.length() / 3;
        String best = null;
        int least = bound + 1;
        for (String name : known) {
            // A part of a word is nearer than its letters tell: cert is certificate, warning is warn.
            if (wanted.length() >= 4 && (plain(name).startsWith(wanted) || wanted.startsWith(plain(name) + "ing"))) {
                return name;
            }
            int distance = distance(wanted, plain(name), least);
            if (distance < least) {
                least = distance;
                best = name;
            }
        }
        return best;
    }

    private static String plain(String name) {
        return name.substring(0, Math.min(name.length(), 64))
                .replaceAll("(?<=[a-z0-9])(?=[A-Z])", "-")
                .replace('_', '-')
                .toLowerCase(Locale.ROOT);
    }

    /** Letters to add, drop, change or swap with their neighbour. */
    private static int distance(String a, String b, int enough) {
        if (Math.abs(a.length() - b.length()) >= enough) {
            return enough;
        }
        int[][] table = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    table[i][j] = i + j;
                    continue;
                }
                int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
                table[i][j] = Math.min(Math.min(table[i - 1][j], table[i][j - 1]) + 1, table[i - 1][j - 1] + change);
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    table[i][j] = Math.min(table[i][j], table[i - 2][j - 2] + 1);
                }
            }
        }
        return table[a.length()][b.length()];
    }
}
