package dev.lockkeeper.simulator;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Embeddings: unit vectors that hang on the text alone, near each other for texts that share words. Any thread. */
final class Embeddings {
    private static final Set<String> KNOWN = Set.of("input", "model", "dimensions", "encoding_format", "user");
    private static final int MOST_INPUTS = 2_048;
    private static final int MOST_TOKENS = 8_192;
    private static final int MOST_TOKENS_IN_ALL = 300_000;
    private static final int PLACES = 24;

    private final World world;

    Embeddings(World world) {
        this.world = world;
    }

    Plan create(ObjectNode body, Controls given) throws Refused {
        Models.Model model = world.model(body);
        world.refuseUnknown(body, KNOWN);
        if (model.dimensions() == 0) {
            throw new Refused(
                    403,
                    "invalid_request_error",
                    null,
                    null,
                    "You are not allowed to generate embeddings from this model");
        }
        Controls controls = world.controls(body, given);
        int dimensions = Params.integer(body, "dimensions", model.dimensions(), 1, model.dimensions());
        if (Json.get(body, "dimensions") != null && model.name().endsWith("ada-002")) {
            throw Refused.badRequest("dimensions", null, "This model does not support specifying dimensions.");
        }
        String format = Params.oneOf(body, "encoding_format", "encoding_format", List.of("float", "base64"));
        List<String> texts = new ArrayList<>();
        int tokens = texts(body, texts);
        ObjectNode answer = Json.object();
        answer.put("object", "list");
        ArrayNode data = answer.putArray("data");
        for (int i = 0; i < texts.size(); i++) {
            float[] vector = vector(texts.get(i), dimensions);
            ObjectNode each = data.addObject();
            each.put("object", "embedding").put("index", i);
            if ("base64".equals(format)) {
                ByteBuffer bytes = ByteBuffer.allocate(vector.length * 4).order(ByteOrder.LITTLE_ENDIAN);
                for (float number : vector) {
                    bytes.putFloat(number);
                }
                each.put("embedding", Base64.getEncoder().encodeToString(bytes.array()));
            } else {
                ArrayNode numbers = each.putArray("embedding");
                for (float number : vector) {
                    numbers.add(number);
                }
            }
        }
        answer.put("model", model.name());
        if (!controls.has(Mishap.NoUsage.class)) {
            answer.putObject("usage").put("prompt_tokens", tokens).put("total_tokens", tokens);
        }
        return Plan.generated(answer, controls);
    }

    /** Gathers the inputs as texts and counts their tokens. */
    private static int texts(ObjectNode body, List<String> texts) throws Refused {
        JsonNode input = Json.get(body, "input");
        if (input == null) {
            throw Refused.missing("input");
        }
        int tokens = 0;
        if (input.isString()) {
            tokens = text(input.stringValue(), texts);
        } else if (input.isArray() && !input.isEmpty()) {
            if (input.get(0).isIntegralNumber()) {
                tokens = tokens(input, texts);
            } else {
                if (input.size() > MOST_INPUTS) {
                    throw Params.tooMany("input", input.size(), MOST_INPUTS);
                }
                for (JsonNode each : input) {
                    if (each.isString()) {
                        tokens += text(each.stringValue(), texts);
                    } else if (each.isArray()) {
                        tokens += tokens(each, texts);
                    } else {
                        throw Refused.badRequest("input", "invalid_type", "'$.input' is invalid.");
                    }
                }
            }
        } else {
            throw Refused.badRequest("input", "invalid_type", "'$.input' is invalid.");
        }
        if (tokens > MOST_TOKENS_IN_ALL) {
            throw Refused.badRequest(
                    null,
                    "max_tokens_per_request",
                    "Requested " + tokens + " tokens, max " + MOST_TOKENS_IN_ALL + " tokens per request");
        }
        return tokens;
    }

    private static int text(String text, List<String> texts) throws Refused {
        if (text.isEmpty()) {
            throw Refused.badRequest("input", null, "'$.input' is invalid: an empty string cannot be embedded.");
        }
        texts.add(text);
        return within(Tokens.count(text));
    }

    private static int tokens(JsonNode array, List<String> texts) throws Refused {
        StringBuilder text = new StringBuilder();
        for (JsonNode each : array) {
            if (!each.isIntegralNumber()) {
                throw Refused.badRequest("input", "invalid_type", "'$.input' is invalid.");
            }
            text.append(each.bigIntegerValue()).append(' ');
        }
        texts.add(text.toString());
        return within(array.size());
    }

    private static int within(int tokens) throws Refused {
        if (tokens > MOST_TOKENS) {
            throw Refused.badRequest(
                    null,
                    null,
                    "This model's maximum context length is " + MOST_TOKENS + " tokens, however you requested " + tokens
                            + " tokens. Please reduce your prompt.");
        }
        return tokens;
    }

    /** A text's vector: each word, and each run of three letters in it, pushes some of the dimensions. */
    static float[] vector(String text, int dimensions) {
        double[] sum = new double[dimensions];
        push(sum, Ids.mix(dimensions), 0.2);
        for (String word : text.toLowerCase(Locale.ROOT).split("[^\\p{L}\\p{N}]+")) {
            if (!word.isEmpty()) {
                push(sum, word.hashCode() * 31L + 7, 1.0);
                for (int i = 0; i + 3 <= word.length(); i++) {
                    push(sum, word.substring(i, i + 3).hashCode() * 17L + 3, 0.3);
                }
            }
        }
        double square = 0;
        for (double each : sum) {
            square += each * each;
        }
        double length = Math.sqrt(square);
        float[] vector = new float[dimensions];
        for (int i = 0; i < dimensions; i++) {
            vector[i] = (float) (sum[i] / length);
        }
        return vector;
    }

    private static void push(double[] sum, long feature, double weight) {
        long state = feature;
        for (int i = 0; i < PLACES; i++) {
            state = Ids.mix(state + 0x9E3779B97F4A7C15L);
            int place = (int) Math.floorMod(state >>> 1, (long) sum.length);
            sum[place] += (state & 1) == 0 ? weight : -weight;
        }
    }

    static double cosine(float[] one, float[] other) {
        double cosine = 0;
        for (int i = 0; i < one.length; i++) {
            cosine += one[i] * other[i];
        }
        return cosine;
    }
}
