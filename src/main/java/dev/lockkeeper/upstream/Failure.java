package dev.lockkeeper.upstream;

import dev.lockkeeper.http.Fault;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.units.Bytes;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Why an attempt failed, and what follows from it. All classes of failure stand here and nowhere else. Whatever a provider
 * sends can be read: nothing here throws.
 *
 * @param kind what kind of failure it is
 * @param next what follows: the kind's usual, unless the provider says of itself whether to try again
 * @param code the error's code as the provider tells it, or this gateway's; for the log: at most 64 characters of a name
 * @param afterMillis when the provider says it may be asked again, 0 to a day, -1 where it doesn't
 */
public record Failure(Kind kind, Next next, String code, long afterMillis) {
    /** What came is no answer. */
    public static final Failure NO_ANSWER = new Failure(Kind.BROKEN, "no_answer", -1);

    /** It is not the candidate's fault, and another one would fare no better. */
    public static final Failure OURS = new Failure(Kind.OURS, "", -1);

    /** The usual consequence of a kind. */
    public Failure(Kind kind, String code, long afterMillis) {
        this(kind, kind.next(), code, afterMillis);
    }

    /** What follows from a failure. */
    public enum Next {
        /** The caller is told: no other target would answer otherwise. */
        TELL,
        /** Another candidate, if there is one; never this one again. */
        ELSEWHERE,
        /** Another candidate whose model takes longer input; never this one again. */
        ELSEWHERE_LONGER,
        /** Another key or provider; never this key again, for any call, until it was looked after. */
        OTHER_KEY,
        /** The same candidate after a wait, or another one. */
        AGAIN,
        /** Another candidate at once; the same one after a wait where there is no other. */
        ELSEWHERE_OR_AGAIN
    }

    /** Kinds of failure. */
    public enum Kind {
        /** The request is at fault: 400, 404, 422 and the like. */
        REQUEST(Next.TELL),
        /** Its content is refused. */
        POLICY(Next.TELL),
        /** It is too long for the model. */
        TOO_LONG(Next.ELSEWHERE_LONGER),
        /** This target can't serve it, and others may: it lacks the model, the account may not use it, or its limit is smaller than the request. */
        UNFIT(Next.ELSEWHERE),
        /** The provider does not take this gateway's key. */
        KEY(Next.OTHER_KEY),
        /** The account has no money left. */
        QUOTA(Next.OTHER_KEY),
        /** There are too many requests or tokens: 429. */
        BUSY(Next.AGAIN),
        /** The provider failed: 408, 409, 5xx, a reset before the first byte, an answer that is none. */
        BROKEN(Next.AGAIN),
        /** It can't be reached. */
        UNREACHED(Next.ELSEWHERE_OR_AGAIN),
        /** Nothing came in time. */
        SILENT(Next.ELSEWHERE),
        /** This gateway has no room for it. */
        OURS(Next.TELL);

        private final Next next;

        Kind(Next next) {
            this.next = next;
        }

