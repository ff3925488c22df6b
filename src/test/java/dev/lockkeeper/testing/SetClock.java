package dev.lockkeeper.testing;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;

/** A clock that stands where it is set. Any thread. */
public final class SetClock extends Clock {
    private volatile Instant now;

    public SetClock(Instant now) {
        this.now = now;
    }

    /** @param millis since 1970 */
    public SetClock(long millis) {
        this(Instant.ofEpochMilli(millis));
    }

    /** @param millis since 1970 */
    public void set(long millis) {
        set(Instant.ofEpochMilli(millis));
    }

    public void set(Instant value) {
        now = value;
    }

    public void forward(Duration by) {
        now = now.plus(by);
    }

    @Override
    public ZoneId getZone() {
        return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
        return this;
    }

    @Override
    public Instant instant() {
        return now;
    }
}
