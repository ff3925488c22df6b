package dev.lockkeeper.admin;

import dev.lockkeeper.db.Page;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.databind.node.StringNode;

/**
 * Where commands take their wishes: the admin API, of a server that runs or of this process over the data folder. Blocks;
 * any thread.
 */
@FunctionalInterface
public interface Desk {
    /**
     * Asks for one operation.
     *
     * @param path with its question mark, if any; names in it are escaped, see {@link #escaped}
     * @param body null: none
     * @throws java.io.UncheckedIOException when nobody answers
     */
    Said ask(String method, String path, @Nullable JsonNode body);

    /**
     * Asks for a list page by page, and answers it as one.
     *
     * @param path with its question mark, if any, and without a page
     * @throws java.io.UncheckedIOException when nobody answers
     */
    default Said all(String path) {
        String pages = path + (path.contains("?") ? "&" : "?") + "limit=" + Page.MOST;
        Said first = ask("GET", pages, null);
        Said page = first;
        while (page.done() && page.body().path("has_more").asBoolean()) {
            page = ask(
                    "GET",
                    pages + "&after=" + escaped(page.body().path("last_id").asString()),
                    null);
            if (!page.done()) {
                return page;
            }
            ((ArrayNode) first.body().path("data"))
                    .addAll((ArrayNode) page.body().path("data"));
            ((ObjectNode) first.body())
                    .set("last_id", page.body().path("last_id"))
                    .set("has_more", page.body().path("has_more"));
        }
        return first;
    }

    /**
     * What was answered.
     *
     * @param status as of HTTP
     * @param body JSON; a text where the answer is another document
     */
    record Said(int status, JsonNode body) {
        /** An answer of a type; what is not JSON is told as a text. */
        static Said of(int status, String contentType, String text) {
            return new Said(
                    status,
                    contentType.startsWith("application/json") ? Json.MAPPER.readTree(text) : StringNode.valueOf(text));
        }

        /** Whether it was done. */
        public boolean done() {
            return status / 100 == 2;
        }

        /** Why it was not. */
        public String message() {
            return body.path("error").path("message").asString();
        }
    }

    /** A name for a path. */
    static String escaped(String name) {
        return java.net.URLEncoder.encode(name, java.nio.charset.StandardCharsets.UTF_8)
                .replace("+", "%20");
    }
}
