package dev.lockkeeper.admin;

import dev.lockkeeper.access.Access;
import dev.lockkeeper.access.KeyInfo;
import dev.lockkeeper.access.Organization;
import dev.lockkeeper.access.Project;
import dev.lockkeeper.access.Right;
import dev.lockkeeper.db.Listing;
import dev.lockkeeper.db.Page;
import dev.lockkeeper.db.Slice;
import dev.lockkeeper.db.Witness;
import dev.lockkeeper.limits.Limit;
import dev.lockkeeper.limits.Limits;
import dev.lockkeeper.limits.Measure;
import dev.lockkeeper.limits.QuotaRequest;
import dev.lockkeeper.limits.QuotaRequests;
import dev.lockkeeper.limits.QuotaRequests.Decision;
import dev.lockkeeper.limits.Subject;
import dev.lockkeeper.limits.Subject.Kind;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** What the admin API does with limits, and with wishes for others. */
public final class LimitOperations {
    private static final Shape.Word KIND =
            new Shape.Word(Arrays.stream(Kind.values()).map(Kind::word).toList());
    private static final Shape.Word MEASURE =
            new Shape.Word(Arrays.stream(Measure.values()).map(Measure::word).toList());
    private static final Shape.Word STATE = new Shape.Word(Arrays.stream(QuotaRequest.State.values())
            .map(QuotaRequest.State::word)
            .toList());
    private static final Shape.Text ID = new Shape.Text(Subject.MAX_ID);
    private static final Shape.Text NOTE = new Shape.Text(QuotaRequests.MAX_TEXT);

    /** Which numbers make sense depends on the measure: {@link Limits#set} says. */
    private static final Shape AMOUNT = new Shape.OrNull(new Shape.Whole(Long.MIN_VALUE, Long.MAX_VALUE));

    private static final Shape.Struct LIMIT = Shape.struct("Limit")
            .with("object", Shape.word("limit"), "What this is.")
            .with("kind", KIND, "On what it is set.")
            .with("id", ID, "On which: an id or name; * for each that has none of its own.")
            .with("measure", MEASURE, "What it counts.")
            .with("amount", AMOUNT, "The most; null: no limit.")
            .with("burst", AMOUNT, "The most at once after a rest; null where that can't be stated.")
            .with("changed_at", new Shape.Time(), "When it was set.");

    private static final Shape.Struct SET_LIMIT = copy(LIMIT, "ChangedLimit")
            .with("notes", Shape.listOf(Shape.text()), "What the operator should know of it.");

    private static final Shape.Struct WANTED = wanted("NewLimit");

    private static final Shape.Struct WISHED = wanted("NewQuotaRequest")
            .with("reason", NOTE, "why so much is needed")
            .optional("link", NOTE, "To its papers, https://…");

    private static final Shape.Struct REMOVED = Shape.struct("RemovedLimits")
            .with("object", Shape.word("limits.removed"), "What this is.")
            .with("kind", KIND, "On what they were set.")
            .with("id", ID, "On which.");

    private static final Shape.Struct DECIDING =
            Shape.struct("DecideQuotaRequest").optional("note", NOTE, "Why, for whoever asked.");

    private static final Shape.Struct REQUEST = Shape.struct("QuotaRequest")
            .with("object", Shape.word("quota_request"), "What this is.")
            .with("request_id", Shape.text(), "Its id, quota_…")
            .with("kind", KIND, "For what.")
            .with("id", ID, "For which.")
            .with("measure", MEASURE, "Of what.")
            .with("amount", AMOUNT, "How much; null: no limit.")
            .with("burst", AMOUNT, "The most at once after a rest; null where that can't be stated.")
            .with("reason", NOTE, "Why.")
            .with("link", NOTE, "To its papers; empty: none.")
            .with("asked_by", Shape.text(), "Who asked.")
            .with("asked_at", new Shape.Time(), "When.")
            .with("state", STATE, "What became of it.")
            .with("decided_by", Shape.text(), "Who decided; empty while it waits.")
            .with("decided_at", new Shape.OrNull(new Shape.Time()), "When.")
            .with("note", NOTE, "What was said of the decision.");

