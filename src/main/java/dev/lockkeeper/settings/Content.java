package dev.lockkeeper.settings;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/** A file as it was read once. */
final class Content {
    private static final String MISSING = "missing";
    private static final String ONCE = "no regular file";
    private static final String UNREADABLE = "unreadable";

    private final byte @Nullable [] bytes;
    private final @Nullable IOException failure;
    private final String state;

    private Content(byte @Nullable [] bytes, @Nullable IOException failure, String state) {
        this.bytes = bytes;
        this.failure = failure;
        this.state = state;
    }

    static Content of(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(ConfigFile.MAX_BYTES + 1);
            return new Content(
                    bytes,
                    null,
                    HexFormat.of()
                            .formatHex(MessageDigest.getInstance("SHA-256").digest(bytes)));
        } catch (NoSuchFileException e) {
            return new Content(null, e, MISSING);
        } catch (IOException e) {
            return new Content(null, e, UNREADABLE);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /**
     * The same for a file that was read before. What is no regular file, such as a pipe, is not opened: its bytes are used up,
     * and opening a pipe that nobody writes to any more would wait for ever.
     */
    static Content again(Path file) {
        return Files.exists(file) && !Files.isRegularFile(file)
                ? new Content(null, new IOException("not a regular file"), ONCE)
                : of(file);
    }

    /** Whether it was not read because that can be done only once. */
    boolean once() {
        return state.equals(ONCE);
    }

    /** Its first bytes, at most one more than {@link ConfigFile#MAX_BYTES}; null if it could not be read. */
    byte @Nullable [] bytes() {
        return bytes;
    }

    /** Why it could not be read; null if it could. */
    @Nullable IOException failure() {
        return failure;
    }

    /** Tells this content from any other, and what can't be read from what is not there; holds nothing of the content. */
    String state() {
        return state;
    }
}
