package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import org.jspecify.annotations.Nullable;

/** Reads a stream of a response's events. */
final class ResponsesTap extends ReadingTap {
    /** Bytes of the response as it was created, kept to tell of its failure; a longer one is told of in short. */
    static final int SNAPSHOT_BOUND = 256 << 10;

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
        return terminal ? Verdict.HOLD : Verdict.PASS;
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
        return brokenEnding(code, message);
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
