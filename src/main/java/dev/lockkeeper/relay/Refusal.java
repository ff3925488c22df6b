package dev.lockkeeper.relay;

import dev.lockkeeper.http.Exchange;
import dev.lockkeeper.http.Fault;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.ledger.Budget;
import dev.lockkeeper.ledger.Holding;
import dev.lockkeeper.limits.Entry;
import dev.lockkeeper.relay.CallReport.Outcome;
import dev.lockkeeper.routing.Plan;
import dev.lockkeeper.units.Money;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** An expected "no" to a call. What the client is told of it is decided in one place: {@link #said}. */
public sealed interface Refusal {
    /** The code of {@link Internal}. */
    String INTERNAL = "internal_error";

    /** A full disk is not emptied within a second. */
    int STORAGE_RETRY_MILLIS = 10_000;

    /** Most running calls end, and give back what they held in vain, within a second. */
    int HELD_RETRY_MILLIS = 1_000;

    /** No key, or one that opens nothing. */
    record UnknownKey(boolean missing) implements Refusal {}

    /** An idempotency key that can't be one, or stands where there may be none. */
    record BadIdempotencyKey(String message) implements Refusal {}

    /** An idempotency key that stands for another request already. */
    record IdempotencyKeyReused() implements Refusal {}

    /** An idempotency key whose call is under way at another node. */
    record IdempotencyKeyInUse() implements Refusal {}

    /** An idempotency key whose call was answered with what can't be told again. */
    record AnswerNotKept(String why) implements Refusal {}

    /** A last event's id of no stream that this caller could go on with here. */
    record NoStream() implements Refusal {}

    /** A model that does not exist, or that this key may not use: the client can't tell which. */
    record UnknownModel(String asked, List<String> nearest) implements Refusal {}

    /** No model where one is needed. */
    record NoModel() implements Refusal {}

    /** A body that is not what the endpoint takes. */
    record BadBody(
            String message,
            @Nullable String param,
            @Nullable String code) implements Refusal {}

    /** A content type that the endpoint doesn't take. */
    record WrongContentType(@Nullable String got, String expected) implements Refusal {}

    /** A body above the bound. */
    record TooLarge(long maxBytes) implements Refusal {}

    /** A body that stopped coming. */
    record SlowBody() implements Refusal {}

    /**
     * A body that could not be read.
     *
     * @param maxBytes its bound
     */
    static Refusal unread(Exchange.BodyFault why, long maxBytes) {
        return switch (why) {
            case TOO_LARGE -> new TooLarge(maxBytes);
            case SLOW -> new SlowBody();
            case BROKEN -> new BadBody("The request's body is not framed as HTTP has it.", null, null);
        };
    }

    /** An object that this project did not make. */
    record UnknownObject(String id, @Nullable String param) implements Refusal {}

    /** Objects in one call that live at different providers, or at one that does not serve the model. */
    record Scattered(String message, @Nullable String param) implements Refusal {}

    /** More work than this process may take on at once. */
    record Busy(Overload reached, String what) implements Refusal {}

    /** The disk or the database did not do what the call needs. */
    record NoStorage(String what) implements Refusal {}

    /**
     * The process stops, and has waited for this call as long as it may.
     *
     * @param asked whether an upstream was asked already
     */
    record Stopping(boolean asked) implements Refusal {}

    /** A tool that runs at the provider, and that this key may not use. */
    record ToolClosed(String tool) implements Refusal {}

    /** A test key, and a model (empty: none) or path that only providers serve which its project closes to test keys. */
    record ProviderClosed(String model) implements Refusal {}

    /**
     * A project that is bound to regions, and a call that would send something elsewhere.
     *
     * @param provider where it would go; empty: there is no provider in these regions
     */
    record Elsewhere(String provider, Set<String> regions) implements Refusal {
        public Elsewhere {
            regions = Set.copyOf(regions);
        }
    }

    /** A model whose price nobody knows, where the operator wants none without. */
    record Unpriced(String model, String provider) implements Refusal {}

    /** A prompt, and the answer asked for, that don't fit into the model's window; tokens. */
    record TooLong(String model, long input, long output, long window) implements Refusal {}

    /** A prompt with more tokens than this gateway takes. */
    record TooManyTokens(long input, long most) implements Refusal {}

    /**
     * A limit that is used up for now.
     *
     * @param message the limit, on whom, what was used, and when it opens
     * @param opensMillis until it opens again; {@link Entry.Refused#NEVER}: it won't for this call
     */
    record Limited(String message, long opensMillis) implements Refusal {}

    /**
     * A budget that can't pay this call.
     *
     * @param budget whose, as people say it: {@code $5/day of project 'web'}
     * @param needs what the call needs at least
     * @param held what running calls hold of it, and other processes have leased
     * @param lost what is leased to processes that are gone
     * @param opensMillis until its next period begins; 0: it has none
     * @param lasting whether it would not be enough even if no running call took any of what it holds
     */
    record Spent(
            String budget,
            Money cap,
            Money spent,
            Money held,
            Money lost,
            Money needs,
            long opensMillis,
            boolean lasting)
            implements Refusal {
        static Spent of(Holding.Exhausted no, long leastNanos, long nowMillis) {
            Budget budget = no.budget();
            return new Spent(
                    new Money(budget.terms().amountNanos()) + "/"
                            + budget.period().unit().text() + " of " + budget.scope(),
                    new Money(no.capNanos()),
                    new Money(no.spentNanos()),
                    new Money(no.heldNanos()),
                    new Money(no.lostNanos()),
                    new Money(leastNanos),
                    no.opensMillis() == Long.MAX_VALUE ? 0 : Math.max(1, no.opensMillis() - nowMillis),
                    no.spentNanos() + no.lostNanos() > no.capNanos() - leastNanos);
        }
    }

    /** A budget that is used up in the middle of an answer. */
    record BudgetReached() implements Refusal {}

    /** A call whose cost has no bound, from a caller under a budget that may not be overspent. */
    record Unbounded(String what) implements Refusal {}

    /** The books can't be written, or what they need is not there in time. */
    record NoBooks(String why) implements Refusal {}

    /**
     * None of those who could serve the model does.
     *
     * @param reasons what was seen of each: no secrets, no prompt
     * @param opensMillis when one may be asked again, -1 when that isn't known
     * @param lasting whether the same call would fare no better another time
     */
    record NoTarget(String model, List<String> reasons, long opensMillis, boolean lasting) implements Refusal {
        public NoTarget {
            reasons = List.copyOf(reasons);
        }

        NoTarget(String model, List<String> reasons, long opensMillis) {
            this(model, reasons, opensMillis, false);
        }

        /** Of a plan in which nobody is left. */
        static Refusal of(String model, Plan plan) {
            if (plan.out().stream().allMatch(each -> each.cause() == Plan.Cause.ABILITY)) {
                return new NotServed(
                        model,
                        plan.out().isEmpty()
                                ? List.of("none of its cases is for such a call")
                                : plan.out().stream()
                                        .map(each -> each.candidate() + ": " + each.why())
                                        .toList());
            }
            return new NoTarget(
                    model,
                    plan.out().stream()
                            .map(each -> each.candidate() + ": " + each.why())
                            .toList(),
                    plan.out().stream()
                            .mapToLong(Plan.Out::opensInMillis)
                            .filter(each -> each >= 0)
                            .min()
                            .orElse(-1),
                    plan.out().stream().noneMatch(each -> each.cause() == Plan.Cause.RESTING));
        }
    }

    /** No target of the model serves such a call: to ask again changes nothing. */
    record NotServed(String model, List<String> reasons) implements Refusal {
        public NotServed {
            reasons = List.copyOf(reasons);
        }
    }

    /** The call's own deadline has passed, while it waited or was tried. */
    record DeadlinePassed(long millis) implements Refusal {}

    /** A mistake of the gateway's own. */
    record Internal() implements Refusal {}

    /** The upstream could not be reached, or broke off before its answer began. */
    record Unreached(String provider, Fault fault) implements Refusal {}

    /** The upstream took longer than it may. */
    record Late(String provider, String timeout, long millis) implements Refusal {}

    /** The upstream refused the gateway's own credentials. */
    record BadCredentials(String provider, int status) implements Refusal {}

    /** The upstream answered what is not an answer. */
    record Unusable(String provider, int status, String what) implements Refusal {}

    /**
     * What a client is told.
     *
     * @param status HTTP status
     * @param retryMillis when to try again, 0 where nothing is known of that; {@link #NEVER} where it is no use
     * @param outcome how the call counts
     */
    record Said(
            int status,
            String type,
            @Nullable String code,
            @Nullable String param,
            String message,
            long retryMillis,
            Outcome outcome) {
        /** Official clients try again by themselves after a 429, unless they are told not to. */
        static final long NEVER = -1;

        /** The fields that go with it. */
        Headers headers() {
            Headers headers = Headers.empty().set("content-type", "application/json");
            if (retryMillis == NEVER) {
                headers.set("x-should-retry", "false");
            } else if (retryMillis > 0) {
                headers.set("retry-after", Long.toString(Math.ceilDiv(retryMillis, 1_000)));
                if (status == 429) {
                    headers.set("retry-after-ms", Long.toString(retryMillis));
                }
            }
            return headers;
        }
    }

    /** The only place where a refusal becomes a status and a sentence. */
    static Said said(Refusal why) {
        return switch (why) {
            case UnknownKey(boolean missing) ->
                request(
                        401,
                        "invalid_api_key",
                        null,
                        missing
                                ? "No API key was sent. Send a Lockkeeper key as 'Authorization: Bearer lk-…'"
                                        + " (x-api-key and api-key are taken too)."
                                : "This API key is not known here. Check for a typo, or ask the operator for a key"
                                        + " (lockkeeper keys create).");
            case BadIdempotencyKey(String message) -> request(400, "invalid_idempotency_key", null, message);
            case IdempotencyKeyReused() ->
                request(
                        422,
                        "idempotency_key_reused",
                        null,
                        "This Idempotency-Key was sent with another request before: another path, query or body. Send a"
                                + " new key with a new request.");
            case IdempotencyKeyInUse() ->
                new Said(
                        409,
                        "invalid_request_error",
                        "idempotency_key_in_use",
                        null,
                        "The call with this Idempotency-Key is under way at another node. Send it again with the same"
                                + " key to get its answer when it is there.",
                        1_000,
                        Outcome.REFUSED);
            case AnswerNotKept(String reason) ->
                new Said(
                        409,
                        "invalid_request_error",
                        "idempotency_answer_not_kept",
                        null,
                        "The call with this Idempotency-Key was made and answered, but the answer can't be told again: "
                                + reason + ". Send a new key to make the call anew.",
                        Said.NEVER,
                        Outcome.REFUSED);
            case NoStream() ->
                request(
                        404,
                        "stream_not_found",
                        null,
                        "No stream can be resumed with this Last-Event-ID: it is another key's or path's, nobody listened"
                                + " to it for too long (stream.resume-for), or it was longer than what is kept. Send the"
                                + " request without Last-Event-ID to make the call anew.");
            case UnknownModel(String asked, List<String> nearest) ->
                request(
                        404,
                        "model_not_found",
                        "model",
                        "The model '" + shorten(asked) + "' does not exist here or this key may not use it."
                                + (nearest.isEmpty()
                                        ? " GET /v1/models lists those it may."
                                        : " Nearest: " + String.join(", ", nearest) + "."));
            case NoModel() ->
                request(
                        400,
                        "missing_required_parameter",
                        "model",
                        "Missing required parameter: 'model'. GET /v1/models lists the models this key may use.");
            case BadBody(String message, String param, String code) -> request(400, code, param, message);
            case WrongContentType(String got, String expected) ->
                request(
                        415,
                        "unsupported_media_type",
                        null,
                        "This endpoint takes " + expected + ", not "
                                + (got == null ? "a body without content-type" : "'" + shorten(got) + "'") + ".");
            case TooLarge(long maxBytes) ->
                request(
                        413,
                        "request_too_large",
                        null,
                        "The request's body is larger than " + maxBytes
                                + " bytes, the bound of this gateway (server.max-request-body).");
            case SlowBody() ->
                request(
                        408,
                        "request_timeout",
                        null,
                        "The request's body stopped coming before it was whole (server.body-timeout). Send it again.");
            case UnknownObject(String id, String param) ->
                "previous_response_id".equals(param)
                        ? request(
                                400,
                                "previous_response_not_found",
                                param,
                                "Previous response with id '" + shorten(id) + "' not found.")
                        : request(
                                404, null, param, "No object with id '" + shorten(id) + "' was found in this project.");
            case Scattered(String message, String param) -> request(400, "invalid_value", param, message);
            case Busy(Overload _, String what) ->
                new Said(
                        503,
                        "service_unavailable_error",
                        "gateway_overloaded",
                        null,
                        "Lockkeeper has as much work as it may take on (" + what + "). Try again shortly.",
                        1_000,
                        Outcome.REFUSED);
            case NoStorage(String what) ->
                new Said(
                        503,
                        "service_unavailable_error",
                        "gateway_storage_unavailable",
                        null,
                        what + ": Lockkeeper's disk or database did not do its part. Try again; if it lasts, tell the"
                                + " operator.",
                        STORAGE_RETRY_MILLIS,
                        Outcome.FAILED);
            case Stopping(boolean asked) ->
                new Said(
                        503,
                        "service_unavailable_error",
                        "server_shutting_down",
                        null,
                        "Lockkeeper is being stopped or restarted and could not wait for this call to end"
                                + " (server.drain). Send it again.",
                        1_000,
                        asked ? Outcome.FAILED : Outcome.REFUSED);
            case ToolClosed(String tool) ->
                new Said(
                        403,
                        "permission_error",
                        "tool_not_allowed",
                        "tools",
                        "This key may not use the hosted tool '" + shorten(tool)
                                + "'. Leave it out, or ask the operator" + " to allow it (lockkeeper keys).",
                        0,
                        Outcome.REFUSED);
            case ProviderClosed(String name) ->
                new Said(
                        403,
                        "permission_error",
                        "test_key_not_allowed",
                        name.isEmpty() ? null : "model",
                        "A test key reaches only the providers that its project opens to test keys (by default the"
                                + " simulator)"
                                + (name.isEmpty() ? "" : ", and none of them serves '" + shorten(name) + "'")
                                + ". Use a live key, or ask the operator.",
                        0,
                        Outcome.REFUSED);
            case Elsewhere(String provider, Set<String> regions) ->
                new Said(
                        403,
                        "permission_error",
                        "region_not_allowed",
                        null,
                        "What this project sends may go only to providers in "
                                + String.join(", ", new TreeSet<>(regions)) + ", and "
                                + (provider.isEmpty()
                                        ? "there is none. Ask the operator."
                                        : "provider '" + provider + "' is not there. Name another one"
                                                + " (x-lockkeeper-provider), or none."),
                        0,
                        Outcome.REFUSED);
            case Unpriced(String model, String provider) ->
                new Said(
                        403,
                        "permission_error",
                        "model_unpriced",
                        "model",
                        "The model '" + shorten(model) + "' has no price at provider '" + provider
                                + "', so what it costs could not be booked. The operator has to write one (prices), or"
                                + " to say what a model without a price costs (prices.unpriced).",
                        0,
                        Outcome.REFUSED);
            case TooLong(String name, long input, long output, long window) ->
                request(
                        400,
                        "context_length_exceeded",
                        "messages",
                        "This request needs " + (input + output) + " tokens (" + input
                                + " of the prompt, " + output + " for the answer), and the model '" + shorten(name)
                                + "' takes " + window + ". Shorten the prompt or ask for a shorter answer.");
            case TooManyTokens(long input, long most) ->
                request(
                        413,
                        "request_too_large",
                        null,
                        "The prompt has about " + input + " tokens; this gateway takes " + most
                                + " at most (limits.max-input-tokens).");
            case Limited(String message, long opensMillis) ->
                new Said(
                        429,
                        "rate_limit_error",
                        "rate_limit_exceeded",
                        null,
                        message,
                        opensMillis == Entry.Refused.NEVER ? Said.NEVER : opensMillis,
                        Outcome.REFUSED);
            case Spent spent -> said(spent);
            case BudgetReached() ->
                new Said(
                        429,
                        "insufficient_quota",
                        "budget_exhausted",
                        null,
                        "The budget that pays this call is used up.",
                        Said.NEVER,
                        Outcome.FAILED);
            case Unbounded(String what) ->
                new Said(
                        403,
                        "permission_error",
                        "cost_unbounded",
                        null,
                        "What " + what + " costs is not known before it is done, and a budget that may not be overspent"
                                + " pays this call. The operator can open it (limits.unbounded-cost).",
                        0,
                        Outcome.REFUSED);
            case NoBooks(String reason) ->
                new Said(
                        503,
                        "service_unavailable_error",
                        "ledger_unavailable",
                        null,
                        "Lockkeeper takes no new calls that cost money: " + reason
                                + ". Try again; if it lasts, tell the" + " operator.",
                        STORAGE_RETRY_MILLIS,
                        Outcome.REFUSED);
            case Internal() ->
                new Said(
                        500,
                        "server_error",
                        INTERNAL,
                        null,
                        "Lockkeeper made a mistake of its own; its log says more under this answer's x-request-id.",
                        0,
                        Outcome.FAILED);
            case Unreached(String provider, Fault fault) ->
                switch (fault.kind()) {
                    case POOL_FULL ->
                        upstream(
                                503,
                                "upstream_busy",
                                "All connections to provider '" + provider + "' are in use. Try again shortly.",
                                1_000);
                    case CONNECT_TIMEOUT, TIMEOUT ->
                        upstream(
                                504,
                                "upstream_timeout",
                                "Provider '" + provider + "' did not accept a connection in time.",
                                0);
                    case PROTOCOL ->
                        upstream(
                                502,
                                "upstream_protocol_error",
                                "What provider '" + provider + "' sent is not HTTP, or could be read in two ways.",
                                0);
                    case TOO_LARGE ->
                        upstream(
                                502,
                                "upstream_error",
                                "Provider '" + provider + "' answered with more than is gathered.",
                                0);
                    case DNS, PRIVATE_ADDRESS, REFUSED, TLS, PROXY, RESET, STALE ->
                        upstream(
                                502,
                                "upstream_unreachable",
                                fault.kind() == Fault.Kind.RESET || fault.kind() == Fault.Kind.STALE
                                        ? "The connection to provider '" + provider + "' broke off."
                                        : "Provider '" + provider + "' could not be reached (" + fault.kind() + ").",
                                0);
                };
            case NoTarget(String model, List<String> reasons, long opensMillis, boolean lasting) ->
                new Said(
                        503,
                        "service_unavailable_error",
                        "no_target_available",
                        "model",
                        "Nobody could serve the model '" + shorten(model) + "' now. " + String.join("; ", reasons)
                                + ".",
                        lasting ? Said.NEVER : Math.max(0, opensMillis),
                        Outcome.FAILED);
            case NotServed(String model, List<String> reasons) ->
                request(
                        400,
                        "call_not_served",
                        "model",
                        "No target of the model '" + shorten(model) + "' serves such a call: "
                                + String.join("; ", reasons) + ".");
            case DeadlinePassed(long millis) ->
                upstream(
                        504,
                        "deadline_exceeded",
                        "The call was not answered within its deadline of " + millis + " ms.",
                        0);
            case Late(String provider, String timeout, long millis) ->
                upstream(
                        504,
                        "upstream_timeout",
                        "Provider '" + provider + "' did not answer within " + millis + " ms (" + timeout + ").",
                        0);
            case BadCredentials(String provider, int status) ->
                upstream(
                        502,
                        "upstream_auth_error",
                        "Provider '" + provider + "' refused the gateway's own credentials (HTTP " + status
                                + "). Your key is fine; the operator has to mend the provider's.",
                        0);
            case Unusable(String provider, int status, String what) ->
                upstream(
                        502,
                        "upstream_error",
                        "Provider '" + provider + "' answered HTTP " + status + " with " + what + ".",
                        0);
        };
    }

    private static Said said(Spent spent) {
        String balance = "The budget " + spent.budget + " can't pay this call: it needs " + spent.needs + ", of "
                + spent.cap + " " + spent.spent + " are spent and " + spent.held + " held by running calls."
                + (spent.lost.nanos() > 0 ? " " + spent.lost + " are leased to servers that are gone." : "");
        if (!spent.lasting) {
            return new Said(
                    429,
                    "rate_limit_error",
                    "budget_held",
                    null,
                    balance + " Try again when they have ended.",
                    HELD_RETRY_MILLIS,
                    Outcome.REFUSED);
        }
        return new Said(
                429,
                "insufficient_quota",
                "insufficient_quota",
                null,
                balance
                        + (spent.opensMillis > 0
                                ? " Its next period begins in " + spent.opensMillis / 1_000 + " s."
                                : " Ask the operator for more."),
                Said.NEVER,
                Outcome.REFUSED);
    }

    private static Said request(int status, @Nullable String code, @Nullable String param, String message) {
        return new Said(status, "invalid_request_error", code, param, message, 0, Outcome.REFUSED);
    }

    private static Said upstream(int status, String code, String message, long retryMillis) {
        return new Said(status, "upstream_error", code, null, message, retryMillis, Outcome.FAILED);
    }

    private static String shorten(String text) {
        return text.length() <= 200 ? text : text.substring(0, 200) + "…";
    }
}
