package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.access.Actor;
import dev.lockkeeper.access.Created;
import dev.lockkeeper.access.HostedTools;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.KeyTerms;
import dev.lockkeeper.testing.Gateway;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** What somebody is told whose key does not open the door. */
class KeysAtTheDoorTest {
    private static final Gateway gateway = Gateway.simulated();

    @AfterAll
    static void close() {
        gateway.close();
    }

    @Test
    void aTypoIsToldWithoutSayingWhetherTheKeyExists() {
        String text = gateway.key("default", KeyKind.LIVE, KeyTerms.FREE).text();
        String typo = text.substring(0, 12) + (text.charAt(12) == 'x' ? 'y' : 'x') + text.substring(13);
        refused(typo, 401, "invalid_api_key", "checksum");
        assertThat(models(text).statusCode()).isEqualTo(200);
    }

    @Test
    void aClosedProjectRefusesItsKeysUntilItIsOpened() {
        Created key = gateway.key("closing", KeyKind.LIVE, KeyTerms.FREE);
        String project = "/admin/v1/projects/" + key.key().projectId();
        ask("POST", project + "/close");
        refused(key.text(), 403, "project_closed", "lockkeeper project open");
        ask("POST", project + "/open");
        assertThat(models(key.text()).statusCode()).isEqualTo(200);
        ask("POST", project + "/revoke");
        refused(key.text(), 403, "project_closed", "Ask the operator");
        await().atMost(20, TimeUnit.SECONDS).until(() -> gateway.log().contains("project_closed"));
    }

    @Test
    void aKeyFromElsewhereIsToldWhereItCameFrom() {
        Created key = gateway.key(
                "default",
                KeyKind.LIVE,
                new KeyTerms("", null, List.of(), HostedTools.ALL, KeyTerms.networks(List.of("10.0.0.0/8"))));
        refused(key.text(), 403, "address_not_allowed", "127.0.0.1");
        gateway.house().keys().change(Actor.folder("test"), key.key().id(), null, _ -> KeyTerms.FREE);
        assertThat(models(key.text()).statusCode()).isEqualTo(200);
    }

    @Test
    void aKeyWhoseTimeIsOverIsToldSo() {
        long soon = System.currentTimeMillis() + 500;
        Created key =
                gateway.key("default", KeyKind.LIVE, new KeyTerms("", soon, List.of(), HostedTools.ALL, List.of()));
        await().atMost(20, TimeUnit.SECONDS).until(() -> models(key.text()).statusCode() == 401);
        refused(key.text(), 401, "api_key_expired", "lockkeeper keys change");
    }

    private static void refused(String key, int status, String code, String told) {
        HttpResponse<String> answer = models(key);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
        assertThat(answer.body()).contains("\"code\":\"" + code + "\"", told).doesNotContain(key);
    }

    private static HttpResponse<String> models(String key) {
        return gateway.send(
                HttpRequest.newBuilder(URI.create(gateway.url("/v1/models"))).header("authorization", "Bearer " + key));
    }

    private static void ask(String method, String path) {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + gateway.house().adminPort() + path))
                .method(method, BodyPublishers.noBody())
                .header("authorization", "Bearer " + token());
        assertThat(gateway.send(request).statusCode()).isEqualTo(200);
    }

    private static String token() {
        try {
            return Files.readString(gateway.house().settings().data().resolve("admin-token"))
                    .strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
