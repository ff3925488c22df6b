package dev.lockkeeper.testing;

import dev.lockkeeper.db.DatabaseSettings;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** A way by TCP to a port of this machine that can be cut and mended: nobody listens on a cut one. Made cut. */
public final class Cable implements AutoCloseable {
    private final int target;
    private final int port;
    private final Set<Socket> ends = ConcurrentHashMap.newKeySet();
    private @Nullable ServerSocket listening;

    public Cable(int target) {
        this.target = target;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            this.port = free.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Where it begins. */
    public int port() {
        return port;
    }

    public synchronized void mend() throws IOException {
        ServerSocket server = new ServerSocket();
        server.setReuseAddress(true);
        server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        listening = server;
        Thread.ofVirtual().start(() -> accept(server));
    }

    public synchronized void cut() throws IOException {
        if (listening != null) {
            listening.close();
        }
        for (Socket each : ends) {
            each.close();
        }
        ends.clear();
    }

    private void accept(ServerSocket server) {
        try {
            while (true) {
                Socket near = server.accept();
                ends.add(near);
                Socket far = new Socket(InetAddress.getLoopbackAddress(), target);
                ends.add(far);
                Thread.ofVirtual().start(() -> carry(near, far));
                Thread.ofVirtual().start(() -> carry(far, near));
            }
        } catch (IOException cut) {
            // That is what it is for.
        }
    }

    private static void carry(Socket from, Socket to) {
        try (from;
                to;
                InputStream in = from.getInputStream();
                OutputStream out = to.getOutputStream()) {
            in.transferTo(out);
        } catch (IOException cut) {
            // That is what it is for.
        }
    }

    /** A store's settings where it is reached through this, and its answers are waited for a second. */
    public DatabaseSettings.Postgres to(DatabaseSettings.Postgres direct) {
        return new DatabaseSettings.Postgres(
                List.of(new DatabaseSettings.Server("127.0.0.1", port())),
                direct.database(),
                direct.user(),
                direct.password(),
                direct.schema(),
                direct.connections(),
                Duration.ofSeconds(1),
                Duration.ZERO,
                direct.tls(),
                null);
    }

    @Override
    public void close() throws IOException {
        cut();
    }
}
