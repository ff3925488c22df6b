package dev.lockkeeper.admin;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.lockkeeper.admin.Finding.State;
import dev.lockkeeper.http.ClientSettings;
import dev.lockkeeper.settings.Shipped;
import dev.lockkeeper.testing.ForwardProxy;
import dev.lockkeeper.upstream.ProviderSettings;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DoctorTest {
    private static final String KEY = "sk-upstream-secret";

    @TempDir
    Path temp;

    private final List<String> asked = new CopyOnWriteArrayList<>();
    private volatile int modelsStatus = 200;
    private volatile String modelsBody = "{\"data\":[{\"id\":\"gpt-5.5\"},{\"id\":\"gpt-5.4-nano\"}]}";
    private volatile int callStatus = 200;
    private volatile String callBody = "data: {\"choices\":[]}\n\n";

    private HttpServer upstream;

    @BeforeEach
    void start() throws Exception {
        upstream = serving(HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0));
    }

    @AfterEach
    void stop() {
        upstream.stop(0);
    }

    private HttpServer serving(HttpServer server) {
        server.createContext("/v1/models", exchange -> answer(exchange, modelsStatus, modelsBody));
        server.createContext("/v1/chat/completions", exchange -> answer(exchange, callStatus, callBody));
        server.createContext("/v1/responses", exchange -> answer(exchange, callStatus, callBody));
        server.start();
        return server;
    }

    private void answer(HttpExchange exchange, int status, String body) throws IOException {
        try (InputStream in = exchange.getRequestBody()) {
            asked.add(exchange.getRequestMethod() + " " + exchange.getRequestURI() + " "
                    + exchange.getRequestHeaders().getFirst("Authorization") + " "
                    + new String(in.readAllBytes(), StandardCharsets.UTF_8));
        }
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    @Test
    void aHealthyProviderIsOkAtEveryPoint() {
        List<Finding> findings = examine(provider(upstream.getAddress().getPort()), "gpt-5.5", "gpt-5.4-nano");

        assertThat(findings).allMatch(finding -> finding.state() == State.OK);
        assertThat(findings)
                .extracting(Finding::point)
                .containsExactly("dns", "tcp", "credentials", "models", "first-token");
        assertThat(asked).hasSize(2).allMatch(request -> request.contains("Bearer " + KEY));
        assertThat(asked.get(0)).startsWith("GET /v1/models?api-version=1 ");
        assertThat(asked.get(1))
                .startsWith("POST /v1/chat/completions?api-version=1 ")
                .as("the smaller of the models, a few tokens")
                .contains("\"model\":\"gpt-5.4-nano\"", "\"max_completion_tokens\":16", "\"stream\":true");
    }

    @Test
    void aModelThatOnlyTakesResponsesIsCalledThere() {
        examine(provider(upstream.getAddress().getPort()), "gpt-5.5-pro");
        assertThat(asked.get(1)).startsWith("POST /v1/responses").contains("\"max_output_tokens\":16");
    }

    @Test
    void noModelIsCalledWhenThatIsNotWanted() {
        List<Finding> findings = new Doctor(
                        Map.of(), Clock.systemUTC(), System::nanoTime, false, new Random(1), Shipped.catalog())
                .examine(provider(upstream.getAddress().getPort()), List.of("gpt-5.5"));
        assertThat(findings).extracting(Finding::point).containsExactly("dns", "tcp", "credentials", "models");
        assertThat(asked).hasSize(1);
    }

    @Test
    void refusedCredentialsAreNamedWithoutShowingThem() {
        modelsStatus = 401;
        modelsBody = "{\"error\":{\"message\":\"Incorrect API key provided: " + KEY + "\"}}";
        Finding last =
                examine(provider(upstream.getAddress().getPort()), "gpt-5.5").getLast();

        assertThat(last.point()).isEqualTo("credentials");
        assertThat(last.state()).isEqualTo(State.FAIL);
        assertThat(last.detail()).contains("401").doesNotContain(KEY);
        assertThat(last.mend()).contains("providers.up.api-key");
        assertThat(asked).hasSize(1);
    }

    @Test
    void aModelThatIsNotOfferedIsNamedWithItsNeighbours() {
        List<Finding> findings = examine(provider(upstream.getAddress().getPort()), "gpt-5.5", "gpt-5.4-nanoo");
        Finding models = at(findings, "models");
        assertThat(models.state()).isEqualTo(State.WARN);
        assertThat(models.detail()).contains("1 of 2", "gpt-5.4-nanoo (near: gpt-5.4-nano");

        assertThat(at(examine(provider(upstream.getAddress().getPort()), "other"), "models")
                        .state())
                .isEqualTo(State.FAIL);
    }

    @Test
    void aServerWithoutAListOfModelsIsCalledAllTheSame() {
        modelsStatus = 404;
        List<Finding> findings = examine(provider(upstream.getAddress().getPort()), "llama3");
        assertThat(at(findings, "credentials").state()).isEqualTo(State.WARN);
        assertThat(at(findings, "first-token").state()).isEqualTo(State.OK);
        assertThat(asked.get(1)).contains("\"max_tokens\":16");
    }

    @Test
    void aCallThatFailsIsToldInTheUpstreamsWordsWithoutSecrets() {
        callStatus = 429;
        callBody = "{\"error\":{\"message\":\"You exceeded your quota for " + KEY + "\"}}";
        Finding call = at(examine(provider(upstream.getAddress().getPort()), "gpt-5.5"), "first-token");
        assertThat(call.state()).isEqualTo(State.FAIL);
        assertThat(call.detail()).contains("429", "exceeded your quota").doesNotContain(KEY);

        callStatus = 200;
        callBody = "<html>";
        assertThat(at(examine(provider(upstream.getAddress().getPort()), "gpt-5.5"), "first-token")
                        .detail())
                .contains("no event stream");
    }

    @Test
    void aPageInsteadOfAListOfModelsIsToldAsSuch() {
        modelsBody = "<html>Welcome to the proxy</html>";
        Finding models = at(examine(provider(upstream.getAddress().getPort()), "gpt-5.5"), "models");
        assertThat(models.state()).isEqualTo(State.FAIL);
        assertThat(models.detail()).contains("did not answer JSON");
    }

    @Test
    void aRedirectIsNotFollowed() {
        modelsStatus = 302;
        Finding last =
                examine(provider(upstream.getAddress().getPort()), "gpt-5.5").getLast();
        assertThat(last.state()).isEqualTo(State.FAIL);
        assertThat(last.detail()).contains("redirect");
    }

    @Test
    void aPortWhereNobodyListensEndsTheVisit() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        List<Finding> findings = examine(provider(port), "gpt-5.5");
        assertThat(findings).extracting(Finding::point).containsExactly("dns", "tcp");
        assertThat(findings.getLast().state()).isEqualTo(State.FAIL);
        assertThat(findings.getLast().detail()).contains("refused", Integer.toString(port));
        assertThat(findings.getLast().mend()).contains("providers.up.base-url");
    }

    @Test
    void aNameThatDoesNotExistIsToldAtOnce() {
        List<Finding> findings = examine(provider("no-such-host.invalid", 443, true, true), "gpt-5.5");
        assertThat(findings).singleElement().satisfies(finding -> {
            assertThat(finding.point()).isEqualTo("dns");
            assertThat(finding.state()).isEqualTo(State.FAIL);
            assertThat(finding.detail()).contains("no-such-host.invalid");
        });
    }

    @Test
    void aPrivateAddressThatIsNotAllowedIsNotConnectedTo() {
        List<Finding> findings =
                examine(provider("127.0.0.1", upstream.getAddress().getPort(), false, false), "gpt-5.5");
        assertThat(findings).singleElement().satisfies(finding -> {
            assertThat(finding.state()).isEqualTo(State.FAIL);
            assertThat(finding.mend()).contains("providers.up.private-addresses: true");
        });
        assertThat(asked).isEmpty();
    }

    private static ProviderSettings through(ProviderSettings direct, int port, String authorization) {
        return new ProviderSettings(
                direct.name(),
                direct.baseUrl(),
                direct.auth(),
                direct.credential(),
                direct.headers(),
                direct.query(),
                direct.connection()
                        .through(new ClientSettings.Proxy("127.0.0.1", port, false, authorization, ""), null),
                direct.timeouts());
    }

    @Test
    void aProviderBehindAProxyIsTriedThroughItAsTheGatewayWould() throws Exception {
        String authorization = "Basic bWU6c2VjcmV0LXB3";
        ProviderSettings direct = provider(upstream.getAddress().getPort());
        try (ForwardProxy proxy = ForwardProxy.wanting(authorization)) {
            List<Finding> findings = examine(through(direct, proxy.port(), authorization), "gpt-5.5");
            assertThat(findings).as(findings.toString()).allMatch(finding -> finding.state() == State.OK);
            assertThat(findings)
                    .extracting(Finding::point)
                    .containsExactly("proxy", "connection", "credentials", "models", "first-token");
            assertThat(findings.getFirst().detail()).endsWith("is reached through 127.0.0.1:" + proxy.port());
            assertThat(proxy.asked).isNotEmpty();
            assertThat(asked).hasSize(2).allMatch(request -> request.contains("Bearer " + KEY));

            List<Finding> refused = examine(through(direct, proxy.port(), ""), "gpt-5.5");
            assertThat(refused).extracting(Finding::point).containsExactly("proxy", "connection");
            assertThat(refused.getLast().detail()).contains("PROXY", "407");
            assertThat(refused.getLast().mend()).contains("providers.up.proxy.username");
        }
    }

    @Test
    void aProxyInTheEnvironmentIsWorthAWordWithoutItsPassword() {
        Finding proxy = new Doctor(
                        Map.of("https_proxy", "http://me:secret@proxy:3128"),
                        Clock.systemUTC(),
                        System::nanoTime,
                        false,
                        new Random(1),
                        Shipped.catalog())
                .examine(provider(upstream.getAddress().getPort()), List.of())
                .getFirst();
        assertThat(proxy.point()).isEqualTo("proxy");
        assertThat(proxy.state()).isEqualTo(State.WARN);
        assertThat(proxy.detail()).contains("https_proxy").doesNotContain("secret");
    }

    @Test
    void aPortThatDoesNotSpeakTlsIsToldAsSuch() throws Exception {
        try (ServerSocket plain = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            Thread.ofVirtual().start(() -> {
                while (!plain.isClosed()) {
                    try (Socket socket = plain.accept()) {
                        socket.getOutputStream()
                                .write("HTTP/1.1 400 Bad Request\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                    } catch (IOException closed) {
                        return;
                    }
                }
            });
            Finding last = examine(provider("127.0.0.1", plain.getLocalPort(), true, true), "gpt-5.5")
                    .getLast();
            assertThat(last.point()).isEqualTo("tls");
            assertThat(last.state()).isEqualTo(State.FAIL);
            assertThat(last.detail()).contains("does not speak TLS");
        }
    }

    @Test
    void aCertificateThatNobodyTrustsIsToldWithTheWayToATrustStore() throws Exception {
        HttpsServer server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(selfSigned()));
        serving(server);
        try {
            Finding last = examine(provider("127.0.0.1", server.getAddress().getPort(), true, true), "gpt-5.5")
                    .getLast();
            assertThat(last.point()).isEqualTo("tls");
            assertThat(last.state()).isEqualTo(State.FAIL);
            assertThat(last.detail()).contains("handshake failed");
            assertThat(last.mend()).contains("trustStore");
            assertThat(asked).isEmpty();
        } finally {
            server.stop(0);
        }
    }

    private SSLContext selfSigned() throws Exception {
        Path file = temp.resolve("keys.p12");
        Process keytool = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "keytool")
                                .toString(),
                        "-genkeypair",
                        "-alias",
                        "a",
                        "-keyalg",
                        "EC",
                        "-dname",
                        "CN=127.0.0.1",
                        "-ext",
                        "san=ip:127.0.0.1",
                        "-storetype",
                        "PKCS12",
                        "-storepass",
                        "changeit",
                        "-keystore",
                        file.toString())
                .redirectErrorStream(true)
                .start();
        assertThat(keytool.waitFor(30, TimeUnit.SECONDS)).isTrue();
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(file)) {
            store.load(in, "changeit".toCharArray());
        }
        KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(store, "changeit".toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(managers.getKeyManagers(), null, null);
        return context;
    }

    private static Finding at(List<Finding> findings, String point) {
        return findings.stream()
                .filter(finding -> finding.point().equals(point))
                .findFirst()
                .orElseThrow(() -> new AssertionError(point + " is not among " + findings));
    }

    private static List<Finding> examine(ProviderSettings provider, String... models) {
        return new Doctor(Map.of(), Clock.systemUTC(), System::nanoTime, true, new Random(1), Shipped.catalog())
                .examine(provider, List.of(models));
    }

    private static ProviderSettings provider(int port) {
        return provider("127.0.0.1", port, false, true);
    }

    private static ProviderSettings provider(String host, int port, boolean tls, boolean privateAddresses) {
        return new ProviderSettings(
                "up",
                URI.create((tls ? "https" : "http") + "://" + host + ":" + port + "/v1"),
                ProviderSettings.Auth.BEARER,
                KEY,
                Map.of(),
                Map.of("api-version", "1"),
                new ClientSettings(
                        "up",
                        host,
                        port,
                        tls,
                        ClientSettings.Version.AUTO,
                        Duration.ofSeconds(5),
                        Duration.ofSeconds(60),
                        10,
                        Duration.ofSeconds(5),
                        10,
                        privateAddresses),
                ProviderSettings.Timeouts.DEFAULT);
    }
}
