package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Usage;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What several tests start from. */
final class Given {
    static final Endpoint CHAT = Endpoints.of("POST", "/v1/chat/completions");
    static final Endpoint RESPONSES = Endpoints.of("POST", "/v1/responses");
    static final Endpoint COMPLETIONS = Endpoints.of("POST", "/v1/completions");
    static final Endpoint EMBEDDINGS = Endpoints.of("POST", "/v1/embeddings");
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(tools.jackson.databind.DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(tools.jackson.core.StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(tools.jackson.databind.DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .build();

    private Given() {}

    static RequestScan scan(Endpoint endpoint, String body) {
        try {
            return RequestScan.of(Bytes.utf8(body), endpoint);
        } catch (Malformed e) {
            throw new AssertionError(e.message() + " in " + body, e);
        }
    }

    static String joined(Rewritten rewritten) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        rewritten.pieces().forEach(piece -> out.writeBytes(piece.toArray()));
        if (out.size() != rewritten.length()) {
            throw new AssertionError("length " + rewritten.length() + ", but " + out.size() + " bytes");
        }
        return out.toString(StandardCharsets.UTF_8);
    }

    static Usage used(long fresh, long cached, long written, long text, long reasoning, String tier) {
        return new Usage.Builder()
                .freshInput(fresh)
                .cachedInput(cached)
                .writtenInput(written)
                .textOutput(text)
                .reasoningOutput(reasoning)
                .tier(tier)
                .build();
    }

    static JsonNode tree(String json) {
        return MAPPER.readTree(json);
    }
}
