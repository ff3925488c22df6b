package dev.lockkeeper.admin;

import dev.lockkeeper.db.Page;
import dev.lockkeeper.db.Slice;
import java.util.function.Function;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** How lists that can become long are asked for and answered: page by page, as OpenAI's are. */
final class Pages {
    private static final Shape MAYBE_ID = new Shape.OrNull(Shape.text());

    private Pages() {}

    /** What is answered: the elements, and whether more follow. */
    static Shape.Struct of(Shape element) {
        return Shape.struct("")
                .with("object", Shape.word("list"), "What this is.")
                .with("data", new Shape.ListOf(element, Page.MOST), "The elements of this page.")
                .with("first_id", MAYBE_ID, "Which is the first; null: there is none.")
                .with("last_id", MAYBE_ID, "Which is the last: the next page is after it.")
                .with("has_more", new Shape.Flag(), "Whether others follow.");
    }

    /** The operation with the parameters that choose a page. */
    static Operation in(Operation operation) {
        return operation
                .takes("after", Shape.text(), "The last_id of the page before. Default: the first page.")
                .takes(
                        "limit",
                        new Shape.Whole(1, Page.MOST),
                        "How many at most. Default: " + Page.USUAL + "; has_more tells whether others follow.");
    }

    /** The page that is asked for. */
    static Page asked(Inquiry inquiry) {
        String limit = inquiry.asked("limit");
        return new Page(inquiry.asked("after"), limit == null ? Page.USUAL : Integer.parseInt(limit));
    }

    /** The answer. */
    static <T> Reply reply(Slice<T> page, Function<T, String> id, Function<T, ObjectNode> json) {
        ObjectNode answer = Json.object().put("object", "list");
        ArrayNode data = answer.putArray("data");
        page.elements().forEach(each -> data.add(json.apply(each)));
        boolean none = page.elements().isEmpty();
        answer.put("first_id", none ? null : id.apply(page.elements().getFirst()))
                .put("last_id", none ? null : id.apply(page.elements().getLast()))
                .put("has_more", page.more());
        return Reply.json(200, answer);
    }
}
