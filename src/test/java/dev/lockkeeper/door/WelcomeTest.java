package dev.lockkeeper.door;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class WelcomeTest {
    private static final String ORIGIN = "http://127.0.0.1:8080";

    @Test
    void theExamplesAreTheCallersOwn() {
        String page = Welcome.html(ORIGIN, List.of("gpt-5.4", "text-embedding-3-small"), "", true)
                .utf8();
        assertThat(page)
                .contains("curl http://127.0.0.1:8080/v1/chat/completions")
                .contains("base_url=\"http://127.0.0.1:8080/v1\"")
                .contains("baseURL: \"http://127.0.0.1:8080/v1\"")
                .contains("{\"model\": \"gpt-5.4\"")
                .contains("<li><code>text-embedding-3-small</code></li>")
                .contains("href=\"/openapi.json\"")
                .doesNotContain("{{")
                .doesNotContain("You opened");
    }

    @Test
    void anEndpointIsNamedOnThePage() {
        assertThat(Welcome.html(ORIGIN, List.of(), "/v1/embeddings", true).utf8())
                .contains("You opened <code>/v1/embeddings</code> in a browser");
    }

    @Test
    void aPathWithoutAnEndpointIsSaidToHaveNothing() {
        assertThat(Welcome.html(ORIGIN, List.of(), "/favicon<", false).utf8())
                .contains("There is nothing at <code>/favicon&lt;</code>.");
    }

    @Test
    void whatComesFromOutsideIsTextAndNothingElse() {
        String nasty = "<script>'\"&{{models}}";
        String page = Welcome.html(nasty, List.of(nasty), "/" + nasty, true).utf8();
        assertThat(page)
                .doesNotContain("<script")
                .contains("You opened <code>/&lt;script&gt;&#39;&quot;&amp;{{models}}</code>")
                .contains("<li><code>&lt;script&gt;&#39;&quot;&amp;{{models}}</code></li>");
    }

    @Test
    void aLongListOfModelsIsCut() {
        List<String> many = IntStream.range(0, 1_000).mapToObj(i -> "m" + i).toList();
        assertThat(Welcome.html(ORIGIN, many, "", true).utf8())
                .contains("<li>and " + (1_000 - Welcome.MODELS_SHOWN) + " more</li>")
                .hasSizeLessThan(40_000);
    }

    @Test
    void thePolicyAllowsTheStyleOfThePageAndThePageLoadsNothing() throws Exception {
        String page = Welcome.html(ORIGIN, List.of("gpt-5.5"), "", true).utf8();
        String style = page.substring(page.indexOf("<style>") + 7, page.indexOf("</style>"));
        String hash = Base64.getEncoder()
                .encodeToString(MessageDigest.getInstance("SHA-256").digest(style.getBytes(StandardCharsets.UTF_8)));
        assertThat(Welcome.CONTENT_SECURITY_POLICY).contains("style-src 'sha256-" + hash + "'");
        assertThat(page)
                .doesNotContain("<script")
                .doesNotContain(" src=")
                .doesNotContain(" style=")
                .doesNotContain("@import");
    }
}
