package dev.lockkeeper.http;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** An upstream that is nothing but sockets: each connection is given to a script on a thread of its own. */
final class RawServer implements AutoCloseable {
    /** What happens on one connection. */
    @FunctionalInterface
    interface Script {
        void run(RawConnection connection, int number) throws Exception;
    }

    final List<RawConnection> connections = new CopyOnWriteArrayList<>();
    private final ServerSocket listening;

    RawServer(Script script) throws IOException {
        this(script, 50);
    }

    RawServer(Script script, int backlog) throws IOException {
        this(script, 0, backlog, InetAddress.getLoopbackAddress());
    }

    RawServer(Script script, int port, int backlog, InetAddress address) throws IOException {
        listening = new ServerSocket(port, backlog, address);
        Thread.ofVirtual().start(() -> accept(script));
    }

    private void accept(Script script) {
        while (!listening.isClosed()) {
            try {
                Socket socket = listening.accept();
                socket.setTcpNoDelay(true);
                RawConnection connection = new RawConnection(socket);
                connections.add(connection);
                int number = connections.size();
                Thread.ofVirtual().start(() -> {
                    try {
                        script.run(connection, number);
                    } catch (Exception e) {
                        connection.failure = e;
                    }
                });
            } catch (IOException e) {
                return; // closed
            }
        }
    }

    int port() {
        return listening.getLocalPort();
    }

    @Override
    public void close() throws IOException {
        listening.close();
        for (RawConnection connection : connections) {
            connection.socket.close();
        }
    }
}
