package dev.lockkeeper.observe;

/**
 * What is said aloud.
 *
 * @param calls whether each call gets its line
 * @param format of the process's own messages on standard error: {@code text} or {@code json}
 * @param level least level of those messages: {@code error}, {@code warn}, {@code info}, {@code debug}
 * @param client how much of a client's address gets into its calls' lines
 */
public record LogSettings(boolean calls, String format, String level, Client client) {
    /** How much of an address is told. */
    public enum Client {
        /** The address. */
        ADDRESS,
        /** Its network: of IPv4 the first 24 bits, of IPv6 the first 48. */
        NETWORK,
        /** Nothing. */
        NONE
    }
}
