package dev.lockkeeper.limits;

/** How OpenAI's headers write a time: as Go does, {@code 12ms}, {@code 1s}, {@code 1m30.951s}, {@code 6m0s}, {@code 2h0m0s}. */
final class GoDuration {
    private GoDuration() {}

    static String text(long millis) {
        if (millis <= 0) {
            return "0s";
        }
        if (millis < 1_000) {
            return millis + "ms";
        }
        long hours = millis / 3_600_000;
        long minutes = millis / 60_000 % 60;
        StringBuilder out = new StringBuilder();
        if (hours > 0) {
            out.append(hours).append('h');
        }
        if (hours > 0 || minutes > 0) {
            out.append(minutes).append('m');
        }
        out.append(millis / 1_000 % 60);
        long rest = millis % 1_000;
        if (rest > 0) {
            String digits = Long.toString(1_000 + rest).substring(1);
            int to = digits.length();
            while (digits.charAt(to - 1) == '0') {
                to--;
            }
            out.append('.').append(digits, 0, to);
        }
        return out.append('s').toString();
    }
}
