package dev.lockkeeper.http;

import java.util.List;

/**
 * What stands in front of a server, and how far its word on the client's address is believed.
 *
 * @param trusted proxies that are believed; nobody else is
 * @param unixTrusted whether whoever comes by the Unix socket is believed, too
 * @param field the one header field in which they say it: a second one would be the client's own
 * @param proxyProtocol whether each connection must begin with a header of the PROXY protocol (version 1 or 2), and must
 *     come from a trusted proxy
 */
public record Front(List<Network> trusted, boolean unixTrusted, Field field, boolean proxyProtocol) {
    /** Nothing is in front, nobody is believed: the socket tells the client's address. */
    public static final Front NONE = new Front(List.of(), false, Field.X_FORWARDED_FOR, false);

    /** Copies the list. */
    public Front {
        trusted = List.copyOf(trusted);
    }

    /** A header field in which proxies say for whom they speak. */
    public enum Field {
        /** What nearly all proxies send: addresses with commas between, the last one by the last proxy. */
        X_FORWARDED_FOR("x-forwarded-for"),
        /** RFC 7239. */
        FORWARDED("forwarded");

        private final String fieldName;

        Field(String fieldName) {
            this.fieldName = fieldName;
        }

        /** Its name, lower case. */
        public String fieldName() {
            return fieldName;
        }
    }

    /** Whether an address, of 4 or 16 bytes, is a trusted proxy's. */
    boolean trusts(byte[] address) {
        for (Network network : trusted) {
            if (network.contains(address)) {
                return true;
            }
        }
        return false;
    }
}
