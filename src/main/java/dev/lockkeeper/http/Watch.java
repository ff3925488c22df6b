package dev.lockkeeper.http;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The connections of one server on one loop, looked at in turn for what takes too long. On its loop only. */
final class Watch {
    private static final long LONGEST_PAUSE_MILLIS = 500;
    private static final int LOOKS_PER_TIMEOUT = 8;

    /** Idle connections closed in one round: 20,000 take less than two seconds. */
    private static final int FAREWELLS_PER_ROUND = 256;

    final EventLoop loop;
    private final int ticksPerLook;
    private final List<ServerConnection> connections = new ArrayList<>();
    private final Map<ServerConnection, Integer> places = new HashMap<>();
    private int ticks;
    private int farewells;
    private Loop.@Nullable Subscription ticking;

    /** Whether clients are asked to come back on another connection. */
    private boolean leaving;

    /** Whether connections end as soon as nothing is under way on them. */
    private boolean closing;

    private long closingSinceNanos;

    private String date = "";
    private long dateNanos;

    Watch(EventLoop loop, ServerSettings settings) {
        this.loop = loop;
        Duration shortest = settings.headTimeout().compareTo(settings.keepAlive()) < 0
                ? settings.headTimeout()
                : settings.keepAlive();
        long pause = Math.min(shortest.toMillis() / LOOKS_PER_TIMEOUT, LONGEST_PAUSE_MILLIS);
        this.ticksPerLook = (int) Math.max(1, pause / Loop.TICK_MILLIS);
    }

    void add(ServerConnection connection) {
        if (places.putIfAbsent(connection, connections.size()) == null) {
            connections.add(connection);
        }
        if (ticking == null) {
            ticking = loop.everyTick(this::tick);
        }
    }

    void remove(ServerConnection connection) {
        Integer place = places.remove(connection);
        if (place != null) {
            ServerConnection last = connections.removeLast();
            if (!last.equals(connection)) {
                connections.set(place, last);
                places.put(last, place);
            }
        }
    }

    /** From now on answers ask clients to go; open HTTP/2 connections are told so. */
    void leave() {
        leaving = true;
        List.copyOf(connections).forEach(ServerConnection::turnAway);
    }

    /** From now on connections end as soon as nothing is under way on them. */
    void close() {
        leaving = true;
        closing = true;
        closingSinceNanos = System.nanoTime();
    }

    boolean leaving() {
        return leaving;
    }

    boolean closing() {
        return closing;
    }

    /** How long {@link #close} has been in force. */
    long closingNanos(long now) {
        return now - closingSinceNanos;
    }

    /**
     * Whether an idle connection may be closed in this round. Between the last look at a socket and its farewell a request
     * may arrive, which is then lost: so only a few are closed at once, right after the loop has read what was there.
     */
    boolean mayFarewell() {
        return farewells++ < FAREWELLS_PER_ROUND;
    }

    private void tick(long now) {
        farewells = 0;
        if (++ticks < ticksPerLook && !closing) {
            return;
        }
        ticks = 0;
        for (int i = connections.size() - 1; i >= 0; i--) {
            if (i < connections.size()) {
                connections.get(i).check(now);
            }
        }
        if (connections.isEmpty() && ticking != null) {
            ticking.close();
            ticking = null;
        }
    }

    /** The time as HTTP writes it, at most a second old. */
    String date() {
        long now = System.nanoTime();
        if (date.isEmpty() || now - dateNanos > TimeUnit.SECONDS.toNanos(1)) {
            dateNanos = now;
            date = DateTimeFormatter.RFC_1123_DATE_TIME.format(
                    Instant.ofEpochMilli(System.currentTimeMillis()).atOffset(ZoneOffset.UTC));
        }
        return date;
    }
}
