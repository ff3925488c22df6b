package dev.lockkeeper.simulator;

import dev.lockkeeper.units.Bytes;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** What will be answered, and how the answer misbehaves. */
sealed interface Plan {
    /** How the answer misbehaves and at which pace it comes. */
    Controls controls();

    /**
     * An answer in one piece.
     *
     * @param generated whether a model made it: only then the settings' wait before the first byte applies
     */
    record Whole(
            int status,
            String contentType,
            Bytes body,
            Map<String, String> headers,
            boolean generated,
            Controls controls)
            implements Plan {
        @Override
        public Whole with(Controls other) {
            return new Whole(status, contentType, body, headers, generated, other);
        }
    }

    /**
     * An answer as server-sent events.
     *
     * @param events in order
     * @param from the first event to send, by its place
     * @param ending makes the event with which a Responses stream fails; null for other streams
     * @param stopped asked before each event: true ends the stream there
     */
    record Stream(List<Event> events, int from, @Nullable Ending ending, BooleanSupplier stopped, Controls controls)
            implements Plan {
        @Override
        public Stream with(Controls other) {
            return new Stream(events, from, ending, stopped, other);
        }
    }

    /** Makes the data of {@code response.failed}. */
    @FunctionalInterface
    interface Ending {
        String failed(int sequence);
    }

    /** The same with other controls. */
    Plan with(Controls other);

    static Whole json(JsonNode body) {
        return json(200, body);
    }

    static Whole json(int status, JsonNode body) {
        return new Whole(status, "application/json", Json.bytes(body), Map.of(), false, Controls.NONE);
    }

    static Whole generated(JsonNode body, Controls controls) {
        return new Whole(200, "application/json", Json.bytes(body), Map.of(), true, controls);
    }

    static Whole raw(String contentType, Bytes body, Controls controls) {
        return new Whole(200, contentType, body, Map.of(), true, controls);
    }

    static Stream stream(List<Event> events, Controls controls) {
        return new Stream(events, 0, null, () -> false, controls);
    }

    static Whole refused(Refused why) {
        return new Whole(why.status, "application/json", Json.bytes(why.envelope()), why.headers, false, Controls.NONE);
    }
}
