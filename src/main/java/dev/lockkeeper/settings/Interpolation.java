package dev.lockkeeper.settings;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Fills in <code>${NAME}</code>, <code>${NAME:-default}</code> and <code>${file:path}</code> in a value;
 * <code>$${</code> stands for the two characters themselves.
 */
final class Interpolation {
    /** Bytes of a file named by <code>${file:…}</code>, at most. */
    static final int MAX_FILE = 64 << 10;

    private static final Pattern PLACE = Pattern.compile("\\$\\$\\{|\\$\\{([^}]*)(}?)");
    private static final Pattern VARIABLE = Pattern.compile("([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", Pattern.DOTALL);

    private final Map<String, String> environment;
    private final Path folder;
    private final Function<Path, Content> reader;

    /**
     * @param folder where relative paths of files start
     * @param reader reads files
     */
    Interpolation(Map<String, String> environment, Path folder, Function<Path, Content> reader) {
        this.environment = environment;
        this.folder = folder;
        this.reader = reader;
    }

    /** What came of a text. */
    sealed interface Filled {
        /**
         * Everything was found.
         *
         * @param text the value
         * @param from the places it was filled from, without their defaults; empty if there was none
         */
        record Whole(String text, List<String> from) implements Filled {}

        /**
         * Something was not.
         *
         * @param asked the place as written, as far as it holds no text of a value
         * @param expected what is missing
         * @param near a set variable of nearly that name, empty if there is none
         */
        record Missing(String asked, String expected, String near) implements Filled {}
    }

    Filled fill(String text) {
        if (!text.contains("${")) {
            return new Filled.Whole(text, List.of());
        }
        StringBuilder filled = new StringBuilder();
        List<String> from = new ArrayList<>();
        Matcher place = PLACE.matcher(text);
        int end = 0;
        while (place.find()) {
            filled.append(text, end, place.start());
            end = place.end();
            if (place.group().equals("$${")) {
                filled.append("${");
                continue;
            }
            Filled one = place.group(2).isEmpty()
                    ? new Filled.Missing("${…", "a closing brace; for the characters ${ themselves write $${", "")
                    : one(place.group(), place.group(1));
            switch (one) {
                case Filled.Missing missing -> {
                    return missing;
                }
                case Filled.Whole whole -> {
                    filled.append(whole.text());
                    from.addAll(whole.from());
                }
            }
        }
        return new Filled.Whole(filled.append(text.substring(end)).toString(), from);
    }

    private Filled one(String asked, String inside) {
        if (inside.startsWith("file:")) {
            return file(asked, inside.substring("file:".length()));
        }
        Matcher variable = VARIABLE.matcher(inside);
        if (!variable.matches()) {
            return new Filled.Missing("${…}", "${NAME}, ${NAME:-default} or ${file:path}", "");
        }
        String name = variable.group(1);
        String byDefault = variable.group(2);
        String value = environment.get(name);
        // As in a shell, :- also stands in for a variable that is set to nothing.
        if (byDefault != null && (value == null || value.isEmpty())) {
            return new Filled.Whole(byDefault, List.of("${" + name + ":-…}"));
        }
        if (value == null) {
            String near = Near.to(name, environment.keySet());
            return new Filled.Missing(
                    asked,
                    "the environment variable " + name + " to be set, or a default: ${" + name + ":-…}",
                    near == null ? "" : "${" + near + "}");
        }
        return new Filled.Whole(value, List.of("${" + name + "}"));
    }

    private Filled file(String asked, String path) {
        try {
            Content content = reader.apply(folder.resolve(path));
            byte[] bytes = content.bytes();
            if (bytes == null) {
                return new Filled.Missing(
                        asked,
                        content.failure() instanceof NoSuchFileException
                                ? "a file that exists"
                                : content.once()
                                        ? "a file that can be read again, not a pipe or the like"
                                        : "a file that can be read",
                        "");
            }
            if (bytes.length > MAX_FILE) {
                return new Filled.Missing(asked, "a file of at most " + Type.write(MAX_FILE), "");
            }
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            return new Filled.Whole(text.replaceFirst("\\R\\z", ""), List.of(asked));
        } catch (CharacterCodingException e) {
            return new Filled.Missing(asked, "a file of UTF-8 text", "");
        } catch (InvalidPathException e) {
            return new Filled.Missing(asked, "a file that can be read", "");
        }
    }
}
