package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** Upstreams with several addresses: those that live, those that refuse, those that are silent, those that come and go. */
class SpreadTest {
    private static final String OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    private final Loops loops = Loops.start(2, new Random(1));
    private final List<AutoCloseable> open = new ArrayList<>();
    private final AtomicLong now = new AtomicLong(System.nanoTime());
    private volatile List<InetAddress> addresses = List.of();

    @AfterEach
    void stop() throws Exception {
        loops.close();
        for (AutoCloseable each : open) {
            each.close();
        }
    }

    private static InetAddress local(int last) throws IOException {
        return InetAddress.getByAddress(new byte[] {127, 0, 0, (byte) last});
    }

    /** Servers on one port of several addresses; other systems than Linux have no such addresses. */
    private List<RawServer> servers(RawServer.Script script, int... lasts) throws IOException {
        List<RawServer> servers = new ArrayList<>();
        int port = 0;
        for (int last : lasts) {
            RawServer server;
            try {
                server = new RawServer(script, port, 50, local(last));
            } catch (BindException e) {
                Assumptions.abort("no address 127.0.0." + last + " here, or the port is taken there: " + e);
                throw e;
            }
            servers.add(server);
            open.add(server);
            port = server.port();
        }
        return servers;
    }

    private static RawServer.Script always(String answer) {
        return (connection, number) -> {
            while (connection.readRequest() != null) {
                connection.send(answer);
            }
        };
    }

    private Clients clients(int port, Duration connect, int connections) {
        ClientSettings settings = new ClientSettings(
                "test",
                "upstream.test",
                port,
                false,
                ClientSettings.Version.HTTP_1_1,
                connect,
                Duration.ofSeconds(60),
                connections,
                Duration.ofSeconds(5),
                100,
                true);
        return loops.connect(settings, host -> addresses.toArray(new InetAddress[0]), now::get);
    }

    private Heard get(Clients clients, int loop) {
        Heard heard = new Heard();
        Loop on = loops.all().get(loop);
        on.run(() -> clients.on(on).send("GET", "/", Headers.empty(), 0, heard));
        return heard;
    }

    /** An address whose kernel answers nobody: the backlog is full. */
    private void silent(int port, int last) throws IOException {
        ServerSocket full = new ServerSocket(port, 1, local(last));
        open.add(full);
        for (int i = 0; i < 4; i++) {
            Socket socket = new Socket();
            open.add(socket);
            Thread.ofVirtual().start(() -> {
                try {
                    socket.connect(new InetSocketAddress(local(last), port));
                } catch (IOException e) {
                    return; // closed by the test
                }
            });
        }
        await().pollDelay(Duration.ofMillis(100)).until(() -> true);
    }

