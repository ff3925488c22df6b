package dev.lockkeeper.admin;

import dev.lockkeeper.access.Caller;
import dev.lockkeeper.access.HostedTools;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.Right;
import dev.lockkeeper.relay.Foresight;
import dev.lockkeeper.routing.Candidate;
import dev.lockkeeper.routing.Explanation;
import dev.lockkeeper.routing.Plan;
import dev.lockkeeper.units.Bytes;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What the admin API tells of where calls go. */
public final class RouteOperations {
    /** The labels that a call may have as header fields. */
    private static final List<String> LABELS = List.of("complexity", "accuracy", "sensitivity", "tag");

    private static final String KEY = "key";

    private static final Shape.Struct ASKED = Shape.struct("RouteRequest")
            .optional("model", Shape.text(), "Whom it asks for; missing: as the call says.")
            .optional(
                    "endpoint",
                    Shape.text(),
                    "Where it is made; missing: /v1/responses if it has 'input', else /v1/chat/completions.")
            .optional("call", new Shape.Anything(), "The call's body, as it would be sent.")
            .optional("complexity", Shape.text(), "As x-lockkeeper-complexity.")
            .optional("accuracy", Shape.text(), "As x-lockkeeper-accuracy.")
            .optional("sensitivity", Shape.text(), "As x-lockkeeper-sensitivity.")
            .optional("tag", Shape.text(), "As x-lockkeeper-tag.")
            .optional(
                    KEY,
                    Shape.text(),
                    "Id of the key that makes it: it says all that stands below, unless that is written, too.")
            .optional("organization", Shape.text(), "Id of who pays.")
            .optional("project", Shape.text(), "Id of the project.")
            .optional("project_name", Shape.text(), "Its name.")
            .optional("environment", Shape.text(), "The key's environment.")
            .optional("test", new Shape.Flag(), "Whether it is a test key.")
            .optional("regions", Shape.listOf(Shape.text()), "The regions that it is bound to.")
            .optional("end_user", Shape.text(), "The person behind it.")
            .optional(
                    "input_tokens",
                    new Shape.Whole(0, 1_000_000_000),
                    "Tokens of its prompt; missing: as they are reckoned.")
            .optional("pinned", Shape.text(), "The provider where the objects live that it names.");

    private static final Shape.Struct LOOKED = Shape.struct("RouteCase")
            .with("model", Shape.text(), "Whose case it is.")
            .with("name", Shape.text(), "Its name; empty where the model has but one.")
            .with("holds", new Shape.Flag(), "Whether it serves the call.")
            .with("why", Shape.text(), "Why, or why not.");

    private static final Shape.Struct TARGET = Shape.struct("RouteTarget")
            .optional(
                    "place",
                    new Shape.Whole(1, Integer.MAX_VALUE),
                    "When it is tried, from 1; missing: it is left out.")
            .with("target", Shape.text(), "provider/model, and the key's name where the provider has several.")
            .with("provider", Shape.text(), "The provider.")
            .with("model", Shape.text(), "What it calls the model.")
            .optional(
                    "of",
                    Shape.text(),
                    "Whose target it is: the model that is asked for, or one that it falls back on.")
            .optional("rank", new Shape.Whole(1, Integer.MAX_VALUE), "The rank in which it stands there.")
            .optional(
                    "cause",
                    new Shape.Word(
                            Stream.concat(Stream.of(Plan.Cause.values()).map(RouteOperations::word), Stream.of(KEY))
                                    .toList()),
                    "Why it is left out, in a word.")
            .with("why", Shape.text(), "Why it stands there, or is left out.")
            .optional(
                    "opens_in_ms",
                    new Shape.Whole(0, Long.MAX_VALUE),
                    "When it may be asked again, where that is known.");

    private static final Shape.Struct ROUTE = Shape.struct("Route")
            .with("object", Shape.word("route"), "What this is.")
            .with("model", Shape.text(), "Whom the call asks for.")
            .with("case", Shape.text(), "The case that serves it; empty where the model has but one, or none holds.")
            .with("input_tokens", new Shape.Whole(0, Long.MAX_VALUE), "Tokens of its prompt, as they were taken.")
            .with("cases", Shape.listOf(LOOKED), "The cases that were looked at, in that order.")
            .with("targets", Shape.listOf(TARGET), "Those that would be tried, in that order; then those left out.");

    private final Foresight foresight;
    private final Function<String, @Nullable Caller> keys;
    private final Predicate<String> simulated;

    private RouteOperations(Foresight foresight, Function<String, @Nullable Caller> keys, Predicate<String> simulated) {
        this.foresight = foresight;
        this.keys = keys;
        this.simulated = simulated;
    }

