package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.access.Created;
import dev.lockkeeper.access.HostedTools;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.KeyTerms;
import dev.lockkeeper.ledger.Budget;
import dev.lockkeeper.ledger.Pending;
import dev.lockkeeper.ledger.Scope;
import dev.lockkeeper.relay.LaterSettings;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.OnBothStores;
import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.testing.SimulatedProvider;
import dev.lockkeeper.testing.Stores;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import tools.jackson.databind.JsonNode;

/**
 * The money of batches, at gpt-4o's batch tariff: 1,250 nano-dollars for a token of the prompt and 5,000 for one of the
 * answer; gpt-4o-mini's are 75 and 300.
 */
@OnBothStores
class BatchesTest {
    private static final LaterSettings SOON = new LaterSettings(
            Duration.ofMillis(20), Duration.ofMillis(100), Duration.ofHours(1), Duration.ofHours(1), 100);
    private static final LaterSettings RARELY = new LaterSettings(
            Duration.ofMinutes(5), Duration.ofMinutes(10), Duration.ofHours(1), Duration.ofHours(1), 100);

    /** What a prompt of two letters is reckoned with, and 100 tokens of answer. */
    private static final long LINE_HELD = 9 * 1_250 + 100 * 5_000;

    @Parameter
    Stores store = Stores.SQLITE;

    @TempDir
    Path data;

    /** Of the scripted provider: what its files hold, by id. */
    private final Map<String, String> files = new ConcurrentHashMap<>();

    /** What it says of the batch. */
    private volatile String batch = batch("in_progress", 2, 0, null);

    private volatile int creation = 200;

    private static String batch(String status, int total, int completed, String output) {
        return "{\"id\":\"batch_1\",\"object\":\"batch\",\"endpoint\":\"/v1/chat/completions\",\"status\":\"" + status
                + "\",\"input_file_id\":\"file_in\",\"output_file_id\":"
                + (output == null ? "null" : "\"" + output + "\"")
                + ",\"error_file_id\":null,\"request_counts\":{\"total\":"
                + total + ",\"completed\":" + completed + ",\"failed\":0}}";
    }

    private static String line(int number, String model, String members) {
        return "{\"custom_id\":\"" + number
                + "\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{\"model\":\"" + model
                + "\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" + members + "}}\n";
    }

    private static String answer(int number, String model, int input, int output) {
        return "{\"id\":\"batch_req_" + number + "\",\"custom_id\":\"" + number
                + "\",\"response\":{\"status_code\":200,\"body\":{\"id\":\"chatcmpl-" + number + "\",\"model\":\""
                + model
                + "-2024-08-06\",\"choices\":[],\"usage\":{\"prompt_tokens\":" + input + ",\"completion_tokens\":"
                + output
                + ",\"total_tokens\":" + (input + output) + "}}},\"error\":null}\n";
    }

    private static String failed(int number) {
        return "{\"id\":\"batch_req_" + number + "\",\"custom_id\":\"" + number
                + "\",\"response\":{\"status_code\":400,\"body\":{\"error\":{\"message\":\"no\"}}},\"error\":null}\n";
    }

    private ScriptedUpstream upstream() {
        return ScriptedUpstream.answering((request, conversation) -> {
            String[] parts = request.line().split(" ");
            String target = parts[0] + " " + parts[1];
            if (target.equals("POST /v1/files")) {
                conversation.json(200, "{\"id\":\"file_in\",\"object\":\"file\",\"purpose\":\"batch\"}");
            } else if (target.equals("POST /v1/batches")) {
                if (creation == 0) {
                    conversation.reset();
                } else {
                    conversation.json(creation, creation == 200 ? batch("validating", 0, 0, null) : "{\"error\":{}}");
                }
            } else if (target.startsWith("GET /v1/batches/") || target.endsWith("/cancel")) {
                conversation.json(200, batch);
            } else {
                String file = files.get(target.split("/")[3]);
                conversation.json(file == null ? 404 : 200, file == null ? "{\"error\":{}}" : file);
            }
        });
    }

