package dev.lockkeeper.observe;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.Page;
import dev.lockkeeper.http.ClientSettings;
import dev.lockkeeper.http.Loops;
import dev.lockkeeper.ledger.Alerts;
import dev.lockkeeper.ledger.Alerts.State;
import dev.lockkeeper.ledger.Alerts.Told;
import dev.lockkeeper.ledger.Budget;
import dev.lockkeeper.ledger.Ledger;
import dev.lockkeeper.ledger.LedgerSettings;
import dev.lockkeeper.ledger.Period;
import dev.lockkeeper.ledger.Scope;
import dev.lockkeeper.testing.ForwardProxy;
import dev.lockkeeper.testing.OnBothStores;
import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.testing.SetClock;
import dev.lockkeeper.testing.Stores;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Alerts before receivers that are real: on a socket, with their own ways to fail. */
@OnBothStores
class AlertTellerTest {
    private static final byte[] KEY = "thirty-two bytes of a secret key".getBytes(StandardCharsets.US_ASCII);
    private static final String SECRET = "whsec_" + Base64.getEncoder().encodeToString(KEY);
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    @Parameter
    Stores kind = Stores.SQLITE;

    @TempDir
    Path temp;

    private final List<Got> got = new CopyOnWriteArrayList<>();
    private final List<Integer> answers = new CopyOnWriteArrayList<>();
    private final Instant began = Instant.now();
    private final SetClock clock = new SetClock(began);
    private Database database;
    private Alerts alerts;

    /** What a receiver was sent. */
    private record Got(String id, String timestamp, String signature, String body) {}

    private static Loops loops;

    @BeforeAll
    static void open() {
        loops = Loops.start(1, RandomGenerator.getDefault());
    }

    @AfterAll
    static void shut() {
        loops.close();
    }

    @BeforeEach
    void anAlert() throws Exception {
        database = kind.open(temp);
        alerts = new Alerts(database);
        // Nothing is nothing of nothing: at once all of it is spent.
        try (Ledger ledger = Ledger.open(database, temp.resolve("journal"), 1, clock, LedgerSettings.DEFAULT)) {
            ledger.budgets()
                    .create(
                            new Budget.Wanted(
                                    new Scope(Scope.Kind.PROJECT, "proj"),
                                    new Period(Period.Unit.TOTAL, ZoneOffset.UTC),
                                    false,
                                    new Budget.Terms(0, true, List.of(100))),
                            List.of());
            await().atMost(10, SECONDS)
                    .untilAsserted(() -> assertThat(
                                    alerts.list(null, null, new Page(null, 10)).elements())
                            .hasSize(1));
        }
    }

    @AfterEach
    void close() {
        database.close();
    }

