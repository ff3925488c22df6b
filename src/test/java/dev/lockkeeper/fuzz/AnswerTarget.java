package dev.lockkeeper.fuzz;

import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Endpoints;
import dev.lockkeeper.dialect.openai.StreamTap;
import dev.lockkeeper.dialect.openai.Taps;
import dev.lockkeeper.dialect.openai.UnaryTap;
import dev.lockkeeper.units.Bytes;
import java.util.List;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/** An answer in one piece: any cutting reads the same of it, and it is whole exactly where it is a JSON object. */
public final class AnswerTarget {
    private static final List<Endpoint> ENDPOINTS = List.of(
            Endpoints.of("POST", "/v1/chat/completions"),
            Endpoints.of("POST", "/v1/responses"),
            Endpoints.of("POST", "/v1/completions"),
            Endpoints.of("POST", "/v1/embeddings"),
            Endpoints.of("POST", "/v1/images/generations"),
            Endpoints.of("POST", "/v1/batches"),
            Endpoints.of("POST", "/v1/audio/transcriptions"),
            Endpoints.of("POST", "/v1/files"));

    /** A number with such an exponent is JSON, but too large or too small for a tree's numbers. */
    private static final Pattern HUGE_EXPONENT = Pattern.compile("[eE][+-]?[0-9]{5,}");

    private AnswerTarget() {}

    /** What Jazzer calls. */
    public static void fuzzerTestOneInput(byte[] data) {
        Input input = new Input(data);
        Endpoint endpoint = ENDPOINTS.get(input.choice(ENDPOINTS.size()));
        UnaryTap whole = Taps.unary(endpoint);
        whole.piece(input.rest());
        whole.end();
        UnaryTap cut = Taps.unary(endpoint);
        input.cut().forEach(cut::piece);
        cut.end();
        Input.same(told(whole), told(cut), "cut otherwise");
        JsonNode tree = Given.tree(input.rest());
        boolean json = switch (endpoint.kind()) {
            case CHAT, RESPONSES, COMPLETIONS, EMBEDDINGS, IMAGES, MODELS -> true;
            case SPEECH, TRANSCRIPTION, PLAIN -> false;
        };
        Bytes rest = input.rest();
        if (json && Given.isUtf8(rest)) {
            if (tree != null) {
                Input.same(tree.isObject(), whole.finished(), "whole");
            } else if (!isUncertain(rest)) {
                Input.check(!whole.finished(), "whole, and no JSON");
            }
        }
    }

    /** Whether a text may be JSON that is only too deep, has too long or too large numbers or half a surrogate pair, for a tree. */
    private static boolean isUncertain(Bytes text) {
        int open = 0;
        int digits = 0;
        for (int i = 0; i < text.length(); i++) {
            open += text.at(i) == '[' || text.at(i) == '{' ? 1 : 0;
            digits += text.at(i) >= '0' && text.at(i) <= '9' ? 1 : 0;
        }
        String all = text.utf8();
        return open >= Given.TREE_DEPTH
                || digits > 500
                || all.contains("\\ud")
                || all.contains("\\uD")
                || HUGE_EXPONENT.matcher(all).find();
    }

    private static String told(UnaryTap tap) {
        Input.check(tap.text().length() <= StreamTap.TEXT_BOUND, "more text than is kept");
        return tap.finished() + " " + tap.failed() + " " + tap.usage() + " " + tap.objectId() + " " + tap.alsoMade()
                + " " + tap.model() + " " + tap.serviceTier() + " " + tap.finish() + " " + tap.textBytes() + " "
                + tap.text();
    }
}
