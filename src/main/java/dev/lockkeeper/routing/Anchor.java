package dev.lockkeeper.routing;

/** What of a call stays the same from one call to the next, so that what is chosen by it stays the same, too. */
public enum Anchor {
    /** Who shares a prefix of the prompt, as the caller says. */
    PROMPT_CACHE_KEY("prompt-cache-key"),
    /** The conversation that the call goes on with. */
    CONVERSATION("conversation"),
    /** The response that the call goes on with. */
    RESPONSE("response"),
    /** Who pays. */
    ORGANIZATION("organization"),
    /** What is budgeted. */
    PROJECT("project"),
    /** What calls. */
    KEY("key"),
    /** The person behind the call. */
    END_USER("end-user"),
    /** Nothing: each call is chosen for by itself. */
    CALL("call");

    private final String word;

    Anchor(String word) {
        this.word = word;
    }

    /** As the configuration has it. */
    public String word() {
        return word;
    }

    /** What a call has of it; empty: nothing. */
    String of(Traits call) {
        return switch (this) {
            case PROMPT_CACHE_KEY -> call.promptCacheKey();
            case CONVERSATION, RESPONSE -> call.conversation();
            case ORGANIZATION -> call.organization();
            case PROJECT -> call.project();
            case KEY -> call.key();
            case END_USER -> call.endUser();
            case CALL -> "";
        };
    }
}
