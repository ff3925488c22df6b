package dev.lockkeeper.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/**
 * A way by TCP to a port of this machine that notes when each request went over it, and when it was over. What comes is
 * carried as it is; a reset stays one.
 */
final class WatchedWay implements AutoCloseable {
    private static final byte[] POST = "POST ".getBytes(StandardCharsets.US_ASCII);

    private final ServerSocket listening;
    private final Set<Socket> ends = ConcurrentHashMap.newKeySet();
    private final List<Passage> passages = new CopyOnWriteArrayList<>();
    private volatile int target;

    /** One request and what came back. Times are those of {@link System#nanoTime}. */
    static final class Passage {
        final long beganNanos = System.nanoTime();
        private volatile long endedNanos = beganNanos;

        /** When the last byte came back, or either side had enough. */
        long endedNanos() {
            return endedNanos;
        }
    }

    private final class Connection {
        private volatile @Nullable Passage last;

        /** Something came from this side, or this side is gone. */
        void seen(boolean asks, byte[] bytes, int length) {
            if (asks && length >= POST.length && Arrays.equals(bytes, 0, POST.length, POST, 0, POST.length)) {
                Passage begun = new Passage();
                last = begun;
                passages.add(begun);
            } else if (!asks || length < 0) {
                Passage under = last;
                if (under != null) {
                    under.endedNanos = System.nanoTime();
                }
            }
        }
    }

    WatchedWay(int target) {
        this.target = target;
        try {
            listening = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        Thread.ofVirtual().start(this::accept);
    }

    int port() {
        return listening.getLocalPort();
    }

    List<Passage> passages() {
        return passages;
    }

    /** Leads elsewhere from now on; what is under way is cut. */
    void lead(int to) {
        target = to;
        cut();
    }

    private void accept() {
        try {
            while (true) {
                Socket near = listening.accept();
                near.setTcpNoDelay(true);
                Socket far = new Socket(InetAddress.getLoopbackAddress(), target);
                far.setTcpNoDelay(true);
                ends.add(near);
                ends.add(far);
                Connection both = new Connection();
                Thread.ofVirtual().start(() -> carry(near, far, both, true));
                Thread.ofVirtual().start(() -> carry(far, near, both, false));
            }
        } catch (IOException closed) {
            cut();
        }
    }

    private void carry(Socket from, Socket to, Connection both, boolean asks) {
        byte[] bytes = new byte[16 << 10];
        boolean reset = false;
        try {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            for (int read = in.read(bytes); read >= 0; read = in.read(bytes)) {
                both.seen(asks, bytes, read);
                out.write(bytes, 0, read);
            }
        } catch (IOException gone) {
            reset = !from.isClosed() && !to.isClosed();
        }
        if (!from.isClosed()) {
            both.seen(asks, bytes, -1);
        }
        hangUp(to, reset);
        hangUp(from, false);
    }

    private void hangUp(Socket end, boolean reset) {
        try {
            if (reset) {
                end.setSoLinger(true, 0);
            }
            end.close();
        } catch (IOException gone) {
            // It is closed either way.
        }
        ends.remove(end);
    }

    private void cut() {
        ends.forEach(each -> hangUp(each, true));
    }

    @Override
    public void close() {
        try {
            listening.close();
        } catch (IOException gone) {
            // Nothing listens any more either way.
        }
        cut();
    }
}
