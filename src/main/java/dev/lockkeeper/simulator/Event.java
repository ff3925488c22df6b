package dev.lockkeeper.simulator;

import dev.lockkeeper.units.Bytes;
import org.jspecify.annotations.Nullable;

/**
 * A server-sent event to come.
 *
 * @param name the frame's {@code event} line; null for none
 * @param role what it is for the stream
 * @param paced whether it waits for the pace: a token does, what frames it does not
 * @param data makes the frame's data from the event's place in the stream
 */
record Event(@Nullable String name, Role role, boolean paced, Data data) {
    /** What an event is for its stream. */
    enum Role {
        ORDINARY,
        /** Tells a finish reason, or is the terminal event. */
        FINISH,
        USAGE,
        DONE
    }

    /** Makes an event's data when it is sent, so that a long stream is not kept in memory as bytes. */
    @FunctionalInterface
    interface Data {
        String at(int sequence);
    }

    static Event token(Data data) {
        return new Event(null, Role.ORDINARY, true, data);
    }

    static Event named(String name, Role role, Data data) {
        return new Event(name, role, false, data);
    }

    Bytes frame(int sequence) {
        String written = data.at(sequence);
        StringBuilder frame = new StringBuilder(written.length() + 64);
        if (name != null) {
            frame.append("event: ").append(name).append('\n');
        }
        return Bytes.utf8(frame.append("data: ").append(written).append("\n\n").toString());
    }
}
