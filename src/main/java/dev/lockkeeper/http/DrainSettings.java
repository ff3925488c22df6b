package dev.lockkeeper.http;

import java.time.Duration;

/**
 * How clients are let go when the process is told to stop.
 *
 * @param delay how long new connections and calls are still taken, so that load balancers notice first
 * @param within how long the calls under way may take after that
 */
public record DrainSettings(Duration delay, Duration within) {
    /** The defaults. */
    public static final DrainSettings USUAL = new DrainSettings(Duration.ofSeconds(1), Duration.ofSeconds(30));
}
