package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.ledger.Balance;
import dev.lockkeeper.ledger.Pending;
import dev.lockkeeper.relay.LaterSettings;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.OnBothStores;
import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.testing.Stores;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;

/**
 * The money of responses in the background. The model is gpt-4o: a token of the answer costs 10,000 nano-dollars, and the
 * answers here used 1,000 tokens of prompt and 200 of answer.
 */
@OnBothStores
class BackgroundTest {
    private static final String ASK =
            "{\"model\":\"gpt-4o\",\"background\":true,\"max_output_tokens\":1000,\"input\":\"hi\"}";
    private static final long COST = 1000 * 2_500 + 200 * 10_000;

    /** The whole answer's limit, and a few tokens of the prompt. */
    private static final long HELD = 1000 * 10_000;

    private static final LaterSettings SOON = new LaterSettings(
            Duration.ofMillis(20), Duration.ofMillis(100), Duration.ofHours(1), Duration.ofHours(1), 2);
    private static final LaterSettings RARELY = new LaterSettings(
            Duration.ofMinutes(5), Duration.ofMinutes(10), Duration.ofHours(1), Duration.ofHours(1), 100);

    @Parameter
    Stores store = Stores.SQLITE;

    @TempDir
    Path data;

    private final AtomicInteger made = new AtomicInteger();

    private static String response(String id, String status, boolean usage) {
        return "{\"id\":\"" + id + "\",\"object\":\"response\",\"status\":\"" + status
                + "\",\"background\":true,\"model\":\"gpt-4o-2024\",\"output\":[],\"usage\":"
                + (usage ? "{\"input_tokens\":1000,\"output_tokens\":200,\"total_tokens\":1200}" : "null") + "}";
    }

    /** Makes responses, and tells of them what a test wants. */
    private ScriptedUpstream upstream(ScriptedUpstream.Script reading) {
        return ScriptedUpstream.answering((request, conversation) -> {
            if (request.line().startsWith("POST /v1/responses ")) {
                conversation.json(200, response("resp_" + made.incrementAndGet(), "queued", false));
            } else {
                reading.answer(request, conversation);
            }
        });
    }

    private Gateway gateway(ScriptedUpstream upstream, LaterSettings later) {
        return Gateway.plan()
                .data(data)
                .store(store)
                .provider("upstream", upstream.port())
                .later(later)
                .start();
    }

    private static void booked(Gateway gateway, long nanos) {
        gateway.booked(nanos);
        assertThat(gateway.house().later().count()).isZero();
    }