        /** What usually follows. */
        public Next next() {
            return next;
        }
    }

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_.:-]{1,64}");

    /** Codes, types and reasons are compared in small letters; each names one kind, wherever it stands. */
    private static final Set<String> POLICY = Set.of(
            "content_filter",
            "content_policy_violation",
            "moderation_blocked",
            "invalid_prompt",
            "responsibleaipolicyviolation",
            "responsible_ai_policy_violation",
            "data_inspection_failed",
            "image_content_policy_violation",
            "prohibited_content",
            "safety");

    private static final Set<String> TOO_LONG = Set.of(
            "context_length_exceeded",
            "context_window_exceeded",
            "model_context_window_exceeded",
            "exceed_context_size_error",
            "max_tokens_exceeded",
            "input_too_long");

    private static final Set<String> QUOTA = Set.of(
            "insufficient_quota",
            "credit_balance_exhausted",
            "organization_spend_limit_exceeded",
            "project_spend_limit_exceeded",
            "organization_usage_limit_exceeded",
            "billing_hard_limit_reached",
            "billing_not_active",
            "billing_error",
            "enforced_spend_limit_reached",
            "contract_spend_limit_reached",
            "insufficient_balance",
            "insufficient_credits",
            "billing_disabled",
            "servicequotaexceededexception");

    private static final Set<String> KEY = Set.of(
            "invalid_api_key",
            "api_key_invalid",
            "api_key_expired",
            "authentication_error",
            "unauthenticated",
            "account_deactivated",
            "access_terminated",
            "ip_not_authorized",
            "expiredtokenexception",
            "expiredtoken",
            "unrecognizedclientexception",
            "invalidsignatureexception",
            "missingauthenticationtokenexception",
            "incompletesignatureexception");

    private static final Set<String> UNFIT = Set.of(
            "model_not_found",
            "model_not_available",
            "model_decommissioned",
            "deploymentnotfound",
            "unsupported_country_region_territory",
            "unsupported_model",
            "operationnotsupported",
            "permission_error",
            "permission_denied",
            "accessdeniedexception",
            "unimplemented");

    private static final Set<String> BUSY = Set.of(
            "rate_limit_exceeded",
            "rate_limit_error",
            "slow_down",
            "resource_unavailable",
            "resource_exhausted",
            "too_many_requests",
            "throttlingexception",
            "throttling_exception",
            "modelnotreadyexception",
            "ramp_limit_exceeded");

    private static final Set<String> BROKEN = Set.of(
            "server_error",
            "api_error",
            "server_is_overloaded",
            "overloaded",
            "overloaded_error",
            "service_unavailable_error",
            "timeout_error",
            "internal",
            "internal_error",
            "internal_server_error",
            "unknown",
            "data_loss",
            "unavailable",
            "deadline_exceeded",
            "aborted",
            "cancelled",
            "internalserverexception",
            "serviceunavailableexception",
            "modelstreamerrorexception",
            "modelerrorexception",
            "modeltimeoutexception",
            "compaction_unavailable");

    private static final Set<String> REQUEST = Set.of(
            "invalid_request_error",
            "invalid_argument",
            "failed_precondition",
            "out_of_range",
            "not_found_error",
            "not_found",
            "request_too_large",
            "previous_response_not_found",
            "validationexception",
            "conflict_error");

    /** What sentences say for want of a code. They are looked for where the status fits only. */
    private static final List<String> SAYS_TOO_LONG = List.of(
            "prompt is too long",
            "input is too long",
            "maximum context length",
            "context length",
            "context window",
            "available context size",
            "input token count",
            "exceeds the maximum number of tokens",
            "maximum number of tokens allowed",
            "input length and `max_tokens` exceed");

    /**
     * Sentences that tell of the account begin so. What follows from them holds for other calls, too, and a message may quote
     * what a caller wrote: never at its beginning.
     */
    private static final List<String> SAYS_QUOTA = List.of(
            "your credit balance is too low",
            "you have reached your specified api usage limits",
            "insufficient balance",
            "insufficient credits",
            "you exceeded your current quota, please check your plan and billing",
            "this api method requires billing to be enabled",
            "this request requires more credits");

    private static final List<String> SAYS_POLICY = List.of(
            "content management policy",
            "content policy",
            "usage policy",
            "usage policies",
            "safety system",
            "your input was flagged",
            "content filtering policy");

    private static final List<String> SAYS_KEY = List.of("api key not valid", "api key expired");

    private static final List<String> SAYS_UNFIT = List.of(
            "user location is not supported",
            "on-demand throughput isn",
            "request too large for",
            "request too large:",
            "model access is denied",
            "you don't have access to the model");

    /**
     * The failure that an answer with another status than 2xx tells.
     *
     * @param body as much of it as is held; empty where it is not known
     */
    public static Failure of(int status, Headers headers, Bytes body) {
        return of(status, headers, body, -1);
    }

    /**
     * The same where the time is known, for a {@code retry-after} that is a date in an answer without a date of its own.
     *
     * @param nowMillis since 1970; negative: not known
     */
    public static Failure of(int status, Headers headers, Bytes body, long nowMillis) {
        ToldError told = ToldError.of(body);
        String amazon = amazonType(headers.get("x-amzn-errortype"));
        Kind kind = kind(status, told, amazon);
        return new Failure(kind, code(told, amazon, status), after(headers, told, nowMillis))
                .asTold(headers.get("x-should-retry"));
    }

    /** The failure that an event of a stream tells, or the body of an answer with status 200. */
    public static Failure told(Bytes body) {
        ToldError told = ToldError.of(body);
        int status = told.number() >= 400 && told.number() <= 599 ? told.number() : 0;
        return new Failure(kind(status, told, ""), code(told, "", status == 0 ? 200 : status), after(told));
    }

    /** The failure of a connection. */
    public static Failure of(Fault fault) {
        return switch (fault.kind()) {
            // Another provider has connections of its own.
            case POOL_FULL -> new Failure(Kind.OURS, Next.ELSEWHERE, "pool_full", -1);
            case DNS, PRIVATE_ADDRESS, REFUSED, CONNECT_TIMEOUT, TLS, PROXY ->
                new Failure(Kind.UNREACHED, "unreachable", -1);
            case RESET, STALE, PROTOCOL, TOO_LARGE -> new Failure(Kind.BROKEN, "broken", -1);
            case TIMEOUT -> new Failure(Kind.SILENT, "timeout", -1);
        };
    }

    /** Whether it says something of its candidate's health, rather than of the request, the account or this gateway. */
    public boolean isIllness() {
        return switch (kind) {
            case BROKEN, UNREACHED, SILENT -> true;
            case REQUEST, POLICY, TOO_LONG, UNFIT, KEY, QUOTA, BUSY, OURS -> false;
        };
    }

    /** What the provider itself says of trying again, in {@code x-should-retry}, goes over what its status says. */
    private Failure asTold(@Nullable String shouldRetry) {
        if ("false".equals(shouldRetry) && (next == Next.AGAIN || next == Next.ELSEWHERE_OR_AGAIN)) {
            return new Failure(kind, Next.ELSEWHERE, code, afterMillis);
        }
        if ("true".equals(shouldRetry) && kind == Kind.REQUEST) {
            return new Failure(kind, Next.AGAIN, code, afterMillis);
        }
        return this;
    }

    // ---- the kind ----

    /** @param status 0: of an error inside a stream, which has only its words */
    private static Kind kind(int status, ToldError told, String amazon) {
        String says = told.message().toLowerCase(Locale.ROOT);
        // What an account or a request is refused for comes as one status or another: its words are looked at first.
        boolean refusal = status == 0 || (status >= 400 && status < 500);
        if (refusal) {
            Kind named = refusedFor(status, told, amazon, says);
            if (named != null) {
                return named;
            }
        }
        return status == 0 ? byWord(told) : byStatus(status, told, says);
    }

    private static @Nullable Kind refusedFor(int status, ToldError told, String amazon, String says) {
        if (named(told, amazon, POLICY) || (status != 429 && saysAny(says, SAYS_POLICY))) {
            return Kind.POLICY;
        }
        if (named(told, amazon, TOO_LONG)
                || ((status == 0 || status == 400 || status == 413 || status == 422) && saysAny(says, SAYS_TOO_LONG))) {
            return Kind.TOO_LONG;
        }
        if (status == 402 || named(told, amazon, QUOTA) || begins(says, SAYS_QUOTA)) {
            return Kind.QUOTA;
        }
        if (status == 401 || (status != 429 && (named(told, amazon, KEY) || begins(says, SAYS_KEY)))) {
            return Kind.KEY;
        }
        if (named(told, amazon, UNFIT) || saysAny(says, SAYS_UNFIT)) {
            return Kind.UNFIT;
        }
        return null;
    }

    private static Kind byStatus(int status, ToldError told, String says) {
        return switch (status) {
            case 403 -> Kind.UNFIT;
            // A page of a proxy, or a server that lacks the path: another provider has it.
            case 404, 405 -> !told.readable() || noSuchModel(says) ? Kind.UNFIT : Kind.REQUEST;
            case 407 -> Kind.UNREACHED;
            case 408, 409, 424, 425, 499 -> Kind.BROKEN;
            // 498: no room in a cheaper tier.
            case 429, 498 -> Kind.BUSY;
            case 501, 505 -> Kind.UNFIT;
            default ->
                status >= 500
                        ? Kind.BROKEN
                        // What is no status of an API is told by something that is none.
                        : status >= 400 ? Kind.REQUEST : Kind.UNFIT;
        };
    }

    private static boolean noSuchModel(String says) {
        return (says.contains("model") && (says.contains("not found") || says.contains("not exist")))
                || says.startsWith("model:");
    }

    private static Kind byWord(ToldError told) {
        if (named(told, "", BUSY)) {
            return Kind.BUSY;
        }
        if (named(told, "", BROKEN)) {
            return Kind.BROKEN;
        }
        // Responses name what is wrong with a picture: image_too_large, invalid_base64_image and more.
        if (named(told, "", REQUEST)
                || told.code().startsWith("invalid_")
                || told.code().contains("image")
                || told.code().startsWith("unsupported_")) {
            return Kind.REQUEST;
        }
        return Kind.BROKEN;
    }

    private static boolean named(ToldError told, String amazon, Set<String> names) {
        return has(names, told.code())
                || has(names, told.type())
                || has(names, told.status())
                || has(names, told.reason())
                || has(names, amazon);
    }

    private static boolean has(Set<String> names, String name) {
        return !name.isEmpty() && name.length() <= 64 && names.contains(name.toLowerCase(Locale.ROOT));
    }

    private static boolean saysAny(String says, List<String> sentences) {
        for (String each : sentences) {
            if (says.contains(each)) {
                return true;
            }
        }
        return false;
    }

    private static boolean begins(String says, List<String> sentences) {
        for (String each : sentences) {
            if (says.startsWith(each)) {
                return true;
            }
        }
        return false;
    }

    /** {@code ThrottlingException:http://…} or {@code namespace#ThrottlingException}. */
    private static String amazonType(@Nullable String field) {
        if (field == null) {
            return "";
        }
        int end = field.indexOf(':');
        String name = end < 0 ? field : field.substring(0, end);
        return name.substring(name.lastIndexOf('#') + 1).strip();
    }

    // ---- the code and the wait ----

    private static String code(ToldError told, String amazon, int status) {
        for (String each : new String[] {told.code(), told.reason(), amazon, told.status(), told.type()}) {
            if (NAME.matcher(each).matches()) {
                return each;
            }
        }
        return "http_" + status;
    }

    private static long after(Headers headers, ToldError told, long nowMillis) {
        long millis = Spans.millis(headers.get("retry-after-ms"));
        if (millis >= 0) {
            return millis;
        }
        String after = headers.get("retry-after");
        long seconds = Spans.seconds(after);
        if (seconds >= 0) {
            return seconds;
        }
        // A date is compared with the clock of who wrote it, so that clocks may differ.
        long theirs = Spans.httpDate(headers.get("date"));
        long until = Spans.untilHttpDate(after, theirs >= 0 ? theirs : nowMillis);
        return until >= 0 ? until : after(told);
    }

    private static long after(ToldError told) {
        return told.waitMillis() >= 0 ? told.waitMillis() : Spans.inSentence(told.message());
    }
}
