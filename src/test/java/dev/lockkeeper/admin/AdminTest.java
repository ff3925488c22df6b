package dev.lockkeeper.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockkeeper.access.Access;
import dev.lockkeeper.access.Actor;
import dev.lockkeeper.access.Keys;
import dev.lockkeeper.access.Presented;
import dev.lockkeeper.access.Right;
import dev.lockkeeper.admin.Admin.Check;
import dev.lockkeeper.db.Database;
import dev.lockkeeper.http.Loops;
import dev.lockkeeper.http.Server;
import dev.lockkeeper.units.Bytes;
import java.io.ByteArrayOutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class AdminTest {
    @TempDir
    Path temp;

    private final Loops loops = Loops.start(1, new Random(1));
    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
    private volatile List<Check> checks = List.of(new Check("database", true, "open"));

    private volatile Reloaded reloaded = new Reloaded.Followed(List.of(), List.of(), List.of());

    private Database database;
    private Access access;
    private Keys keys;
    private AdminToken token;
    private Server server;

    @BeforeEach
    void start() throws Exception {
        database = Database.open(temp);
        access = Access.open(database, Clock.systemUTC(), new SecureRandom(), System::nanoTime);
        keys = access.keys();
        token = AdminToken.in(temp, new SecureRandom());
        AdminSettings settings = new AdminSettings("127.0.0.1", 0, List.of("Ops.Example.com"));
        Admin admin = new Admin(
                settings,
                new Api(List.of(
                        KeyOperations.of(keys),
                        PeopleOperations.of(access.people()),
                        ServerOperations.of(access.audit(), () -> reloaded))),
                token,
                access.people()::find,
                () -> checks,
                () -> Bytes.utf8("calls_total 7\n"));
        server = loops.serve(Admin.listening(settings), admin::handle, Admin::unreadable);
    }

    @AfterEach
    void stop() {
        http.close();
        loops.close();
        database.close();
    }

    @Test
    void healthAndMetricsNeedNoToken() throws Exception {
        assertThat(get("/livez").statusCode()).isEqualTo(200);
        assertThat(get("/readyz").body()).contains("\"status\" : \"ready\"", "database");
        HttpResponse<String> metrics = get("/metrics");
        assertThat(metrics.body()).isEqualTo("calls_total 7\n");
        assertThat(metrics.headers().firstValue("content-type")).hasValue("text/plain; version=0.0.4; charset=utf-8");
    }

    @Test
    void whatIsNotReadyIsToldWithItsReason() throws Exception {
        checks = List.of(new Check("database", true, "open"), new Check("listener", false, "draining"));
        HttpResponse<String> ready = get("/readyz");
        assertThat(ready.statusCode()).isEqualTo(503);
        assertThat(ready.body()).contains("not ready", "draining");
        assertThat(get("/livez").statusCode()).isEqualTo(200);
    }

    @Test
    void keysNeedTheToken() throws Exception {
        for (String authorization : List.of("", "Bearer ", "Bearer wrong", "Basic " + token.bearer())) {
            HttpRequest.Builder request = request("/admin/v1/keys");
            if (!authorization.isEmpty()) {
                request.setHeader("authorization", authorization);
            } else {
                request = HttpRequest.newBuilder(uri("/admin/v1/keys"));
            }
            HttpResponse<String> answer = http.send(request.build(), BodyHandlers.ofString());
            assertThat(answer.statusCode()).isEqualTo(401);
            assertThat(error(answer).path("message").asString()).contains("admin-token");
            assertThat(answer.headers().firstValue("www-authenticate")).hasValue("Bearer");
        }
        assertThat(get("/admin/v1/secret").statusCode()).isEqualTo(404);
    }

    @Test
    void aTokenOpensWhatItsScopesSayUntilItIsRevoked() throws Exception {
        Actor owner = Actor.folder("test");
        var made = access.people().createToken(owner, "ci", null, Set.of(Right.KEYS_READ), null);
        assertThat(by(made.text(), "GET", "/admin/v1/keys").statusCode()).isEqualTo(200);
        HttpResponse<String> beyond = by(made.text(), "POST", "/admin/v1/reload");
        assertThat(beyond.statusCode()).isEqualTo(403);
        assertThat(error(beyond).path("message").asString()).contains("server:write");

        access.people().revokeToken(owner, made.of().id());
        assertThat(by(made.text(), "GET", "/admin/v1/keys").statusCode()).isEqualTo(401);
    }

    @Test
    void anInvitationIsAcceptedWithoutATokenAndOnce() throws Exception {
        AdminClient client = new AdminClient(new RunningServer(1, uri(""), token));
        Desk.Said invited = client.ask(
                "POST",
                "/admin/v1/invitations",
                Json.object().put("name", "Ann").put("email", "ann@example.com").put("role", "viewer"));
        assertThat(invited.body().path("link").asString()).startsWith("/invitation#lk-invite-");
        HttpResponse<String> page =
                http.send(HttpRequest.newBuilder(uri("/invitation")).build(), BodyHandlers.ofString());
        assertThat(page.statusCode()).isEqualTo(200);
        assertThat(page.body()).contains("/admin/v1/invitations/accept").doesNotContain("{{");

        String body = Json.object()
                .put("invitation", invited.body().path("invitation").asString())
                .toString();
        HttpResponse<String> accepted = anonymous("/admin/v1/invitations/accept", body);
        assertThat(accepted.statusCode()).isEqualTo(201);
        String hers = Json.MAPPER.readTree(accepted.body()).at("/token/token").asString();
        assertThat(by(hers, "GET", "/admin/v1/keys").statusCode()).isEqualTo(200);
        assertThat(by(hers, "POST", "/admin/v1/keys").statusCode()).isEqualTo(403);

        assertThat(anonymous("/admin/v1/invitations/accept", body).statusCode())
                .as("again")
                .isEqualTo(409);
    }

    private HttpResponse<String> anonymous(String path, String body) throws Exception {
        return http.send(
                HttpRequest.newBuilder(uri(path))
                        .POST(BodyPublishers.ofString(body))
                        .build(),
                BodyHandlers.ofString());
    }

    private HttpResponse<String> by(String token, String method, String path) throws Exception {
        return http.send(
                HttpRequest.newBuilder(uri(path))
                        .method(method, BodyPublishers.noBody())
                        .header("authorization", "Bearer " + token)
                        .build(),
                BodyHandlers.ofString());
    }

    @Test
    void aReloadTellsWhatCameOfItHereAndToCommands() throws Exception {
        AdminClient client = new AdminClient(new RunningServer(1, uri(""), token));
        for (Reloaded each : List.of(
                new Reloaded.Followed(List.of("log.level changed"), List.of("data changed"), List.of("a note")),
                new Reloaded.Refused(List.of("lockkeeper.yaml:1:1: x: unknown key", "another")),
                new Reloaded.Failed("the port is taken"))) {
            reloaded = each;
            assertThat(client.reload()).isEqualTo(each);
        }
        assertThat(get("/admin/v1/reload").statusCode()).isEqualTo(405);
        HttpRequest.Builder stranger =
                HttpRequest.newBuilder(uri("/admin/v1/reload")).POST(BodyPublishers.noBody());
        assertThat(http.send(stranger.build(), BodyHandlers.ofString()).statusCode())
                .isEqualTo(401);
    }

    @Test
    void theTokensFileIsReadableToItsOwnerAloneAndKept() throws Exception {
        Path file = temp.resolve("admin-token");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        assertThat(AdminToken.in(temp, new SecureRandom()).bearer()).isEqualTo(token.bearer());
        assertThat(token.toString()).doesNotContain(token.bearer().substring(7));
    }

    @Test
    void aTokenThatOthersCouldReadIsReplaced() throws Exception {
        Files.setPosixFilePermissions(temp.resolve("admin-token"), PosixFilePermissions.fromString("rw-r--r--"));
        assertThat(AdminToken.in(temp, new SecureRandom()).bearer()).isNotEqualTo(token.bearer());
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(temp.resolve("admin-token"))))
                .isEqualTo("rw-------");
    }

    @Test
    void aKeyIsMadeListedReplacedAndRevokedByTheClient() throws Exception {
        RunningServer.announce(temp, "0.0.0.0", server.port());
        RunningServer running = RunningServer.on(
                        temp, OptionalLong.of(ProcessHandle.current().pid()))
                .orElseThrow();
        AdminClient client = new AdminClient(running);

        Desk.Said created = client.ask("POST", "/admin/v1/keys", Json.object().put("name", "ci"));
        assertThat(created.status()).isEqualTo(201);
        String text = created.body().path("key").asString();
        assertThat(keys.find(text, "127.0.0.1")).isInstanceOf(Presented.Known.class);
        String at = "/admin/v1/keys/" + created.body().path("id").asString();
        assertThat(client.ask("GET", "/admin/v1/keys", null)
                        .body()
                        .at("/data/0/name")
                        .asString())
                .isEqualTo("ci");

        Desk.Said renewed = client.ask("POST", at + "/rotate", null);
        assertThat(keys.find(text, "127.0.0.1")).isEqualTo(Presented.Refused.UNKNOWN);
        assertThat(keys.find(renewed.body().path("key").asString(), "127.0.0.1"))
                .isInstanceOf(Presented.Known.class);

        Desk.Said revoked = client.ask("POST", at + "/revoke", null);
        assertThat(revoked.body().path("revoked_at").isString()).isTrue();
        assertThat(keys.find(renewed.body().path("key").asString(), "127.0.0.1"))
                .isEqualTo(Presented.Refused.UNKNOWN);
        assertThat(client.ask("POST", at + "/rotate", null).status()).isEqualTo(404);
        Desk.Said strange = client.ask("POST", "/admin/v1/keys/" + Desk.escaped("key_/../x y") + "/revoke", null);
        assertThat(strange.message()).startsWith("There is no key key_/../x y ");
    }

    @Test
    void anAnnouncedServerCountsOnlyWhileItHoldsTheFolder() throws Exception {
        assertThat(RunningServer.on(temp, OptionalLong.empty())).isEmpty();
        RunningServer.announce(temp, "::", server.port());
        assertThat(RunningServer.on(temp, OptionalLong.of(1)))
                .as("another process holds it")
                .isEmpty();
        assertThat(RunningServer.on(temp, OptionalLong.empty()))
                .hasValueSatisfying(found -> assertThat(found.admin()).hasHost("[::1]"));
        RunningServer.withdraw(temp);
        assertThat(RunningServer.on(temp, OptionalLong.empty())).isEmpty();
        Files.writeString(temp.resolve("server.json"), "{ not json");
        assertThat(RunningServer.on(temp, OptionalLong.empty())).isEmpty();
    }

    @Test
    void aServerThatDoesNotAnswerIsNamed() throws Exception {
        RunningServer.announce(temp, "127.0.0.1", server.port());
        RunningServer running = RunningServer.on(temp, OptionalLong.empty()).orElseThrow();
        server.close();
        assertThatThrownBy(() -> new AdminClient(running).ask("GET", "/admin/v1/keys", null))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("127.0.0.1:" + running.admin().getPort())
                .hasMessageContaining("process " + ProcessHandle.current().pid());
    }

    @Test
    void aBodyThatIsWrongIsRefusedWithWhatIsExpected() throws Exception {
        assertThat(refused("{")).contains("not JSON");
        assertThat(refused("{} {}")).contains("not JSON");
        assertThat(refused("[]")).contains("not a JSON object");
        assertThat(refused("{\"name\":\"a\",\"name\":\"b\"}")).contains("uplicate");
        assertThat(refused("{\"name\":\"a\",\"modles\":[]}")).contains("modles", "models");
        assertThat(refused("{\"name\":\"a\",\"kind\":\"life\"}")).isEqualTo("kind: \"life\" (expected: live or test)");
        assertThat(refused("{\"name\":7}")).contains("name", "string");
        assertThat(refused("{\"name\":\"a\",\"models\":\"gpt\"}")).contains("models", "list");
        assertThat(refused("{\"name\":\"a\",\"models\":[1]}")).isEqualTo("models[0]: 1 (expected: a string)");
        assertThat(refused("{}")).contains("name: is missing", "who or what calls");
        assertThat(refused("{\"name\":\" \"}")).isEqualTo("name: is empty (expected: 1 to 100 characters)");
        assertThat(keys.none()).isTrue();
    }

    @Test
    void aBodyOverTheBoundIsRefused() throws Exception {
        HttpResponse<String> answer = post("/admin/v1/keys", "x".repeat(65 << 10));
        assertThat(answer.statusCode()).isEqualTo(413);
        assertThat(error(answer).path("message").asString()).contains("65536");
    }

    @Test
    void aWrongPathOrMethodSaysWhatIsRight() throws Exception {
        HttpResponse<String> path = get("/v1/chat/completions");
        assertThat(path.statusCode()).isEqualTo(404);
        assertThat(error(path).path("message").asString()).contains("clients call the other one");
        assertThat(get("/admin/v1/keys/x").statusCode()).isEqualTo(404);
        assertThat(get("/admin/v1/keys/x/y/z").statusCode()).isEqualTo(404);
        assertThat(get("/admin/v2/keys").statusCode()).isEqualTo(404);
        assertThat(get("/livez/x").statusCode()).isEqualTo(404);

        HttpResponse<String> method = post("/livez", "");
        assertThat(method.statusCode()).isEqualTo(405);
        assertThat(method.headers().firstValue("allow")).hasValue("GET");
        assertThat(get("/admin/v1/keys/x/revoke").headers().firstValue("allow")).hasValue("POST");
    }

    @Test
    void headAnswersLikeGetWithoutABody() throws Exception {
        HttpResponse<String> head = http.send(
                request("/livez").method("HEAD", BodyPublishers.noBody()).build(), BodyHandlers.ofString());
        assertThat(head.statusCode()).isEqualTo(200);
        assertThat(head.body()).isEmpty();
    }

    @Test
    void aBrowserGetsAPageAndOthersAList() throws Exception {
        HttpResponse<String> page =
                http.send(request("/").header("accept", "text/html,*/*;q=0.8").build(), BodyHandlers.ofString());
        assertThat(page.headers().firstValue("content-type")).hasValue("text/html; charset=utf-8");
        assertThat(page.body()).contains("<!doctype html>", "/readyz", "admin-token");
        assertThat(page.headers().firstValue("content-security-policy").orElseThrow())
                .contains("default-src 'none'");
        assertThat(get("/").body()).contains("GET /metrics");
    }

    @Test
    void aHostThatNobodyAllowedIsRefusedWhateverItAsksFor() throws Exception {
        String port = ":" + server.port();
        for (String allowed : List.of(
                "127.0.0.1" + port,
                "10.1.2.3",
                "localhost" + port,
                "LOCALHOST",
                "[::1]" + port,
                "ops.example.com",
                "OPS.example.com:80")) {
            assertThat(raw(allowed)).as(allowed).startsWith("HTTP/1.1 200");
        }
        for (String refused : List.of("evil.example.com", "localhost.evil.com", "127.0.0.1.evil.com" + port)) {
            assertThat(raw(refused)).as(refused).startsWith("HTTP/1.1 403").contains("admin.allowed-hosts", refused);
        }
    }

    private String raw(String host) throws Exception {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
            socket.setSoTimeout(5_000);
            socket.getOutputStream()
                    .write(("GET /livez HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
                            .getBytes(StandardCharsets.US_ASCII));
            ByteArrayOutputStream answer = new ByteArrayOutputStream();
            socket.getInputStream().transferTo(answer);
            return answer.toString(StandardCharsets.UTF_8);
        }
    }

    private String refused(String body) throws Exception {
        HttpResponse<String> answer = post("/admin/v1/keys", body);
        assertThat(answer.statusCode()).as(body).isEqualTo(400);
        return error(answer).path("message").asString();
    }

    private static JsonNode error(HttpResponse<String> answer) {
        JsonNode error = Json.MAPPER.readTree(answer.body()).path("error");
        assertThat(error.propertyNames()).containsExactlyInAnyOrder("message", "type", "param", "code");
        return error;
    }

    private HttpResponse<String> get(String path) throws Exception {
        return http.send(request(path).build(), BodyHandlers.ofString());
    }

    private HttpResponse<String> post(String path, String body) throws Exception {
        return http.send(request(path).POST(BodyPublishers.ofString(body)).build(), BodyHandlers.ofString());
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(uri(path))
                .header("authorization", token.bearer())
                .timeout(Duration.ofSeconds(10));
    }

    private URI uri(String path) {
        return URI.create("http://127.0.0.1:" + server.port() + path);
    }
}
