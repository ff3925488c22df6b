package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import java.util.List;

/**
 * A request's body as the upstream gets it.
 *
 * @param pieces the bytes in order: runs of the client's own body, and what was put between them
 * @param length bytes in all
 * @param warnings what was changed but for the model's name and {@code include_usage}, one short phrase each
 */
public record Rewritten(List<Bytes> pieces, long length, List<String> warnings) {
    public Rewritten {
        pieces = List.copyOf(pieces);
        warnings = List.copyOf(warnings);
    }
}
