package dev.lockkeeper.access;

/** What came of a key that somebody presented. */
public sealed interface Presented {
    /** It works. */
    record Known(Caller caller) implements Presented {}

    /** It does not. */
    enum Refused implements Presented {
        /** Nobody has this key, or it was revoked. */
        UNKNOWN,
        /** Its checksum does not fit: it was mistyped or cut. Says nothing of whether a key like it exists. */
        MISTYPED,
        /** Its time is over. */
        EXPIRED,
        /** Its project is closed or revoked. */
        PROJECT_CLOSED,
        /** Its organization is closed or revoked. */
        ORGANIZATION_CLOSED,
        /** It may not be used from where it came. */
        ELSEWHERE,
        /** This node has not heard for too long which keys still work. */
        UNHEARD
    }
}
