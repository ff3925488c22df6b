package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Usage;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads the stream of a target that goes on with another one's answer, and makes its events those of the stream that the
 * client has: the same ids, numbers without a gap, the joined text where the whole text is told, nothing twice. It is driven
 * as the tap of that target's stream. What {@link #outgoing} gives may be several events.
 *
 * <p>The model, the finish reason and the fingerprint are those of the target. What the tap tells of itself ({@link #usage},
 * {@link #text}, {@link #textBytes}) is of the target's attempt alone, so that it is billed for what it made.
 *
 * <p>A target whose answer does not go on with what was delivered has the verdict {@link StreamTap.Verdict#BROKEN}, and
 * {@link #mismatch} says why. One per attempt, used by one thread at a time.
 */
public abstract class Continuation implements StreamTap {
    static final JsonMapper MAPPER = ResponseState.MAPPER;

    final StreamTap target;
    final boolean usageAsked;
    final Joint joint;
    private final @Nullable UnaryOperator<Usage> usageTold;
    private @Nullable String mismatch;
    private @Nullable Bytes out;

    Continuation(StreamTap target, boolean usageAsked, Joint joint, @Nullable UnaryOperator<Usage> usageTold) {
        this.target = target;
        this.usageAsked = usageAsked;
        this.joint = joint;
        this.usageTold = usageTold;
    }

    /**
     * A continuation.
     *
     * @param delivered what the client has
     * @param way what the target was asked for
     * @param endpoint of the call
     * @param scan of the client's request
     * @param usageTold what the client is told of usage, made from what the target told of its own; null: that
     */
    public static Continuation of(
            Delivered delivered,
            Way way,
            Endpoint endpoint,
            RequestScan scan,
            @Nullable UnaryOperator<Usage> usageTold) {
        StreamTap target = Taps.stream(endpoint, scan);
        return switch (delivered.kind) {
            case RESPONSES -> new ContinuedResponse(delivered, way, target, usageTold);
            case CHAT, COMPLETIONS, IMAGES, SPEECH, TRANSCRIPTION, EMBEDDINGS, MODELS, PLAIN ->
                new ContinuedChat(delivered, way, target, Boolean.TRUE.equals(scan.includeUsage()), usageTold);
        };
    }

    /** Why the target's answer does not go on with what was delivered, in a few words; null as long as it may. */
    public final @Nullable String mismatch() {
        return mismatch;
    }

    /** Makes the client's events of one of the target's; false: the two don't fit, and {@link #no} was told why. */
    abstract boolean made(@Nullable String name, ObjectNode event, StringBuilder frames);

    /** Makes what stands before the end marker, if anything. */
    abstract boolean marked(StringBuilder frames);

    @Override
    public final Verdict event(@Nullable String name, Bytes data) {
        out = null;
        if (mismatch != null) {
            return Verdict.BROKEN;
        }
        Verdict verdict = target.event(name, data);
        if (verdict == Verdict.BROKEN || verdict == Verdict.DROP) {
            return verdict;
        }
        StringBuilder frames = new StringBuilder(data.length() + 64);
        if (Marker.isDone(data)) {
            if (!marked(frames)) {
                return Verdict.BROKEN;
            }
            out = Bytes.utf8(frames.append("data: [DONE]\n\n").toString());
            return verdict;
        }
        JsonNode event;
        try {
            event = MAPPER.readTree(data.array(), data.offset(), data.length());
        } catch (JacksonException e) {
            // The walk of the tap is less strict than this.
            return broken();
        }
        if (!(event instanceof ObjectNode object)) {
            return broken();
        }
        if (!made(name, object, frames)) {
            return Verdict.BROKEN;
        }
        if (frames.isEmpty() && !target.failed()) {
            return Verdict.DROP;
        }
        if (!frames.isEmpty()) {
            out = Bytes.utf8(frames.toString());
        }
        return verdict;
    }

    private Verdict broken() {
        no("it sent an event that can't be read");
        return Verdict.BROKEN;
    }

    /** Notes that the two don't fit. */
    final boolean no(String why) {
        if (mismatch == null) {
            mismatch = why;
        }
        return false;
    }

    /** Whether the joint still holds; if not, why is noted. */
    final boolean fits() {
        String failure = joint.failure();
        return failure == null || no(failure);
    }

    @Override
    public final Bytes outgoing(Bytes raw) {
        Bytes made = out;
        return made == null ? raw : made;
    }

    /** The usage that the client is told; null: as it stands. */
    final @Nullable ObjectNode usageTold(boolean chat) {
        Usage used = target.usage();
        if (usageTold == null || used == null) {
            return null;
        }
        Usage told = usageTold.apply(used);
        ObjectNode usage = MAPPER.createObjectNode();
        usage.put(chat ? "prompt_tokens" : "input_tokens", told.input());
        usage.putObject(chat ? "prompt_tokens_details" : "input_tokens_details")
                .put("cached_tokens", told.cached())
                .put("cache_write_tokens", told.written());
        usage.put(chat ? "completion_tokens" : "output_tokens", told.output());
        ObjectNode output = usage.putObject(chat ? "completion_tokens_details" : "output_tokens_details")
                .put("reasoning_tokens", told.reasoningOutput());
        if (chat) {
            output.put("audio_tokens", told.audioOutput())
                    .put("accepted_prediction_tokens", told.acceptedOutput())
                    .put("rejected_prediction_tokens", told.rejectedOutput());
        }
        return usage.put("total_tokens", told.input() + told.output());
    }

    @Override
    public final boolean finished() {
        return mismatch == null && target.finished();
    }

    @Override
    public final boolean done() {
        return mismatch == null && target.done();
    }

    @Override
    public final boolean failed() {
        return target.failed();
    }

    @Override
    public final @Nullable Usage usage() {
        return target.usage();
    }

    @Override
    public final List<Made> alsoMade() {
        return target.alsoMade();
    }

    @Override
    public final @Nullable String model() {
        return target.model();
    }

    @Override
    public final @Nullable String serviceTier() {
        return target.serviceTier();
    }

    @Override
    public final String finish() {
        return target.finish();
    }

    @Override
    public final CharSequence text() {
        return target.text();
    }

    @Override
    public final long textBytes() {
        return target.textBytes();
    }
}
