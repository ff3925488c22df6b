package dev.lockkeeper.access;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.random.RandomGenerator;
import java.util.zip.CRC32;

/**
 * How secrets and ids are made and recognised. A secret ends in {@value #CHECKSUM} characters that are a checksum over
 * what is before them (CRC-32 in base 62, as GitHub's tokens have it), so that a typo is told from a secret that nobody
 * knows, and secret scanners find it.
 */
final class Secrets {
    /** Letters and digits: selected with a double click, escaped nowhere. */
    private static final String ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /** 62^43 > 2^256. */
    private static final int CHARACTERS = 43;

    /** 62^6 > 2^32. */
    private static final int CHECKSUM = 6;

    private static final int ID_CHARACTERS = 20;

    /** Longer texts are none of ours; this much of them is hashed all the same. */
    private static final int MAX_PRESENTED = 256;

    private final RandomGenerator random;

    /** @param random must be cryptographically strong */
    Secrets(RandomGenerator random) {
        this.random = random;
    }

    /** A new secret. */
    String text(String prefix) {
        String text = prefix + letters(CHARACTERS);
        return text + checksum(text, text.length());
    }

    /** A new id. */
    String id(String prefix) {
        return prefix + letters(ID_CHARACTERS);
    }

    private String letters(int count) {
        StringBuilder letters = new StringBuilder(count);
        for (int i = 0; i < count; i++) {
            letters.append(ALPHABET.charAt(random.nextInt(ALPHABET.length())));
        }
        return letters.toString();
    }

    /**
     * Whether a text looks like a key and can't be one, because its checksum does not fit. Keys that were made before there
     * were checksums have none; they are known by their length.
     */
    static boolean mistyped(String presented) {
        boolean key = presented.startsWith(KeyKind.LIVE.prefix()) || presented.startsWith(KeyKind.TEST.prefix());
        int secret = presented.length() - KeyKind.LIVE.prefix().length();
        int end = Math.max(0, presented.length() - CHECKSUM);
        return key
                && secret != CHARACTERS
                && presented.length() <= MAX_PRESENTED
                && !presented.substring(end).equals(checksum(presented, end));
    }

    static String checksum(String text, int end) {
        CRC32 sum = new CRC32();
        sum.update(text.substring(0, end).getBytes(StandardCharsets.UTF_8));
        long rest = sum.getValue();
        char[] characters = new char[CHECKSUM];
        for (int i = CHECKSUM - 1; i >= 0; i--) {
            characters[i] = ALPHABET.charAt((int) (rest % ALPHABET.length()));
            rest /= ALPHABET.length();
        }
        return new String(characters);
    }

    static String last4(String text) {
        return text.substring(text.length() - 4);
    }

    /** Whether a text is short enough to be a secret. */
    static boolean fits(String presented) {
        return presented.length() <= MAX_PRESENTED;
    }

    static byte[] hash(String presented) {
        return sha256(fits(presented) ? presented : presented.substring(0, MAX_PRESENTED));
    }

    static byte[] sha256(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /** The first bytes of a hash, to look it up by. */
    static long start(byte[] hash) {
        long start = 0;
        for (int i = 0; i < Long.BYTES; i++) {
            start = (start << 8) | (hash[i] & 0xff);
        }
        return start;
    }
}