    private static final Shape.Struct DECIDED = copy(REQUEST, "DecidedQuotaRequest")
            .with("notes", Shape.listOf(Shape.text()), "What the operator should know of the limit that was set.");

    private static final Comparator<Limit> ORDER = Comparator.<Limit, String>comparing(
                    each -> each.subject().kind().word())
            .thenComparing(each -> each.subject().id())
            .thenComparing(each -> each.measure().word());

    private LimitOperations() {}

    private static Shape.Struct wanted(String name) {
        return Shape.struct(name)
                .with("kind", KIND, "On what it is set.")
                .with(
                        "id",
                        ID,
                        "On which: an id or name; of an end user PROJECT/USER; * for each that has none of its own")
                .with("measure", MEASURE, "What it counts.")
                .with("amount", AMOUNT, "The most; null: no limit, where one for each would go otherwise")
                .optional("burst", AMOUNT, "The most at once after a rest. Default: the amount.");
    }

    private static Shape.Struct copy(Shape.Struct of, String name) {
        return new Shape.Struct(name, of.members());
    }

    /** The operations on these limits. */
    public static List<Operation> of(Limits limits, QuotaRequests requests, Access access) {
        Limits.Family family = subject -> parents(access, subject);
        return List.of(
                Pages.in(Operation.get(
                                "/admin/v1/limits",
                                "listLimits",
                                "Lists the limits that are set, by kind, id and measure.",
                                Pages.of(LIMIT),
                                asked -> list(limits, access, asked)))
                        .takes("kind", KIND, "Only those on this.")
                        .takes("id", ID, "Only those on this one.")
                        .needs(Right.MONEY_READ),
                Operation.post(
                                "/admin/v1/limits",
                                "setLimit",
                                "Sets a limit, in place of the one that was there. It counts at once.",
                                WANTED,
                                SET_LIMIT,
                                asked -> set(limits, access, family, asked, witness(access, asked, "limit.set")))
                        .needs(Right.MONEY_WRITE),
                Operation.delete(
                                "/admin/v1/limits",
                                "removeLimits",
                                "Takes limits away; one for each of the kind goes from now on, if there is one.",
                                REMOVED,
                                asked -> remove(limits, access, asked, witness(access, asked, "limit.remove")))
                        .takes("kind", KIND, "On what they are set; required.")
                        .takes("id", ID, "On which; required.")
                        .takes("measure", MEASURE, "Only of this. Default: all of it.")
                        .needs(Right.MONEY_WRITE),
                Pages.in(Operation.get(
                                "/admin/v1/quota-requests",
                                "listQuotaRequests",
                                "Lists wishes for other limits, the newest first.",
                                Pages.of(REQUEST),
                                asked -> Pages.reply(
                                        requests.list(
                                                state(asked.asked("state")),
                                                asked.asked("kind") == null && asked.asked("id") == null
                                                        ? null
                                                        : chosen(access, asked),
                                                Pages.asked(asked)),
                                        QuotaRequest::id,
                                        LimitOperations::json)))
                        .takes("state", STATE, "Only those that became this.")
                        .takes("kind", KIND, "Only those for this; with id.")
                        .takes("id", ID, "Only those for this one; with kind.")
                        .needs(Right.MONEY_READ),
                Operation.post(
                                "/admin/v1/quota-requests",
                                "requestQuota",
                                "Asks for another limit; the wish waits for a decision.",
                                WISHED,
                                REQUEST,
                                asked -> request(
                                        requests,
                                        access,
                                        family,
                                        asked,
                                        witness(access, asked, "quota-request.create")))
                        .needs(Right.MONEY_READ)
                        .creates(),
                Operation.post(
                                "/admin/v1/quota-requests/{id}/approve",
                                "approveQuotaRequest",
                                "Approves a wish: its limit is set, and counts at once.",
                                DECIDING,
                                DECIDED,
                                asked -> decided(
                                        asked,
                                        requests.approve(
                                                asked.id(),
                                                asked.who().name(),
                                                asked.text("note", ""),
                                                family,
                                                witness(access, asked, "quota-request.approve"))))
                        .needs(Right.MONEY_WRITE)
                        .refuses(404, 409),
                Operation.post(
                                "/admin/v1/quota-requests/{id}/refuse",
                                "refuseQuotaRequest",
                                "Refuses a wish; no limit changes.",
                                DECIDING,
                                DECIDED,
                                asked -> decided(
                                        asked,
                                        requests.refuse(
                                                asked.id(),
                                                asked.who().name(),
                                                asked.text("note", ""),
                                                witness(access, asked, "quota-request.refuse"))))
                        .needs(Right.MONEY_WRITE)
                        .refuses(404, 409));
    }

