package dev.lockkeeper.testing;

import dev.lockkeeper.units.Bytes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * An upstream on a real socket that says, byte for byte and pause for pause, what a test wrote. One thread per connection;
 * each request is read whole, kept for the test to look at, and answered by the script.
 */
public final class ScriptedUpstream implements AutoCloseable {
    private final ServerSocket listening;
    private final Script script;
    private final List<Request> requests = new CopyOnWriteArrayList<>();
    private final CountDownLatch clientGone = new CountDownLatch(1);
    private final AtomicInteger connections = new AtomicInteger();

    /** What is done with one request. */
    @FunctionalInterface
    public interface Script {
        void answer(Request request, Conversation conversation) throws Exception;
    }

    /** A request as it came. */
    public record Request(String line, String head, Bytes body) {
        public String text() {
            return body.utf8();
        }

        /** The value of a header field, or an empty text. */
        public String field(String name) {
            for (String each : head.split("\r\n", -1)) {
                int colon = each.indexOf(':');
                if (colon > 0 && each.substring(0, colon).equalsIgnoreCase(name)) {
                    return each.substring(colon + 1).strip();
                }
            }
            return "";
        }
    }

    /** The connection while one request is answered. */
    public final class Conversation {
        private final Socket socket;
        private final OutputStream out;
        private final int served;
        private boolean closed;

        Conversation(Socket socket, int served) throws IOException {
            this.socket = socket;
            this.served = served;
            this.out = socket.getOutputStream();
        }

        /** How many requests were answered on this connection before. */
        public int served() {
            return served;
        }

        public void send(String text) throws IOException {
            send(text.getBytes(StandardCharsets.UTF_8));
        }

        public void send(byte[] bytes) throws IOException {
            out.write(bytes);
            out.flush();
        }

        public void json(int status, String body) throws IOException {
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            send("HTTP/1.1 " + status + " Status\r\ncontent-type: application/json\r\ncontent-length: " + bytes.length
                    + "\r\n\r\n");
            send(bytes);
        }

        /** The head of a stream whose end is the connection's end. */
        public void events() throws IOException {
            send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n");
        }

        /** The head of a chunked stream. */
        public void chunkedEvents() throws IOException {
            send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
        }

        public void chunk(String text) throws IOException {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            send(Integer.toHexString(bytes.length) + "\r\n" + text + "\r\n");
        }

        public void lastChunk() throws IOException {
            send("0\r\n\r\n");
        }

        /** Closes with a reset. */
        public void reset() throws IOException {
            socket.setSoLinger(true, 0);
            close();
        }

        public void close() throws IOException {
            closed = true;
            socket.close();
        }

        /** Blocks until the other side has closed; tells when that was. */
        public long awaitGone() throws IOException {
            InputStream in = socket.getInputStream();
            try {
                while (in.read() >= 0) {
                    // What else it sends doesn't matter here.
                }
            } catch (IOException reset) {
                // A reset is as gone as a close.
            }
            long when = System.nanoTime();
            clientGone.countDown();
            return when;
        }
    }

    private ScriptedUpstream(Script script) throws IOException {
        this.script = script;
        this.listening = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
        Thread.ofVirtual().start(this::accept);
    }

    public static ScriptedUpstream answering(Script script) {
        try {
            return new ScriptedUpstream(script);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    public int port() {
        return listening.getLocalPort();
    }

    public List<Request> requests() {
        return requests;
    }

    /** Whether a client that was waited for has gone, or goes within 10 s. */
    public boolean awaitClientGone() throws InterruptedException {
        return clientGone.await(10, TimeUnit.SECONDS);
    }

    /** Connections open now. */
    public int connections() {
        return connections.get();
    }

    private void accept() {
        while (!listening.isClosed()) {
            try {
                Socket socket = listening.accept();
                socket.setTcpNoDelay(true);
                Thread.ofVirtual().start(() -> serve(socket));
            } catch (IOException closed) {
                return;
            }
        }
    }

    private void serve(Socket socket) {
        connections.incrementAndGet();
        try (socket) {
            InputStream in = socket.getInputStream();
            int served = 0;
            while (true) {
                Request request = read(in);
                if (request == null) {
                    return;
                }
                requests.add(request);
                Conversation conversation = new Conversation(socket, served++);
                script.answer(request, conversation);
                if (conversation.closed || request.head().isEmpty()) {
                    return;
                }
            }
        } catch (Exception over) {
            // The other side went away, or the test is over.
        } finally {
            connections.decrementAndGet();
        }
    }

    private static @org.jspecify.annotations.Nullable Request read(InputStream in) throws IOException {
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        int matched = 0;
        while (matched < 4) {
            int next = in.read();
            if (next < 0) {
                return null;
            }
            head.write(next);
            matched = next == (matched % 2 == 0 ? '\r' : '\n') ? matched + 1 : next == '\r' ? 1 : 0;
        }
        String text = head.toString(StandardCharsets.ISO_8859_1);
        String lower = text.toLowerCase(Locale.ROOT);
        String line = text.substring(0, text.indexOf('\r'));
        byte[] body;
        if (lower.contains("transfer-encoding: chunked")) {
            body = chunked(in);
        } else {
            int at = lower.indexOf("content-length:");
            int length = at < 0
                    ? 0
                    : Integer.parseInt(
                            text.substring(at + 15, text.indexOf('\r', at)).strip());
            body = in.readNBytes(length);
        }
        return new Request(line, text, Bytes.of(body));
    }

    private static byte[] chunked(InputStream in) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        while (true) {
            StringBuilder size = new StringBuilder();
            for (int next = in.read(); next != '\n'; next = in.read()) {
                if (next < 0) {
                    throw new IOException("cut in a chunk's size");
                }
                size.append((char) next);
            }
            int length = Integer.parseInt(size.toString().strip(), 16);
            body.write(in.readNBytes(length));
            in.readNBytes(2);
            if (length == 0) {
                return body.toByteArray();
            }
        }
    }

    @Override
    public void close() {
        try {
            listening.close();
        } catch (IOException ignored) {
            // Nothing listens any more either way.
        }
    }
}
