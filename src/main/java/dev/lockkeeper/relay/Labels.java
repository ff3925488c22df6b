package dev.lockkeeper.relay;

import dev.lockkeeper.access.Caller;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.RequestScan;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.routing.Traits;
import dev.lockkeeper.routing.Traits.Complexity;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a call says of itself, for targets to be chosen by: in header fields, or in members of {@code metadata}; where both say
 * something, the header counts. A text that is not said is empty.
 *
 * @param complexity {@code x-lockkeeper-complexity}, {@code metadata.complexity}
 * @param accuracy {@code x-lockkeeper-accuracy}, {@code metadata.accuracy}
 * @param sensitivity {@code x-lockkeeper-sensitivity}, {@code metadata.sensitivity}
 * @param tag {@code x-lockkeeper-tag}, at most {@value #MAX_TAG} characters of it
 */
record Labels(Complexity complexity, String accuracy, String sensitivity, String tag) implements Labelled {
    /** Characters of the caller's own mark of a call that are kept. */
    static final int MAX_TAG = 100;

    /** Characters of a label. */
    static final int MAX_LABEL = 64;

    private static final String LABEL = "at most " + MAX_LABEL + " characters were expected, none of control";

    /** Nothing is said. */
    static final Labels NONE = new Labels(Complexity.UNKNOWN, "", "", "");

    /** A label that can't be one. */
    record Wrong(Refusal.BadBody why) implements Labelled {}

    /** Reads them. */
    static Labelled of(RequestScan asked, Headers headers) {
        Said complexity = Said.of("x-lockkeeper-complexity", headers, "metadata.complexity", asked.complexity());
        Said accuracy = Said.of("x-lockkeeper-accuracy", headers, "metadata.accuracy", asked.accuracy());
        Said sensitivity = Said.of("x-lockkeeper-sensitivity", headers, "metadata.sensitivity", asked.sensitivity());
        String tag = headers.get("x-lockkeeper-tag");
        if (complexity == null && accuracy == null && sensitivity == null && tag == null) {
            return NONE;
        }
        Complexity level = Complexity.UNKNOWN;
        if (complexity != null) {
            Complexity known = level(complexity.text);
            if (known == null) {
                return complexity.wrong("routine, standard, complex or critical was expected");
            }
            level = known;
        }
        if (accuracy != null && !accuracy.isLabel()) {
            return accuracy.wrong(LABEL);
        }
        if (sensitivity != null && !sensitivity.isLabel()) {
            return sensitivity.wrong(LABEL);
        }
        return new Labels(
                level,
                accuracy == null ? "" : accuracy.text,
                sensitivity == null ? "" : sensitivity.text,
                tag == null ? "" : tag.length() > MAX_TAG ? tag.substring(0, MAX_TAG) : tag);
    }

    /**
     * What the call is.
     *
     * @param asked what its body says
     * @param caller who calls
     * @param endUser the person behind it, as the books know them
     * @param inputTokens tokens of its prompt, as they are reckoned
     * @param pinned the provider where the objects live that it names; empty: any
     */
    Traits traits(RequestScan asked, Caller caller, String endUser, long inputTokens, String pinned) {
        String conversation = asked.conversation();
        return new Traits(
                inputTokens,
                asked.outputLimit(),
                asked.stream(),
                asked.tools(),
                asked.images(),
                asked.audio(),
                asked.schema(),
                asked.sampling(),
                told(asked.effort()),
                told(asked.serviceTier()),
                tag,
                complexity,
                accuracy,
                sensitivity,
                caller.organizationId(),
                caller.projectId(),
                caller.project(),
                caller.keyId(),
                caller.kind() == KeyKind.TEST,
                caller.environment(),
                endUser,
                conversation.isEmpty() ? asked.previousResponse() : conversation,
                asked.promptCacheKey(),
                caller.regions(),
                pinned,
                endpoint(asked.kind()));
    }

    /** As the catalogue names it. */
    private static String endpoint(Endpoint.Kind kind) {
        return switch (kind) {
            case CHAT -> "chat";
            case RESPONSES -> "responses";
            case COMPLETIONS -> "completions";
            case IMAGES -> "images";
            case SPEECH -> "speech";
            case TRANSCRIPTION -> "transcriptions";
            case EMBEDDINGS -> "embeddings";
            case MODELS, PLAIN -> "";
        };
    }

    private static String told(@Nullable String text) {
        return text == null ? "" : text;
    }

    private static @Nullable Complexity level(String word) {
        return switch (word.toLowerCase(Locale.ROOT)) {
            case "routine" -> Complexity.ROUTINE;
            case "standard" -> Complexity.STANDARD;
            case "complex" -> Complexity.COMPLEX;
            case "critical" -> Complexity.CRITICAL;
            default -> null;
        };
    }

    /**
     * A label, and where it stands.
     *
     * @param at the header field or the member
     */
    private record Said(String at, String text) {
        /** The field where it says something, else the member; null where neither does. */
        static @Nullable Said of(String field, Headers headers, String member, String inBody) {
            String header = headers.get(field);
            if (header != null && !header.isBlank()) {
                return new Said(field, header.strip());
            }
            return inBody.isBlank() ? null : new Said(member, inBody.strip());
        }

        boolean isLabel() {
            return text.length() <= MAX_LABEL && text.chars().noneMatch(Character::isISOControl);
        }

        Wrong wrong(String expected) {
            String shown = text.length() > MAX_LABEL ? text.substring(0, MAX_LABEL) + "…" : text;
            return new Wrong(
                    new Refusal.BadBody("'" + at + "' is '" + shown + "': " + expected + ".", at, "invalid_value"));
        }
    }
}