    private Gateway gateway(int port, LaterSettings later) {
        return Gateway.plan()
                .data(data)
                .store(store)
                .provider("upstream", port)
                .window("gpt-4o", 128_000, "upstream", "gpt-4o")
                .window("small", 128_000, "upstream", "gpt-4o-mini")
                .window("endless", 0, "upstream", "gpt-x")
                .later(later)
                .start();
    }

    private static void booked(Gateway gateway, long nanos) {
        gateway.booked(nanos);
        assertThat(gateway.house().later().count()).isZero();
    }

    private HttpResponse<String> create(Gateway gateway, String input, String... field) {
        Tenant tenant = new Tenant(gateway, gateway.key());
        files.put("file_in", input);
        String file = tenant.file("batch", input);
        var request = gateway.request("/v1/batches")
                .header("content-type", "application/json")
                .POST(BodyPublishers.ofString("{\"input_file_id\":\"" + file
                        + "\",\"endpoint\":\"/v1/chat/completions\",\"completion_window\":\"24h\"}"));
        return gateway.send(field.length == 0 ? request : request.header(field[0], field[1]));
    }

    private static String two() {
        return line(1, "gpt-4o", ",\"max_tokens\":100") + "\n" + line(2, "gpt-4o", ",\"max_completion_tokens\":100");
    }

    @Test
    void aBatchIsHeldByItsLinesAndBookedByWhatTheyUsed() {
        try (SimulatedProvider provider = SimulatedProvider.seeded(7);
                Gateway gateway = gateway(provider.port(), SOON)) {
            gateway.budget(1_000_000_000);
            HttpResponse<String> made = create(gateway, two());
            assertThat(made.statusCode()).isEqualTo(200);
            Tenant tenant = new Tenant(gateway, gateway.key());
            String id = tenant.get("/batches").good().json().at("/data/0/id").asString();
            await().atMost(15, SECONDS)
                    .until(() ->
                            tenant.get("/batches/" + id).good().text("/status").equals("completed"));
            JsonNode usage = tenant.get("/batches/" + id).good().json().path("usage");
            long input = usage.path("input_tokens").asLong();
            long output = usage.path("output_tokens").asLong();
            assertThat(output).isPositive();
            booked(gateway, input * 1_250 + output * 5_000);
            assertThat(gateway.house().later().known()).isEqualTo(1);
        }
    }

    @Test
    void whatABatchMayCostIsHeldAndHeldOverARestart() {
        try (ScriptedUpstream upstream = upstream()) {
            try (Gateway gateway = gateway(upstream.port(), RARELY)) {
                gateway.budget(1_000_000_000);
                assertThat(create(gateway, two()).statusCode()).isEqualTo(200);
                assertThat(gateway.balance().heldNanos()).isEqualTo(2 * LINE_HELD);
                Pending pending = gateway.house().later().pending().getFirst();
                assertThat(pending.awaited().id()).isEqualTo("batch_1");
                assertThat(pending.model()).isEqualTo("gpt-4o");
            }
            files.put("file_out", answer(1, "gpt-4o", 10, 20) + answer(2, "gpt-4o", 10, 30));
            batch = batch("completed", 2, 2, "file_out");
            try (Gateway gateway = gateway(upstream.port(), RARELY)) {
                assertThat(gateway.balance().heldNanos()).isEqualTo(2 * LINE_HELD);
                // A client that sees the end ends the wait.
                await().atMost(15, SECONDS).until(() -> gateway.house().later().count() == 1);
                assertThat(new Tenant(gateway, gateway.key())
                                .get("/batches/batch_1")
                                .good()
                                .text("/status"))
                        .isEqualTo("completed");
                booked(gateway, 20 * 1_250 + 50 * 5_000);
            }
            try (Gateway gateway = gateway(upstream.port(), SOON)) {
                booked(gateway, 20 * 1_250 + 50 * 5_000);
            }
        }
    }

    @Test
    void aBatchThatABudgetCantPayIsNotMade() {
        try (ScriptedUpstream upstream = upstream();
                Gateway gateway = gateway(upstream.port(), SOON)) {
            gateway.budget(2 * LINE_HELD - 1);
            HttpResponse<String> refused = create(gateway, two());
            assertThat(refused.statusCode()).isEqualTo(429);
            assertThat(refused.body()).contains("\"code\":\"insufficient_quota\"", "$0.0010225");
            assertThat(upstream.requests()).noneMatch(each -> each.line().startsWith("POST /v1/batches"));
            booked(gateway, 0);
        }
    }

