package dev.lockkeeper.simulator;

import dev.lockkeeper.simulator.Answer.Part;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/** What the tools that a provider runs itself leave in the answer's text. */
final class Hosted {
    /** A text and what annotates it. */
    record Cited(String text, List<ObjectNode> annotations) {}

    private Hosted() {}

    /** The text with a citation for each hosted tool that ran. */
    static Cited cite(List<Part> parts, String text) {
        StringBuilder cited = new StringBuilder(text);
        List<ObjectNode> annotations = new ArrayList<>();
        for (Part part : parts) {
            if (part instanceof Part.Hosted(String kind, ObjectNode tool)) {
                if (kind.equals("web_search")) {
                    int from = cited.length();
                    cited.append(" ([example.com](https://example.com/lock))");
                    annotations.add(Json.object()
                            .put("type", "url_citation")
                            .put("start_index", from + 1)
                            .put("end_index", cited.length())
                            .put("title", "The lock")
                            .put("url", "https://example.com/lock"));
                } else if (kind.equals("file_search")) {
                    annotations.add(Json.object()
                            .put("type", "file_citation")
                            .put("file_id", Json.text(tool, "file_id", "file-simulated"))
                            .put("filename", Json.text(tool, "filename", "lock.txt"))
                            .put("index", cited.length()));
                }
            }
        }
        return new Cited(cited.toString(), annotations);
    }
}
