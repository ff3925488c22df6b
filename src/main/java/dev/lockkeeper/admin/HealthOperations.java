package dev.lockkeeper.admin;

import dev.lockkeeper.access.Right;
import dev.lockkeeper.routing.Standing;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import java.util.stream.Stream;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What the admin API tells of how those who serve are doing. */
public final class HealthOperations {
    private static final Shape.Whole COUNT = new Shape.Whole(0, Long.MAX_VALUE);

    private static final Shape.Word STATE = new Shape.Word(
            Stream.of(Standing.State.values()).map(HealthOperations::word).toList());

    private static final Shape.Struct TARGET = Shape.struct("TargetHealth")
            .with("model", Shape.text(), "What the provider calls the model.")
            .with("key", Shape.text(), "The name of the provider's key; empty where it has one only.")
            .with(
                    "state",
                    STATE,
                    "ok; trying: a few calls go there, to see whether it is well again; ill: none; resting: none.")
            .with("opens_in_ms", COUNT, "When it is asked again; 0: now.")
            .with("why", Shape.text(), "Why it is not asked; empty where it is.")
            .with("attempts", COUNT, "Attempts of the time that its breaker looks back at.")
            .with("failed_percent", COUNT, "How many of a hundred failed.")
            .with("slow_percent", COUNT, "How many of a hundred were slow.")
            .with("first_token_ms", COUNT, "What its first token takes, a moving average; 0: not known.")
            .with("busy", COUNT, "Attempts under way.");

    private static final Shape.Struct PROVIDER = Shape.struct("ProviderHealth")
            .with("object", Shape.word("provider_health"), "What this is.")
            .with("provider", Shape.text(), "The provider.")
            .with("state", STATE, "Of the provider as a whole: ill where it could not be reached.")
            .with("opens_in_ms", COUNT, "When it is asked again; 0: now.")
            .with("busy", COUNT, "Attempts under way.")
            .with("limit", new Shape.OrNull(COUNT), "Attempts at once that it does well with; null: not limited.")
            .with("queued", COUNT, "Calls that wait for a place.")
            .with("calls", COUNT, "Attempts in the last ten seconds.")
            .with("retries", COUNT, "Of those, retries.")
            .with("targets", new Shape.ListOf(TARGET, Integer.MAX_VALUE), "Its targets, as far as they were asked.");

    private HealthOperations() {}

    /** The operations. */
    public static List<Operation> of(Supplier<List<Standing>> standings) {
        return List.of(Operation.get(
                        "/admin/v1/health",
                        "listProviderHealth",
                        "Lists how the providers that were asked, and their targets, are doing, as this server sees it.",
                        Shape.answerList(PROVIDER),
                        _ -> Reply.json(
                                200,
                                Json.list(standings.get().stream()
                                        .map(HealthOperations::json)
                                        .toList())))
                .needs(Right.SERVER_READ));
    }

    private static ObjectNode json(Standing of) {
        ObjectNode json = Json.object()
                .put("object", "provider_health")
                .put("provider", of.provider())
                .put("state", word(of.state()))
                .put("opens_in_ms", of.opensInMillis())
                .put("busy", of.busy())
                .put("limit", of.limit() < 0 ? null : Integer.valueOf(of.limit()))
                .put("queued", of.queued())
                .put("calls", of.calls())
                .put("retries", of.retries());
        ArrayNode targets = json.putArray("targets");
        for (Standing.Target each : of.targets()) {
            targets.addObject()
                    .put("model", each.model())
                    .put("key", each.key())
                    .put("state", word(each.state()))
                    .put("opens_in_ms", each.opensInMillis())
                    .put("why", each.why())
                    .put("attempts", each.attempts())
                    .put("failed_percent", each.failedPercent())
                    .put("slow_percent", each.slowPercent())
                    .put("first_token_ms", each.firstTokenMillis())
                    .put("busy", each.busy());
        }
        return json;
    }

    private static String word(Standing.State state) {
        return state.name().toLowerCase(Locale.ROOT);
    }
}
