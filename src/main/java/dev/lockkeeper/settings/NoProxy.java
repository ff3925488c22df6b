package dev.lockkeeper.settings;

import dev.lockkeeper.http.Network;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One entry of a list of servers that are reached without a proxy. Names are compared as they are written and never
 * looked up, so a range of addresses is for base URLs that are written with an address.
 *
 * @param text as it was written
 * @param network the addresses that are meant; null for names
 * @param name the name that is meant, in small letters; empty for every one
 * @param below whether only names below that one are meant, and not it itself
 * @param port the port that is meant; 0 for every one
 */
record NoProxy(String text, @Nullable Network network, String name, boolean below, int port) {
    static final Type<NoProxy> TYPE = new Type<>(
            "host or address range",
            "a name (example.com), a suffix (.example.com), an address or a range of addresses (10.0.0.0/8), each with"
                    + " a port behind it or without (example.com:8443, [::1]:443), or \"*\"",
            NoProxy::parse,
            NoProxy::text,
            _ -> null,
            false);

    private static final Pattern BRACKETED = Pattern.compile("\\[([0-9A-Fa-f:.]+)](?::(\\d{1,5}))?");
    private static final Pattern NAMED =
            Pattern.compile("(\\*?\\.)?([A-Za-z0-9_-]+(?:\\.[A-Za-z0-9_-]+)*)\\.?(?::(\\d{1,5}))?");
    private static final int MAX_PORT = 65_535;

    /** What a text means; null if it means nothing. */
    static @Nullable NoProxy parse(String text) {
        if (text.equals("*")) {
            return new NoProxy(text, null, "", true, 0);
        }
        Network network = Network.parse(text);
        if (network != null) {
            return new NoProxy(text, network, "", false, 0);
        }
        Matcher bracketed = BRACKETED.matcher(text);
        if (bracketed.matches()) {
            Network address = Network.parse(bracketed.group(1));
            int port = port(bracketed.group(2));
            return address == null || port < 0 ? null : new NoProxy(text, address, "", false, port);
        }
        Matcher named = NAMED.matcher(text);
        if (!named.matches() || text.length() > 260) {
            return null;
        }
        int port = port(named.group(3));
        if (port < 0) {
            return null;
        }
        Network four = named.group(1) == null ? Network.parse(named.group(2)) : null;
        return four != null
                ? new NoProxy(text, four, "", false, port)
                : new NoProxy(text, null, named.group(2).toLowerCase(Locale.ROOT), named.group(1) != null, port);
    }

    /** Without one 0, of one that there can't be -1. */
    private static int port(@Nullable String digits) {
        if (digits == null) {
            return 0;
        }
        int port = Integer.parseInt(digits);
        return port == 0 || port > MAX_PORT ? -1 : port;
    }

    /**
     * Whether a server is meant.
     *
     * @param host name or address, without brackets
     */
    boolean covers(String host, int at) {
        if (port != 0 && port != at) {
            return false;
        }
        if (network != null) {
            return network.contains(host);
        }
        String small = host.toLowerCase(Locale.ROOT);
        String asked = small.endsWith(".") ? small.substring(0, small.length() - 1) : small;
        return name.isEmpty() || asked.endsWith("." + name) || (!below && asked.equals(name));
    }
}
