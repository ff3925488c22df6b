package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.routing.HealthSettings;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** Breakers and probes over real sockets. */
class HealthOverSocketsTest {
    private static final String ASK = """
            {"model":"gpt","messages":[{"role":"user","content":"Hi"}]}""";
    private static final String WHOLE = """
            {"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":\
            {"role":"assistant","content":"Hi","refusal":null},"logprobs":null,"finish_reason":"stop"}],\
            "usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}""";

    private static HealthSettings judged(Duration open, Duration probe) {
        HealthSettings.Breaker breaker =
                new HealthSettings.Breaker(Duration.ofSeconds(60), 4, 50, 80, Duration.ofSeconds(30), open, 1);
        return new HealthSettings(breaker, null, 100, probe);
    }

    @Test
    void nobodyIsSentToATargetThatFailsAndOneCallBringsItBack() throws Exception {
        AtomicBoolean ill = new AtomicBoolean(true);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((_, conversation) -> conversation.json(
                        ill.get() ? 500 : 200, ill.get() ? "{\"error\":{\"message\":\"x\"}}" : WHOLE));
                ScriptedUpstream well = ScriptedUpstream.answering((_, conversation) -> conversation.json(200, WHOLE));
                Gateway gateway = Gateway.plan()
                        .provider("up", upstream.port())
                        .provider("well", well.port())
                        .model("gpt", Profile.AUTO, "up/m", "well/m")
                        .model("alone", Profile.AUTO, "up/m")
                        .health("up", judged(Duration.ofSeconds(3), Duration.ofHours(1)))
                        .start()) {
            await().atMost(20, SECONDS).until(() -> {
                assertThat(gateway.post("/v1/chat/completions", ASK).statusCode())
                        .isEqualTo(200);
                return metrics(gateway).contains("lockkeeper_breaker_opened_total 1.0");
            });
            int asked = upstream.requests().size();
            assertThat(gateway.post("/v1/chat/completions", ASK).statusCode()).isEqualTo(200);
            assertThat(upstream.requests()).hasSize(asked);
            assertThat(metrics(gateway)).contains("lockkeeper_target_state{key=\"\",model=\"m\",provider=\"up\"} 2.0");

            String alone = ASK.replace("gpt", "alone");
            assertThat(gateway.post("/v1/chat/completions", alone).statusCode()).isEqualTo(500);
            assertThat(upstream.requests())
                    .as("who has nobody else is let through")
                    .hasSize(asked + 1);

            ill.set(false);

            await().atMost(20, SECONDS).until(() -> {
                assertThat(gateway.post("/v1/chat/completions", ASK).statusCode())
                        .isEqualTo(200);
                return metrics(gateway).contains("lockkeeper_breaker_closed_total 1.0");
            });
            assertThat(metrics(gateway)).contains("lockkeeper_target_state{key=\"\",model=\"m\",provider=\"up\"} 0.0");
        }
    }

    @Test
    void aProviderIsAskedForItsModelsAndLeftAloneWhileItDoesNotAnswer() throws Exception {
        AtomicBoolean ill = new AtomicBoolean(true);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((_, conversation) ->
                        conversation.json(ill.get() ? 503 : 200, "{\"object\":\"list\",\"data\":[]}"));
                Gateway gateway = Gateway.plan()
                        .provider("up", upstream.port())
                        .model("gpt", Profile.AUTO, "up/m")
                        .health("up", judged(Duration.ofSeconds(1), Duration.ofMillis(100)))
                        .start()) {
            await().atMost(20, SECONDS)
                    .until(() -> metrics(gateway).contains("lockkeeper_provider_state{provider=\"up\"} 2.0"));
            assertThat(upstream.requests()).hasSizeGreaterThanOrEqualTo(3).allSatisfy(each -> {
                assertThat(each.line()).isEqualTo("GET /v1/models HTTP/1.1");
                assertThat(each.field("authorization")).isEqualTo("Bearer sk-upstream-secret");
            });

            ill.set(false);

            await().atMost(20, SECONDS)
                    .until(() -> metrics(gateway).contains("lockkeeper_provider_state{provider=\"up\"} 0.0"));
            assertThat(gateway.log().lines()).as("a look is no call").isEmpty();
        }
    }

    private static String metrics(Gateway gateway) {
        return gateway.admin("/metrics").body();
    }
}
