package dev.lockkeeper.settings;

import dev.lockkeeper.units.Money;
import java.math.BigInteger;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A kind of value: what is expected of it, how it is read from text and written as text again.
 *
 * @param name the kind in a word or two, as the document of the keys says it
 * @param expected the kind in a message
 * @param read the value of a text, null if the text is not of this kind
 * @param write the text of a value; reading it gives the value again
 * @param near what was probably meant by a text that is not of this kind, null if nothing is near
 * @param secret whether a value must never be shown
 */
record Type<T>(
        String name,
        String expected,
        Function<String, @Nullable T> read,
        Function<T, String> write,
        Function<String, @Nullable String> near,
        boolean secret) {
    /** Any text but none. */
    static final Type<String> TEXT = text("text", "text", ".+");

    /** What is sent as a secret: printable ASCII, since it goes into a header field. */
    static final Type<String> SECRET = new Type<>(
            "secret",
            "a secret: printable ASCII, at least one character and at most 8192",
            text -> text.matches("[!-~]([ -~]{0,8190}[!-~])?") ? text : null,
            text -> text,
            _ -> null,
            true);

    /** The value of a query parameter; some servers take their key there. */
    static final Type<String> QUERY_VALUE = new Type<>(
            "secret",
            "text without control characters, at most 8192 of them",
            text -> text.matches("\\P{Cntrl}{1,8192}") ? text : null,
            text -> text,
            _ -> null,
            true);

    /** YAML 1.2 has no other words for these; who writes them for YAML 1.1 is told. */
    static final Type<Boolean> BOOL = new Type<>(
            "true or false",
            "true or false",
            text -> text.equals("true") ? Boolean.TRUE : text.equals("false") ? Boolean.FALSE : null,
            String::valueOf,
            text -> switch (text.toLowerCase(Locale.ROOT)) {
                case "yes", "on", "y", "1", "true" -> "true";
                case "no", "off", "n", "0", "false" -> "false";
                default -> null;
            },
            false);

    /** An address to listen on or a name. */
    static final Type<String> HOST = text(
            "host",
            "an address or a host name, such as 127.0.0.1, 0.0.0.0 or ::",
            "[A-Za-z0-9:]([A-Za-z0-9.:_%-]{0,253})");

    private static final Pattern DURATION = Pattern.compile("(\\d{1,12})(ms|s|m|h)");
    private static final Pattern SIZE = Pattern.compile("(\\d{1,15})(B|KiB|MiB|GiB|TiB|KB|MB|GB|TB)");
    private static final Pattern SHARE = Pattern.compile("(\\d{1,2})%");

    static Type<String> text(String name, String expected, String regex) {
        Pattern pattern = Pattern.compile(regex, Pattern.DOTALL);
        return new Type<>(
                name, expected, text -> pattern.matcher(text).matches() ? text : null, text -> text, _ -> null, false);
    }

    /** @param folder where relative paths start */
    static Type<Path> path(Path folder) {
        return new Type<>(
                "path",
                "a path",
                text -> {
                    try {
                        return text.isBlank()
                                ? null
                                : folder.resolve(text).toAbsolutePath().normalize();
                    } catch (InvalidPathException e) {
                        return null;
                    }
                },
                Path::toString,
                _ -> null,
                false);
    }

    static Type<Long> integer(long least, long most) {
        return new Type<>(
                "integer, " + least + " to " + most,
                "a whole number, " + least + " to " + most,
                text -> text.matches("[+-]?\\d{1,18}") ? within(Long.parseLong(text), least, most) : null,
                String::valueOf,
                _ -> null,
                false);
    }

    static Type<Duration> duration(Duration least, Duration most) {
        String range = write(least) + " to " + write(most);
        return new Type<>(
                "duration, " + range,
                "a duration with its unit, such as 250ms, 30s, 10m or 1h: " + range,
                text -> {
                    Long millis = millis(text);
                    return millis == null || within(millis, least.toMillis(), most.toMillis()) == null
                            ? null
                            : Duration.ofMillis(millis);
                },
                Type::write,
                text -> text.matches("\\d{1,9}") ? text + "s" : null,
                false);
    }

    static Type<Long> size(long least, long most) {
        String range = write(least) + " to " + write(most);
        return new Type<>(
                "size, " + range,
                "a size with its unit, such as 64KiB, 16MiB or 1GiB: " + range,
                text -> {
                    Long bytes = bytes(text);
                    return bytes == null ? null : within(bytes, least, most);
                },
                Type::write,
                _ -> null,
                false);
    }

    /**
     * An amount of money, in nano-dollars.
     *
     * @param forWhat what it is the price of, such as {@code a million}
     */
    static Type<Long> dollars(long most, String forWhat) {
        String range = "$0 to " + new Money(most).toString().replace(".00", "");
        return new Type<>(
                "dollars " + forWhat,
                "dollars with at most 9 decimals, such as $2.50: " + range + " " + forWhat,
                text -> {
                    try {
                        return within(Money.parse(text).nanos(), 0, most);
                    } catch (IllegalArgumentException e) {
                        return null;
                    }
                },
                nanos -> new Money(nanos).toString(),
                text -> text.matches("\\d{1,4}(\\.\\d{1,9})?") ? "$" + text : null,
                false);
    }

    /** A part in percent, with at most two decimals. */
    static Type<Double> percent() {
        return new Type<>(
                "percentage",
                "a percentage, 0% to 100%, such as 5% or 0.5%",
                text -> {
                    if (!text.matches("\\d{1,3}(\\.\\d{1,2})?%")) {
                        return null;
                    }
                    double percent = Double.parseDouble(text.substring(0, text.length() - 1));
                    return percent > 100 ? null : percent;
                },
                Type::percent,
                text -> text.matches("\\d{1,2}(\\.\\d{1,2})?") ? text + "%" : null,
                false);
    }

    private static String percent(double percent) {
        return (percent == Math.rint(percent) ? String.valueOf((long) percent) : String.valueOf(percent)) + "%";
    }

    /** A share in whole percent. */
    static Type<Integer> percent(int least, int most) {
        String range = least + "% to " + most + "%";
        return new Type<>(
                "percentage, " + range,
                "a share in whole percent, such as 20%: " + range,
                text -> {
                    Long percent = text.matches("\\d{1,4}%")
                            ? within(Long.parseLong(text.substring(0, text.length() - 1)), least, most)
                            : null;
                    return percent == null ? null : Math.toIntExact(percent);
                },
                percent -> percent + "%",
                text -> text.matches("\\d{1,3}") ? text + "%" : null,
                false);
    }

    /** A size, or a share of another one. */
    static Type<Long> sizeOrShare(long least, long most, long whole, String ofWhat) {
        Type<Long> size = size(least, most);
        return new Type<>(
                size.name() + ", or a share of " + ofWhat,
                size.expected() + "; or a share of " + ofWhat + ", such as 25%",
                text -> {
                    Matcher share = SHARE.matcher(text);
                    return share.matches()
                            ? within(whole / 100 * Long.parseLong(share.group(1)), least, most)
                            : size.read().apply(text);
                },
                size.write(),
                _ -> null,
                false);
    }

    /** One of a few values. */
    static <E> Type<E> choice(List<E> values, Function<E, String> write) {
        List<String> names = values.stream().map(write).toList();
        String all = Stream.of(
                        names.subList(0, names.size() - 1).stream().collect(Collectors.joining(", ")), names.getLast())
                .collect(Collectors.joining(" or "));
        return new Type<>(
                all,
                all,
                text -> {
                    int index = names.indexOf(text);
                    return index < 0 ? null : values.get(index);
                },
                write,
                text -> Near.to(text, names),
                false);
    }

    /** A duration in its largest unit that leaves no rest; a minute is 60s, as most people write it. */
    static String write(Duration duration) {
        long millis = duration.toMillis();
        if (millis == 0) {
            return "0s";
        }
        if (millis % 3_600_000 == 0) {
            return millis / 3_600_000 + "h";
        }
        if (millis % 60_000 == 0 && millis > 60_000) {
            return millis / 60_000 + "m";
        }
        return millis % 1000 == 0 ? millis / 1000 + "s" : millis + "ms";
    }

    /** A size in its largest unit that leaves no rest. */
    static String write(long bytes) {
        String[] units = {"B", "KiB", "MiB", "GiB", "TiB"};
        int unit = 0;
        long count = bytes;
        while (unit < units.length - 1 && count != 0 && count % 1024 == 0) {
            count /= 1024;
            unit++;
        }
        return count + units[unit];
    }

    private static @Nullable Long millis(String text) {
        Matcher matcher = DURATION.matcher(text);
        if (!matcher.matches()) {
            return text.equals("0") ? 0L : null;
        }
        long unit = switch (matcher.group(2)) {
            case "ms" -> 1;
            case "s" -> 1000;
            case "m" -> 60_000;
            default -> 3_600_000;
        };
        return Long.parseLong(matcher.group(1)) * unit;
    }

    private static @Nullable Long bytes(String text) {
        Matcher matcher = SIZE.matcher(text);
        if (!matcher.matches()) {
            return text.equals("0") ? 0L : null;
        }
        String unit = matcher.group(2);
        int power = "BKMGT".indexOf(unit.charAt(0));
        BigInteger bytes = new BigInteger(matcher.group(1))
                .multiply(BigInteger.valueOf(unit.endsWith("iB") ? 1024 : 1000).pow(power));
        return bytes.bitLength() > 62 ? null : bytes.longValueExact();
    }

    private static @Nullable Long within(long value, long least, long most) {
        return value < least || value > most ? null : value;
    }
}
