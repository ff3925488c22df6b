package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.Errors;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.upstream.ToldError;
import org.jspecify.annotations.Nullable;

/** What of an upstream's error a client is told: {@link ToldError} reads it. */
final class UpstreamError {
    private static final String UNKNOWN = "upstream_error";
    private static final int MAX_SENTENCE = 1_000;

    private UpstreamError() {}

    /** The error's code, or its type where it has none. */
    static String code(Bytes body) {
        ToldError told = ToldError.of(body);
        return !told.code().isEmpty() ? told.code() : !told.type().isEmpty() ? told.type() : UNKNOWN;
    }

    /** The envelope that says what a flat error says. */
    static Bytes envelope(Bytes flat) {
        return Errors.envelope(
                message(flat),
                status(flat) < 500 ? "invalid_request_error" : "server_error",
                ToldError.of(flat).param(),
                code(flat));
    }

    /** The error's message, or a sentence in place of one. */
    static String message(Bytes body) {
        String told = ToldError.of(body).message();
        return told.isEmpty() ? "The provider reported an error." : told;
    }

    /**
     * The sentence in which a server that speaks OpenAI's API, but not its envelope, says what is wrong: {@code message},
     * {@code detail}, or {@code error} as a text. Null where there is none.
     */
    static @Nullable String sentence(Bytes body) {
        String told = ToldError.of(body).message();
        return told.isBlank() ? null : told.length() <= MAX_SENTENCE ? told : told.substring(0, MAX_SENTENCE);
    }

    /** The status that fits an error told in a stream which never began. */
    static int status(Bytes body) {
        ToldError told = ToldError.of(body);
        String code = told.code();
        String type = told.type();
        if (code.equals("rate_limit_exceeded")
                || code.equals("insufficient_quota")
                || type.equals("rate_limit_error")) {
            return 429;
        }
        if (type.equals("invalid_request_error") || code.equals("context_length_exceeded")) {
            return 400;
        }
        return code.equals("server_is_overloaded") || type.equals("overloaded_error") ? 503 : 500;
    }
}
