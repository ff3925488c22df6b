package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Usage;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the taps of all streams share: they tell what their {@link Reading} has read. */
abstract class ReadingTap implements StreamTap {
    final Reading reading = new Reading();
    private final Endpoint.Kind kind;

    ReadingTap(Endpoint.Kind kind) {
        this.kind = kind;
    }

    final Endpoint.Kind kind() {
        return kind;
    }

    @Override
    public @Nullable Usage usage() {
        return reading.usage(kind);
    }

    @Override
    public @Nullable String objectId() {
        return reading.value(Reading.ID);
    }

    @Override
    public final List<Made> alsoMade() {
        return reading.made();
    }

    @Override
    public final @Nullable String model() {
        return reading.value(Reading.MODEL);
    }

    @Override
    public final @Nullable String serviceTier() {
        return reading.value(Reading.TIER);
    }

    @Override
    public final String finish() {
        return reading.finishReason();
    }

    @Override
    public final CharSequence text() {
        return reading.text();
    }

    @Override
    public final long textBytes() {
        return reading.text().counted();
    }
}
