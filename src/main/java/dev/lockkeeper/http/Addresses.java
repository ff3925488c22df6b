package dev.lockkeeper.http;

import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.security.Security;
import java.util.Map;

/** Where names become addresses, and which addresses are nobody's business but the operator's. */
public final class Addresses {
    /** What makes the JDK's resolver cache, as a security property and as an older system property. */
    private static final Map<String, String> CACHES = Map.of(
            "networkaddress.cache.ttl", "sun.net.inetaddr.ttl",
            "networkaddress.cache.negative.ttl", "sun.net.inetaddr.negative.ttl");

    private Addresses() {}

    /**
     * Makes the JDK's resolver ask the system each time instead of once in 30 s: whoever looks up here caches for as
     * long as is good for it. Holds for the whole process, from before its first lookup; what the operator set in the
     * older system properties stands.
     */
    static void lookUpAfresh() {
        CACHES.forEach((security, system) -> {
            if (System.getProperty(system) == null) {
                Security.setProperty(security, "0");
            }
        });
    }

    /** A host as a URL has it: an IPv6 address in brackets. */
    public static String inUrl(String host) {
        return host.indexOf(':') >= 0 && !host.startsWith("[") ? "[" + host + "]" : host;
    }

    /** Looks a name up; blocks. */
    @FunctionalInterface
    interface Source {
        /** The JDK's resolver, with the system's hosts file and search rules. */
        Source SYSTEM = InetAddress::getAllByName;

        /** At least one address, best first. */
        InetAddress[] lookUp(String host) throws UnknownHostException;
    }

    /**
     * Whether an address is not on the public internet: loopback, link-local, private (RFC 1918), unique local
     * (RFC 4193), carrier-grade NAT (RFC 6598), "this network", multicast, reserved, or one of those in IPv6's clothes
     * (mapped, compatible, 6to4, NAT64, Teredo).
     */
    public static boolean isPrivate(InetAddress address) {
        byte[] bytes = address.getAddress();
        return switch (address) {
            case Inet4Address v4 -> isPrivate4(bytes, 0);
            case Inet6Address v6 ->
                v6.isAnyLocalAddress()
                        || v6.isLoopbackAddress()
                        || v6.isLinkLocalAddress()
                        || v6.isSiteLocalAddress()
                        || v6.isMulticastAddress()
                        || (bytes[0] & 0xfe) == 0xfc
                        || carries4(bytes);
            default -> true;
        };
    }

    private static boolean isPrivate4(byte[] bytes, int at) {
        int a = bytes[at] & 0xff;
        int b = bytes[at + 1] & 0xff;
        int c = bytes[at + 2] & 0xff;
        return a == 0
                || a == 10
                || a == 127
                || a >= 224
                || (a == 100 && (b & 0xc0) == 64)
                || (a == 169 && b == 254)
                || (a == 172 && (b & 0xf0) == 16)
                || (a == 192 && b == 168)
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (b & 0xfe) == 18);
    }

    /** An IPv6 address that leads to a private IPv4 one, by whatever gateway. */
    private static boolean carries4(byte[] bytes) {
        if (zero(bytes, 0, 10)) { // ::a.b.c.d and ::ffff:a.b.c.d; others under ::/80 are reserved
            return !(bytes[10] == (byte) 0xff && bytes[11] == (byte) 0xff) || isPrivate4(bytes, 12);
        }
        if (bytes[0] == 0x20 && bytes[1] == 0x02) { // 6to4
            return isPrivate4(bytes, 2);
        }
        if (bytes[0] == 0x00 && bytes[1] == 0x64 && bytes[2] == (byte) 0xff && bytes[3] == (byte) 0x9b) { // NAT64
            return !zero(bytes, 4, 12) || isPrivate4(bytes, 12);
        }
        return bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0 && bytes[3] == 0; // Teredo
    }

    private static boolean zero(byte[] bytes, int from, int to) {
        for (int i = from; i < to; i++) {
            if (bytes[i] != 0) {
                return false;
            }
        }
        return true;
    }
}
