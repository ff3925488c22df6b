package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Usage;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads an answer in one piece while its bytes go by, cut anywhere, and keeps none of them but the generated text. One per
 * attempt, used by one thread at a time.
 */
public final class UnaryTap {
    private final Endpoint endpoint;
    private final Reading reading = new Reading();
    private final boolean json;
    private boolean bad;
    private boolean ended;
    private boolean object;

    UnaryTap(Endpoint endpoint) {
        this.endpoint = endpoint;
        this.json = switch (endpoint.kind()) {
            case CHAT, RESPONSES, COMPLETIONS, EMBEDDINGS, IMAGES, MODELS -> true;
            case SPEECH, TRANSCRIPTION, PLAIN -> false;
        };
        reading.keepText(endpoint.kind() == Endpoint.Kind.TRANSCRIPTION);
    }

    /** Takes the next bytes. */
    public void piece(Bytes piece) {
        if (!bad) {
            bad = !reading.piece(piece);
        }
    }

    /** The answer is whole as HTTP tells it. */
    public void end() {
        ended = true;
        object = !bad && reading.end();
    }

    /** Whether the answer is whole: ended, and a JSON object where the endpoint answers with one. */
    public boolean finished() {
        return ended && (object || !json);
    }

    /** Whether the upstream said that it failed: an error envelope, or a response whose status is {@code failed}. */
    public boolean failed() {
        return reading.error()
                || (endpoint.kind() == Endpoint.Kind.RESPONSES && "failed".equals(reading.value(Reading.STATUS)));
    }

    /** What the upstream said it used, or null. */
    public @Nullable Usage usage() {
        Usage told = reading.usage(endpoint.kind());
        return endpoint.kind() == Endpoint.Kind.IMAGES ? withPictures(told, reading.pictures()) : told;
    }

    /** Pictures are counted whether or not tokens were told of them; without tokens the rest is this gateway's guess. */
    static @Nullable Usage withPictures(@Nullable Usage told, int pictures) {
        if (pictures == 0) {
            return told;
        }
        long count = Math.min(pictures, Usage.MOST_PIECES);
        return told == null
                ? new Usage.Builder().images(count).estimated(true).build()
                : told.toBuilder().images(count).build();
    }

    /** The id of what the endpoint makes (of an upload completed: the file's), else the answer's own; null if none. */
    public @Nullable String objectId() {
        if (endpoint.makes() == ObjectKind.FILE && endpoint.names().contains(ObjectKind.UPLOAD)) {
            return reading.value(Reading.FILE);
        }
        return reading.value(Reading.ID);
    }

    /**
     * Objects that came to be besides the one of {@link #objectId}: a batch's result files, a response's output items and
     * containers, what a chat said aloud, the items that a conversation or a response's input holds. Also told by a later
     * answer that reads the same object.
     */
    public List<Made> alsoMade() {
        boolean batch = endpoint.makes() == ObjectKind.BATCH || endpoint.names().contains(ObjectKind.BATCH);
        if (!batch) {
            return switch (endpoint.kind()) {
                case CHAT, RESPONSES -> reading.made();
                // Items of input get their ids from the provider, which tells them only where they are listed.
                case PLAIN -> endpoint.path().endsWith("items") ? reading.made() : List.of();
                case COMPLETIONS, IMAGES, SPEECH, TRANSCRIPTION, EMBEDDINGS, MODELS -> List.of();
            };
        }
        List<Made> made = new ArrayList<>(2);
        for (int which : new int[] {Reading.OUTPUT_FILE, Reading.ERROR_FILE}) {
            String id = reading.value(which);
            if (id != null) {
                made.add(new Made(ObjectKind.FILE, id));
            }
        }
        return made;
    }

    /** The model that answered, as the upstream calls it; null if it did not say. */
    public @Nullable String model() {
        return reading.value(Reading.MODEL);
    }

    /** The service tier really used; null if the answer did not say. */
    public @Nullable String serviceTier() {
        return reading.value(Reading.TIER);
    }

    /** Why the answer ended: the finish reason told last, or a response's status; empty if it did not say. */
    public String finish() {
        return reading.finishReason();
    }

    /** What was generated: text, reasoning, tool arguments; at most {@link StreamTap#TEXT_BOUND} bytes. */
    public CharSequence text() {
        return reading.text();
    }

    /** UTF-8 bytes generated, also those beyond {@link StreamTap#TEXT_BOUND}. */
    public long textBytes() {
        return reading.text().counted();
    }
}
