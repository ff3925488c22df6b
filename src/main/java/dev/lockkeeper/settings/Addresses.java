package dev.lockkeeper.settings;

import java.util.Locale;
import java.util.regex.Pattern;

/** What can be told of a host by its name alone, without asking anybody. */
final class Addresses {
    private static final Pattern IPV4 = Pattern.compile("\\d{1,3}(\\.\\d{1,3}){3}");
    private static final Pattern PRIVATE_IPV4 = Pattern.compile(
            "(0|10|127)\\..*|169\\.254\\..*|192\\.168\\..*|172\\.(1[6-9]|2\\d|3[01])\\..*|100\\.(6[4-9]|[7-9]\\d|1[01]\\d|12[0-7])\\..*");
    private static final Pattern PRIVATE_IPV6 =
            Pattern.compile("::1?|f[cd][0-9a-f]{2}:.*|fe[89ab][0-9a-f]:.*|::ffff:.*");

    /** Names that are given out inside a network: they may stand for a public address, but hardly ever do. */
    private static final Pattern LOCAL_NAME = Pattern.compile(".*\\.(local|internal|lan|home|svc|intranet|corp)");

    private Addresses() {}

    /** Whether a host is the machine itself, or an address that no one outside a private network reaches. */
    static boolean isPrivate(String host) {
        String name = host.toLowerCase(Locale.ROOT);
        if (IPV4.matcher(name).matches()) {
            return PRIVATE_IPV4.matcher(name).matches();
        }
        if (name.contains(":")) {
            return PRIVATE_IPV6.matcher(name).matches();
        }
        return name.equals("localhost") || name.endsWith(".localhost");
    }

    /** Whether a host's name looks as if it stood for a private address. */
    static boolean soundsPrivate(String host) {
        String name = host.toLowerCase(Locale.ROOT);
        return !name.contains(":")
                && (!name.contains(".") || LOCAL_NAME.matcher(name).matches());
    }

    /** Whether two listeners on the same port would be in each other's way. */
    static boolean overlap(String one, String other) {
        return one.equalsIgnoreCase(other) || isAny(one) || isAny(other);
    }

    /** Whether only the machine itself reaches a listener there. */
    static boolean isLoopback(String host) {
        String name = host.toLowerCase(Locale.ROOT);
        return name.equals("localhost") || name.equals("::1") || name.startsWith("127.");
    }

    private static boolean isAny(String host) {
        return host.equals("0.0.0.0") || host.equals("::");
    }
}
