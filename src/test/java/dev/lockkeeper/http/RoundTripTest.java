package dev.lockkeeper.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.units.Bytes;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Server and client of this room, talking to each other and to the JDK's client. */
class RoundTripTest {
    private final Loops loops = Loops.start(2, new Random(1));

    @AfterEach
    void stop() {
        loops.close();
    }

    private Server echo() {
        return loops.serve(
                ServerSettings.on("127.0.0.1", 0), RoundTripTest::echo, (status, message) -> Bytes.utf8("{}"));
    }

    /** Sends back what it reads, piece by piece. */
    private static void echo(Exchange exchange) {
        exchange.read(new Exchange.Intake() {
            @Override
            public void piece(Bytes piece) {
                if (!exchange.headSent()) {
                    exchange.head(200, Headers.empty().set("x-path", exchange.path()));
                }
                if (!exchange.write(piece)) {
                    exchange.pause();
                    exchange.onDrain(exchange::resume);
                }
            }

            @Override
            public void end() {
                if (!exchange.headSent()) {
                    exchange.head(200, Headers.empty().set("x-path", exchange.path()));
                }
                exchange.end();
            }

            @Override
            public void failed(Exchange.BodyFault why) {
                exchange.answer(400, Headers.empty(), Bytes.utf8(why.name()));
            }
        });
    }

    static ClientSettings to(int port, ClientSettings.Version version) {
        return new ClientSettings(
                "test",
                "127.0.0.1",
                port,
                false,
                version,
                Duration.ofSeconds(5),
                Duration.ofSeconds(60),
                10,
                Duration.ofSeconds(2),
                10,
                true);
    }

    @Test
    void aFetchGathersTheAnswer() throws Exception {
        Server server = echo();
        for (ClientSettings.Version version : ClientSettings.Version.values()) {
            Clients clients = loops.connect(to(server.port(), version));
            byte[] body = new byte[1 << 20];
            new Random(2).nextBytes(body);
            for (Loop loop : loops.all()) {
                Client.Fetched fetched = clients.on(loop)
                        .fetch("POST", "/v1/x?y=z", Headers.empty(), Bytes.of(body), 2 << 20, 5000)
                        .toCompletableFuture()
                        .get(10, TimeUnit.SECONDS);
                assertThat(fetched.status()).isEqualTo(200);
                assertThat(fetched.headers().get("x-path")).isEqualTo("/v1/x");
                assertThat(fetched.body()).isEqualTo(Bytes.of(body));
            }
        }
    }

    @Test
    void theJdksClientIsAnsweredWithAnIgnoredUpgradeOffer() throws Exception {
        Server server = echo();
        try (HttpClient client =
                HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build()) {
            HttpResponse<String> answer = client.send(
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + "/x"))
                            .POST(HttpRequest.BodyPublishers.ofString("hello"))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            assertThat(answer.body()).isEqualTo("hello");
            assertThat(answer.headers().firstValue("x-request-id"))
                    .get()
                    .asString()
                    .matches("req_[0-9A-Za-z]{24}");
        }
    }
}
