package dev.lockkeeper.simulator;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Moderations: a text is flagged for the plain words in it. Any thread. */
final class Moderations {
    private static final Set<String> KNOWN = Set.of("input", "model", "metadata");
    private static final List<String> CATEGORIES = List.of(
            "harassment",
            "harassment/threatening",
            "sexual",
            "hate",
            "hate/threatening",
            "illicit",
            "illicit/violent",
            "self-harm/intent",
            "self-harm/instructions",
            "self-harm",
            "sexual/minors",
            "violence",
            "violence/graphic");
    private static final Set<String> FOR_IMAGES =
            Set.of("sexual", "self-harm", "self-harm/intent", "self-harm/instructions", "violence", "violence/graphic");
    private static final Map<String, String> WORDS = Map.of(
            "kill", "violence",
            "violence", "violence",
            "hate", "hate",
            "harass", "harassment",
            "suicide", "self-harm",
            "weapon", "illicit");

    private final World world;

    Moderations(World world) {
        this.world = world;
    }

    Plan create(ObjectNode body, Controls given) throws Refused {
        world.refuseUnknown(body, KNOWN);
        String asked = Params.text(body, "model");
        String model = asked == null ? "omni-moderation-latest" : Controls.bareModel(asked);
        if (!model.contains("moderation") && !world.settings.models().contains(model)) {
            throw World.noModel(model);
        }
        Controls controls = world.controls(body, given);
        JsonNode input = Json.get(body, "input");
        if (input == null) {
            throw Refused.missing("input");
        }
        ObjectNode answer = Json.object();
        answer.put("id", world.ids.letters("modr-", 29)).put("model", model);
        ArrayNode results = answer.putArray("results");
        if (input.isString()) {
            results.add(result(List.of(input.stringValue()), false));
        } else if (!input.isArray() || input.isEmpty()) {
            throw Refused.wrongType("input", "one of a string or array", Params.kind(input));
        } else if (input.get(0).isString()) {
            for (JsonNode each : input) {
                if (!each.isString()) {
                    throw Refused.wrongType("input[" + results.size() + "]", "a string", Params.kind(each));
                }
                results.add(result(List.of(each.stringValue()), false));
            }
        } else {
            results.add(parts(input));
        }
        return Plan.generated(answer, controls);
    }

    /** Parts of one message are judged together. */
    private static ObjectNode parts(JsonNode input) throws Refused {
        List<String> texts = new ArrayList<>();
        boolean images = false;
        int place = 0;
        for (JsonNode each : input) {
            String at = "input[" + place++ + "]";
            String type = Params.needed(each, "type", at + ".type");
            switch (type) {
                case "text" -> texts.add(Params.needed(each, "text", at + ".text"));
                case "image_url" -> {
                    if (Params.object(each, "image_url", at + ".image_url") == null) {
                        throw Refused.missing(at + ".image_url");
                    }
                    images = true;
                }
                default -> throw Params.invalidValue(at + ".type", type, List.of("text", "image_url"));
            }
        }
        return result(texts, images);
    }

    private static ObjectNode result(List<String> texts, boolean images) {
        String all = String.join(" ", texts).toLowerCase(Locale.ROOT);
        ObjectNode result = Json.object();
        result.put("flagged", false);
        ObjectNode categories = result.putObject("categories");
        ObjectNode scores = result.putObject("category_scores");
        ObjectNode applied = result.putObject("category_applied_input_types");
        for (String category : CATEGORIES) {
            boolean hit = WORDS.entrySet().stream()
                    .anyMatch(word -> word.getValue().equals(category) && all.contains(word.getKey()));
            categories.put(category, hit);
            double noise = (Ids.mix(all.hashCode() + category.hashCode()) & 0xFFF) / 4_096_000.0;
            scores.put(category, hit ? 0.95 : noise);
            ArrayNode types = applied.putArray(category);
            if (!texts.isEmpty()) {
                types.add("text");
            }
            if (images && FOR_IMAGES.contains(category)) {
                types.add("image");
            }
            if (hit) {
                result.put("flagged", true);
            }
        }
        return result;
    }
}
