package dev.lockkeeper.testing;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/**
 * A forward proxy that tunnels ({@code CONNECT}) or hands requests on, to one upstream on this machine whatever is asked
 * for; or misbehaves as a test says.
 */
public final class ForwardProxy implements AutoCloseable {
    /** What a proxy says instead of doing its part that never answers. */
    public static final String SILENCE = "\0silence";

    private static final int MAX_HEAD = 64 << 10;

    /** The heads of all that was asked, in order. */
    public final List<String> asked = new CopyOnWriteArrayList<>();

    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final ServerSocket listening;
    private final InetAddress upstream;
    private final Function<String, @Nullable String> instead;

    private ForwardProxy(ServerSocket listening, InetAddress upstream, Function<String, @Nullable String> instead) {
        this.listening = listening;
        this.upstream = upstream;
        this.instead = instead;
        Thread.ofVirtual().start(this::accept);
    }

    /** One that does what it is asked. */
    public static ForwardProxy start() throws IOException {
        return start(head -> null);
    }

    /** @param instead from the head of a request to what is answered instead of the real thing; null for nothing */
    public static ForwardProxy start(Function<String, @Nullable String> instead) throws IOException {
        InetAddress here = InetAddress.getLoopbackAddress();
        return new ForwardProxy(new ServerSocket(0, 50, here), here, instead);
    }

    /** One that is spoken to over TLS. */
    public static ForwardProxy overTls(Pem identity) throws IOException {
        InetAddress here = InetAddress.getLoopbackAddress();
        ServerSocket listening =
                context(identity, null).getServerSocketFactory().createServerSocket(0, 50, here);
        return new ForwardProxy(listening, here, head -> null);
    }

    /** One that wants to be signed in to. */
    public static ForwardProxy wanting(String authorization) throws IOException {
        return start(head -> head.contains("\r\nProxy-Authorization: " + authorization + "\r\n")
                        || head.contains("\r\nproxy-authorization: " + authorization + "\r\n")
                ? null
                : "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
                        + "Content-Length: 0\r\n\r\n");
    }

    /** TLS with this identity that trusts that certificate of the other side, or the JDK's. */
    public static SSLContext context(@Nullable Pem identity, @Nullable Pem trusted) {
        try {
            KeyStore mine = KeyStore.getInstance("PKCS12");
            mine.load(null, null);
            if (identity != null) {
                String key = identity.key().replaceAll("-----[A-Z ]+-----", "");
                mine.setKeyEntry(
                        "me",
                        KeyFactory.getInstance(identity.x509().getPublicKey().getAlgorithm())
                                .generatePrivate(new PKCS8EncodedKeySpec(
                                        Base64.getMimeDecoder().decode(key))),
                        new char[0],
                        new Certificate[] {identity.x509()});
            }
            KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            keys.init(mine, new char[0]);
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            if (trusted == null) {
                trust.init((KeyStore) null);
            } else {
                KeyStore others = KeyStore.getInstance("PKCS12");
                others.load(null, null);
                others.setCertificateEntry("other", trusted.x509());
                trust.init(others);
            }
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
            return context;
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    public int port() {
        return listening.getLocalPort();
    }

    private void accept() {
        while (!listening.isClosed()) {
            try {
                Socket socket = listening.accept();
                sockets.add(socket);
                Thread.ofVirtual().start(() -> serve(socket));
            } catch (IOException e) {
                return; // closed
            }
        }
    }

    private void serve(Socket client) {
        try (client) {
            String head = head(client.getInputStream());
            asked.add(head);
            String other = instead.apply(head);
            if (other != null) {
                if (other.equals(SILENCE)) {
                    client.getInputStream().transferTo(OutputStream.nullOutputStream());
                } else {
                    client.getOutputStream().write(other.getBytes(StandardCharsets.ISO_8859_1));
                    client.getOutputStream().flush();
                    client.shutdownOutput();
                    client.getInputStream().transferTo(OutputStream.nullOutputStream());
                }
                return;
            }
            String[] line = head.substring(0, head.indexOf("\r\n")).split(" ", -1);
            boolean tunnel = line[0].equals("CONNECT");
            int port = Integer.parseInt(
                    tunnel
                            ? line[1].substring(line[1].lastIndexOf(':') + 1)
                            : Integer.toString(URI.create(line[1]).getPort()));
            try (Socket server = new Socket(upstream, port)) {
                sockets.add(server);
                Thread back = Thread.ofVirtual().start(() -> pipe(server, client));
                InputStream first;
                if (tunnel) {
                    client.getOutputStream()
                            .write("HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n"
                                    .getBytes(StandardCharsets.ISO_8859_1));
                    client.getOutputStream().flush();
                    first = InputStream.nullInputStream();
                } else {
                    first = new ByteArrayInputStream((line[0] + " "
                                    + URI.create(line[1]).getRawPath() + head.substring(head.indexOf(" HTTP/1.1")))
                            .getBytes(StandardCharsets.ISO_8859_1));
                }
                first.transferTo(server.getOutputStream());
                client.getInputStream().transferTo(server.getOutputStream());
                server.shutdownOutput();
                back.join();
            }
        } catch (IOException e) {
            return; // one of the two went away
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void pipe(Socket from, Socket to) {
        try {
            from.getInputStream().transferTo(to.getOutputStream());
            to.close();
        } catch (IOException e) {
            return; // one of the two went away
        }
    }

    private static String head(InputStream in) throws IOException {
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        while (!read.toString(StandardCharsets.ISO_8859_1).endsWith("\r\n\r\n")) {
            int next = in.read();
            if (next < 0 || read.size() > MAX_HEAD) {
                throw new IOException("no head: " + read);
            }
            read.write(next);
        }
        return read.toString(StandardCharsets.ISO_8859_1);
    }

    @Override
    public void close() throws IOException {
        listening.close();
        for (Socket each : sockets) {
            each.close();
        }
    }
}
