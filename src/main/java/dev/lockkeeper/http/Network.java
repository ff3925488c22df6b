package dev.lockkeeper.http;

import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A range of IP addresses, such as {@code 10.0.0.0/8}. IPv4 addresses stand among those of IPv6, mapped to
 * {@code ::ffff:0:0/96}, so that an IPv4 client is the same whichever kind of socket it came by.
 *
 * @param high the first address's upper 64 bits
 * @param low its lower 64 bits
 * @param prefix how many bits count, of 128
 */
public record Network(long high, long low, int prefix) {
    private static final int BITS = 128;
    private static final int BITS_OF_4 = 32;
    private static final long MAPPED = 0xffff_0000_0000L;

    /** Refuses bits behind the prefix: they are a sign that another range was meant. */
    public Network {
        if (prefix < 0 || prefix > BITS) {
            throw new IllegalArgumentException("prefix " + prefix + " (expected: 0 to 128)");
        }
        if ((high & ~highMask(prefix)) != 0 || (low & ~lowMask(prefix)) != 0) {
            throw new IllegalArgumentException("bits behind the prefix /" + prefix + " are set");
        }
    }

    /** The range that {@code 10.0.0.0/8}, {@code 192.0.2.7}, {@code 2001:db8::/32} or {@code ::1} stand for; null for what is none. */
    public static @Nullable Network parse(String text) {
        Network network = cut(text);
        if (network == null) {
            return null;
        }
        byte[] address = bytes(text.substring(0, slash(text)));
        return address != null && network.high == high(address) && network.low == low(address) ? network : null;
    }

    /** What was probably meant by a range with bits set behind its prefix; null for what is no range at all. */
    public static @Nullable String near(String text) {
        Network network = cut(text);
        return network == null ? null : network.toString();
    }

    private static int slash(String text) {
        int slash = text.indexOf('/');
        return slash < 0 ? text.length() : slash;
    }

    private static @Nullable Network cut(String text) {
        int slash = slash(text);
        byte[] address = bytes(text.substring(0, slash));
        if (address == null) {
            return null;
        }
        boolean four = text.lastIndexOf(':', slash) < 0;
        int prefix = four ? BITS_OF_4 : BITS;
        if (slash < text.length()) {
            String written = text.substring(slash + 1);
            if (!written.matches("\\d{1,3}") || Integer.parseInt(written) > prefix) {
                return null;
            }
            prefix = Integer.parseInt(written);
        }
        int bits = four ? prefix + BITS - BITS_OF_4 : prefix;
        return new Network(high(address) & highMask(bits), low(address) & lowMask(bits), bits);
    }

    /** Whether an address, of 4 or 16 bytes, is in this range. */
    boolean contains(byte[] address) {
        return (high(address) & highMask(prefix)) == high && (low(address) & lowMask(prefix)) == low;
    }

    /** Whether a text is an address, in digits, of this range. Never asks DNS. */
    public boolean contains(String text) {
        byte[] address = bytes(text);
        return address != null && contains(address);
    }

    /** Whether every address is in this range, or every one of IPv4. */
    public boolean isEverybody() {
        return prefix == 0 || (prefix == BITS - BITS_OF_4 && high == 0 && low == MAPPED);
    }

    /** This range cut to whole groups, as {@code 192.0.2.0/24}. */
    @Override
    public String toString() {
        byte[] bytes = ByteBuffer.allocate(16).putLong(high).putLong(low).array();
        String address = text(bytes);
        int bits = address.indexOf(':') < 0 ? prefix - (BITS - BITS_OF_4) : prefix;
        return address + "/" + bits;
    }

    /** The bytes of an address in digits, 4 or 16; null for what is none. Never asks DNS. */
    static byte @Nullable [] bytes(String text) {
        return text.indexOf('%') >= 0 || text.indexOf('[') >= 0
                ? null
                : NetUtil.createByteArrayFromIpAddressString(text);
    }

    /** An address of 4 or 16 bytes as RFC 5952 writes it; a mapped one as IPv4. */
    static String text(byte[] address) {
        try {
            // Makes an IPv4 address of a mapped one.
            return NetUtil.toAddressString(InetAddress.getByAddress(address));
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("an address of " + address.length + " bytes", e);
        }
    }

    /**
     * An address without what tells a person from their neighbours: of IPv4 the first 24 bits, of IPv6 the first 48.
     * What is no address stays as it is.
     */
    public static String coarse(String address) {
        byte[] bytes = bytes(address);
        if (bytes == null) {
            return address;
        }
        for (int i = bytes.length == 4 ? 3 : 6; i < bytes.length; i++) {
            bytes[i] = 0;
        }
        return text(bytes);
    }

    private static long high(byte[] address) {
        return address.length == 4 ? 0 : ByteBuffer.wrap(address).getLong();
    }

    private static long low(byte[] address) {
        ByteBuffer buffer = ByteBuffer.wrap(address);
        return address.length == 4 ? MAPPED | Integer.toUnsignedLong(buffer.getInt()) : buffer.getLong(8);
    }

    private static long highMask(int bits) {
        return mask(Math.min(bits, Long.SIZE));
    }

    private static long lowMask(int bits) {
        return mask(Math.max(bits - Long.SIZE, 0));
    }

    private static long mask(int bits) {
        return bits == 0 ? 0 : -1L << (Long.SIZE - bits);
    }
}
