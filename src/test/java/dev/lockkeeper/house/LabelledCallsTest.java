package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.access.Access;
import dev.lockkeeper.access.Actor;
import dev.lockkeeper.access.Flag;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.KeyTerms;
import dev.lockkeeper.db.Page;
import dev.lockkeeper.routing.Abilities;
import dev.lockkeeper.routing.Anchor;
import dev.lockkeeper.routing.Choose;
import dev.lockkeeper.routing.Condition;
import dev.lockkeeper.routing.ModelSettings.CaseSettings;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.routing.ModelSettings.RankedTarget;
import dev.lockkeeper.routing.ModelSettings.TargetSettings;
import dev.lockkeeper.routing.Property;
import dev.lockkeeper.routing.Share;
import dev.lockkeeper.routing.Term;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.OnBothStores;
import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.testing.Stores;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;

/** Who serves a call by what it says of itself, by its key, and by the shares that were changed while the gateway runs. */
@OnBothStores
class LabelledCallsTest {
    private static final Actor WHO = Actor.folder("test");
    private static final String ANSWER =
            "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,"
                    + "\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},\"finish_reason\":\"stop\"}],"
                    + "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}}";

    @Parameter
    Stores store = Stores.SQLITE;

    @TempDir
    Path temp;

    private ScriptedUpstream upstream;
    private Gateway gateway;

    @BeforeEach
    void start() throws Exception {
        upstream = ScriptedUpstream.answering((_, conversation) -> conversation.json(200, ANSWER));
        gateway = Gateway.plan()
                .data(Files.createDirectory(temp.resolve("data")))
                .store(store)
                .provider("pro", upstream.port())
                .provider("safe", upstream.port())
                .provider("stage", upstream.port())
                .provider("new", upstream.port())
                .provider("usual", upstream.port())
                .cases(
                        "auto",
                        of("critical", null, "pro", new Term.Said(Property.COMPLEXITY, Set.of("critical"), false)),
                        of("secret", null, "safe", new Term.Said(Property.SENSITIVITY, Set.of("secret"), false)),
                        of("stage", null, "stage", new Term.Said(Property.ENVIRONMENT, Set.of("staging"), false)),
                        of("new", new Share(0, Anchor.PROJECT), "new"),
                        of("rest", null, "usual"))
                .start();
    }

    @AfterEach
    void close() {
        gateway.close();
        upstream.close();
    }

    private static CaseSettings of(String name, @Nullable Share share, String provider, Term... when) {
        RankedTarget target = new RankedTarget(new TargetSettings(provider, "m"), 1, Abilities.UNSAID);
        return new CaseSettings(
                name,
                new Condition(List.of(when)),
                share,
                List.of(List.of(target)),
                Choose.WEIGHT,
                Anchor.PROMPT_CACHE_KEY);
    }

    private HttpResponse<String> ask(String key, String metadata, String... fields) {
        var request = gateway.request("/v1/chat/completions")
                .setHeader("authorization", "Bearer " + key)
                .setHeader("content-type", "application/json")
                .POST(BodyPublishers.ofString(
                        "{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]," + "\"metadata\":"
                                + metadata + "}"));
        for (int i = 0; i < fields.length; i += 2) {
            request.setHeader(fields[i], fields[i + 1]);
        }
        return gateway.send(request);
    }

    private String served(String key, String metadata, String... fields) {
        HttpResponse<String> answer = ask(key, metadata, fields);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return answer.headers().firstValue("x-lockkeeper-provider").orElse("");
    }

    @Test
    void whatACallSaysOfItselfDecidesWhoServesIt() {
        String key = gateway.key();
        assertThat(served(key, "{}")).isEqualTo("usual");
        assertThat(served(key, "{\"complexity\":\"critical\"}")).isEqualTo("pro");
        assertThat(served(key, "{\"complexity\":\"critical\"}", "x-lockkeeper-complexity", "routine"))
                .as("a header counts more")
                .isEqualTo("usual");
        assertThat(served(key, "{}", "x-lockkeeper-sensitivity", "secret")).isEqualTo("safe");
        String staging = gateway.key(
                        "default",
                        KeyKind.LIVE,
                        new KeyTerms("staging", null, List.of(), KeyTerms.FREE.tools(), List.of()))
                .text();
        assertThat(served(staging, "{}")).isEqualTo("stage");
        assertThat(upstream.requests().getLast().text())
                .as("the provider gets what the client sent")
                .contains("\"metadata\":{}");
        assertThat(upstream.requests().stream().map(each -> each.head().toLowerCase(Locale.ROOT)))
                .noneMatch(each -> each.contains("x-lockkeeper-sensitivity"));
    }

    @Test
    void aLabelThatCantBeOneIsRefusedAndReachesNobody() {
        HttpResponse<String> header = ask(gateway.key(), "{}", "x-lockkeeper-complexity", "hard");
        assertThat(header.statusCode()).isEqualTo(400);
        assertThat(header.body())
                .contains(
                        "'x-lockkeeper-complexity' is 'hard': routine, standard, complex or critical was expected.",
                        "\"param\":\"x-lockkeeper-complexity\"",
                        "\"code\":\"invalid_value\"");
        HttpResponse<String> body = ask(gateway.key(), "{\"complexity\":\"O(n)\"}");
        assertThat(body.statusCode()).isEqualTo(400);
        assertThat(body.body()).contains("'metadata.complexity' is 'O(n)'", "\"param\":\"metadata.complexity\"");
        assertThat(upstream.requests()).isEmpty();
    }

    @Test
    void aFlagCountsAtOnceForItsTenantAndForNobodyElse() {
        Access access = gateway.house().access();
        String brave = gateway.key("brave");
        String shy = gateway.key("shy");
        assertThat(served(brave, "{}")).isEqualTo("usual");
        Flag flag = access.flags().set(WHO, "auto", "new", null, "brave", 10_000);
        assertThat(served(brave, "{}")).isEqualTo("new");
        assertThat(served(shy, "{}")).isEqualTo("usual");

        access.flags().set(WHO, "auto", "new", null, null, 10_000);
        access.flags().set(WHO, "auto", "new", null, "shy", 0);
        assertThat(served(shy, "{}")).as("its own counts before everybody's").isEqualTo("usual");
        assertThat(served(gateway.key("third"), "{}")).isEqualTo("new");
        assertThat(served(brave, "{\"complexity\":\"critical\"}"))
                .as("a case before it holds as before")
                .isEqualTo("pro");

        access.flags().remove(WHO, flag.id());
        for (Flag each : access.flags().list(null, null, null, Page.FIRST).elements()) {
            access.flags().remove(WHO, each.id());
        }
        assertThat(served(brave, "{}")).isEqualTo("usual");
    }

    @Test
    void aFlagThatAnotherServerSetsIsHeard() throws Exception {
        if (store == Stores.SQLITE) {
            return; // one process alone has it
        }
        String key = gateway.key("brave");
        try (Gateway other = Gateway.plan()
                .data(Files.createDirectory(temp.resolve("other")))
                .store(store.settings(temp.resolve("data")))
                .provider("one", upstream.port())
                .model("m", Profile.AUTO, "one/m")
                .start()) {
            other.house().access().flags().set(WHO, "auto", "new", null, "brave", 10_000);
            await().atMost(10, TimeUnit.SECONDS)
                    .untilAsserted(() -> assertThat(served(key, "{}")).isEqualTo("new"));
        }
    }
}
