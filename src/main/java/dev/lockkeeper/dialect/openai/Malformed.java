package dev.lockkeeper.dialect.openai;

import org.jspecify.annotations.Nullable;

/** A body that cannot be what its endpoint takes: to be answered with 400. Carries no stack trace. */
public final class Malformed extends Exception {
    private static final long serialVersionUID = 1L;

    private final String text;
    private final @Nullable String param;
    private final @Nullable String code;

    Malformed(String message, @Nullable String param, @Nullable String code) {
        super(message, null, false, false);
        this.text = message;
        this.param = param;
        this.code = code;
    }

    /** What is wrong, what was expected, and where (line and column, or byte); never a value of the body. */
    public String message() {
        return text;
    }

    /** The member at fault, as {@code messages} or {@code stream_options.include_usage}; null: the body as a whole. */
    public @Nullable String param() {
        return param;
    }

    /** The error's code as OpenAI names them, such as {@code invalid_type}; null: none. */
    public @Nullable String code() {
        return code;
    }
}
