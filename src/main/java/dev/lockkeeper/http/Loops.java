package dev.lockkeeper.http;

import dev.lockkeeper.units.Bytes;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.internal.VertxInternal;
import io.vertx.core.transport.Transport;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;

/**
 * The event loops of the process, and what runs on them: servers and clients. Any thread may call, but none of the
 * loops themselves (the calls wait).
 */
public final class Loops implements AutoCloseable {
    /** How long closing, or the start of a server, may take. */
    static final int START_SECONDS = 30;

    private final Vertx vertx;
    private final WatchedTransport transport;
    private final List<EventLoop> loops;
    private final EventLoop apart;
    private final LoopWatch watch;
    private final Set<String> addresses = ConcurrentHashMap.newKeySet();
    private int servers;

    /** @param all the loops of calls, and as the last one the loop apart */
    private Loops(Vertx vertx, WatchedTransport transport, List<EventLoop> all) {
        this.vertx = vertx;
        this.transport = transport;
        this.loops = List.copyOf(all.subList(0, all.size() - 1));
        this.apart = all.getLast();
        this.watch = new LoopWatch(all);
    }

    /**
     * Starts event loops: on Linux's epoll where its library loads, on Java's own selectors otherwise. One more than asked
     * for, for servers that answer whatever the others do: see {@link #serveApart}.
     *
     * @param count how many; 0 for as many as there are cores
     * @param ids where request ids come from; used here only, to seed each loop's own source
     */
    public static Loops start(int count, RandomGenerator ids) {
        Addresses.lookUpAfresh();
        int wanted = wanted(count);
        Transport nativeOne = Transport.nativeTransport();
        WatchedTransport transport =
                new WatchedTransport(nativeOne != null && nativeOne.available() ? nativeOne : Transport.NIO);
        Vertx vertx = Vertx.builder()
                .with(new VertxOptions()
                        // It sees what Vert.x dispatches only; LoopWatch sees all that a loop does.
                        .setBlockedThreadCheckInterval(TimeUnit.DAYS.toMillis(3_650))
                        .setEventLoopPoolSize(wanted + 1)
                        .setFileSystemOptions(new FileSystemOptions()
                                .setClassPathResolvingEnabled(false)
                                .setFileCachingEnabled(false)))
                .withTransport(transport)
                .build();
        List<EventLoop> all = new ArrayList<>(wanted + 1);
        for (int i = 0; i <= wanted; i++) {
            all.add(new EventLoop(
                    i, ((VertxInternal) vertx).createEventLoopContext(), new SplittableRandom(ids.nextLong())));
        }
        return new Loops(vertx, transport, all);
    }

    /** How many loops of calls there will be, or are: one for each core where {@code count} is 0. */
    public static int wanted(int count) {
        return count > 0 ? count : Runtime.getRuntime().availableProcessors();
    }

    /** The loops of calls, by index. */
    public List<Loop> all() {
        return List.copyOf(loops);
    }

    /**
     * Listens on every loop; returns when the port is open.
     *
     * @param handler called for each request, on the loop of its connection
     * @param unreadable makes the answers to what is not a request
     * @throws PortTaken if the address can't be listened on
     */
    public Server serve(ServerSettings settings, Handler handler, Unreadable unreadable) {
        return serve(settings, handler, unreadable, loops);
    }

    /**
     * Listens on a loop that carries no calls: such a server answers while calls hold their loops up.
     *
     * @param handler called for each request, on that loop
     * @param unreadable makes the answers to what is not a request
     * @throws PortTaken if the address can't be listened on
     */
    public Server serveApart(ServerSettings settings, Handler handler, Unreadable unreadable) {
        return serve(settings, handler, unreadable, List.of(apart));
    }

    private synchronized Server serve(
            ServerSettings settings, Handler handler, Unreadable unreadable, List<EventLoop> on) {
        // Vert.x would share the port between two servers of the same process without a word.
        String address = settings.host() + ":" + settings.port();
        if (settings.port() != 0 && !addresses.add(address)) {
            throw new PortTaken(address, "another server of this process listens there", null);
        }
        return Server.listen(
                vertx, transport, on, settings, handler, unreadable, ++servers, () -> addresses.remove(address));
    }

    /** Prepares to call one provider. Connects on the first call. */
    public Clients connect(ClientSettings settings) {
        return connect(settings, Addresses.Source.SYSTEM, System::nanoTime);
    }

    /** The same with another source of addresses. */
    Clients connect(ClientSettings settings, Addresses.Source source) {
        return connect(settings, source, System::nanoTime);
    }

    /** The same with another clock for the addresses. */
    Clients connect(ClientSettings settings, Addresses.Source source, LongSupplier nanos) {
        return new Clients(vertx, loops, settings, source, nanos);
    }

    /** How often a loop was seen held up for longer than {@value LoopWatch#BLOCKED_MILLIS} ms. */
    public long timesHeldUp() {
        return watch.heldUp();
    }

    /** Closes servers, clients and loops at once. */
    @Override
    public void close() {
        watch.close();
        Waiting.forIt(vertx.close(), START_SECONDS, TimeUnit.SECONDS);
    }

    /** Is given each request. */
    @FunctionalInterface
    public interface Handler {
        /** Answers a request, now or later; on the request's loop. */
        void handle(Exchange exchange);

        /**
         * Answers a request on a connection beyond {@link ServerSettings#maxConnections}: says no. The connection closes
         * behind the answer.
         */
        default void beyond(Exchange exchange) {
            exchange.answer(503, Headers.empty().set("retry-after", "1"), Bytes.EMPTY);
        }
    }

    /** Says in the server's own voice why a request could not be read. */
    @FunctionalInterface
    public interface Unreadable {
        /**
         * The JSON body of such an answer.
         *
         * @param status 400, 408, 414 or 431
         * @param message what was wrong, for the client
         */
        Bytes body(int status, String message);
    }
}
