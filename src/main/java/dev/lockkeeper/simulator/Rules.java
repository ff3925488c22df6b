package dev.lockkeeper.simulator;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** What OpenAI's models refuse, told in OpenAI's words. */
final class Rules {
    private static final List<String> EFFORTS = List.of("none", "minimal", "low", "medium", "high", "xhigh", "max");
    static final List<String> TIERS = List.of("auto", "default", "flex", "scale", "priority", "fast");

    private Rules() {}

    /** The effort that holds, where the model takes it. */
    static String effort(Models.Model model, @Nullable String asked, String param) throws Refused {
        if (asked == null) {
            return model.effort();
        }
        if (!model.reasons()) {
            throw unsupportedArgument(param);
        }
        if (!EFFORTS.contains(asked)) {
            throw Params.invalidValue(param, asked, EFFORTS);
        }
        if (!model.efforts().contains(asked)) {
            StringBuilder values = new StringBuilder();
            for (String each : model.efforts()) {
                values.append(
                                values.isEmpty()
                                        ? ""
                                        : each.equals(model.efforts().getLast()) ? ", and " : ", ")
                        .append('\'')
                        .append(each)
                        .append('\'');
            }
            throw Refused.badRequest(
                    param,
                    "unsupported_value",
                    "Unsupported value: '" + asked + "' is not supported with the '" + model.name()
                            + "' model. Supported values are: " + values + ".");
        }
        return asked;
    }

    private static Refused unsupportedArgument(String param) {
        return Refused.badRequest(
                param,
                "unsupported_parameter",
                "Unsupported parameter: '" + param + "' is not supported with this model.");
    }

    /** Refuses what a model that thinks does not take in a chat completion. */
    static void chatSampling(Models.Model model, String effort, ObjectNode body) throws Refused {
        if (!model.reasons()) {
            return;
        }
        if (Json.get(body, "max_tokens") != null) {
            throw Refused.badRequest(
                    "max_tokens",
                    "unsupported_parameter",
                    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.");
        }
        for (String name : List.of("stop", "frequency_penalty", "presence_penalty", "logit_bias")) {
            JsonNode member = Json.get(body, name);
            if (member != null && !(member.isNumber() && member.decimalValue().signum() == 0)) {
                throw Refused.unsupported(name);
            }
        }
        if (model.noneAllowed() && effort.equals("none")) {
            return;
        }
        for (String name : List.of("temperature", "top_p")) {
            JsonNode member = Json.get(body, name);
            if (member != null && member.isNumber() && member.decimalValue().compareTo(java.math.BigDecimal.ONE) != 0) {
                throw Refused.badRequest(
                        name,
                        "unsupported_value",
                        "Unsupported value: '" + name + "' does not support "
                                + member.decimalValue().toPlainString()
                                + " with this model. Only the default (1) value is supported.");
            }
        }
        if (Json.flag(body, "logprobs", false)) {
            throw Refused.unsupported("logprobs");
        }
        if (Json.get(body, "top_logprobs") != null) {
            throw Refused.unsupported("top_logprobs");
        }
    }

    /** Refuses what a model that thinks does not take in a response. */
    static void responseSampling(Models.Model model, String effort, ObjectNode body) throws Refused {
        if (!model.reasons() || (model.noneAllowed() && effort.equals("none"))) {
            return;
        }
        for (String name : List.of("temperature", "top_p", "top_logprobs")) {
            JsonNode member = Json.get(body, name);
            boolean usual = member != null
                    && member.isNumber()
                    && member.decimalValue()
                                    .compareTo(
                                            name.equals("top_logprobs")
                                                    ? java.math.BigDecimal.ZERO
                                                    : java.math.BigDecimal.ONE)
                            == 0;
            if (member != null && !usual) {
                throw Refused.unsupported(name);
            }
        }
    }

    /** Refuses what the newest models no longer take. */
    static void retention(Models.Model model, ObjectNode body) throws Refused {
        String name = "prompt_cache_retention";
        String value = Params.oneOf(body, name, name, List.of("in_memory", "in-memory", "24h"));
        if (value != null && model.name().startsWith("gpt-6")) {
            throw Refused.unsupported(name);
        }
        if (value != null
                && !value.equals("24h")
                && (model.name().startsWith("gpt-5.5") || model.name().startsWith("gpt-5.6"))) {
            throw Refused.badRequest(
                    name,
                    "unsupported_value",
                    "Unsupported value: '" + value + "' is not supported with the '" + model.name()
                            + "' model. Supported values are: '24h'.");
        }
    }

    static @Nullable String tier(ObjectNode body, boolean ultrafast) throws Refused {
        List<String> tiers = new ArrayList<>(TIERS);
        if (ultrafast) {
            tiers.add("ultrafast");
        }
        String tier = Params.oneOf(body, "service_tier", "service_tier", tiers);
        return tier == null || tier.equals("auto") ? "default" : tier.equals("fast") ? "priority" : tier;
    }

    /** Refuses tools' and schemas' names that are not names. */
    static void name(@Nullable String name, String param) throws Refused {
        if (name == null) {
            throw Refused.missing(param);
        }
        if (name.isEmpty()) {
            throw Refused.badRequest(
                    param,
                    "empty_string",
                    "Invalid '" + param
                            + "': empty string. Expected a string with minimum length 1, but got an empty string instead.");
        }
        if (name.length() > 64) {
            throw Params.tooLong(param, name.length(), 64);
        }
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-')) {
                throw Refused.badRequest(
                        param,
                        "invalid_value",
                        "Invalid '" + param
                                + "': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.");
            }
        }
    }

    static void strictFormat(String name, JsonNode schema, String param) throws Refused {
        String wrong = StrictSchema.wrong(schema);
        if (wrong != null) {
            throw Refused.badRequest(
                    param, "invalid_json_schema", "Invalid schema for response_format '" + name + "': " + wrong);
        }
    }

    static void function(String name, @Nullable JsonNode parameters, boolean strict, String param) throws Refused {
        if (parameters == null) {
            return;
        }
        String wrong = null;
        if (strict) {
            wrong = StrictSchema.wrong(parameters);
        } else if (!parameters.isObject()) {
            wrong = "schema must be an object.";
        } else if (parameters.has("type") && !"object".equals(Json.text(parameters, "type"))) {
            wrong = "schema must be a JSON Schema of 'type: \"object\"', got 'type: \""
                    + Json.text(parameters, "type", "None") + "\"'.";
        }
        if (wrong != null) {
            throw Refused.badRequest(
                    param, "invalid_function_parameters", "Invalid schema for function '" + name + "': " + wrong);
        }
    }

    static Refused tooLong(Models.Model model, int tokens, String param) {
        return Refused.badRequest(
                param,
                "context_length_exceeded",
                param.equals("messages")
                        ? "This model's maximum context length is " + model.context()
                                + " tokens. However, your messages resulted in " + tokens
                                + " tokens. Please reduce the length of the messages."
                        : "Your input exceeds the context window of this model. Please adjust your input and try again.");
    }
}
