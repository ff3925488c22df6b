package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.db.Witness;
import dev.lockkeeper.ledger.Balance;
import dev.lockkeeper.ledger.Budget;
import dev.lockkeeper.ledger.Period;
import dev.lockkeeper.ledger.Scope;
import dev.lockkeeper.limits.Measure;
import dev.lockkeeper.limits.Subject;
import dev.lockkeeper.prices.PriceSettings;
import dev.lockkeeper.prices.PricesSettings;
import dev.lockkeeper.prices.Rate;
import dev.lockkeeper.relay.EndUsers;
import dev.lockkeeper.relay.FairSettings;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.units.Money;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/**
 * What calls cost, before upstreams that bill what each test wrote. The model is gpt-4o: $2.50 for a million tokens of the
 * prompt and $10 for a million of the answer, so a token of the answer costs 10,000 nano-dollars.
 */
class MoneyTest {
    private static final String ASK = "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    private static final String ASK_STREAM =
            "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    private static final String ANSWER =
            "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"model\":\"gpt-4o-2024\","
                    + "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"ho\"},\"finish_reason\":\"stop\"}],"
                    + "\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":200,\"total_tokens\":1200}}";
    private static final long ANSWER_NANOS = 1000 * 2_500 + 200 * 10_000;
    private static final String FINISH =
            "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    private static final String USAGE =
            "data: {\"id\":\"chatcmpl-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":200,\"total_tokens\":1200}}\n\n";
    private static final String DONE = "data: [DONE]\n\n";

    private static String chunk(String text) {
        return "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + text
                + "\"},\"finish_reason\":null}]}\n\n";
    }

    /** A hard budget of so many nano-dollars on the default organization. */
    private static void budget(Gateway gateway, long nanos) {
        budget(gateway, new Budget.Terms(nanos, true, List.of()));
    }

    private static void budget(Gateway gateway, Budget.Terms terms) {
        assertThat(gateway.house()
                        .ledger()
                        .budgets()
                        .create(
                                new Budget.Wanted(
                                        new Scope(Scope.Kind.ORGANIZATION, "org_default"),
                                        new Period(Period.Unit.TOTAL, ZoneOffset.UTC),
                                        false,
                                        terms),
                                List.of()))
                .isInstanceOf(dev.lockkeeper.ledger.Budgets.Changed.Done.class);
    }

    private static Balance balance(Gateway gateway) {
        gateway.house().ledger().audit();
        return gateway.house().ledger().budgets().balances().getFirst();
    }

    private static void booked(Gateway gateway, long nanos) {
        await().atMost(10, SECONDS).untilAsserted(() -> {
            Balance now = balance(gateway);
            assertThat(now.heldNanos()).isZero();
            assertThat(now.spentNanos()).isEqualTo(nanos);
        });
    }

