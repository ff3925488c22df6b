package dev.lockkeeper.settings;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The file that is read, if there is one.
 *
 * @param shown its name in messages
 * @param path absolute; null if there is no file
 * @param wrong why the name is none; null if nothing is wrong with it
 * @param folder where relative paths in it start
 */
record ConfigFile(
        String shown, @Nullable Path path, @Nullable String wrong, Path folder) {
    /** The file that is read when none is named. */
    static final String DEFAULT = "lockkeeper.yaml";

    /** Bytes of the file, at most. */
    static final int MAX_BYTES = 1 << 20;

    /**
     * Finds the file.
     *
     * @param asked what the command line names
     * @param variable what the environment names, empty if nothing
     * @param here working directory, absolute
     */
    static ConfigFile named(@Nullable Path asked, String variable, Path here) {
        if (asked != null) {
            return of(asked, here);
        }
        if (!variable.isEmpty()) {
            try {
                return of(Path.of(variable), here);
            } catch (InvalidPathException e) {
                return new ConfigFile("LOCKKEEPER_CONFIG", null, "not a path", here);
            }
        }
        return Files.exists(here.resolve(DEFAULT))
                ? of(Path.of(DEFAULT), here)
                : new ConfigFile("default", null, null, here);
    }

    private static ConfigFile of(Path path, Path here) {
        Path whole = here.resolve(path).normalize();
        Path folder = whole.getParent();
        return new ConfigFile(Shown.value(path.toString()), whole, null, folder == null ? here : folder);
    }

    /** The file as a place, where nothing in it is meant. */
    Place place() {
        return Place.outside(shown);
    }

    /** What is written in it; empty if nothing can be read, and then the mistakes say why. */
    Map<String, Piece.Member> read(Reading reading) {
        List<Mistake> mistakes = reading.parserMistakes();
        if (path == null) {
            if (wrong != null) {
                mistakes.add(mistake(0, 0, wrong));
            }
            reading.content(folder.resolve(DEFAULT));
            return Map.of();
        }
        Content content = reading.content(path);
        byte[] bytes = content.bytes();
        if (bytes == null) {
            boolean missing = content.failure() instanceof NoSuchFileException;
            mistakes.add(mistake(
                    0,
                    0,
                    missing
                            ? "there is no such file"
                            : Files.isDirectory(path)
                                    ? "a folder, not a file"
                                    : content.once()
                                            ? "a pipe or the like can be read only once; for another, restart"
                                            : "the file can't be read"));
            return Map.of();
        }
        if (bytes.length > MAX_BYTES) {
            mistakes.add(mistake(0, 0, "longer than " + Type.write(MAX_BYTES)));
            return Map.of();
        }
        String text;
        try {
            text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            mistakes.add(notUtf8(bytes));
            return Map.of();
        }
        Piece.Members members = YamlFile.read(shown, text, mistakes);
        return members == null ? Map.of() : members.members();
    }

    private Mistake notUtf8(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        CharBuffer out = CharBuffer.allocate(bytes.length);
        // Stops at the first byte that is not UTF-8, with all before it decoded.
        StandardCharsets.UTF_8.newDecoder().decode(in, out, true);
        String before = out.flip().toString();
        int lineStart = before.lastIndexOf('\n') + 1;
        return mistake(
                (int) before.chars().filter(c -> c == '\n').count() + 1,
                before.codePointCount(lineStart, before.length()) + 1,
                "not UTF-8 from here on");
    }

    private Mistake mistake(int line, int column, String what) {
        return new Mistake(shown, line, column, "", null, what, null);
    }
}
