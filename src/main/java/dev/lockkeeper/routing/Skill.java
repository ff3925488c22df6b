package dev.lockkeeper.routing;

import java.util.Locale;

/** What a model can do, or can't. */
public enum Skill {
    /** It calls functions. */
    TOOLS("tools that the call has"),
    /** It takes pictures. */
    IMAGES("pictures"),
    /** It takes sound, or makes it. */
    AUDIO("sound"),
    /** Its answers fit a JSON schema. */
    SCHEMA("a schema for its answers"),
    /** It takes sampling parameters. */
    SAMPLING("sampling parameters"),
    /** It goes on with an answer that was begun. */
    PREFILL("an answer that was begun");

    private final String what;

    Skill(String what) {
        this.what = what;
    }

    /** As the configuration has it. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** For a sentence that says that it is not taken. */
    String what() {
        return what;
    }

    /** Whether a call wants it. */
    boolean wanted(Traits call) {
        return switch (this) {
            case TOOLS -> call.tools();
            case IMAGES -> call.images();
            case AUDIO -> call.audio();
            case SCHEMA -> call.schema();
            case SAMPLING -> call.sampling();
            case PREFILL -> false;
        };
    }
}
