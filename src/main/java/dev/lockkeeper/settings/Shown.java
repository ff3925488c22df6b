package dev.lockkeeper.settings;

import java.util.regex.Pattern;

/** Texts of the operator as they may be printed: without secrets, on one line, not too long. */
final class Shown {
    /** What stands for a secret. */
    static final String MASK = "********";

    private static final int MAX_LENGTH = 120;

    /** A key that was put in the wrong place still is one. */
    private static final Pattern SECRET = Pattern.compile("(?i)\\b(?:bearer|basic)\\s+\\S{4,}"
            + "|\\b(?:sk|lk|pk|rk|gsk|xai|hf|ghp)[-_][-_a-z0-9.]{8,}"
            + "|\\beyJ[-_a-z0-9.]{16,}");

    private static final Pattern USER_INFO = Pattern.compile("(//)[^/?#]*@");
    private static final Pattern QUERY = Pattern.compile("(://[^?#]*[?#]).*", Pattern.DOTALL);

    private Shown() {}

    /** A value, for a message. */
    static String value(String text) {
        if (text.isEmpty()) {
            return "\"\"";
        }
        String masked = SECRET.matcher(text).replaceAll(MASK);
        masked = USER_INFO.matcher(masked).replaceAll("$1" + MASK + "@");
        masked = QUERY.matcher(masked).replaceFirst("$1" + MASK);
        return masked.codePointCount(0, masked.length()) > MAX_LENGTH
                ? onOneLine(masked.substring(0, masked.offsetByCodePoints(0, MAX_LENGTH))) + '…'
                : onOneLine(masked);
    }

    /** A text without line breaks and other signs that nobody sees. */
    static String onOneLine(String text) {
        StringBuilder line = new StringBuilder();
        text.codePoints().forEach(c -> {
            if (Character.isISOControl(c) || Character.getType(c) == Character.FORMAT) {
                line.append("\\u%04x".formatted(c));
            } else {
                line.appendCodePoint(c);
            }
        });
        return line.toString();
    }
}
