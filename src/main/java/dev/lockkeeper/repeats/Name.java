package dev.lockkeeper.repeats;

import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * What stands for an idempotency key: its SHA-256. The key itself, which may say something about its maker, is not kept.
 *
 * @param hash 32 bytes
 */
public record Name(Bytes hash) {
    /** Of a client's text. */
    public static Name of(String idempotencyKey) {
        return new Name(Bytes.of(sha256().digest(idempotencyKey.getBytes(StandardCharsets.UTF_8))));
    }

    /** The digest that stands for names and requests. */
    public static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException("every JDK has SHA-256", impossible);
        }
    }
}
