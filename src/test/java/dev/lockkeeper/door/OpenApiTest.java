package dev.lockkeeper.door;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Endpoints;
import io.swagger.v3.parser.OpenAPIV3Parser;
import io.swagger.v3.parser.core.models.ParseOptions;
import io.swagger.v3.parser.core.models.SwaggerParseResult;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class OpenApiTest {
    private static final String ORIGIN = "http://127.0.0.1:8080";

    private final JsonNode document = document(ORIGIN);

    @Test
    void everyEndpointOfTheTableIsDescribedAndNothingElse() {
        List<String> described = new ArrayList<>();
        for (var path : document.path("paths").properties()) {
            for (String method : path.getValue().propertyNames()) {
                if (!method.equals("parameters")) {
                    described.add(method.toUpperCase(Locale.ROOT) + " /v1" + path.getKey());
                }
            }
        }
        assertThat(described)
                .containsExactlyInAnyOrderElementsOf(Endpoints.all().stream()
                        .map(each -> each.method() + " " + each.path())
                        .toList());
    }

    @Test
    void aParserOfThisFormatFindsNothingToComplainOf() {
        ParseOptions options = new ParseOptions();
        options.setResolve(true);
        SwaggerParseResult parsed = new OpenAPIV3Parser().readContents(document.toString(), List.of(), options);
        assertThat(parsed.getMessages()).isEmpty();
        assertThat(parsed.getOpenAPI().getServers().getFirst().getUrl()).isEqualTo(ORIGIN + "/v1");
        assertThat(parsed.getOpenAPI().getPaths())
                .containsKey("/responses/{response_id}")
                .hasSizeGreaterThan(30);
    }

    @Test
    void everyReferenceLeadsSomewhereAndEverySchemaIsUsed() {
        Set<String> references = new HashSet<>();
        collect(document, references);
        for (String each : references) {
            assertThat(document.at(each.substring(1)).isMissingNode()).as(each).isFalse();
        }
        for (String each : document.at("/components/schemas").propertyNames()) {
            assertThat(references).contains("#/components/schemas/" + each);
        }
    }

    @Test
    void operationsHaveNamesOfTheirOwnAndTagsThatAreDescribed() {
        Set<String> tags = new HashSet<>();
        document.path("tags").forEach(tag -> tags.add(tag.path("name").asString()));
        Set<String> ids = new HashSet<>();
        for (JsonNode path : document.path("paths")) {
            for (var operation : path.properties()) {
                if (!operation.getKey().equals("parameters")) {
                    assertThat(ids.add(operation.getValue().path("operationId").asString()))
                            .as(operation.toString())
                            .isTrue();
                    assertThat(tags).contains(operation.getValue().at("/tags/0").asString());
                }
            }
        }
    }

    @Test
    void whatTheClientCallsItsServerStaysText() {
        JsonNode strange = document("http://a\"b\\c");
        assertThat(strange.at("/servers/0/url").asString()).isEqualTo("http://a\"b\\c/v1");
        assertThat(strange.at("/info/version").asString()).isEqualTo(Version.TEXT);
    }

    @Test
    void theIndexListsTheTable() {
        JsonNode index = JsonMapper.shared().readTree(Index.json().utf8());
        assertThat(index.path("data")).hasSize(Endpoints.all().size());
        Endpoint first = Endpoints.all().getFirst();
        assertThat(index.at("/data/0/method").asString()).isEqualTo(first.method());
        assertThat(index.at("/data/0/path").asString()).isEqualTo(first.path());
        assertThat(index.at("/data/0/summary").asString()).isEqualTo(first.summary());
        assertThat(index.path("version").asString()).isEqualTo(Version.TEXT);
    }

    private static JsonNode document(String origin) {
        return JsonMapper.shared().readTree(OpenApi.json(origin).utf8());
    }

    private static void collect(JsonNode node, Set<String> references) {
        if (node.path("$ref").isString()) {
            references.add(node.path("$ref").asString());
        }
        node.forEach(each -> collect(each, references));
    }
}