    private static void asked(Gateway gateway) {
        HttpResponse<String> answer = gateway.post("/v1/responses", ASK);
        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.headers().firstValue("x-lockkeeper-cost")).isEmpty();
    }

    @Test
    void aResponseIsHeldUntilItIsDoneAndThenBookedAtWhatItUsed() {
        AtomicInteger looks = new AtomicInteger();
        try (ScriptedUpstream upstream = upstream((_, conversation) -> conversation.json(
                        200,
                        response(
                                "resp_1",
                                looks.incrementAndGet() < 4 ? "in_progress" : "completed",
                                looks.get() > 3)));
                Gateway gateway = gateway(upstream, SOON)) {
            gateway.budget(1_000_000_000);
            asked(gateway);

            booked(gateway, COST);
            assertThat(looks).hasValue(4);
            assertThat(upstream.requests().getLast().line()).startsWith("GET /v1/responses/resp_1 ");
            assertThat(upstream.requests().getLast().field("authorization")).isEqualTo("Bearer sk-upstream-secret");
        }
    }

    @Test
    void whatIsHeldIsKeptFromOthersAndItsLimitIsWhatTheBudgetCanPay() {
        try (ScriptedUpstream upstream = upstream(
                        (_, conversation) -> conversation.json(200, response("resp_1", "in_progress", false)));
                Gateway gateway = gateway(upstream, RARELY)) {
            gateway.budget(6_000_000);
            asked(gateway);

            assertThat(upstream.requests().getFirst().text()).contains("\"max_output_tokens\":59");
            Balance now = gateway.balance();
            assertThat(now.heldNanos()).isGreaterThan(5_990_000);
            HttpResponse<String> second = gateway.post("/v1/responses", ASK);
            assertThat(second.statusCode()).isEqualTo(429);
            assertThat(second.body()).contains("\"code\":\"budget_held\"");
        }
    }

    @Test
    void whatWasUnderWayIsHeldAndBookedByTheNextProcess() {
        AtomicInteger looks = new AtomicInteger();
        try (ScriptedUpstream upstream = upstream((request, conversation) -> {
            looks.incrementAndGet();
            String id = request.line().split(" ")[1].substring("/v1/responses/".length());
            conversation.json(200, response(id, "completed", true));
        })) {
            long held;
            try (Gateway gateway = gateway(upstream, RARELY)) {
                gateway.budget(1_000_000_000);
                asked(gateway);
                asked(gateway);
                held = gateway.balance().heldNanos();
                assertThat(held).isGreaterThan(2 * HELD);
            }
            assertThat(looks).hasValue(0);
            try (Gateway gateway = gateway(upstream, RARELY)) {
                await().atMost(15, SECONDS)
                        .untilAsserted(() -> assertThat(gateway.house().later().pending())
                                .extracting(each -> each.awaited().id())
                                .containsExactlyInAnyOrder("resp_1", "resp_2"));
                assertThat(gateway.balance().heldNanos()).isEqualTo(held);
                assertThat(gateway.balance().freeNanos()).isEqualTo(1_000_000_000 - held);
            }
            try (Gateway gateway = gateway(upstream, SOON)) {
                booked(gateway, 2 * COST);
                assertThat(looks).hasValue(2);
            }
            try (Gateway gateway = gateway(upstream, SOON)) {
                booked(gateway, 2 * COST);
                assertThat(looks).hasValue(2);
            }
        }
    }

    @Test
    void aProviderThatCantBeAskedIsAskedAgain() {
        AtomicInteger looks = new AtomicInteger();
        try (ScriptedUpstream upstream = upstream((_, conversation) -> {
                    switch (looks.incrementAndGet()) {
                        case 1 -> conversation.reset();
                        case 2 -> conversation.json(503, "{\"error\":{\"message\":\"down\"}}");
                        case 3 -> conversation.json(200, "not JSON");
                        case 4 -> conversation.json(404, "a proxy's page");
                        case 5 -> conversation.json(404, "{\"error\":{\"message\":\"not yet\"}}");
                        default -> conversation.json(200, response("resp_1", "completed", true));
                    }
                });
                Gateway gateway = gateway(upstream, SOON)) {
            gateway.budget(1_000_000_000);
            asked(gateway);
            booked(gateway, COST);
        }
    }

    @Test
    void aClientThatReadsTheEndEndsTheWait() {
        try (ScriptedUpstream upstream =
                        upstream((_, conversation) -> conversation.json(200, response("resp_1", "completed", true)));
                Gateway gateway = gateway(upstream, RARELY)) {
            gateway.budget(1_000_000_000);
            asked(gateway);
            assertThat(gateway.balance().heldNanos()).isGreaterThan(HELD);

            assertThat(gateway.get("/v1/responses/resp_1").statusCode()).isEqualTo(200);
            booked(gateway, COST);
            assertThat(upstream.requests()).hasSize(2);
            assertThat(gateway.get("/v1/responses/resp_1").statusCode()).isEqualTo(200);
            booked(gateway, COST);
        }
    }

    @Test
    void aResponseThatIsCancelledIsPaidForWhatItMayHaveMade() {
        try (ScriptedUpstream upstream = upstream(
                        (request, conversation) -> conversation.json(200, response("resp_1", "cancelled", false)));
                Gateway gateway = gateway(upstream, RARELY)) {
            gateway.budget(1_000_000_000);
            asked(gateway);
            long held = gateway.balance().heldNanos();
            assertThat(gateway.send(gateway.request("/v1/responses/resp_1/cancel")
                                    .POST(java.net.http.HttpRequest.BodyPublishers.noBody()))
                            .statusCode())
                    .isEqualTo(200);
            await().atMost(15, SECONDS).until(() -> gateway.balance().heldNanos() == 0);
            assertThat(gateway.balance().spentNanos()).isPositive().isLessThan(held);
            assertThat(gateway.house().later().guessed()).isEqualTo(1);
        }
    }

    @Test
    void aResponseThatIsGoneIsBookedAtWhatWasHeld() {
        try (ScriptedUpstream upstream = upstream(
                        (_, conversation) -> conversation.json(404, "{\"error\":{\"message\":\"no such response\"}}"));
                Gateway gateway = gateway(upstream, SOON)) {
            gateway.budget(1_000_000_000);
            asked(gateway);
            Pending pending =
                    gateway.house().later().pending().stream().findFirst().orElseThrow();
            booked(gateway, pending.heldNanos());
            assertThat(gateway.house().later().guessed()).isEqualTo(1);
        }
    }

    @Test
    void aResponseThatIsNeverDoneIsBookedAtWhatWasHeldWhenItsTimeIsOver() {
        LaterSettings impatient = new LaterSettings(
                Duration.ofMillis(20), Duration.ofMillis(100), Duration.ofMillis(700), Duration.ofHours(1), 2);
        try (ScriptedUpstream upstream = upstream(
                        (_, conversation) -> conversation.json(200, response("resp_1", "in_progress", false)));
                Gateway gateway = gateway(upstream, impatient)) {
            gateway.budget(1_000_000_000);
            asked(gateway);
            long held = gateway.balance().heldNanos();
            assertThat(held).isGreaterThan(HELD);
            booked(gateway, held);
        }
    }

    @Test
    void noMoreIsWaitedForThanMayBe() {
        try (ScriptedUpstream upstream = upstream(
                        (_, conversation) -> conversation.json(200, response("resp_1", "in_progress", false)));
                Gateway gateway = gateway(upstream, SOON)) {
            asked(gateway);
            asked(gateway);
            HttpResponse<String> third = gateway.post("/v1/responses", ASK);
            assertThat(third.statusCode()).isEqualTo(503);
            assertThat(third.body()).contains("as many responses and batches are waited for as may be");
        }
    }

    @Test
    void aStreamInTheBackgroundThatItsClientLeavesIsBookedWhenItIsDone() {
        String created =
                "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":"
                        + response("resp_1", "queued", false) + "}\n\n";
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    if (request.line().startsWith("POST")) {
                        conversation.chunkedEvents();
                        conversation.chunk(created);
                        conversation.reset();
                    } else {
                        conversation.json(200, response("resp_1", "completed", true));
                    }
                });
                Gateway gateway = gateway(upstream, SOON)) {
            gateway.budget(1_000_000_000);
            HttpResponse<String> answer =
                    gateway.post("/v1/responses", ASK.replace("\"background\"", "\"stream\":true,\"background\""));
            assertThat(answer.body()).contains("response.created");
            booked(gateway, COST);
        }
    }
}
