package dev.lockkeeper.upstream;

import dev.lockkeeper.http.Fault;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.units.Bytes;

/**
 * Why an attempt failed, and what follows from it. All classes of failure stand here and nowhere else.
 *
 * @param kind what kind of failure it is
 * @param code the error's code as the provider tells it, or this gateway's; for the log
 * @param afterMillis when the provider says it may be asked again, -1 where it doesn't
 */
public record Failure(Kind kind, String code, long afterMillis) {
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

        /** What follows. */
        public Next next() {
            return next;
        }
    }

    /** The failure that an answer with another status than 2xx tells. */
    public static Failure of(int status, Headers headers, Bytes body) {
        Kind kind = status == 401 || status == 403
                ? Kind.KEY
                : status == 429
                        ? Kind.BUSY
                        : status >= 500 || status == 408 || status == 409 ? Kind.BROKEN : Kind.REQUEST;
        String after = headers.get("retry-after-ms");
        return new Failure(
                kind, body.length() == 0 ? "" : "http_" + status, after == null ? -1 : Long.parseLong(after));
    }

    /** The failure of a connection. */
    public static Failure of(Fault fault) {
        return switch (fault.kind()) {
            case POOL_FULL -> new Failure(Kind.OURS, "pool_full", -1);
            case DNS, PRIVATE_ADDRESS, REFUSED, CONNECT_TIMEOUT, TLS, PROXY ->
                new Failure(Kind.UNREACHED, "unreachable", -1);
            case RESET, STALE, PROTOCOL, TOO_LARGE -> new Failure(Kind.BROKEN, "broken", -1);
            case TIMEOUT -> new Failure(Kind.SILENT, "timeout", -1);
        };
    }
}
