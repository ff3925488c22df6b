package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Usage;
import org.jspecify.annotations.Nullable;

/** Reads a stream of typed events whose last one is known by its type: images, speech, transcriptions. */
final class EventTap extends ReadingTap {
    private final int expected;
    private int completed;
    private int pictures;
    private boolean failed;
    private boolean marked;

    /**
     * @param kind what is streamed
     * @param expected how many final events come; 0: nothing is known of this stream, and all of it passes
     */
    EventTap(Endpoint.Kind kind, int expected) {
        super(kind);
        this.expected = expected;
    }

    @Override
    public Verdict event(@Nullable String name, Bytes data) {
        if (expected == 0) {
            return Verdict.PASS;
        }
        if (failed || Marker.isBlank(data)) {
            return Verdict.DROP;
        }
        if (Marker.isDone(data)) {
            marked = true;
            return finished() ? Verdict.HOLD : Verdict.BROKEN;
        }
        reading.keepDelta("transcript.text.delta".equals(name) || name == null);
        if (!reading.event(data)) {
            return Verdict.BROKEN;
        }
        String type = reading.type();
        if (reading.error() || "error".equals(name) || "error".equals(type)) {
            failed = true;
            return Verdict.PASS;
        }
        if (type == null) {
            type = name == null ? "" : name;
        }
        switch (type) {
            case "image_generation.completed", "image_edit.completed" -> {
                completed++;
                pictures++;
            }
            case "speech.audio.done", "transcript.text.done" -> completed++;
            default -> {}
        }
        return finished() ? Verdict.HOLD : Verdict.PASS;
    }

    @Override
    public @Nullable Usage usage() {
        return UnaryTap.withPictures(super.usage(), pictures);
    }

    @Override
    public boolean finished() {
        return !failed && completed >= expected;
    }

    @Override
    public boolean done() {
        return failed || marked || (expected > 0 && completed >= expected);
    }

    @Override
    public boolean failed() {
        return failed;
    }

    @Override
    public @Nullable String objectId() {
        return null;
    }

    @Override
    public Delivered delivered() {
        return Delivered.unsound(kind(), true, Delivering.OTHER);
    }

    @Override
    public Bytes closing() {
        return Bytes.EMPTY;
    }

    @Override
    public Bytes brokenEnding(String code, String message) {
        StringBuilder out = new StringBuilder(160 + message.length());
        out.append("event: error\ndata: {\"type\":\"error\",\"error\":");
        Errors.object(out, message, "server_error", null, code);
        return Bytes.utf8(out.append("}\n\n").toString());
    }
}