    /** Whose limits go for a subject too. Models and providers are the configuration's, and may be limited before they are there. */
    private static @Nullable List<Subject> parents(Access access, Subject subject) {
        if (subject.id().equals(Subject.EACH)) {
            Subject projects = new Subject(Kind.PROJECT, Subject.EACH);
            Subject organizations = new Subject(Kind.ORGANIZATION, Subject.EACH);
            return switch (subject.kind()) {
                case END_USER, KEY -> List.of(projects, organizations);
                case PROJECT -> List.of(organizations);
                case ORGANIZATION, MODEL, PROVIDER -> List.of();
            };
        }
        return switch (subject.kind()) {
            case END_USER -> {
                Subject project = new Subject(
                        Kind.PROJECT, subject.id().substring(0, subject.id().indexOf('/')));
                List<Subject> above = parents(access, project);
                yield above == null ? null : List.of(project, above.getFirst());
            }
            case KEY -> {
                KeyInfo key = access.keys().get(subject.id());
                yield key == null
                        ? null
                        : List.of(
                                new Subject(Kind.PROJECT, key.projectId()),
                                new Subject(Kind.ORGANIZATION, key.organizationId()));
            }
            case PROJECT -> {
                Project project = access.tenants().project(subject.id());
                yield project == null || !project.id().equals(subject.id())
                        ? null
                        : List.of(new Subject(Kind.ORGANIZATION, project.organizationId()));
            }
            case ORGANIZATION -> {
                Organization organization = access.tenants().organization(subject.id());
                yield organization == null || !organization.id().equals(subject.id()) ? null : List.of();
            }
            case MODEL, PROVIDER -> List.of();
        };
    }

    private static Reply list(Limits limits, Access access, Inquiry asked) {
        String kind = asked.asked("kind");
        String named = asked.asked("id");
        String id = kind == null || named == null ? named : Named.id(access, kind, named);
        Page page = Pages.asked(asked);
        Limit after = page.after() == null ? null : begun(page);
        return Pages.reply(
                Slice.of(
                        limits.all().stream()
                                .filter(each -> kind == null
                                        || each.subject().kind().word().equals(kind))
                                .filter(each ->
                                        id == null || each.subject().id().equals(id))
                                .sorted(ORDER)
                                .filter(each -> after == null || ORDER.compare(each, after) > 0),
                        page),
                LimitOperations::place,
                LimitOperations::json);
    }

    /** Where a limit stands in the list: {@code KIND/MEASURE/ID}. A page may begin behind one that is gone. */
    private static String place(Limit limit) {
        return limit.subject().kind().word() + "/" + limit.measure().word() + "/"
                + limit.subject().id();
    }

    private static Limit begun(Page page) {
        String[] parts = Objects.requireNonNull(page.after()).split("/", 3);
        Kind kind = parts.length == 3 ? Kind.of(parts[0]) : null;
        Measure measure = parts.length == 3 ? Measure.of(parts[1]) : null;
        if (kind == null || measure == null) {
            throw Listing.gone(page);
        }
        return new Limit(new Subject(kind, parts[2]), measure, 0, 0, 0);
    }

    private static Witness witness(Access access, Inquiry asked, String action) {
        return access.audit().witness(asked.who(), action);
    }

    private static Reply set(Limits limits, Access access, Limits.Family family, Inquiry asked, Witness witness) {
        Limits.Change change =
                limits.set(subject(access, asked), measure(asked), amount(asked), burst(asked), family, witness);
        ObjectNode json = json(change.limit());
        Json.put(json, "notes", change.notes());
        return Reply.json(200, json);
    }

