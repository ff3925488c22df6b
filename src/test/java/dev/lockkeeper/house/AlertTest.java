package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpServer;
import dev.lockkeeper.ledger.Budget;
import dev.lockkeeper.ledger.Budgets;
import dev.lockkeeper.ledger.Period;
import dev.lockkeeper.ledger.Scope;
import dev.lockkeeper.observe.AlertSettings;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.ZoneOffset;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

/** A call that spends, and who is told of it. */
class AlertTest {
    private static final String ASK = "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    private static final String ANSWER =
            "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"model\":\"gpt-4o-2024\","
                    + "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"ho\"},\"finish_reason\":\"stop\"}],"
                    + "\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":200,\"total_tokens\":1200}}";

    @Test
    void aCallThatUsesHalfABudgetIsToldToTheWebhookOnce() throws Exception {
        List<String> got = new CopyOnWriteArrayList<>();
        HttpServer receiver = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        receiver.createContext("/hook", exchange -> {
            got.add(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        receiver.start();
        URI url = URI.create("http://127.0.0.1:" + receiver.getAddress().getPort() + "/hook");
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .alerts(new AlertSettings(url, "a secret of more than 32 characters", true))
                        .start()) {
            assertThat(gateway.house()
                            .ledger()
                            .budgets()
                            .create(
                                    new Budget.Wanted(
                                            new Scope(Scope.Kind.ORGANIZATION, "org_default"),
                                            new Period(Period.Unit.TOTAL, ZoneOffset.UTC),
                                            false,
                                            new Budget.Terms(8_000_000, false, List.of(50, 100))),
                                    List.of()))
                    .isInstanceOf(Budgets.Changed.Done.class);

            assertThat(gateway.post("/v1/chat/completions", ASK).statusCode()).isEqualTo(200);

            await().atMost(20, SECONDS).untilAsserted(() -> assertThat(got).hasSize(1));
            assertThat(got.getFirst()).contains("\"budget.threshold\"", "\"bud_1:always:50\"", "\"spent\":\"$0.0045\"");
        } finally {
            receiver.stop(0);
        }
    }
}
