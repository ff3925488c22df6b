package dev.lockkeeper.settings;

import dev.lockkeeper.http.Addresses;
import java.net.InetAddress;
import java.util.Locale;
import java.util.regex.Pattern;

/** What can be told of a host by its name alone, without asking anybody. */
final class HostNames {
    /** Names that are given out inside a network: they may stand for a public address, but hardly ever do. */
    private static final Pattern LOCAL_NAME = Pattern.compile(".*\\.(local|internal|lan|home|svc|intranet|corp)");

    private HostNames() {}

    /** Whether a host is the machine itself, or an address that no one outside a private network reaches. */
    static boolean isPrivate(String host) {
        String name = host.toLowerCase(Locale.ROOT);
        if (name.equals("localhost") || name.endsWith(".localhost")) {
            return true;
        }
        try {
            // The same rule that the client holds to when it connects; a literal is never looked up.
            return Addresses.isPrivate(InetAddress.ofLiteral(name));
        } catch (IllegalArgumentException e) {
            // A name; or an IPv6 address of a network interface, which leads nowhere but there.
            return name.contains(":");
        }
    }

    /** Whether a host is the machine itself, however that is written. */
    static boolean isThisMachine(String host) {
        String small = host.toLowerCase(Locale.ROOT);
        String name = small.endsWith(".") ? small.substring(0, small.length() - 1) : small;
        if (name.equals("localhost") || name.endsWith(".localhost")) {
            return true;
        }
        try {
            InetAddress address = InetAddress.ofLiteral(name);
            return address.isLoopbackAddress() || address.isAnyLocalAddress();
        } catch (IllegalArgumentException e) {
            return false; // a name, which is never looked up here
        }
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