    private HttpServer receiver(int port) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.createContext("/hook", this::receive);
        server.start();
        return server;
    }

    private void receive(HttpExchange exchange) throws IOException {
        got.add(new Got(
                exchange.getRequestHeaders().getFirst("webhook-id"),
                exchange.getRequestHeaders().getFirst("webhook-timestamp"),
                exchange.getRequestHeaders().getFirst("webhook-signature"),
                new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8)));
        int status = answers.isEmpty() ? 204 : answers.removeFirst();
        exchange.sendResponseHeaders(status, -1);
        exchange.close();
    }

    private AlertTeller teller(int port, boolean privateAddresses) {
        AlertSettings settings =
                new AlertSettings(URI.create("http://127.0.0.1:" + port + "/hook"), SECRET, privateAddresses, null);
        return teller(settings);
    }

    private AlertTeller teller(AlertSettings settings) {
        return new AlertTeller(alerts, () -> {}, settings, clock, loops, PATIENCE);
    }

    private Told only() {
        return alerts.list(null, null, new Page(null, 10)).elements().getFirst();
    }

    private static void round(AlertTeller teller, int times) throws InterruptedException {
        for (int i = 0; i < times; i++) {
            teller.round();
        }
    }

    @Test
    void anAlertIsSentTillItIsTakenWithOneIdAndASignatureThatFits() throws Exception {
        HttpServer server = receiver(0);
        try {
            answers.addAll(List.of(500, 302));
            AlertTeller teller = teller(server.getAddress().getPort(), true);
            round(teller, 3);
            assertThat(got).as("before its second try is due").hasSize(1);
            assertThat(only().state()).isEqualTo(State.WAITING);
            assertThat(only().trouble()).contains("500");
            clock.set(began.plus(Duration.ofSeconds(1)));
            round(teller, 2);
            assertThat(got).hasSize(2);
            clock.set(began.plus(Duration.ofSeconds(2)));
            round(teller, 1);
            assertThat(got).as("the second wait is twice the first").hasSize(2);
            clock.set(began.plus(Duration.ofSeconds(3)));
            round(teller, 3);

            assertThat(only().state()).isEqualTo(State.DELIVERED);
            assertThat(only().tries()).isEqualTo(3);
            assertThat(got).hasSize(3);
            for (Got each : got) {
                assertThat(each.id).isEqualTo("bud_1:always:100");
                Mac mac = Mac.getInstance("HmacSHA256");
                mac.init(new SecretKeySpec(KEY, "HmacSHA256"));
                String signed = each.id + "." + each.timestamp + "." + each.body;
                assertThat(each.signature)
                        .isEqualTo("v1,"
                                + Base64.getEncoder()
                                        .encodeToString(mac.doFinal(signed.getBytes(StandardCharsets.UTF_8))));
            }
            JsonNode body = JsonMapper.shared().readTree(got.getFirst().body);
            assertThat(body.path("type").asString()).isEqualTo("budget.threshold");
            assertThat(body.at("/data/id").asString()).isEqualTo(got.getFirst().id);
            assertThat(body.at("/data/percent").asInt()).isEqualTo(100);
            assertThat(body.at("/data/budget/scope_id").asString()).isEqualTo("proj");
        } finally {
            server.stop(0);
        }
    }

    @Test
    void aReceiverThatHangsHoldsUpNobodyForLongAndIsAskedAgain() throws Exception {
        try (ServerSocket hanging = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            AlertTeller teller = teller(hanging.getLocalPort(), true);
            long began = System.nanoTime();
            round(teller, 2);
            assertThat(System.nanoTime() - began).isLessThan(SECONDS.toNanos(20));
            assertThat(only().state()).isEqualTo(State.WAITING);
            assertThat(only().tries()).isEqualTo(1);
            assertThat(only().trouble()).contains("did not answer");
        }
    }

    @Test
    void anAlertForAReceiverThatIsAwayOutlivesARestart() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        round(teller(port, true), 2);
        assertThat(only().tries()).isEqualTo(1);
        database.close();
        database = kind.open(temp);
        alerts = new Alerts(database);

        HttpServer server = receiver(port);
        try {
            clock.set(began.plus(Duration.ofSeconds(1)));
            round(teller(port, true), 1);
            assertThat(got).hasSize(1);
            assertThat(only().state()).isEqualTo(State.DELIVERED);
        } finally {
            server.stop(0);
        }
    }

    @Test
    void anAlertThatNobodyTakesForADayIsGivenUp() throws Exception {
        HttpServer server = receiver(0);
        try {
            answers.addAll(List.of(500, 503));
            AlertTeller teller = teller(server.getAddress().getPort(), true);
            round(teller, 2);
            clock.set(began.plus(AlertTeller.GIVE_UP));
            round(teller, 1);
            assertThat(only().state()).isEqualTo(State.GIVEN_UP);
            assertThat(only().trouble()).contains("503");
            clock.set(began.plus(AlertTeller.GIVE_UP.multipliedBy(2)));
            round(teller, 1);
            assertThat(got).hasSize(2);
        } finally {
            server.stop(0);
        }
    }

    @Test
    void aPrivateAddressIsNotSentToUnlessItMayBe() throws Exception {
        HttpServer server = receiver(0);
        try {
            round(teller(server.getAddress().getPort(), false), 2);
            assertThat(got).isEmpty();
            assertThat(only().trouble()).contains("127.0.0.1", "private-addresses: true");
        } finally {
            server.stop(0);
        }
    }

    @Test
    void aReceiverBehindAProxyIsReachedThroughIt() throws Exception {
        HttpServer server = receiver(0);
        try (ForwardProxy proxy = ForwardProxy.start()) {
            int port = server.getAddress().getPort();
            String signIn = "Basic " + Base64.getEncoder().encodeToString("me:secret".getBytes(StandardCharsets.UTF_8));
            round(
                    teller(new AlertSettings(
                            URI.create("http://hooks.example.com:" + port + "/hook?team=blue"),
                            SECRET,
                            false,
                            new ClientSettings.Proxy("127.0.0.1", proxy.port(), false, signIn, ""))),
                    2);
            assertThat(only().trouble()).isEmpty();
            assertThat(only().state()).isEqualTo(State.DELIVERED);
            assertThat(got).hasSize(1);
            assertThat(proxy.asked)
                    .singleElement()
                    .asString()
                    .startsWith("POST http://hooks.example.com:" + port + "/hook?team=blue ")
                    .contains(signIn);
        } finally {
            server.stop(0);
        }
    }

    @Test
    void anAnswerWhoseBodyNeverEndsIsAnAnswerAllTheSame() throws Exception {
        try (ScriptedUpstream endless = ScriptedUpstream.answering((_, conversation) -> {
            conversation.chunkedEvents();
            conversation.chunk("so far");
            conversation.awaitGone();
        })) {
            round(teller(endless.port(), true), 2);
            assertThat(only().state()).isEqualTo(State.DELIVERED);
        }
    }

    @Test
    void withoutAReceiverAnAlertIsLoggedAlone() throws Exception {
        AlertTeller teller = teller(AlertSettings.LOG_ONLY);
        round(teller, 2);
        assertThat(only().state()).isEqualTo(State.LOGGED);

        teller.follow(new AlertSettings(URI.create("http://127.0.0.1:1/hook"), SECRET, true, null));
        round(teller, 2);
        assertThat(only().tries()).as("what is over is not sent later").isZero();
    }

    @Test
    void onceStartedItTellsAndLooksForSurgesByItselfTillItIsClosed() throws Exception {
        AtomicInteger looks = new AtomicInteger();
        try (AlertTeller _ = AlertTeller.start(alerts, looks::incrementAndGet, AlertSettings.LOG_ONLY, clock, loops)) {
            await().atMost(20, SECONDS)
                    .untilAsserted(() -> assertThat(only().state()).isEqualTo(State.LOGGED));
            assertThat(looks).hasValue(1);
        }
        database.close();
        database = kind.open(temp);
    }

    @Test
    void twoProcessesOnOneDatabaseSendAnAlertOnce() throws Exception {
        HttpServer server = receiver(0);
        try {
            AlertTeller one = teller(server.getAddress().getPort(), true);
            AlertTeller other = teller(server.getAddress().getPort(), true);
            one.round();
            Thread beside = Thread.ofVirtual().start(() -> {
                try {
                    other.round();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
            one.round();
            beside.join();
            assertThat(got).hasSize(1);
            assertThat(only().state()).isEqualTo(State.DELIVERED);
        } finally {
            server.stop(0);
        }
    }
}
