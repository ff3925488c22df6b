package dev.lockkeeper.admin;

import dev.lockkeeper.db.OwnerOnly;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.random.RandomGenerator;

/** The secret that opens the admin API: whoever can read the data folder may use it. Any thread. */
public final class AdminToken {
    /** Its file in the data folder. */
    public static final String FILE = "admin-token";

    private static final String ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /** 62^43 > 2^256. */
    private static final int CHARACTERS = 43;

    private final String text;

    private AdminToken(String text) {
        this.text = text;
    }

    /**
     * The token of a data folder, made where there is none. A file that others can read is replaced by a new token: the
     * old one may be known.
     *
     * @param random must be cryptographically strong
     */
    public static AdminToken in(Path folder, RandomGenerator random) throws IOException {
        Path file = folder.resolve(FILE);
        if (Files.exists(file) && OwnerOnly.is(file)) {
            AdminToken kept = read(folder);
            if (!kept.text.isEmpty()) {
                return kept;
            }
        }
        StringBuilder text = new StringBuilder("lk-admin-");
        for (int i = 0; i < CHARACTERS; i++) {
            text.append(ALPHABET.charAt(random.nextInt(ALPHABET.length())));
        }
        OwnerOnly.write(file, text + "\n");
        return new AdminToken(text.toString());
    }

    static AdminToken read(Path folder) throws IOException {
        return new AdminToken(
                Files.readString(folder.resolve(FILE), StandardCharsets.UTF_8).strip());
    }

    /** Whether this is the token; takes the same time whether it is or not. */
    boolean is(String presented) {
        return MessageDigest.isEqual(presented.getBytes(StandardCharsets.UTF_8), text.getBytes(StandardCharsets.UTF_8));
    }

    /** The value of {@code Authorization} that it makes. */
    String bearer() {
        return "Bearer " + text;
    }

    /** Not the secret. */
    @Override
    public String toString() {
        return "AdminToken";
    }
}
