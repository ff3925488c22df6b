package dev.lockkeeper.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.dialect.openai.Prefill;
import dev.lockkeeper.http.ClientSettings;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.upstream.ProviderSettings.Auth;
import dev.lockkeeper.upstream.ProviderSettings.Timeouts;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProviderTest {
    private static Provider provider(
            String baseUrl, Auth auth, Map<String, String> headers, Map<String, String> query) {
        ClientSettings connection = new ClientSettings(
                "p",
                "example.test",
                443,
                true,
                ClientSettings.Version.AUTO,
                Duration.ofSeconds(5),
                Duration.ofSeconds(60),
                10,
                Duration.ofSeconds(1),
                10,
                false);
        return new Provider(new ProviderSettings(
                "p", URI.create(baseUrl), auth, "secret", headers, query, connection, Timeouts.DEFAULT));
    }

    @Test
    void aCallIsSignedWithTheKeyThatIsNamedElseWithTheFirst() {
        ProviderSettings one = provider("https://a.example/v1", Auth.API_KEY, Map.of(), Map.of())
                .settings();
        Provider several = new Provider(new ProviderSettings(
                one.name(),
                one.baseUrl(),
                one.auth(),
                List.of(
                        new ProviderSettings.Key("blue", "secret-of-blue", 1),
                        new ProviderSettings.Key("red", "secret-of-red", 0)),
                Map.of(),
                Map.of(),
                one.connection(),
                one.timeouts(),
                List.of("eu"),
                Prefill.PREFIX));

        assertThat(several.request(Headers.empty(), "red").get("api-key")).isEqualTo("secret-of-red");
        assertThat(several.request(Headers.empty(), "blue").get("api-key")).isEqualTo("secret-of-blue");
        assertThat(several.request(Headers.empty()).get("api-key")).isEqualTo("secret-of-blue");
        assertThat(several.sign(Headers.empty()).get("api-key")).isEqualTo("secret-of-blue");
        assertThat(several.sign(Headers.empty(), "gone").get("api-key")).isEqualTo("secret-of-blue");
        assertThat(several.settings().toString() + several.settings().keys()).doesNotContain("secret");
        ProviderSettings elsewhere = several.settings().at(URI.create("http://127.0.0.1:1/v1"));
        assertThat(elsewhere.keys()).isEqualTo(several.settings().keys());
        assertThat(elsewhere.regions()).containsExactly("eu");
        assertThat(elsewhere.prefill()).isEqualTo(Prefill.PREFIX);
    }

    @Test
    void aPathStandsBelowTheBaseUrlAndKeepsItsQuery() {
        Provider plain = provider("https://example.test/v1", Auth.BEARER, Map.of(), Map.of());
        assertThat(plain.target("/v1/responses/resp_1", "stream=true")).isEqualTo("/v1/responses/resp_1?stream=true");
        Provider azure = provider(
                "https://x.openai.azure.com/openai/v1/", Auth.API_KEY, Map.of(), Map.of("api-version", "preview"));
        assertThat(azure.target("/v1/chat/completions", null))
                .isEqualTo("/openai/v1/chat/completions?api-version=preview");
        assertThat(azure.target("/v1/files", "limit=1")).isEqualTo("/openai/v1/files?limit=1&api-version=preview");
        assertThat(provider("http://example.test", Auth.NONE, Map.of(), Map.of())
                        .target("/v1/models/a%2Fb", ""))
                .isEqualTo("/models/a%2Fb");
    }

    @Test
    void aParameterThatTheOperatorHasSetIsNotTheClientsToSay() {
        Provider azure = provider(
                "https://x.openai.azure.com/openai/v1", Auth.API_KEY, Map.of(), Map.of("api-version", "preview"));
        assertThat(azure.target("/v1/files", "api%2Dversion=1&limit=1&api-version"))
                .isEqualTo("/openai/v1/files?limit=1&api-version=preview");
        assertThat(azure.target("/v1/files", "api-version=1")).isEqualTo("/openai/v1/files?api-version=preview");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "authorization",
                "X-API-Key",
                "api-key",
                "cookie",
                "host",
                "connection",
                "transfer-encoding",
                "content-length",
                "accept-encoding",
                "openai-organization",
                "x-forwarded-for",
                "X-Forwarded-Host",
                "forwarded",
                "via",
                "x-real-ip",
                "x-client-ip",
                "true-client-ip",
                "cf-connecting-ip",
                "x-original-forwarded-for",
                "x-envoy-external-address",
                "sec-fetch-site",
                "x-lockkeeper-provider",
                "http2-settings",
                "upgrade"
            })
    void whatIsNotTheClientsToSayStaysHere(String field) {
        Headers sent = provider("https://example.test/v1", Auth.NONE, Map.of(), Map.of())
                .request(Headers.empty().set(field, "the client's"));
        assertThat(sent.all(field)).doesNotContain("the client's");
    }

    @Test
    void theProviderSignsAndTheClientsOwnFieldsPass() {
        Headers client = Headers.empty()
                .set("Authorization", "Bearer lk-live-x")
                .set("OpenAI-Beta", "responses_multi_agent=v1")
                .set("x-stainless-lang", "java")
                .set("x-vendor-new", "1");
        Headers bearer = provider("https://example.test/v1", Auth.BEARER, Map.of("x-extra", "e"), Map.of())
                .request(client);
        assertThat(bearer.all("authorization")).containsExactly("Bearer secret");
        assertThat(bearer.get("openai-beta")).isEqualTo("responses_multi_agent=v1");
        assertThat(bearer.get("x-vendor-new")).isEqualTo("1");
        assertThat(bearer.get("x-extra")).isEqualTo("e");
        assertThat(bearer.get("accept-encoding")).isEqualTo("identity");
        Headers azure = provider("https://example.test/v1", Auth.API_KEY, Map.of(), Map.of())
                .request(client);
        assertThat(azure.get("api-key")).isEqualTo("secret");
        assertThat(azure.get("authorization")).isNull();
    }

    @Test
    void anAnswersFieldsPassButThoseOfItsConnectionAndAccount() {
        Headers answer = provider("https://example.test/v1", Auth.NONE, Map.of(), Map.of())
                .answer(Headers.empty()
                        .set("x-ratelimit-reset-tokens", "6m0s")
                        .set("openai-processing-ms", "12")
                        .set("set-cookie", "a=b")
                        .set("openai-organization", "org-ours")
                        .set("x-request-id", "req_theirs")
                        .set("cf-ray", "1"));
        assertThat(answer.get("x-ratelimit-reset-tokens")).isEqualTo("6m0s");
        assertThat(answer.get("openai-processing-ms")).isEqualTo("12");
        assertThat(answer.get("set-cookie")).isNull();
        assertThat(answer.get("openai-organization")).isNull();
        assertThat(answer.get("x-request-id")).isNull();
        assertThat(answer.get("cf-ray")).isNull();
    }

    @Test
    void aProviderNeverPrintsItsSecret() {
        Provider provider = provider("https://example.test/v1", Auth.BEARER, Map.of("x", "secret"), Map.of());
        assertThat(provider.settings().toString()).doesNotContain("secret");
    }
}
