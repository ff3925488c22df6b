package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpServer;
import dev.lockkeeper.ledger.Budget;
import dev.lockkeeper.observe.AlertSettings;
import dev.lockkeeper.testing.PaidGateway;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

/** A call that spends, and who is told of it. */
class AlertTest {
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
        try (PaidGateway paid = PaidGateway.answering(
                plan -> plan.alerts(new AlertSettings(url, "a secret of more than 32 characters", true, null)))) {
            paid.gateway().budget(new Budget.Terms(8_000_000, false, List.of(50, 100)));

            assertThat(paid.chat(PaidGateway.ASK).statusCode()).isEqualTo(200);

            await().atMost(20, SECONDS).untilAsserted(() -> assertThat(got).hasSize(1));
            assertThat(got.getFirst()).contains("\"budget.threshold\"", "\"bud_1:always:50\"", "\"spent\":\"$0.0045\"");
        } finally {
            receiver.stop(0);
        }
    }
}
