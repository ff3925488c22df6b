package dev.lockkeeper.http;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Finds the client behind proxies. A field is read from its right end, where the nearest proxy wrote: each address that is
 * a trusted proxy's is believed about the one before it. The first that is not trusted is the client, and what stands
 * further left is only what it claims. What is not an address ends the search at who wrote it.
 */
final class Forwarded {
    /** Elements of the field that are looked at. */
    static final int MAX_HOPS = 32;

    private Forwarded() {}

    /** The client's address, without port. */
    static String client(Front front, Peer peer, Headers headers) {
        if (!peer.believed()) {
            return peer.address();
        }
        String client = peer.address();
        List<String> lines = headers.all(front.field().fieldName());
        int hops = 0;
        for (int i = lines.size() - 1; i >= 0; i--) {
            String line = lines.get(i);
            int end = line.length();
            while (end >= 0) {
                int comma = commaBefore(line, end, front.field());
                String element = line.substring(comma + 1, end).strip();
                end = comma;
                if (element.isEmpty()) {
                    continue; // allowed in lists (RFC 9110, 5.6.1)
                }
                byte[] address = ++hops > MAX_HOPS ? null : address(element, front.field());
                if (address == null) {
                    return client;
                }
                client = Network.text(address);
                if (!front.trusts(address)) {
                    return client;
                }
            }
        }
        return client;
    }

    /**
     * Whether a trusted proxy says that its client came over TLS: in {@code X-Forwarded-Proto}, or in {@code proto} of RFC
     * 7239. The last word counts, which is the nearest proxy's; those before may be the client's.
     */
    static boolean secure(Front front, Peer peer, Headers headers) {
        if (!peer.believed()) {
            return false;
        }
        return switch (front.field()) {
            case X_FORWARDED_FOR -> "https".equalsIgnoreCase(last(headers, "x-forwarded-proto", front.field()));
            case FORWARDED ->
                "https"
                        .equalsIgnoreCase(
                                parameter("proto", last(headers, front.field().fieldName(), front.field())));
        };
    }

    /** The last element of a field's last line; empty where there is none. */
    private static String last(Headers headers, String name, Front.Field field) {
        List<String> lines = headers.all(name);
        String line = lines.isEmpty() ? "" : lines.getLast();
        return line.substring(commaBefore(line, line.length(), field) + 1).strip();
    }

    /** Where the element that ends at {@code end} has a comma before it, or -1; in {@code Forwarded} quotes hide commas. */
    private static int commaBefore(String line, int end, Front.Field field) {
        boolean quoted = false;
        for (int at = end - 1; at >= 0; at--) {
            char each = line.charAt(at);
            if (each == '"' && field == Front.Field.FORWARDED) {
                quoted = !quoted;
            } else if (each == ',' && !quoted) {
                return at;
            }
        }
        return -1;
    }

    private static byte @Nullable [] address(String element, Front.Field field) {
        return switch (field) {
            case X_FORWARDED_FOR -> node(element);
            case FORWARDED -> {
                String node = parameter("for", element);
                yield node == null ? null : node(node);
            }
        };
    }

    /** The value of {@code for} in {@code for="[2001:db8::1]:4711";proto=https}; what we look for needs no backslash. */
    private static @Nullable String parameter(String name, String element) {
        if (element.indexOf('\\') >= 0) {
            return null;
        }
        boolean quoted = false;
        int from = 0;
        for (int at = 0; at <= element.length(); at++) {
            if (at < element.length() && element.charAt(at) == '"') {
                quoted = !quoted;
            } else if (at == element.length() || (element.charAt(at) == ';' && !quoted)) {
                String pair = element.substring(from, at).strip();
                from = at + 1;
                if (pair.toLowerCase(Locale.ROOT).startsWith(name + "=")) {
                    return quoted ? null : unquoted(pair.substring(name.length() + 1));
                }
            }
        }
        return null;
    }

    private static @Nullable String unquoted(String value) {
        boolean opens = value.startsWith("\"");
        if (!opens) {
            return value.indexOf('"') < 0 ? value : null;
        }
        return value.length() > 1 && value.indexOf('"', 1) == value.length() - 1
                ? value.substring(1, value.length() - 1)
                : null;
    }

    /** The address of {@code 192.0.2.1}, {@code 192.0.2.1:80}, {@code 2001:db8::1}, {@code [2001:db8::1]:80}; else null. */
    private static byte @Nullable [] node(String text) {
        String host = text;
        String port = "";
        if (text.startsWith("[")) {
            int close = text.indexOf(']');
            int colon = text.indexOf(':');
            if (colon < 0 || colon > close) {
                return null;
            }
            host = text.substring(1, close);
            port = text.substring(close + 1);
        } else if (text.indexOf(':') >= 0 && text.indexOf(':') == text.lastIndexOf(':')) {
            host = text.substring(0, text.indexOf(':'));
            port = text.substring(text.indexOf(':'));
        }
        return port.isEmpty() || port.matches(":\\d{1,5}") ? Network.bytes(host) : null;
    }
}
