package dev.lockkeeper.routing;

import java.util.List;

/** What of a call conditions can ask for as a text. What the caller didn't say is empty. */
public enum Property {
    /** Whether the model may call functions. */
    TOOLS("tools"),
    /** Whether there are pictures in the input. */
    IMAGES("images"),
    /** Whether there is sound in the input, or asked for. */
    AUDIO("audio"),
    /** Whether the answer must fit a schema. */
    SCHEMA("schema"),
    /** Whether the answer is a stream. */
    STREAM("stream"),
    /** The reasoning effort. */
    EFFORT("effort"),
    /** The service tier. */
    SERVICE_TIER("service-tier"),
    /** What is asked, as the catalogue names it. */
    ENDPOINT("endpoint"),
    /** The caller's own mark. */
    TAG("tag"),
    /** How hard the caller says it is. */
    COMPLEXITY("complexity"),
    /** How exact the caller says the answer must be. */
    ACCURACY("accuracy"),
    /** The label of what the prompt holds. */
    SENSITIVITY("sensitivity"),
    /** Who pays: an id. */
    ORGANIZATION("organization"),
    /** What is budgeted: an id or a name. */
    PROJECT("project"),
    /** What calls: an id. */
    KEY("key"),
    /** Whether it is a test key. */
    KEY_KIND("key-kind"),
    /** The key's environment. */
    ENVIRONMENT("environment"),
    /** The person behind the call. */
    END_USER("end-user");

    private final String word;

    Property(String word) {
        this.word = word;
    }

    /** As the configuration has it. */
    public String word() {
        return word;
    }

    /** All values that it can have; empty where any text can stand. */
    public List<String> all() {
        return switch (this) {
            case TOOLS, IMAGES, AUDIO, SCHEMA, STREAM -> List.of("true", "false");
            case EFFORT -> List.of("", "none", "minimal", "low", "medium", "high", "xhigh", "max");
            case COMPLEXITY -> List.of("", "routine", "standard", "complex", "critical");
            case KEY_KIND -> List.of("live", "test");
            case SERVICE_TIER,
                    ENDPOINT,
                    TAG,
                    ACCURACY,
                    SENSITIVITY,
                    ORGANIZATION,
                    PROJECT,
                    KEY,
                    ENVIRONMENT,
                    END_USER -> List.of();
        };
    }

    String of(Traits call) {
        return switch (this) {
            case TOOLS -> flag(call.tools());
            case IMAGES -> flag(call.images());
            case AUDIO -> flag(call.audio());
            case SCHEMA -> flag(call.schema());
            case STREAM -> flag(call.stream());
            case EFFORT -> call.effort();
            case SERVICE_TIER -> call.serviceTier();
            case ENDPOINT -> call.endpoint();
            case TAG -> call.tag();
            case COMPLEXITY ->
                switch (call.complexity()) {
                    case UNKNOWN -> "";
                    case ROUTINE -> "routine";
                    case STANDARD -> "standard";
                    case COMPLEX -> "complex";
                    case CRITICAL -> "critical";
                };
            case ACCURACY -> call.accuracy();
            case SENSITIVITY -> call.sensitivity();
            case ORGANIZATION -> call.organization();
            case PROJECT -> call.project();
            case KEY -> call.key();
            case KEY_KIND -> call.test() ? "test" : "live";
            case ENVIRONMENT -> call.environment();
            case END_USER -> call.endUser();
        };
    }

    private static String flag(boolean is) {
        return is ? "true" : "false";
    }
}