    @Test
    void connectionsSpreadOverAllAddresses() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        List<RawServer> servers = servers(
                (connection, number) -> {
                    connection.readRequest();
                    go.await();
                    connection.send(OK);
                },
                2,
                3,
                4);
        addresses = List.of(local(2), local(3), local(4));
        Clients clients = clients(servers.getFirst().port(), Duration.ofSeconds(5), 100);
        List<Heard> all = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            all.add(get(clients, i % 2));
        }
        await().until(() ->
                servers.stream().mapToInt(each -> each.connections.size()).sum() == 30);
        go.countDown();
        for (Heard heard : all) {
            assertThat(heard.await().status).isEqualTo(200);
        }
        assertThat(servers).allSatisfy(each -> assertThat(each.connections).hasSize(10));
    }

    @Test
    void anAddressThatRefusesCostsNothingAndIsLeft() throws Exception {
        List<RawServer> servers = servers(always(OK + ""), 2);
        addresses = List.of(local(9), local(2), local(10));
        Clients clients = clients(servers.getFirst().port(), Duration.ofSeconds(5), 100);
        long start = System.nanoTime();
        List<Heard> all = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            all.add(get(clients, i % 2));
        }
        for (Heard heard : all) {
            assertThat(heard.await().status).as(heard.detail()).isEqualTo(200);
        }
        assertThat(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start)).isLessThan(3_000);
    }

    @Test
    void aSilentAddressCostsAQuarterOfASecondOnce() throws Exception {
        List<RawServer> servers = servers(
                (connection, number) -> {
                    connection.readRequest();
                    connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
                    connection.socket.close();
                },
                3);
        int port = servers.getFirst().port();
        silent(port, 5);
        addresses = List.of(local(5), local(3));
        Clients clients = clients(port, Duration.ofSeconds(20), 100);
        long start = System.nanoTime();
        assertThat(get(clients, 0).await().status).isEqualTo(200);
        long first = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        assertThat(first).isBetween(240L, 3_000L);
        start = System.nanoTime();
        for (int i = 0; i < 10; i++) {
            assertThat(get(clients, i % 2).await().status).isEqualTo(200);
        }
        // Were it asked each second time, five of these would wait.
        assertThat(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start)).isLessThan(1_000);
        await().until(() -> clients.open() == 0);
    }

    @Test
    void whereAllAreSilentTheConnectTimeoutHoldsAndNamesThem() throws Exception {
        List<RawServer> servers = servers(always(OK), 3);
        int port = servers.getFirst().port();
        silent(port, 5);
        silent(port, 6);
        addresses = List.of(local(5), local(6));
        Clients clients = clients(port, Duration.ofMillis(700), 100);
        Heard heard = get(clients, 0).await();
        assertThat(heard.kind()).isEqualTo(Fault.Kind.CONNECT_TIMEOUT);
        assertThat(heard.detail()).contains("127.0.0.5", "127.0.0.6", "700 ms");
        await().until(() -> clients.open() == 0);
    }

    @Test
    void anAddressThatClosesBeforeTlsIsFollowedByTheNext() throws Exception {
        // Plain bytes stand for TLS here: what matters is that both addresses are asked.
        List<RawServer> servers = servers((connection, number) -> connection.socket.close(), 2, 3);
        addresses = List.of(local(2), local(3));
        ClientSettings settings = new ClientSettings(
                "test",
                "upstream.test",
                servers.getFirst().port(),
                true,
                ClientSettings.Version.AUTO,
                Duration.ofSeconds(5),
                Duration.ofSeconds(60),
                10,
                Duration.ofSeconds(5),
                10,
                true);
        Clients clients = loops.connect(settings, host -> addresses.toArray(new InetAddress[0]), now::get);
        assertThat(get(clients, 0).await().kind()).isEqualTo(Fault.Kind.TLS);
        assertThat(servers).allSatisfy(each -> assertThat(each.connections).hasSize(1));
        await().until(() -> clients.open() == 0);
    }

    @Test
    void connectionsMoveToTheNewAddressAMinuteAfterTheOldOneIsGone() throws Exception {
        BlockingQueue<String> busyOne = new LinkedBlockingQueue<>();
        CountDownLatch go = new CountDownLatch(1);
        List<RawServer> servers = servers(
                (connection, number) -> {
                    for (String request = connection.readRequest();
                            request != null;
                            request = connection.readRequest()) {
                        if (number == 2) {
                            busyOne.add("busy");
                            go.await();
                        }
                        connection.send(OK);
                    }
                },
                2,
                3);
        RawServer old = servers.get(0);
        RawServer young = servers.get(1);
        addresses = List.of(local(2));
        Clients clients = clients(old.port(), Duration.ofSeconds(5), 10);
        assertThat(get(clients, 0).await().status).isEqualTo(200);
        Heard busy = get(clients, 1);
        Heard other = get(clients, 0);
        // Two connections to the old address; one of them stays busy.
        assertThat(busyOne.poll(5, TimeUnit.SECONDS)).isNotNull();
        assertThat(other.await().status).isEqualTo(200);
        assertThat(old.connections).hasSize(2);

        addresses = List.of(local(3));
        for (int i = 0; i < 13; i++) {
            now.addAndGet(TimeUnit.MILLISECONDS.toNanos(5_100));
            int asked = i;
            await().pollDelay(Duration.ofMillis(60)).until(() -> asked >= 0);
        }
        await().until(() -> clients.open() == 1);
        assertThat(get(clients, 0).await().status).isEqualTo(200);
        assertThat(young.connections).hasSize(1);
        assertThat(busy.over).isNotDone();
        go.countDown();
        assertThat(busy.await().order).as("a call under way is not cut").isEqualTo("rhpe");
        await().until(() -> clients.open() == 1);
        assertThat(old.connections).hasSize(2);
    }

    @Test
    void anUpstreamAtAnIpv6AddressIsReachedAndNamedAsSuch() throws Exception {
        BlockingQueue<String> requests = new LinkedBlockingQueue<>();
        RawServer server;
        try {
            server = new RawServer(
                    (connection, number) -> {
                        requests.add(String.valueOf(connection.readRequest()));
                        connection.send(OK);
                    },
                    0,
                    50,
                    InetAddress.ofLiteral("::1"));
        } catch (IOException e) {
            Assumptions.abort("no IPv6 here: " + e);
            throw e;
        }
        open.add(server);
        for (boolean named : new boolean[] {false, true}) {
            addresses = List.of(InetAddress.ofLiteral("::1"));
            Clients clients = named
                    ? clients(server.port(), Duration.ofSeconds(5), 10)
                    : loops.connect(new ClientSettings(
                            "test",
                            "::1",
                            server.port(),
                            false,
                            ClientSettings.Version.AUTO,
                            Duration.ofSeconds(5),
                            Duration.ofSeconds(60),
                            10,
                            Duration.ofSeconds(5),
                            10,
                            true));
            Heard heard = get(clients, 0).await();
            assertThat(heard.status).as(heard.detail()).isEqualTo(200);
            assertThat(requests.poll(5, TimeUnit.SECONDS))
                    .containsIgnoringCase(
                            "host: " + (named ? "upstream.test" : "[::1]") + ":" + server.port() + "\r\n");
        }
    }
}
