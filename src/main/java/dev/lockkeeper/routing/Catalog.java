package dev.lockkeeper.routing;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What is known of the vendors' models without asking them: a list that ships with the gateway ({@code models.csv}), in
 * the order in which it is shown. What the operator writes about a model wins over it.
 */
public final class Catalog {
    private static final String RESOURCE = "/dev/lockkeeper/models.csv";

    /** Vendors pin a model with the day of its release: {@code gpt-5.5-2026-04-23}, {@code claude-haiku-4-5-20251001}. */
    private static final Pattern RELEASE = Pattern.compile("-(\\d{4}-\\d{2}-\\d{2}|\\d{8})$");

    private final Map<String, Known> byName = new LinkedHashMap<>();

    private Catalog(BufferedReader lines) throws IOException {
        List<String> columns = Arrays.asList(next(lines).split(",", -1));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Known known = known(columns, line.split(",", -1));
            byName.put(known.model(), known);
        }
    }

    /** The list that ships with the gateway; read once in a process. */
    public static Catalog shipped() {
        return Shipped.CATALOG;
    }

    /** Read when it is first asked for. */
    private static final class Shipped {
        private static final Catalog CATALOG = read();
    }

    private static Catalog read() {
        try (InputStream in = Catalog.class.getResourceAsStream(RESOURCE)) {
            if (in == null) {
                throw new IllegalStateException(RESOURCE + " is not in the jar");
            }
            return new Catalog(new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8)));
        } catch (IOException e) {
            throw new UncheckedIOException(RESOURCE + " can't be read", e);
        }
    }

    /**
     * What is known of a model by the name that a provider gives it, null if nothing. A release day at its end and a
     * vendor before a slash ({@code openai/gpt-5.5}) do not matter.
     */
    public @Nullable Known find(String upstreamModel) {
        String name = upstreamModel.substring(upstreamModel.lastIndexOf('/') + 1);
        Known exact = byName.get(name);
        return exact != null ? exact : byName.get(RELEASE.matcher(name).replaceFirst(""));
    }

    /** The models of a vendor ({@code openai}, {@code anthropic}, …), the newest first; empty for an unknown vendor. */
    public List<Known> of(String vendor) {
        return byName.values().stream()
                .filter(known -> known.vendor().equals(vendor))
                .toList();
    }

    private static Known known(List<String> columns, String[] cells) {
        if (cells.length != columns.size()) {
            throw new IllegalStateException(RESOURCE + ": " + Arrays.toString(cells) + " has " + cells.length
                    + " cells (expected: " + columns.size() + ")");
        }
        String endpoints = cells[columns.indexOf("endpoints")];
        return new Known(
                cells[columns.indexOf("vendor")],
                cells[columns.indexOf("model")],
                Kind.valueOf(cells[columns.indexOf("kind")].toUpperCase(Locale.ROOT)),
                tokens(cells[columns.indexOf("context")]),
                tokens(cells[columns.indexOf("max_output")]),
                new ArrayList<>(Arrays.asList(endpoints.split(";"))));
    }

    private static long tokens(String cell) {
        return cell.isEmpty() ? 0 : Long.parseLong(cell);
    }

    private static String next(BufferedReader lines) throws IOException {
        String line = lines.readLine();
        if (line == null) {
            throw new IllegalStateException(RESOURCE + " is empty");
        }
        return line;
    }

    /**
     * A vendor's model.
     *
     * @param vendor who makes it
     * @param model what the vendor calls it
     * @param kind what it makes
     * @param context tokens of prompt and answer together (of an embedding model: of one input), 0 when unknown
     * @param maxOutput tokens of an answer, 0 when unknown
     * @param endpoints the vendor's endpoints that take it: {@code chat}, {@code responses}, {@code embeddings},
     *     {@code messages}, …
     */
    public record Known(String vendor, String model, Kind kind, long context, long maxOutput, List<String> endpoints) {
        public Known {
            endpoints = List.copyOf(endpoints);
        }
    }

    /** What a model makes. */
    public enum Kind {
        /** Text, and calls of tools. */
        CHAT,
        /** Vectors. */
        EMBEDDING,
        /** Pictures. */
        IMAGE,
        /** Speech from text. */
        SPEECH,
        /** Text from speech. */
        TRANSCRIPTION,
        /** Judgements on whether a text is fit. */
        MODERATION
    }
}