    @Test
    void aBatchWhoseLinesHaveNoBoundIsClosedToThoseUnderAHardBudget() {
        String endless = line(1, "gpt-4o", "") + line(2, "gpt-x", "");
        String odd =
                "{\"custom_id\":\"1\",\"method\":\"POST\",\"url\":\"/v1/videos\",\"body\":{\"model\":\"gpt-4o\"}}\n";
        try (ScriptedUpstream upstream = upstream();
                Gateway gateway = gateway(upstream.port(), RARELY)) {
            assertThat(create(gateway, endless).statusCode()).isEqualTo(200);
            gateway.budget(1_000_000_000_000L);
            HttpResponse<String> refused = create(gateway, endless);
            assertThat(refused.statusCode()).isEqualTo(403);
            assertThat(refused.body()).contains("\"code\":\"cost_unbounded\"", "line 2", "how long its answer may be");
            assertThat(create(gateway, odd).body())
                    .contains("\"code\":\"cost_unbounded\"", "line 1", "no request of a kind");
        }
    }

    @Test
    void aLineIsPaidOnceAndAFailedOneNotAtAll() {
        files.put(
                "file_out",
                answer(1, "gpt-4o", 10, 20) + failed(2) + answer(1, "gpt-4o", 10, 20) + "\n"
                        + answer(3, "gpt-4o", 1, 2));
        try (ScriptedUpstream upstream = upstream();
                Gateway gateway = gateway(upstream.port(), SOON)) {
            gateway.budget(1_000_000_000);
            assertThat(create(gateway, two() + line(3, "gpt-4o", ",\"max_tokens\":100"))
                            .statusCode())
                    .isEqualTo(200);
            batch = batch("completed", 3, 2, "file_out");
            booked(gateway, 11 * 1_250 + 22 * 5_000);
        }
    }

    @Test
    void aLineThatTellsNothingIsTakenForItsShareOfWhatWasHeld() {
        files.put("file_out", answer(1, "gpt-4o", 10, 20) + "not JSON\n");
        batch = batch("completed", 2, 2, "file_out");
        try (ScriptedUpstream upstream = upstream();
                Gateway gateway = gateway(upstream.port(), SOON)) {
            gateway.budget(1_000_000_000);
            assertThat(create(gateway, two()).statusCode()).isEqualTo(200);
            booked(gateway, 10 * 1_250 + 20 * 5_000 + LINE_HELD);
            assertThat(gateway.house().later().guessed()).isEqualTo(1);
        }
    }

    @Test
    void ofABatchThatIsCancelledWhatWasDoneIsPaid() {
        files.put("file_out", answer(2, "gpt-4o", 10, 20));
        try (ScriptedUpstream upstream = upstream();
                Gateway gateway = gateway(upstream.port(), RARELY)) {
            gateway.budget(1_000_000_000);
            assertThat(create(gateway, two()).statusCode()).isEqualTo(200);
            batch = batch("cancelled", 2, 1, "file_out");
            assertThat(gateway.send(gateway.request("/v1/batches/batch_1/cancel")
                                    .POST(BodyPublishers.noBody()))
                            .statusCode())
                    .isEqualTo(200);
            booked(gateway, 10 * 1_250 + 20 * 5_000);
        }
    }

    @Test
    void aBatchThatFailedCostsNothing() {
        batch = batch("failed", 0, 0, null);
        try (ScriptedUpstream upstream = upstream();
                Gateway gateway = gateway(upstream.port(), SOON)) {
            gateway.budget(1_000_000_000);
            assertThat(create(gateway, two()).statusCode()).isEqualTo(200);
            booked(gateway, 0);
        }
    }

    @Test
    void aBatchWhoseOutputIsGoneIsBookedAtWhatWasHeld() {
        batch = batch("completed", 2, 2, "file_gone");
        try (ScriptedUpstream upstream = upstream();
                Gateway gateway = gateway(upstream.port(), SOON)) {
            gateway.budget(1_000_000_000);
            assertThat(create(gateway, two()).statusCode()).isEqualTo(200);
            booked(gateway, 2 * LINE_HELD);
        }
    }