    private static Reply remove(Limits limits, Access access, Inquiry asked, Witness witness) {
        String measure = asked.asked("measure");
        Subject subject = chosen(access, asked);
        if (!limits.remove(subject, measure == null ? null : Measure.of(measure), witness)) {
            return Reply.error(
                    404,
                    "There is no such limit on " + subject + ". 'lockkeeper limits list' shows those that are set.");
        }
        return Reply.json(
                200,
                Json.object()
                        .put("object", "limits.removed")
                        .put("kind", subject.kind().word())
                        .put("id", subject.id()));
    }

    /** What the parameters kind and id name together. */
    private static Subject chosen(Access access, Inquiry asked) {
        String kind = asked.asked("kind");
        String id = asked.asked("id");
        if (kind == null || id == null) {
            throw new IllegalArgumentException((kind == null ? "kind" : "id") + ": is missing (expected: on what)");
        }
        return new Subject(Objects.requireNonNull(Kind.of(kind)), Named.id(access, kind, id));
    }

    private static Reply request(
            QuotaRequests requests, Access access, Limits.Family family, Inquiry asked, Witness witness) {
        return Reply.json(
                201,
                json(requests.ask(
                        subject(access, asked),
                        measure(asked),
                        amount(asked),
                        burst(asked),
                        asked.text("reason"),
                        asked.text("link", ""),
                        asked.who().name(),
                        family,
                        witness)));
    }

    private static Reply decided(Inquiry asked, Decision decision) {
        return switch (decision) {
            case Decision.Decided(QuotaRequest request, List<String> notes) -> {
                ObjectNode json = json(request);
                Json.put(json, "notes", notes);
                yield Reply.json(200, json);
            }
            case Decision.Before(QuotaRequest request) ->
                Reply.error(
                        409,
                        "Request " + request.id() + " was " + request.state().word() + " before, by "
                                + request.decidedBy() + ".");
            case Decision.Unknown() ->
                Reply.error(404, "There is no request " + asked.id() + ". 'lockkeeper limits requests' shows them.");
        };
    }

    private static Subject subject(Access access, Inquiry asked) {
        String kind = asked.text("kind");
        return new Subject(Objects.requireNonNull(Kind.of(kind)), Named.id(access, kind, asked.text("id")));
    }

    private static Measure measure(Inquiry asked) {
        return Objects.requireNonNull(Measure.of(asked.text("measure")));
    }

    private static long amount(Inquiry asked) {
        if (asked.whole("amount", 0) == Limit.NONE) {
            throw new IllegalArgumentException(
                    "amount: " + Limit.NONE + " (expected: at least 1, or null for no limit)");
        }
        return asked.whole("amount", Limit.NONE);
    }

    private static @Nullable Long burst(Inquiry asked) {
        return asked.body().path("burst").isNumber() ? (Long) asked.whole("burst", 0) : null;
    }

    private static QuotaRequest.@Nullable State state(@Nullable String word) {
        return Arrays.stream(QuotaRequest.State.values())
                .filter(each -> each.word().equals(word))
                .findFirst()
                .orElse(null);
    }

    private static ObjectNode json(Limit limit) {
        return limit(Json.object().put("object", "limit"), limit).put("changed_at", Json.time(limit.changedMillis()));
    }

    private static ObjectNode limit(ObjectNode json, Limit limit) {
        boolean bursts = limit.measure().bursts() && !limit.unlimited();
        return json.put("kind", limit.subject().kind().word())
                .put("id", limit.subject().id())
                .put("measure", limit.measure().word())
                .put("amount", limit.unlimited() ? null : (Long) limit.amount())
                .put("burst", bursts ? (Long) limit.burst() : null);
    }

    private static ObjectNode json(QuotaRequest request) {
        return limit(Json.object().put("object", "quota_request").put("request_id", request.id()), request.wish())
                .put("reason", request.reason())
                .put("link", request.link())
                .put("asked_by", request.askedBy())
                .put("asked_at", Json.time(request.askedMillis()))
                .put("state", request.state().word())
                .put("decided_by", request.decidedBy())
                .put("decided_at", Json.time(request.decidedMillis()))
                .put("note", request.note());
    }
}
