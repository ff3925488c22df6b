package dev.lockkeeper.simulator;

import dev.lockkeeper.simulator.Event.Role;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Images: tiny pictures whose colour goes with the prompt. Any thread. */
final class Images {
    private static final Set<String> KNOWN = Set.of(
            "prompt",
            "model",
            "n",
            "size",
            "quality",
            "style",
            "response_format",
            "user",
            "background",
            "moderation",
            "output_format",
            "output_compression",
            "partial_images",
            "stream",
            "image",
            "images",
            "mask",
            "input_fidelity",
            "metadata");

    private static final int MOST_IMAGES = 10;
    private static final int MOST_PARTIAL = 3;
    private static final int IMAGE_TOKENS = 272;

    private final World world;

    Images(World world) {
        this.world = world;
    }

    /**
     * Answers a request for pictures.
     *
     * @param kind {@code generations}, {@code edits} or {@code variations}
     * @param pictured whether the request brought a picture
     */
    Plan create(String kind, ObjectNode body, boolean pictured, Controls given) throws Refused {
        if (!world.settings.unknownParameters()) {
            for (String name : body.propertyNames()) {
                if (!KNOWN.contains(name) && !name.startsWith("image[")) {
                    throw Refused.badRequest(name, "unknown_parameter", "Unknown parameter: '" + name + "'.");
                }
            }
        }
        boolean varied = kind.equals("variations");
        String asked = Params.text(body, "model");
        String model = asked == null ? varied ? "dall-e-2" : "gpt-image-2" : Controls.bareModel(asked);
        if (!model.startsWith("gpt-image")
                && !model.startsWith("dall-e")
                && !world.settings.models().contains(model)) {
            throw Params.invalidValue(
                    "model", model, List.of("gpt-image-1", "gpt-image-1-mini", "dall-e-2", "dall-e-3"));
        }
        boolean old = model.startsWith("dall-e");
        Controls controls = world.controls(body, given);
        String prompt = varied ? "" : Params.needed(body, "prompt", "prompt");
        if (!kind.equals("generations") && !pictured && body.get("images") == null) {
            throw Refused.missing("image");
        }
        if (!old && body.has("response_format")) {
            throw Refused.badRequest("response_format", "unknown_parameter", "Unknown parameter: 'response_format'.");
        }
        int n = Params.integer(body, "n", 1, 1, MOST_IMAGES);
        boolean stream = Params.flag(body, "stream", false);
        int partial = Params.integer(body, "partial_images", 0, 0, MOST_PARTIAL);
        String format = Params.oneOf(body, "output_format", "output_format", List.of("png", "jpeg", "webp"));
        ObjectNode looks = Json.object();
        looks.put("background", Json.text(body, "background", "opaque"));
        looks.put("output_format", format == null ? "png" : format);
        looks.put("quality", known(Json.text(body, "quality"), "high"));
        looks.put("size", known(Json.text(body, "size"), "1024x1024"));
        ObjectNode usage = usage(prompt, n, pictured);
        if (stream) {
            return Plan.stream(
                    events(kind.equals("edits") ? "image_edit" : "image_generation", prompt, partial, looks, usage),
                    controls);
        }
        ObjectNode answer = Json.object();
        answer.put("created", world.nowSeconds());
        ArrayNode data = answer.putArray("data");
        for (int i = 0; i < n; i++) {
            ObjectNode picture = data.addObject();
            if (old && !"b64_json".equals(Json.text(body, "response_format"))) {
                picture.put("url", "data:image/png;base64," + base64(prompt, i));
            } else {
                picture.put("b64_json", base64(prompt, i));
            }
            if (model.equals("dall-e-3")) {
                picture.put("revised_prompt", prompt);
            }
        }
        if (!old) {
            answer.setAll(looks);
            if (!controls.has(Mishap.NoUsage.class)) {
                answer.set("usage", usage);
            }
        }
        return Plan.generated(answer, controls);
    }

    private static String known(@Nullable String asked, String otherwise) {
        return asked == null || asked.equals("auto") ? otherwise : asked;
    }

    private static String base64(String prompt, int index) {
        return Base64.getEncoder().encodeToString(Picture.png(prompt.hashCode() * 31L + index));
    }

    private static ObjectNode usage(String prompt, int n, boolean pictured) {
        int text = Tokens.count(prompt);
        int image = pictured ? IMAGE_TOKENS : 0;
        ObjectNode usage = Json.object();
        usage.put("total_tokens", text + image + n * IMAGE_TOKENS).put("input_tokens", text + image);
        usage.put("output_tokens", n * IMAGE_TOKENS);
        usage.putObject("input_tokens_details").put("text_tokens", text).put("image_tokens", image);
        return usage;
    }

    private List<Event> events(String name, String prompt, int partial, ObjectNode looks, ObjectNode usage) {
        List<Event> events = new ArrayList<>();
        for (int i = 0; i < partial; i++) {
            ObjectNode event = Json.object().put("type", name + ".partial_image");
            event.put("b64_json", base64(prompt, i + 1)).put("partial_image_index", i);
            event.put("created_at", world.nowSeconds()).setAll(looks);
            String written = Json.string(event);
            events.add(new Event(name + ".partial_image", Role.ORDINARY, true, _ -> written));
        }
        ObjectNode event = Json.object().put("type", name + ".completed");
        event.put("b64_json", base64(prompt, 0)).put("created_at", world.nowSeconds());
        event.setAll(looks).set("usage", usage);
        String written = Json.string(event);
        events.add(new Event(name + ".completed", Role.FINISH, true, _ -> written));
        return events;
    }
}
