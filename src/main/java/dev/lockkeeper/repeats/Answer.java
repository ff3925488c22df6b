package dev.lockkeeper.repeats;

import dev.lockkeeper.units.Bytes;
import java.util.List;

/**
 * An answer as it was told, for telling it again.
 *
 * @param callId id of the call that it answered
 * @param status HTTP status
 * @param fields header fields in their order
 * @param body every byte
 */
public record Answer(String callId, int status, List<Field> fields, Bytes body) {
    public Answer {
        fields = List.copyOf(fields);
    }

    /** A header field. */
    public record Field(String name, String value) {}
}