    @Test
    void anAnswersCostIsBookedAndTold() {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.before(upstream)) {
            budget(gateway, 1_000_000_000);
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK);

            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.headers().firstValue("x-lockkeeper-cost")).hasValue("$0.0045");
            booked(gateway, ANSWER_NANOS);
            await().atMost(5, SECONDS)
                    .untilAsserted(() -> assertThat(gateway.log()).contains("\"cost_usd\":0.004500000"));
        }
    }

    @Test
    void whatIsRepeatedWithItsIdempotencyKeyIsBookedOnce() throws Exception {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.before(upstream)) {
            budget(gateway, 1_000_000_000);
            HttpResponse<String> first = Keyed.ask(gateway, "k1", ASK);
            List<CompletableFuture<HttpResponse<String>>> others = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                others.add(Keyed.later(() -> Keyed.ask(gateway, "k1", ASK)));
                others.add(Keyed.later(() -> Keyed.ask(gateway, "k2", ASK)));
            }
            for (CompletableFuture<HttpResponse<String>> each : others) {
                assertThat(each.get(30, SECONDS).body()).isEqualTo(first.body());
            }

            booked(gateway, 2 * ANSWER_NANOS);
            assertThat(first.headers().firstValue("x-lockkeeper-cost")).isPresent();
            assertThat(Keyed.ask(gateway, "k1", ASK).headers().firstValue("x-lockkeeper-cost"))
                    .isEmpty();
        }
    }

    @Test
    void aStreamsCostIsBookedBeforeItsEndIsSent() throws IOException {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(chunk("ho") + FINISH + USAGE + DONE);
                    conversation.lastChunk();
                });
                Gateway gateway = Gateway.before(upstream)) {
            budget(gateway, 1_000_000_000);
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK_STREAM);

            assertThat(answer.body()).isEqualTo(chunk("ho") + FINISH + DONE);
            assertThat(balance(gateway).spentNanos()).isEqualTo(ANSWER_NANOS);
        }
    }

    @Test
    void anAnswersLimitIsLoweredToWhatTheBudgetCanPay() {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.before(upstream)) {
            budget(gateway, 20_000_000); // two cents: 2,000 tokens of answer, less the prompt
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK);

            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.headers().firstValue("x-lockkeeper-warnings").orElse(""))
                    .contains("limited the answer to 19");
            assertThat(upstream.requests().getFirst().text()).contains("\"max_tokens\":19");
            booked(gateway, ANSWER_NANOS);
        }
    }

    @Test
    void aBudgetThatCantPayRefusesBeforeAnybodyIsAsked() {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.before(upstream)) {
            budget(gateway, 1_000_000); // 100 tokens of an answer: not worth beginning
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK);

            assertThat(answer.statusCode()).isEqualTo(429);
            assertThat(answer.body()).contains("\"code\":\"insufficient_quota\"", "organization:org_default", "$0.001");
            assertThat(answer.headers().firstValue("x-should-retry")).hasValue("false");
            assertThat(upstream.requests()).isEmpty();
            booked(gateway, 0);
        }
    }

    @Test
    void aBudgetThatCantPayMayNameACheaperModel() {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .window("gpt-4o", 100_000, "upstream", "gpt-4o")
                        .window("cheap", 100_000, "upstream", "gpt-4o-mini")
                        .start()) {
            budget(gateway, new Budget.Terms(1_000_000, true, List.of(), 0, "cheap"));
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK);

            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.headers().firstValue("x-lockkeeper-warnings").orElse(""))
                    .contains("is used up: answered by cheap");
            assertThat(upstream.requests().getFirst().text()).contains("\"model\":\"gpt-4o-mini\"");
            booked(gateway, 1000 * 150 + 200 * 600);
        }
    }

    @Test
    void whatIsHeldByARunningCallIsWorthTryingAgainFor() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    go.await();
                    conversation.json(200, ANSWER);
                });
                Gateway gateway = Gateway.before(upstream);
                Socket first = gateway.connect()) {
            budget(gateway, 20_000_000);
            send(gateway, first, ASK);
            await().atMost(10, SECONDS).until(() -> !upstream.requests().isEmpty());
            HttpResponse<String> second = gateway.post("/v1/chat/completions", ASK);
            assertThat(second.statusCode()).isEqualTo(429);
            assertThat(second.body()).contains("\"code\":\"budget_held\"");
            assertThat(second.headers().firstValue("retry-after")).hasValue("1");
            go.countDown();
            booked(gateway, ANSWER_NANOS);
            assertThat(gateway.post("/v1/chat/completions", ASK).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void aStreamEndsWhereTheBudgetDoes() {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.chunkedEvents();
                    String text = "word ".repeat(20);
                    for (int i = 0; i < 10_000; i++) {
                        conversation.chunk(chunk(text));
                    }
                });
                Gateway gateway = Gateway.before(upstream)) {
            budget(gateway, 50_000_000); // five cents: 5,000 tokens of an answer
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK_STREAM);

            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.body()).contains("\"code\":\"budget_exhausted\"").doesNotContain("[DONE]");
            await().atMost(10, SECONDS).untilAsserted(() -> {
                Balance now = balance(gateway);
                assertThat(now.heldNanos()).isZero();
                assertThat(now.spentNanos()).isBetween(25_000_000L, 50_000_000L);
                assertThat(now.overrunNanos()).isZero();
            });
        }
    }

    @Test
    void anAnswerThatNobodyWaitedForIsBookedAsEstimated() throws IOException {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(chunk("one two three four five six seven eight"));
                    conversation.awaitGone();
                });
                Gateway gateway = Gateway.before(upstream)) {
            budget(gateway, 1_000_000_000);
            try (Socket client = gateway.connect()) {
                send(gateway, client, ASK_STREAM);
                assertThat(client.getInputStream().read()).isPositive();
            }
            await().atMost(10, SECONDS).untilAsserted(() -> {
                Balance now = balance(gateway);
                assertThat(now.heldNanos()).isZero();
                assertThat(now.spentNanos()).isBetween(8 * 10_000L, 20 * 10_000L);
            });
            await().atMost(5, SECONDS)
                    .untilAsserted(() ->
                            assertThat(gateway.log()).contains("\"outcome\":\"abandoned\"", "\"estimated\":true"));
        }
    }

    @Test
    void anAnswerThatCameTooLateIsBookedAsEstimated() {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.awaitGone());
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .timeouts(Duration.ofMillis(1_200), Duration.ofSeconds(5), Duration.ofSeconds(5))
                        .start()) {
            budget(gateway, 1_000_000_000);
            assertThat(gateway.post("/v1/chat/completions", ASK).statusCode()).isEqualTo(504);
            await().atMost(10, SECONDS).untilAsserted(() -> {
                Balance now = balance(gateway);
                assertThat(now.heldNanos()).isZero();
                assertThat(now.spentNanos()).isPositive();
            });
        }
    }

    @Test
    void whatTheUpstreamRefusedCostsNothing() {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) ->
                        conversation.json(500, "{\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}"));
                Gateway gateway = Gateway.before(upstream)) {
            budget(gateway, 1_000_000_000);
            assertThat(gateway.post("/v1/chat/completions", ASK).statusCode()).isEqualTo(500);
            booked(gateway, 0);
        }
    }

    @Test
    void anUpstreamThatBillsMoreThanItWasAllowedMakesAnOverrun() {
        String dear = ANSWER.replace("\"completion_tokens\":200", "\"completion_tokens\":9000");
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, dear));
                Gateway gateway = Gateway.before(upstream)) {
            budget(gateway, 20_000_000);
            assertThat(gateway.post("/v1/chat/completions", ASK).statusCode()).isEqualTo(200);
            booked(gateway, 92_500_000);
            assertThat(balance(gateway).overrunNanos()).isEqualTo(72_500_000);
            assertThat(balance(gateway).freeNanos()).isEqualTo(-72_500_000);
        }
    }

    @Test
    void whatCostsLaterIsClosedToThoseUnderABudget() {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.before(upstream)) {
            budget(gateway, 1_000_000_000);
            HttpResponse<String> answer = gateway.post("/v1/vector_stores", "{\"name\":\"v\"}");
            assertThat(answer.statusCode()).isEqualTo(403);
            assertThat(answer.body()).contains("\"code\":\"cost_unbounded\"", "a vector store");
            assertThat(upstream.requests()).isEmpty();
        }
    }

    @Test
    void speechIsBookedByItsCharacters() {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> conversation.send(
                        "HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 3\r\n\r\nmp3"));
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .window("speaker", 0, "upstream", "tts-1")
                        .prices(new PricesSettings(
                                Map.of(), PriceSettings.always(Map.of(Rate.CHARACTERS, 15 * Money.DOLLAR))))
                        .start()) {
            budget(gateway, 1_000_000_000);
            String ask = "{\"model\":\"speaker\",\"voice\":\"alloy\",\"input\":\"" + "ha".repeat(500) + "\"}";
            assertThat(gateway.post("/v1/audio/speech", ask).statusCode()).isEqualTo(200);
            booked(gateway, 15_000_000); // $15 for a million characters
        }
    }

    @Test
    void endUsersAreNamedByAHashWhereTheOperatorWantsIt() {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .endUsers(new EndUsers("pepper"))
                        .start()) {
            String ask = ASK.replace("{\"model\"", "{\"user\":\"ann@example.com\",\"model\"");
            assertThat(gateway.post("/v1/chat/completions", ask).statusCode()).isEqualTo(200);
            assertThat(upstream.requests().getFirst().text())
                    .doesNotContain("ann@example.com")
                    .containsPattern("\"user\":\"[A-Za-z0-9_-]{43}\"");
        }
    }

    @Test
    void limitsOfEndUsersGoByTheirHashToo() {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .endUsers(new EndUsers("pepper"))
                        .start()) {
            gateway.house()
                    .limits()
                    .set(
                            new Subject(Subject.Kind.END_USER, "proj_default/*"),
                            Measure.REQUESTS_PER_DAY,
                            1,
                            null,
                            _ -> List.of(),
                            Witness.NOBODY);
            String ask = ASK.replace("{\"model\"", "{\"user\":\"ann@example.com\",\"model\"");
            assertThat(gateway.post("/v1/chat/completions", ask).statusCode()).isEqualTo(200);
            HttpResponse<String> second = gateway.post("/v1/chat/completions", ask);
            assertThat(second.statusCode()).isEqualTo(429);
            assertThat(second.body()).contains("proj_default/").doesNotContain("ann@example.com");
            assertThat(gateway.post("/v1/chat/completions", ask.replace("ann@", "bob@"))
                            .statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void whatACallWouldCostIsToldWithoutMakingIt() {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.before(upstream)) {
            budget(gateway, 1_000_000_000);
            HttpResponse<String> told = gateway.send(gateway.request("/v1/chat/completions")
                    .header("content-type", "application/json")
                    .header("x-lockkeeper-dry-run", "true")
                    .POST(HttpRequest.BodyPublishers.ofString(
                            ASK.replace("{\"model\"", "{\"max_tokens\":1000,\"model\""))));
            assertThat(told.statusCode()).isEqualTo(200);
            assertThat(told.body())
                    .contains(
                            "\"object\":\"lockkeeper.dry_run\"",
                            "\"max_output_tokens\":1000",
                            "\"worst_cost\":\"$0.0100",
                            "\"likely_cost\":\"$0.0050",
                            "\"would_run\":true",
                            "\"scope\":\"organization:org_default\"",
                            "\"free\":\"$1.00\"");
            assertThat(upstream.requests()).isEmpty();
            booked(gateway, 0);
        }
    }

    @Test
    void aPromptBeyondTheModelsWindowIsRefused() {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .window("small", 1_000, "upstream", "gpt-4o")
                        .start()) {
            String ask = ASK.replace("gpt-4o", "small");
            assertThat(gateway.post("/v1/chat/completions", ask).statusCode()).isEqualTo(200);
            HttpResponse<String> tooLong =
                    gateway.post("/v1/chat/completions", ask.replace("hi", "one two ".repeat(600)));
            assertThat(tooLong.statusCode()).isEqualTo(400);
            assertThat(tooLong.body()).contains("\"code\":\"context_length_exceeded\"", "takes 1000");
            HttpResponse<String> asksTooMuch =
                    gateway.post("/v1/chat/completions", ask.replace("{\"model\"", "{\"max_tokens\":999,\"model\""));
            assertThat(asksTooMuch.statusCode()).isEqualTo(400);
            assertThat(upstream.requests()).hasSize(1);
        }
    }

    @Test
    void aModelWithoutAPriceIsRefused() {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .prices(PricesSettings.NONE)
                        .window("nobody-knows", 100_000, "upstream", "nobody-knows")
                        .start()) {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK.replace("gpt-4o", "nobody-knows"));
            assertThat(answer.statusCode()).isEqualTo(403);
            assertThat(answer.body()).contains("\"code\":\"model_unpriced\"", "nobody-knows", "prices.unpriced");
            assertThat(upstream.requests()).isEmpty();
        }
    }

    @Test
    void callsWaitForAProviderWhoseLimitIsUsedUp() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    go.await();
                    conversation.json(200, ANSWER);
                });
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .fair(new FairSettings(Set.of("upstream"), Duration.ofSeconds(20), Map.of()))
                        .start()) {
            gateway.house()
                    .limits()
                    .set(
                            new Subject(Subject.Kind.PROVIDER, "upstream"),
                            Measure.CONCURRENT_CALLS,
                            1,
                            null,
                            _ -> List.of(),
                            Witness.NOBODY);
            List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                answers.add(CompletableFuture.supplyAsync(() -> gateway.post("/v1/chat/completions", ASK)));
            }
            await().atMost(10, SECONDS).until(() -> !upstream.requests().isEmpty());
            await().during(300, MILLISECONDS).until(() -> upstream.requests().size() == 1);
            go.countDown();
            for (CompletableFuture<HttpResponse<String>> each : answers) {
                assertThat(each.get(20, SECONDS).statusCode()).isEqualTo(200);
            }
        }
    }

    @Test
    void aCallThatNeedsMoreThanAProviderHasLeftWaitsForIt() throws Exception {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .fair(new FairSettings(Set.of("upstream"), Duration.ofSeconds(2), Map.of()))
                        .start()) {
            gateway.house()
                    .limits()
                    .set(
                            new Subject(Subject.Kind.PROVIDER, "upstream"),
                            Measure.TOKENS_PER_MINUTE,
                            2_000,
                            null,
                            _ -> List.of(),
                            Witness.NOBODY);
            // 1,200 tokens go, 800 are left: something, but not enough for the next.
            assertThat(gateway.post("/v1/chat/completions", ASK).statusCode()).isEqualTo(200);
            String large = ASK.replace("hi", "word ".repeat(1_000));
            HttpResponse<String> late = gateway.post("/v1/chat/completions", large);
            assertThat(late.statusCode()).isEqualTo(429);
            assertThat(late.body()).contains("turn did not come in time");
            HttpResponse<String> never = gateway.post("/v1/chat/completions", ASK.replace("hi", "word ".repeat(4_000)));
            assertThat(never.statusCode()).isEqualTo(429);
            assertThat(never.headers().firstValue("x-should-retry")).hasValue("false");
            assertThat(upstream.requests()).hasSize(1);
            gateway.house().ledger().audit();
            assertThat(gateway.house().ledger().openHolds()).isZero();
        }
    }

    @Test
    void aLimitBeyondAllReasonIsNoMistakeOfTheGateway() {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .window("plain", 0, "upstream", "nobody-knows")
                        .start()) {
            String ask = ASK.replace("gpt-4o", "plain")
                    .replace("{\"model\"", "{\"n\":2,\"max_tokens\":" + Long.MAX_VALUE + ",\"model\"");
            assertThat(gateway.post("/v1/chat/completions", ask).statusCode()).isEqualTo(200);
            budget(gateway, 50_000_000);
            assertThat(gateway.post("/v1/chat/completions", ask).statusCode()).isEqualTo(200);
            assertThat(upstream.requests().getLast().text())
                    .doesNotContain(Long.toString(Long.MAX_VALUE))
                    .containsPattern("\"max_tokens\":[0-9]{4,6},");
            assertThat(gateway.house().ledger().openHolds()).isZero();
        }
    }

    @Test
    void anAnswerThatNothingBoundsIsToldABoundUnderABudget() {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .window("plain", 0, "upstream", "nobody-knows")
                        .start()) {
            String ask = ASK.replace("gpt-4o", "plain");
            assertThat(gateway.post("/v1/chat/completions", ask).statusCode()).isEqualTo(200);
            assertThat(upstream.requests().getLast().text()).doesNotContain("max_tokens");
            budget(gateway, 1_000_000_000);
            assertThat(gateway.post("/v1/chat/completions", ask).statusCode()).isEqualTo(200);
            assertThat(upstream.requests().getLast().text()).contains("\"max_tokens\":16384");
        }
    }

    @Test
    void whatCantBeToldALimitIsBegunWhenAllOfItCanBePaid() {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) ->
                        conversation.json(200, "{\"created\":1,\"data\":[{\"b64_json\":\"AA==\"}]}"));
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .window("painter", 0, "upstream", "painter-1")
                        .prices(new PricesSettings(
                                Map.of(), PriceSettings.always(Map.of(Rate.OUTPUT, 10 * Money.DOLLAR))))
                        .start()) {
            budget(gateway, 100_000_000); // a picture may have 8,192 tokens, $0.08; two have more than there is
            String ask = "{\"model\":\"painter\",\"prompt\":\"a cat\",\"n\":2}";
            HttpResponse<String> two = gateway.post("/v1/images/generations", ask);
            assertThat(two.statusCode()).isEqualTo(429);
            assertThat(upstream.requests()).isEmpty();
            assertThat(gateway.post("/v1/images/generations", ask.replace("2}", "1}"))
                            .statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void aDryRunOfWhatIsClosedToBudgetsSaysSo() {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.json(200, ANSWER));
                Gateway gateway = Gateway.before(upstream)) {
            budget(gateway, 1_000_000_000);
            HttpResponse<String> told = gateway.send(gateway.request("/v1/vector_stores")
                    .header("content-type", "application/json")
                    .header("x-lockkeeper-dry-run", "true")
                    .POST(HttpRequest.BodyPublishers.ofString("{\"name\":\"v\"}")));
            assertThat(told.statusCode()).isEqualTo(403);
            assertThat(told.body()).contains("cost_unbounded");
            booked(gateway, 0);
        }
    }

    @Test
    void aClientWithLimitsIsToldItsOwnAndNotTheProviders() {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> conversation.send(
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-ratelimit-limit-requests: 7777\r\n"
                                + "x-ratelimit-remaining-tokens: 8888\r\ncontent-length: " + ANSWER.length()
                                + "\r\n\r\n"
                                + ANSWER));
                Gateway gateway = Gateway.before(upstream)) {
            gateway.house()
                    .limits()
                    .set(
                            new Subject(Subject.Kind.PROVIDER, "upstream"),
                            Measure.REQUESTS_PER_MINUTE,
                            60,
                            null,
                            _ -> List.of(),
                            Witness.NOBODY);
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK);
            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.headers().allValues("x-ratelimit-limit-requests")).containsExactly("60");
            assertThat(answer.headers().firstValue("x-ratelimit-remaining-tokens"))
                    .isEmpty();
        }
    }

    @Test
    void aBudgetThatIsMadeWhileAStreamRunsBoundsAllOfIt() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        String text = "word ".repeat(200);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.chunkedEvents();
                    for (int i = 0; i < 40; i++) { // some 13,000 tokens: thirteen cents
                        conversation.chunk(chunk(text));
                    }
                    go.await();
                    for (int i = 0; i < 200; i++) {
                        conversation.chunk(chunk(text));
                    }
                });
                Gateway gateway = Gateway.before(upstream);
                Socket client = gateway.connect()) {
            send(gateway, client, ASK_STREAM);
            ByteArrayOutputStream seen = new ByteArrayOutputStream();
            Thread _ = Thread.ofVirtual().start(() -> read(client, seen));
            await().atMost(20, SECONDS).until(() -> seen.size() > 40_000);
            budget(gateway, 250_000_000);
            go.countDown();
            await().atMost(20, SECONDS)
                    .until(() -> seen.toString(StandardCharsets.UTF_8).contains("budget_exhausted"));
            await().atMost(10, SECONDS).untilAsserted(() -> {
                Balance now = balance(gateway);
                assertThat(now.heldNanos()).isZero();
                assertThat(now.overrunNanos()).isZero();
                assertThat(now.spentNanos()).isBetween(100_000_000L, 250_000_000L);
            });
        }
    }

    private static void read(Socket from, ByteArrayOutputStream into) {
        byte[] piece = new byte[8_192];
        try {
            for (int n = from.getInputStream().read(piece);
                    n > 0;
                    n = from.getInputStream().read(piece)) {
                into.write(piece, 0, n);
            }
        } catch (IOException closed) {
            // By the test.
        }
    }

    private static void send(Gateway gateway, Socket client, String body) throws IOException {
        client.getOutputStream()
                .write(("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                                + "authorization: Bearer " + gateway.key() + "\r\ncontent-length: " + body.length()
                                + "\r\n\r\n" + body)
                        .getBytes(StandardCharsets.UTF_8));
    }
}
