package dev.lockkeeper.limits;

import java.util.Arrays;

/** How something whole is divided among nodes. Pure: every node that knows the same comes to the same. */
final class Division {
    private Division() {}

    /**
     * Divides a number among nodes that ask. First each has the least that is of use to it, where that fits; where not all
     * can have that, those come first whose turn it is. Then what is wanted beyond is met from below: nobody gets more while
     * somebody has less and wants it. What nobody wants is divided among all nodes alike, and those that don't ask leave
     * theirs.
     *
     * @param least for each that asks, what is of use to it; 0 where it needs nothing now
     * @param wants for each that asks, what it could use
     * @param nodes all nodes, at least those that ask
     * @param turn which of those that ask comes first, counted round and round
     * @return for each that asks, what it may have; together at most the number
     */
    static long[] of(long total, long[] least, long[] wants, int nodes, long turn) {
        int count = least.length;
        long[] parts = new long[count];
        long left = Math.max(0, total);
        for (int i = 0; i < count; i++) {
            int at = (int) Math.floorMod(i + turn, (long) count);
            if (least[at] <= left) {
                parts[at] = least[at];
                left -= least[at];
            }
        }
        while (left > 0) {
            int hungry = 0;
            for (int i = 0; i < count; i++) {
                hungry += parts[i] < wants[i] ? 1 : 0;
            }
            if (hungry == 0) {
                break;
            }
            // Too few to go round: one each to the first of them.
            long each = Math.max(1, left / hungry);
            for (int i = 0; i < count && left > 0; i++) {
                long more = Math.min(Math.min(each, left), Math.max(0, wants[i] - parts[i]));
                parts[i] += more;
                left -= more;
            }
        }
        long alike = left / Math.max(nodes, Math.max(1, count));
        return Arrays.stream(parts).map(each -> each + alike).toArray();
    }
}
