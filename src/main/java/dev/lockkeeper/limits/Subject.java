package dev.lockkeeper.limits;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Whom a limit is set on.
 *
 * @param kind what it is
 * @param id its id; for an end user the project's id, a slash, and the user's name. {@link #EACH} stands for each of its
 *     kind that has no limit of its own, {@code proj_…/*} for each end user of a project
 */
public record Subject(Kind kind, String id) {
    /** The id that stands for each. */
    public static final String EACH = "*";

    /** Characters of an id; end users are named by clients, OpenAI takes 64 characters of them and 512 of old ones. */
    public static final int MAX_ID = 640;

    /** What limits can be set on, the narrowest first: so are they asked, and what is shared by many is asked last. */
    public enum Kind {
        END_USER,
        KEY,
        PROJECT,
        ORGANIZATION,
        MODEL,
        PROVIDER;

        private final String word = name().toLowerCase(Locale.ROOT).replace('_', '-');

        /** As it is written: {@code end-user}, {@code organization} … */
        public String word() {
            return word;
        }

        /** The kind that is written so; null for none. */
        public static @Nullable Kind of(String word) {
            for (Kind each : values()) {
                if (each.word.equals(word)) {
                    return each;
                }
            }
            return null;
        }
    }

    /** Whether it stands for each of its kind, or for each end user of a project. */
    boolean isEach() {
        return id.equals(EACH) || (kind == Kind.END_USER && id.endsWith("/" + EACH));
    }

    /** The project of an end user; empty where it stands for each end user of all. */
    String project() {
        int slash = id.indexOf('/');
        return slash < 0 ? "" : id.substring(0, slash);
    }

    /** As it is told: {@code key key_…}, {@code each project}. */
    @Override
    public String toString() {
        if (id.equals(EACH)) {
            return "each " + kind.word;
        }
        return isEach() ? "each end-user of project " + project() : kind.word + " " + id;
    }
}