    /**
     * The operation that explains.
     *
     * @param keys who calls with a key, by its id; null where there is none
     * @param simulated whether a provider of a name is simulated
     */
    public static List<Operation> of(
            Foresight foresight, Function<String, @Nullable Caller> keys, Predicate<String> simulated) {
        RouteOperations desk = new RouteOperations(foresight, keys, simulated);
        return List.of(Operation.post(
                        "/admin/v1/route",
                        "explainRoute",
                        "Tells where a call would go and why, without making it.",
                        ASKED,
                        ROUTE,
                        desk::explain)
                .needs(Right.SERVER_READ));
    }

    private Reply explain(Inquiry asked) {
        String id = asked.textOrNull(KEY);
        Caller of = id == null ? null : keys.apply(id);
        if (id != null && of == null) {
            throw new IllegalArgumentException("key: there is no '" + id + "'");
        }
        Caller caller = caller(asked, of);
        JsonNode call = asked.body().path("call");
        Map<String, String> labels = new HashMap<>();
        for (String label : LABELS) {
            String said = asked.textOrNull(label);
            if (said != null) {
                labels.put("x-lockkeeper-" + label, said);
            }
        }
        String usual = call.has("input") ? "/v1/responses" : "/v1/chat/completions";
        Foresight.Seen seen = foresight.look(new Foresight.Imagined(
                asked.textOrNull("model"),
                asked.text("endpoint", usual),
                Bytes.utf8(call.isMissingNode() ? "{}" : call.toString()),
                labels,
                caller,
                asked.text("end_user", ""),
                asked.whole("input_tokens", -1),
                asked.text("pinned", "")));
        return Reply.json(200, json(seen, of == null ? null : caller));
    }

    /** Who calls: what is written, else as the key says. */
    private static Caller caller(Inquiry asked, @Nullable Caller of) {
        Caller key = of != null
                ? of
                : new Caller(
                        "", "", "", "", Set.of(), KeyKind.LIVE, HostedTools.ALL, Set.of(), List.of(), "", Set.of());
        return new Caller(
                key.keyId(),
                asked.text("project", key.projectId()),
                asked.text("project_name", key.project()),
                asked.text("organization", key.organizationId()),
                key.models(),
                asked.flag("test", key.kind() == KeyKind.TEST) ? KeyKind.TEST : KeyKind.LIVE,
                key.tools(),
                key.testProviders(),
                key.networks(),
                asked.text("environment", key.environment()),
                asked.has("regions") ? new HashSet<>(asked.texts("regions")) : key.regions());
    }

    /** @param caller whose key it is; null: nobody's, which may go anywhere */
    private ObjectNode json(Foresight.Seen seen, @Nullable Caller caller) {
        Explanation why = seen.why();
        ObjectNode json = Json.object()
                .put("object", "route")
                .put("model", seen.model())
                .put("case", why.plan().chosenBy())
                .put("input_tokens", Math.max(0, seen.call().inputTokens()));
        ArrayNode cases = json.putArray("cases");
        why.cases()
                .forEach(each -> cases.addObject()
                        .put("model", each.model())
                        .put("name", each.name())
                        .put("holds", each.holds())
                        .put("why", each.why()));
        ArrayNode targets = json.putArray("targets");
        int place = 0;
        for (Explanation.Stands each : why.stands()) {
            String provider = each.candidate().provider();
            if (caller == null || caller.mayReach(provider, simulated.test(provider))) {
                place++;
                ObjectNode target = targets.addObject().put("place", place);
                named(target, each.candidate())
                        .put("of", each.model())
                        .put("rank", each.rank())
                        .put("why", each.why());
            }
        }
        for (Explanation.Stands each : why.stands()) {
            String provider = each.candidate().provider();
            if (caller != null && !caller.mayReach(provider, simulated.test(provider))) {
                named(targets.addObject(), each.candidate())
                        .put("cause", KEY)
                        .put("why", "it is a test key, and its project does not allow it this provider");
            }
        }
        for (Plan.Out each : why.plan().out()) {
            ObjectNode target = named(targets.addObject(), each.candidate())
                    .put("cause", word(each.cause()))
                    .put("why", each.why());
            if (each.opensInMillis() >= 0) {
                target.put("opens_in_ms", each.opensInMillis());
            }
        }
        return json;
    }

    private static ObjectNode named(ObjectNode into, Candidate candidate) {
        return into.put("target", candidate.toString())
                .put("provider", candidate.provider())
                .put("model", candidate.model());
    }

    private static String word(Plan.Cause cause) {
        return cause.name().toLowerCase(Locale.ROOT);
    }
}