    @Test
    void eachModelOfABatchIsBookedForItself() {
        files.put("file_out", answer(1, "gpt-4o", 10, 20) + answer(2, "gpt-4o-mini", 100, 200));
        try (ScriptedUpstream upstream = upstream();
                Gateway gateway = gateway(upstream.port(), SOON)) {
            gateway.budget(new Scope(Scope.Kind.MODEL, "small"), new Budget.Terms(1_000_000_000, true, List.of()));
            gateway.budget(1_000_000_000);
            String input = line(1, "gpt-4o", ",\"max_tokens\":100") + line(2, "gpt-4o-mini", ",\"max_tokens\":100");
            assertThat(create(gateway, input).statusCode()).isEqualTo(200);
            assertThat(gateway.house().later().pending()).hasSize(2);
            batch = batch("completed", 2, 2, "file_out");
            booked(gateway, 100 * 75 + 200 * 300);
            assertThat(gateway.house().ledger().budgets().balances().getLast().spentNanos())
                    .isEqualTo(10 * 1_250 + 20 * 5_000 + 100 * 75 + 200 * 300);
        }
    }

    @Test
    void whereOneModelsBudgetCantPayNothingIsHeldOfTheOthers() {
        try (ScriptedUpstream upstream = upstream();
                Gateway gateway = gateway(upstream.port(), SOON)) {
            gateway.budget(1_000_000_000);
            gateway.budget(new Scope(Scope.Kind.MODEL, "small"), new Budget.Terms(1_000, true, List.of()));
            String input = line(1, "gpt-4o", ",\"max_tokens\":100") + line(2, "gpt-4o-mini", ",\"max_tokens\":100");
            assertThat(create(gateway, input).body()).contains("insufficient_quota", "model:small");
            booked(gateway, 0);
            assertThat(gateway.house().ledger().openHolds()).isZero();
        }
    }

    @Test
    void aBatchThatItsProviderRefusesCostsNothingAndOneThatMayBeUnderWayWhatWasHeld() {
        try (ScriptedUpstream upstream = upstream();
                Gateway gateway = gateway(upstream.port(), SOON)) {
            gateway.budget(1_000_000_000);
            creation = 400;
            assertThat(create(gateway, two()).statusCode()).isEqualTo(400);
            booked(gateway, 0);
            creation = 0;
            assertThat(create(gateway, two()).statusCode()).isEqualTo(502);
            booked(gateway, 2 * LINE_HELD);
        }
    }

    @Test
    void aDryRunTellsWhatABatchWouldHold() {
        try (ScriptedUpstream upstream = upstream();
                Gateway gateway = gateway(upstream.port(), SOON)) {
            gateway.budget(LINE_HELD);
            HttpResponse<String> told = create(gateway, two(), "x-lockkeeper-dry-run", "true");
            assertThat(told.statusCode()).isEqualTo(200);
            assertThat(told.body())
                    .contains("\"max_output_tokens\":200", "\"worst_cost\":\"$0.0010225\"", "\"would_run\":false");
            assertThat(upstream.requests()).noneMatch(each -> each.line().startsWith("POST /v1/batches"));
            booked(gateway, 0);
        }
    }

    @Test
    void linesMayUseNoToolThatTheKeyMayNot() {
        try (ScriptedUpstream upstream = upstream();
                Gateway gateway = gateway(upstream.port(), SOON)) {
            Created key = gateway.key(
                    "default", KeyKind.LIVE, new KeyTerms("", null, List.of(), HostedTools.NONE, List.of()));
            String input = line(1, "gpt-4o", ",\"web_search_options\":{}");
            files.put("file_in", input);
            String file = new Tenant(gateway, key.text()).file("batch", input);
            HttpResponse<String> refused = gateway.send(gateway.request("/v1/batches")
                    .setHeader("authorization", "Bearer " + key.text())
                    .header("content-type", "application/json")
                    .POST(BodyPublishers.ofString("{\"input_file_id\":\"" + file
                            + "\",\"endpoint\":\"/v1/chat/completions\",\"completion_window\":\"24h\"}")));
            assertThat(refused.statusCode()).isEqualTo(403);
            assertThat(refused.body()).contains("tool_not_allowed");
        }
    }
}
