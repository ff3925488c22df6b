package dev.lockkeeper.admin;

import dev.lockkeeper.access.Audit;
import dev.lockkeeper.access.Right;
import dev.lockkeeper.db.Listing;
import dev.lockkeeper.db.Page;
import java.util.List;
import java.util.Objects;

/** What the admin API tells of the log of changes. */
public final class AuditOperations {
    private static final Shape HASH = new Shape.Form("[0-9a-f]{64}", "64 hexadecimal digits");

    private static final Shape.Struct ROW = Shape.struct("AuditRow")
            .with("seq", new Shape.Whole(1, Long.MAX_VALUE), "Its number, from 1, without gaps.")
            .with("at", new Shape.Time(), "When.")
            .with("actor", Shape.text(), "The id of who did it.")
            .with("actor_name", Shape.text(), "Their name.")
            .with("action", Shape.text(), "What was done, such as key.revoke.")
            .with("subject", Shape.text(), "The id of what was changed.")
            .with("before", new Shape.OrNull(new Shape.Anything()), "How it was; null: it was not there.")
            .with("after", new Shape.OrNull(new Shape.Anything()), "How it is since; null: it is gone.")
            .with("hash", HASH, "SHA-256 over the hash before, a line feed and this row without its hash, as JSON.");

    private static final Shape.Struct VERDICT = Shape.struct("AuditVerdict")
            .with("object", Shape.word("audit_verdict"), "What this is.")
            .with("intact", new Shape.Flag(), "Whether all rows fit one another.")
            .with("rows", new Shape.Whole(0, Long.MAX_VALUE), "How many fit, from the first on.")
            .with("head", HASH, "The hash of the last that fits: keep it elsewhere, to compare later.")
            .with("broken", new Shape.OrNull(new Shape.Whole(1, Long.MAX_VALUE)), "The first row that does not fit.")
            .with("why", Shape.text(), "What is wrong with it; empty: nothing.");

    private AuditOperations() {}

    /** The operations on this log. */
    public static List<Operation> of(Audit audit) {
        return List.of(
                Pages.in(Operation.get(
                                "/admin/v1/audit",
                                "listAudit",
                                "Lists changes, the newest first.",
                                Pages.of(ROW),
                                asked -> Pages.reply(
                                        audit.list(from(asked), asked.asked("subject"), Pages.asked(asked)),
                                        row -> Long.toString(row.seq()),
                                        Audit.Row::json)))
                        .takes("before", new Shape.Whole(1, Long.MAX_VALUE), "Only rows with a smaller number.")
                        .takes("subject", Shape.text(), "Only changes of what has this id.")
                        .needs(Right.AUDIT_READ),
                Operation.get(
                                "/admin/v1/audit/verify",
                                "verifyAudit",
                                "Looks at every row's hash and names the first that does not fit.",
                                VERDICT,
                                asked -> verify(audit, asked))
                        .takes("head", HASH, "A hash that was kept elsewhere; some row must have it.")
                        .needs(Right.AUDIT_READ));
    }

    private static Reply verify(Audit audit, Inquiry asked) {
        Audit.Verdict verdict = audit.verify(Objects.requireNonNullElse(asked.asked("head"), ""));
        return Reply.json(
                200,
                Json.object()
                        .put("object", "audit_verdict")
                        .put("intact", verdict.broken() == null)
                        .put("rows", verdict.rows())
                        .put("head", verdict.head())
                        .put("broken", verdict.broken())
                        .put("why", verdict.why()));
    }

    /** Rows go down: what is after a row has a smaller number. */
    private static long from(Inquiry asked) {
        Page page = Pages.asked(asked);
        String after = page.after();
        if (after != null && !after.matches("\\d{1,18}")) {
            throw Listing.gone(page);
        }
        String before = asked.asked("before");
        return Math.min(
                after == null ? Long.MAX_VALUE : Long.parseLong(after),
                before == null ? Long.MAX_VALUE : Long.parseLong(before));
    }
}
