package dev.lockkeeper.fuzz;

import dev.lockkeeper.units.Bytes;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What several targets hold results against: JSON as a tree. */
final class Given {
    /** Containers inside each other that a tree is made of. */
    static final int TREE_DEPTH = 150;

    private static final JsonMapper ANY = mapper(false);
    private static final JsonMapper ONCE = mapper(true);

    private Given() {}

    private static JsonMapper mapper(boolean once) {
        return JsonMapper.builder(JsonFactory.builder()
                        .streamReadConstraints(StreamReadConstraints.builder()
                                .maxNestingDepth(TREE_DEPTH)
                                .build())
                        .build())
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
                .configure(StreamReadFeature.STRICT_DUPLICATE_DETECTION, once)
                .build();
    }

    /** The tree of a JSON text; null if it is none, or deeper than {@link #TREE_DEPTH}. */
    static @Nullable JsonNode tree(Bytes text) {
        return tree(ANY, text);
    }

    /** The same; null also where a name stands twice in an object. */
    static @Nullable JsonNode treeOfNamesOnce(Bytes text) {
        return tree(ONCE, text);
    }

    private static @Nullable JsonNode tree(JsonMapper mapper, Bytes text) {
        try {
            String decoded = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(text.array(), text.offset(), text.length()))
                    .toString();
            JsonNode tree = mapper.readTree(decoded);
            return tree.isMissingNode() ? null : tree;
        } catch (CharacterCodingException | RuntimeException notOne) {
            return null;
        }
    }

    static boolean isUtf8(Bytes text) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(text.array(), text.offset(), text.length()));
            return true;
        } catch (CharacterCodingException not) {
            return false;
        }
    }
}
