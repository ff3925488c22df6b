package dev.lockkeeper.access;

import java.util.Locale;

/** Whether the keys of an organization or a project work. */
public enum TenantState {
    /** They do. */
    OPEN,
    /** They are refused until it is opened again. */
    CLOSED,
    /** They are refused for good. */
    REVOKED;

    /** As the admin API writes it. */
    String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
