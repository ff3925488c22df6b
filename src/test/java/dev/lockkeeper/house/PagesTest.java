package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.testing.Gateway;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a browser gets, and what a program gets at the same place. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PagesTest {
    /** As Chromium sends it. */
    private static final String BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8";

    private final Gateway gateway = Gateway.simulated();

    @AfterAll
    void close() {
        gateway.close();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/",
                "/v1",
                "/v1/",
                "/v1/chat/completions",
                "/v1/embeddings",
                "/v1/models",
                "/v1/files/file-abc123"
            })
    void aBrowserGetsThePage(String path) {
        HttpResponse<String> page = browse(path);
        assertThat(page.statusCode()).isEqualTo(200);
        assertThat(page.headers().firstValue("content-type")).hasValue("text/html; charset=utf-8");
        assertThat(page.headers().firstValue("content-security-policy").orElse(""))
                .startsWith("default-src 'none'");
        assertThat(page.body()).contains("curl " + gateway.url("/v1/chat/completions"), "gpt-5.5");
    }

    @Test
    void aBrowserAtNoEndpointGetsThePageWithItsStatus() {
        HttpResponse<String> page = browse("/nowhere");
        assertThat(page.statusCode()).isEqualTo(404);
        assertThat(page.body()).contains("There is nothing at <code>/nowhere</code>");
    }

    @Test
    void theLinkOnThePageLeadsToTheDescription() {
        assertThat(browse("/").body()).contains("href=\"/openapi.json\"");
        HttpResponse<String> description = browse("/openapi.json");
        assertThat(description.headers().firstValue("content-type")).hasValue("application/json");
        assertThat(description.body()).startsWith("{\"openapi\":\"3.1.0\"");
    }

    @Test
    void aProgramGetsTheListOfEndpoints() {
        HttpResponse<String> list = gateway.get("/v1");
        assertThat(list.headers().firstValue("content-type")).hasValue("application/json");
        assertThat(list.body()).contains("\"/v1/chat/completions\"", "\"/openapi.json\"");
    }

    @Test
    void aProgramIsToldTheWayWhenV1IsMissingOrDoubled() {
        assertThat(gateway.get("/models").body()).contains("Did you mean /v1/models?", "unknown_url");
        assertThat(gateway.get("/v1/v1/models").body()).contains("Did you mean /v1/models?");
        assertThat(gateway.get("/v1/nothing").body()).contains("GET /v1 lists what there is");
    }

    @Test
    void aReportNamesAnEndpointAndNeverAnId() {
        browse("/v1/files/file-secret1");
        browse("/v1/unheard-of-2");
        await().atMost(Duration.ofSeconds(5))
                .untilAsserted(() ->
                        assertThat(gateway.log()).contains("\"endpoint\":\"/v1/files/{file_id}\"", "\"status\":404"));
        assertThat(gateway.log()).doesNotContain("file-secret1", "unheard-of-2");
    }

    private HttpResponse<String> browse(String path) {
        return gateway.send(HttpRequest.newBuilder(URI.create(gateway.url(path)))
                .header("accept", BROWSER)
                .GET());
    }
}
