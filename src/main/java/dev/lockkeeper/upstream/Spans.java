package dev.lockkeeper.upstream;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads how long a provider asks to be left alone. Every reading gives milliseconds from 0 to {@link #MOST_MILLIS}, or
 * {@link #UNTOLD} for what can't be read: these texts come from outside and may be anything.
 */
final class Spans {
    /** What is not told, or not to be understood. */
    static final long UNTOLD = -1;

    /** A day: who asks for more is asked again after that. */
    static final long MOST_MILLIS = 24L * 60 * 60 * 1000;

    /** A text that is longer is not a span. */
    private static final int MAX_LENGTH = 64;

    private static final Pattern NUMBER = Pattern.compile("\\d{1,18}(\\.\\d{1,18})?|\\.\\d{1,18}");

    /** One part of a span as Go writes it. */
    private static final Pattern PART = Pattern.compile("(\\d{1,18}(?:\\.\\d{1,18})?)(ns|us|µs|ms|s|m|h|d)");

    private static final Pattern AGAIN_IN = Pattern.compile(
            "(?i)\\b(?:try again|retry) (?:in|after) ((?:\\d{1,9}(?:\\.\\d{1,9})?(?:ms|s|m|h)){1,4})(?![a-z])");

    private static final Pattern AGAIN_IN_SECONDS =
            Pattern.compile("(?i)\\b(?:try again|retry) (?:in|after) (\\d{1,9}(?:\\.\\d{1,9})?) seconds?\\b");

    private Spans() {}

    /** A number of milliseconds, as {@code retry-after-ms} has it. */
    static long millis(@Nullable String text) {
        return number(text, 1);
    }

    /** A number of seconds, as {@code retry-after} has it. */
    static long seconds(@Nullable String text) {
        return number(text, 1_000);
    }

    /** A span as Go writes it, such as {@code 1m30.951s}, {@code 12ms} or {@code 17s}. */
    static long span(@Nullable String text) {
        if (text == null || text.isEmpty() || text.length() > MAX_LENGTH) {
            return UNTOLD;
        }
        Matcher part = PART.matcher(text);
        double millis = 0;
        int end = 0;
        while (part.find()) {
            if (part.start() != end) {
                return UNTOLD;
            }
            end = part.end();
            millis += Double.parseDouble(part.group(1)) * unit(part.group(2));
        }
        return end == text.length() ? bounded(millis) : UNTOLD;
    }

    /** What a sentence such as OpenAI's {@code Please try again in 1.2s.} asks for. */
    static long inSentence(String sentence) {
        Matcher span = AGAIN_IN.matcher(sentence);
        if (span.find()) {
            return span(span.group(1).toLowerCase(Locale.ROOT));
        }
        Matcher seconds = AGAIN_IN_SECONDS.matcher(sentence);
        return seconds.find() ? seconds(seconds.group(1)) : UNTOLD;
    }

    /**
     * How long it is until a date of HTTP (RFC 9110, section 5.6.7); 0 for one that has passed.
     *
     * @param nowMillis the time of whoever wrote the date, negative when it isn't known
     */
    static long untilHttpDate(@Nullable String date, long nowMillis) {
        long then = httpDate(date);
        return then < 0 || nowMillis < 0 ? UNTOLD : bounded((double) then - nowMillis);
    }

    /** How long it is until a time of RFC 3339; 0 for one that has passed. */
    static long untilTime(@Nullable String time, long nowMillis) {
        if (time == null || time.length() > MAX_LENGTH || nowMillis < 0) {
            return UNTOLD;
        }
        try {
            Instant then = DateTimeFormatter.ISO_OFFSET_DATE_TIME.parse(time.strip(), Instant::from);
            return bounded((double) then.getEpochSecond() * 1_000 + then.getNano() / 1e6 - nowMillis);
        } catch (DateTimeException notATime) {
            return UNTOLD;
        }
    }

    /** Milliseconds since 1970 of a date of HTTP, -1 where it is none. */
    static long httpDate(@Nullable String date) {
        if (date == null || date.length() > MAX_LENGTH) {
            return UNTOLD;
        }
        try {
            long seconds = ZonedDateTime.parse(date.strip(), DateTimeFormatter.RFC_1123_DATE_TIME)
                    .toEpochSecond();
            return seconds < 0 ? UNTOLD : Math.multiplyExact(seconds, 1_000L);
        } catch (DateTimeException | ArithmeticException notADate) {
            return UNTOLD;
        }
    }

    private static long number(@Nullable String text, int millisEach) {
        if (text == null || text.length() > MAX_LENGTH) {
            return UNTOLD;
        }
        String number = text.strip();
        return NUMBER.matcher(number).matches() ? bounded(Double.parseDouble(number) * millisEach) : UNTOLD;
    }

    private static double unit(String name) {
        return switch (name) {
            case "ns" -> 1e-6;
            case "us", "µs" -> 1e-3;
            case "ms" -> 1;
            case "s" -> 1e3;
            case "m" -> 6e4;
            case "h" -> 3.6e6;
            default -> 8.64e7;
        };
    }

    /** Rounded up: who comes a moment too early is turned away again. */
    private static long bounded(double millis) {
        return Double.isNaN(millis) ? UNTOLD : (long) Math.ceil(Math.clamp(millis, 0, MOST_MILLIS));
    }
}
