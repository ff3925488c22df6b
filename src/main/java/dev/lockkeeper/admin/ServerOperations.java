package dev.lockkeeper.admin;

import dev.lockkeeper.access.Audit;
import dev.lockkeeper.access.Right;
import java.util.List;
import java.util.function.Supplier;

/** What the admin API does with the running server itself. */
public final class ServerOperations {
    private static final Shape RELOADED = Shape.struct("Reload")
            .with("object", Shape.word("reload"), "What this is.")
            .with("result", Shape.word("changed", "unchanged"), "Whether anything changed.")
            .with("changes", Shape.listOf(Shape.text()), "One sentence for each key that changed.")
            .with("needs_restart", Shape.listOf(Shape.text()), "What can't be followed without a restart.")
            .with("notes", Shape.listOf(Shape.text()), "What is not wrong but worth knowing.");

    private ServerOperations() {}

    /**
     * @param audit where it is written that somebody wanted it
     * @param reload reads the configuration again; called on a virtual thread
     */
    public static List<Operation> of(Audit audit, Supplier<Reloaded> reload) {
        return List.of(Operation.post(
                        "/admin/v1/reload",
                        "reload",
                        "Reads the configuration again and puts it into effect, or says what is wrong with it.",
                        null,
                        RELOADED,
                        asked -> reload(audit, reload, asked))
                .needs(Right.SERVER_WRITE)
                .refuses(ReloadJson.MISTAKEN, 500));
    }

    private static Reply reload(Audit audit, Supplier<Reloaded> reload, Inquiry asked) {
        Reply reply = ReloadJson.of(reload.get());
        if (reply.status() == 200) {
            audit.note(
                    asked.who(),
                    "server.reload",
                    "configuration",
                    null,
                    reply.body().utf8());
        }
        return reply;
    }
}
