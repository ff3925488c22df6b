package dev.lockkeeper.ledger;

import java.util.Locale;

/**
 * What a budget covers: all that one organization, project, key or end user spends, or all that is spent on one model or
 * at one provider.
 *
 * @param kind what it is
 * @param id its id or name; of an end user {@code project id + "/" + user}
 */
public record Scope(Kind kind, String id) {
    public Scope {
        if (id.isEmpty()) {
            throw new IllegalArgumentException("scope.id: \"\" (expected: the id of a " + kind.text() + ")");
        }
        if (kind == Kind.END_USER && (id.indexOf('/') < 1 || id.indexOf('/') == id.length() - 1)) {
            throw new IllegalArgumentException("scope.id: \"" + id + "\" (expected: project id/end user)");
        }
    }

    /** An end user of a project. */
    public static Scope endUser(String project, String user) {
        return new Scope(Kind.END_USER, project + "/" + user);
    }

    /** Whether what such a payer spends on a model at a provider is covered. */
    boolean covers(Payer payer, String model, String provider) {
        return switch (kind) {
            case ORGANIZATION -> id.equals(payer.organization());
            case PROJECT -> id.equals(payer.project());
            case KEY -> id.equals(payer.key());
            case END_USER -> !payer.endUser().isEmpty() && id.equals(payer.project() + "/" + payer.endUser());
            case MODEL -> id.equals(model);
            case PROVIDER -> id.equals(provider);
        };
    }

    /** {@code kind:id}. */
    @Override
    public String toString() {
        return kind.text() + ":" + id;
    }

    /** The kinds of scopes, the widest first. */
    public enum Kind {
        ORGANIZATION,
        PROJECT,
        KEY,
        END_USER,
        MODEL,
        PROVIDER;

        /** The kind of a {@link #word}. */
        public static Kind of(String word) {
            return valueOf(word.replace('-', '_').toUpperCase(Locale.ROOT));
        }

        private final String text = name().toLowerCase(Locale.ROOT);

        /** The name in the database: {@code end_user}. */
        String text() {
            return text;
        }

        /** The name in the admin API and commands: {@code end-user}. */
        public String word() {
            return text.replace('_', '-');
        }
    }
}
