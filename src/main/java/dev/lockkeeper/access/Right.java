package dev.lockkeeper.access;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What an operator may do. Changing something includes reading it. */
public enum Right {
    TENANTS_READ,
    /** Organizations and projects: make, rename, close, revoke, delete. */
    TENANTS_WRITE,
    KEYS_READ,
    /** Keys: make, change, rotate, revoke. */
    KEYS_WRITE,
    PEOPLE_READ,
    /** People, invitations and admin tokens. */
    PEOPLE_WRITE,
    MONEY_READ,
    /** Budgets, limits, quota requests and prices. */
    MONEY_WRITE,
    /** The log of changes; nobody may write it. */
    AUDIT_READ,
    SERVER_READ,
    /** The server itself: read the configuration again, change shares of cases. */
    SERVER_WRITE;

    /** As tokens and documents write it: {@code keys:read}. */
    public String word() {
        return name().toLowerCase(Locale.ROOT).replace('_', ':');
    }

    /** The right that a word means; null for none. */
    public static @Nullable Right of(String word) {
        for (Right right : values()) {
            if (right.word().equals(word)) {
                return right;
            }
        }
        return null;
    }

    /** Whether who has this right has the other one by it. */
    boolean includes(Right other) {
        return this == other
                || (name().endsWith("_WRITE")
                        && other.name().equals(name().substring(0, name().length() - "WRITE".length()) + "READ"));
    }
}
