package dev.lockkeeper.dialect.openai;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One method and path of the API and what is to be known about it.
 *
 * @param method upper case
 * @param path as in {@code /v1/responses/{response_id}}
 * @param kind which tap reads its answer
 * @param body what a request's body is
 * @param model whether the body names a model
 * @param makes the kind of object that a good answer's id names for the first time, or null
 * @param names one kind per {@code {…}} of the path, in order; those that are not {@link ObjectKind#owned} belong to
 *     whom the earlier ones belong to
 * @param lists the kind of object that the answer lists, or null
 * @param deletes whether a good answer means that the object named last in the path is gone
 * @param summary one line for the reader of the API's description
 */
public record Endpoint(
        String method,
        String path,
        Kind kind,
        Body body,
        ModelIn model,
        @Nullable ObjectKind makes,
        List<ObjectKind> names,
        @Nullable ObjectKind lists,
        boolean deletes,
        String summary) {

    public Endpoint {
        names = List.copyOf(names);
    }

    /** Whether a provider bills a call of it by what the answer used. */
    public boolean billed() {
        return switch (kind) {
            case CHAT, RESPONSES, COMPLETIONS, IMAGES, SPEECH, TRANSCRIPTION, EMBEDDINGS -> model != ModelIn.NONE;
            case MODELS, PLAIN -> false;
        };
    }

    /** What it makes that a provider bills without a bound, for as long as it stands, as people say it; null for nothing. */
    public @Nullable String costsWithoutBound() {
        if (makes == null) {
            return null;
        }
        return switch (makes) {
            case VECTOR_STORE -> "a vector store";
            case CONTAINER -> "a container";
            case BATCH,
                    FILE,
                    UPLOAD,
                    RESPONSE,
                    CHAT_COMPLETION,
                    CONVERSATION,
                    OUTPUT_ITEM,
                    AUDIO,
                    UPLOAD_PART,
                    VECTOR_STORE_FILE,
                    VECTOR_STORE_FILE_BATCH,
                    ITEM,
                    MODEL -> null;
        };
    }

    /** Which tap reads an answer. */
    public enum Kind {
        /** Chat completions, unary or stream. */
        CHAT,
        /** Responses, unary or stream. An endpoint that only reads one back {@link #makes} nothing. */
        RESPONSES,
        /** Legacy text completions, unary or stream. */
        COMPLETIONS,
        /** Images, unary or stream. */
        IMAGES,
        /** Speech: audio bytes or stream. */
        SPEECH,
        /** Transcription and translation: JSON, text or stream. */
        TRANSCRIPTION,
        /** Embeddings. */
        EMBEDDINGS,
        /** Models: answered by the gateway itself. */
        MODELS,
        /** Everything else. */
        PLAIN
    }

    /** What a request's body is. */
    public enum Body {
        /** There is none. */
        NONE,
        /** A JSON object. */
        JSON,
        /** A multipart form. */
        MULTIPART,
        /** A JSON object or a multipart form, as {@code content-type} says. */
        EITHER
    }

    /** Whether a body names a model. */
    public enum ModelIn {
        /** It must. */
        REQUIRED,
        /** It may; the provider has a default. */
        OPTIONAL,
        /** It has no such member. */
        NONE
    }
}
