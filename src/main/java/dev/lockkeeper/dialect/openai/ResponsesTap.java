package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads a stream of a response's events. */
final class ResponsesTap extends ReadingTap {
    /** Bytes of the response as it was created, kept to tell of its failure; a longer one is told of in short. */
    static final int SNAPSHOT_BOUND = 256 << 10;

    /** Bytes of the events that say how a response is built, kept to go on with it. */
    static final int FRAME_BOUND = 256 << 10;

    /** Events of that kind. */
    static final int MAX_FRAMES = 2_048;

    /** An event, and how much had been generated before it. */
    private record Frame(String type, Bytes data, long textTo) {}

    private final List<Frame> frames = new ArrayList<>();
    private int frameBytes;
    private long textTo;
    private long sequence = -1;
    private boolean begun;
    private @Nullable String unsound;
    private Bytes snapshot = Bytes.EMPTY;
    private boolean terminal;
    private boolean failed;

    ResponsesTap() {
        super(Endpoint.Kind.RESPONSES);
    }

    @Override
    public Verdict event(@Nullable String name, Bytes data) {
        if (Marker.isBlank(data)) {
            return Verdict.DROP;
        }
        if (Marker.isDone(data)) {
            return terminal ? Verdict.HOLD : failed ? Verdict.DROP : Verdict.BROKEN;
        }
        long before = reading.text().counted();
        reading.keepDelta(name == null || isText(name));
        if (!reading.event(data)) {
            return Verdict.BROKEN;
        }
        String type = reading.type();
        if (type == null) {
            type = name == null ? "" : name;
        }
        switch (type) {
            case "response.created", "response.queued", "response.in_progress" -> keepSnapshot(data);
            case "response.output_item.done" -> reading.itemDone();
            case "response.completed", "response.incomplete", "response.cancelled" -> terminal = true;
            case "response.failed" -> {
                terminal = true;
                failed = true;
            }
            case "error" -> failed = true;
            default -> failed |= reading.error() || "error".equals(name);
        }
        if (terminal) {
            return Verdict.HOLD;
        }
        if (!failed) {
            passes(type, data, before);
        }
        return Verdict.PASS;
    }

    /** The client will have this event, whatever comes next. */
    private void passes(String type, Bytes data, long before) {
        textTo = reading.text().counted();
        sequence = reading.sequence();
        begun = true;
        switch (type) {
            case "response.output_text.delta",
                    "response.reasoning_summary_text.delta",
                    "response.reasoning_text.delta" -> {}
            case "response.created",
                    "response.in_progress",
                    "response.output_item.added",
                    "response.output_item.done",
                    "response.content_part.added",
                    "response.reasoning_summary_part.added",
                    "response.reasoning_summary_part.done" -> frame(type, Bytes.of(data.toArray()), before);
            case "response.queued",
                    "response.output_text.done",
                    "response.reasoning_summary_text.done",
                    "response.reasoning_text.done",
                    "response.content_part.done" -> frame(type, Bytes.EMPTY, before);
            default -> lost(Delivering.MORE);
        }
    }

    private void lost(String why) {
        if (unsound == null) {
            unsound = why;
            frames.clear();
        }
    }

    private void frame(String type, Bytes data, long before) {
        frameBytes += data.length();
        if (frames.size() == MAX_FRAMES || frameBytes > FRAME_BOUND) {
            lost(Delivering.LONG);
        }
        if (unsound == null) {
            frames.add(new Frame(type, data, before));
        }
    }

    @Override
    public Delivered delivered() {
        if (unsound != null) {
            return Delivered.unsound(kind(), begun, unsound);
        }
        ResponseState state = new ResponseState();
        long from = 0;
        for (Frame each : frames) {
            if (!deltas(state, from, each.textTo)) {
                return Delivered.unsound(kind(), begun, Delivering.HALF);
            }
            from = each.textTo;
            if (each.data.length() == 0) {
                state.apply(each.type, ResponseState.MAPPER.createObjectNode());
            } else {
                state.take(each.type, each.data);
            }
        }
        if (!deltas(state, from, textTo)) {
            return Delivered.unsound(kind(), begun, textTo > TEXT_BOUND ? Delivering.LONG : Delivering.HALF);
        }
        state.told(sequence);
        if (begun && !state.created()) {
            return Delivered.unsound(kind(), true, Delivering.OTHER);
        }
        return Delivered.response(state);
    }

    private boolean deltas(ResponseState state, long from, long to) {
        if (to > from) {
            String piece = reading.text().part(from, to);
            if (piece == null) {
                return false;
            }
            state.delta(piece);
        }
        return true;
    }

    /** Deltas that a model generated; audio and what hosted tools print are not text of its own. */
    private static boolean isText(String type) {
        return switch (type) {
            case "response.output_text.delta",
                    "response.refusal.delta",
                    "response.reasoning_text.delta",
                    "response.reasoning.delta",
                    "response.reasoning_summary_text.delta",
                    "response.function_call_arguments.delta",
                    "response.custom_tool_call_input.delta",
                    "response.mcp_call_arguments.delta",
                    "response.code_interpreter_call_code.delta",
                    "response.shell_call_command.delta",
                    "response.audio.transcript.delta" -> true;
            default -> false;
        };
    }

    private void keepSnapshot(Bytes data) {
        int from = reading.responseFrom();
        int to = reading.responseTo();
        if (snapshot.length() == 0 && from >= 0 && to > from && to - from <= SNAPSHOT_BOUND) {
            snapshot = Bytes.of(data.slice(from, to).toArray());
        }
    }

    @Override
    public boolean finished() {
        return terminal;
    }

    @Override
    public boolean done() {
        return terminal;
    }

    @Override
    public boolean failed() {
        return failed;
    }

    /** Some clients wait for a terminal event whatever came before, and {@code error} is none. */
    @Override
    public Bytes afterError(String code, String message) {
        return terminal ? Bytes.EMPTY : brokenEnding(code, message);
    }

    @Override
    public Bytes closing() {
        return Bytes.EMPTY;
    }

    @Override
    public Bytes brokenEnding(String code, String message) {
        return FailedResponse.event(
                snapshot, objectId(), model(), reading.created(), reading.sequence() + 1, code, message);
    }
}
