package dev.lockkeeper.http;

import io.netty.util.AttributeKey;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Who is on the other side of a connection: as the socket tells, or as a PROXY protocol header told.
 *
 * @param address without port; {@value #UNIX} for a Unix socket, empty where it is not known
 * @param believed whether it may say for whom it speaks
 */
record Peer(String address, boolean believed) {
    /** Where a channel keeps its peer. */
    static final AttributeKey<Peer> OF = AttributeKey.valueOf("lockkeeper.peer");

    /** The address of whoever comes by a Unix socket. */
    static final String UNIX = "unix";

    private static final Peer UNKNOWN = new Peer("", false);

    /** As the socket tells. */
    static Peer of(@Nullable SocketAddress address, Front front) {
        if (address == null) {
            return UNKNOWN; // gone already
        }
        if (!(address instanceof InetSocketAddress inet)) {
            return new Peer(UNIX, front.unixTrusted());
        }
        return inet.getAddress() == null ? UNKNOWN : of(inet.getAddress().getAddress(), front);
    }

    /** @param address 4 or 16 bytes */
    static Peer of(byte[] address, Front front) {
        return new Peer(Network.text(address), front.trusts(address));
    }
}
