package dev.lockkeeper.admin;

import dev.lockkeeper.access.Right;
import dev.lockkeeper.db.Page;
import dev.lockkeeper.db.Slice;
import dev.lockkeeper.ledger.Awaited;
import dev.lockkeeper.ledger.Pending;
import dev.lockkeeper.units.Money;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Supplier;
import tools.jackson.databind.node.ObjectNode;

/** What the admin API shows of money that is set aside for what providers bill later. */
public final class PendingOperations {
    private static final Shape.Word KIND = new Shape.Word(
            Arrays.stream(Awaited.Kind.values()).map(Awaited.Kind::text).toList());

    private static final Shape.Struct PENDING = Shape.struct("Pending")
            .with("object", Shape.word("pending"), "What this is.")
            .with(
                    "id",
                    Shape.text(),
                    "When it began in milliseconds since 1970, the provider, its id of what is waited for, and the model.")
            .with("kind", KIND, "What is waited for: a response in the background, or a batch.")
            .with("provider", Shape.text(), "Where it is.")
            .with("awaited_id", Shape.text(), "The provider's id of it.")
            .with("call_id", Shape.text(), "The call that began it.")
            .with("organization", Shape.text(), "Who pays.")
            .with("project", Shape.text(), "Its project.")
            .with("key", Shape.text(), "Its key.")
            .with("end_user", Shape.text(), "The end user; empty for none.")
            .with(
                    "model",
                    Shape.text(),
                    "The model that was asked for. Of a batch of several models there is one for each.")
            .with("upstream_model", Shape.text(), "What the provider calls it.")
            .with("held", Shape.text(), "What is set aside for it.")
            .with("since", new Shape.Time(), "When that was set aside: it decides the periods that pay.")
            .with("until", new Shape.Time(), "When it is booked at what is held, if it is not done by then.");

    private PendingOperations() {}

    /**
     * The operations.
     *
     * @param pending what is waited for
     */
    public static List<Operation> of(Supplier<List<Pending>> pending) {
        return List.of(Pages.in(Operation.get(
                        "/admin/v1/pending",
                        "listPending",
                        "Lists what money is set aside for that providers bill later, the oldest first: by this process,"
                                + " and what the one before it left.",
                        Pages.of(PENDING),
                        asked -> list(pending.get(), asked)))
                .takes("kind", KIND, "Only those of this kind.")
                .takes("project", Shape.text(), "Only those of the project with this id.")
                .needs(Right.MONEY_READ));
    }

    private static Reply list(List<Pending> all, Inquiry asked) {
        String kind = asked.asked("kind");
        String project = asked.asked("project");
        Page page = Pages.asked(asked);
        String after = page.after();
        List<Pending> sorted = all.stream()
                .filter(each -> kind == null || each.awaited().kind().text().equals(kind))
                .filter(each -> project == null || each.payer().project().equals(project))
                .filter(each -> after == null || id(each).compareTo(after) > 0)
                .sorted(Comparator.comparing(PendingOperations::id))
                .toList();
        return Pages.reply(Slice.of(sorted.stream(), page), PendingOperations::id, PendingOperations::json);
    }

    /** In the order of their beginning, so that a page may follow one that is booked by now. */
    private static String id(Pending pending) {
        return pending.sinceMillis() + "/" + pending.provider() + "/"
                + pending.awaited().id() + "/" + pending.upstreamModel();
    }

    private static ObjectNode json(Pending pending) {
        Awaited awaited = pending.awaited();
        return Json.object()
                .put("object", "pending")
                .put("id", id(pending))
                .put("kind", awaited.kind().text())
                .put("provider", pending.provider())
                .put("awaited_id", awaited.id())
                .put("call_id", pending.callId())
                .put("organization", pending.payer().organization())
                .put("project", pending.payer().project())
                .put("key", pending.payer().key())
                .put("end_user", pending.payer().endUser())
                .put("model", pending.model())
                .put("upstream_model", pending.upstreamModel())
                .put("held", new Money(pending.heldNanos()).toString())
                .put("since", Json.time(pending.sinceMillis()))
                .put("until", Json.time(awaited.untilMillis()));
    }
}
