package dev.lockkeeper.access;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What a person is to this gateway. */
public enum Role {
    /** May do everything. */
    OWNER,
    /** May do everything but make owners, or change and remove them. */
    ADMIN,
    /** Makes keys, and sees tenants and money. */
    DEVELOPER,
    /** Sees tenants, keys and money. */
    VIEWER;

    /** What goes with it. */
    Set<Right> rights() {
        return switch (this) {
            case OWNER, ADMIN -> EnumSet.allOf(Right.class);
            case DEVELOPER -> EnumSet.of(Right.KEYS_WRITE, Right.TENANTS_READ, Right.MONEY_READ, Right.SERVER_READ);
            case VIEWER -> EnumSet.of(Right.KEYS_READ, Right.TENANTS_READ, Right.MONEY_READ, Right.SERVER_READ);
        };
    }

    /** {@code owner}, {@code admin}, {@code developer} or {@code viewer}. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The role that a word means; null for none. */
    static @Nullable Role of(String word) {
        for (Role role : values()) {
            if (role.word().equals(word)) {
                return role;
            }
        }
        return null;
    }
}
