package dev.lockkeeper.house;

import static dev.lockkeeper.testing.PaidGateway.ANSWER;
import static dev.lockkeeper.testing.PaidGateway.ANSWER_NANOS;
import static dev.lockkeeper.testing.PaidGateway.ASK;
import static dev.lockkeeper.testing.PaidGateway.ASK_STREAM;
import static dev.lockkeeper.testing.PaidGateway.DONE;
import static dev.lockkeeper.testing.PaidGateway.FINISH;
import static dev.lockkeeper.testing.PaidGateway.USAGE;
import static dev.lockkeeper.testing.PaidGateway.chunk;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.ledger.Balance;
import dev.lockkeeper.ledger.Budget;
import dev.lockkeeper.limits.Measure;
import dev.lockkeeper.limits.Subject;
import dev.lockkeeper.prices.PriceSettings;
import dev.lockkeeper.prices.PricesSettings;
import dev.lockkeeper.prices.Rate;
import dev.lockkeeper.relay.EndUsers;
import dev.lockkeeper.relay.FairSettings;
import dev.lockkeeper.testing.PaidGateway;
import dev.lockkeeper.units.Money;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** What calls cost, before upstreams that bill what each test wrote. */
class MoneyTest {
    @Test
    void anAnswersCostIsBookedAndTold() {
        try (PaidGateway paid = PaidGateway.answering()) {
            paid.budget(1_000_000_000);
            HttpResponse<String> answer = paid.chat(ASK);

            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.headers().firstValue("x-lockkeeper-cost")).hasValue("$0.0045");
            paid.booked(ANSWER_NANOS);
            await().atMost(5, SECONDS)
                    .untilAsserted(() -> assertThat(paid.gateway().log()).contains("\"cost_usd\":0.004500000"));
        }
    }

    @Test
    void whatIsRepeatedWithItsIdempotencyKeyIsBookedOnce() throws Exception {
        try (PaidGateway paid = PaidGateway.answering()) {
            paid.budget(1_000_000_000);
            HttpResponse<String> first = Keyed.ask(paid.gateway(), "k1", ASK);
            List<CompletableFuture<HttpResponse<String>>> others = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                others.add(Keyed.later(() -> Keyed.ask(paid.gateway(), "k1", ASK)));
                others.add(Keyed.later(() -> Keyed.ask(paid.gateway(), "k2", ASK)));
            }
            for (CompletableFuture<HttpResponse<String>> each : others) {
                assertThat(each.get(30, SECONDS).body()).isEqualTo(first.body());
            }

            paid.booked(2 * ANSWER_NANOS);
            assertThat(first.headers().firstValue("x-lockkeeper-cost")).isPresent();
            assertThat(Keyed.ask(paid.gateway(), "k1", ASK).headers().firstValue("x-lockkeeper-cost"))
                    .isEmpty();
        }
    }

    @Test
    void aStreamsCostIsBookedBeforeItsEndIsSent() throws IOException {
        try (PaidGateway paid = PaidGateway.before((_, conversation) -> {
            conversation.chunkedEvents();
            conversation.chunk(chunk("ho") + FINISH + USAGE + DONE);
            conversation.lastChunk();
        })) {
            paid.budget(1_000_000_000);
            HttpResponse<String> answer = paid.chat(ASK_STREAM);

            assertThat(answer.body()).isEqualTo(chunk("ho") + FINISH + DONE);
            assertThat(paid.balance().spentNanos()).isEqualTo(ANSWER_NANOS);
        }
    }

    @Test
    void anAnswersLimitIsLoweredToWhatTheBudgetCanPay() {
        try (PaidGateway paid = PaidGateway.answering()) {
            paid.budget(20_000_000); // two cents: 2,000 tokens of answer, less the prompt
            HttpResponse<String> answer = paid.chat(ASK);

            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.headers().firstValue("x-lockkeeper-warnings").orElse(""))
                    .contains("limited the answer to 19");
            assertThat(paid.requests().getFirst().text()).contains("\"max_tokens\":19");
            paid.booked(ANSWER_NANOS);
        }
    }

    @Test
    void aBudgetThatCantPayRefusesBeforeAnybodyIsAsked() {
        try (PaidGateway paid = PaidGateway.answering()) {
            paid.budget(1_000_000); // 100 tokens of an answer: not worth beginning
            HttpResponse<String> answer = paid.chat(ASK);

            assertThat(answer.statusCode()).isEqualTo(429);
            assertThat(answer.body()).contains("\"code\":\"insufficient_quota\"", "organization:org_default", "$0.001");
            assertThat(answer.headers().firstValue("x-should-retry")).hasValue("false");
            assertThat(paid.requests()).isEmpty();
            paid.booked(0);
        }
    }

    @Test
    void aBudgetThatCantPayMayNameACheaperModel() {
        try (PaidGateway paid = PaidGateway.answering(plan -> plan.window("gpt-4o", 100_000, "upstream", "gpt-4o")
                .window("cheap", 100_000, "upstream", "gpt-4o-mini"))) {
            paid.gateway().budget(new Budget.Terms(1_000_000, true, List.of(), 0, "cheap"));
            HttpResponse<String> answer = paid.chat(ASK);

            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.headers().firstValue("x-lockkeeper-warnings").orElse(""))
                    .contains("is used up: answered by cheap");
            assertThat(paid.requests().getFirst().text()).contains("\"model\":\"gpt-4o-mini\"");
            paid.booked(1000 * 150 + 200 * 600);
        }
    }

    @Test
    void whatIsHeldByARunningCallIsWorthTryingAgainFor() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        try (PaidGateway paid = PaidGateway.before((_, conversation) -> {
                    go.await();
                    conversation.json(200, ANSWER);
                });
                Socket first = paid.gateway().connect()) {
            paid.budget(20_000_000);
            paid.gateway().chatOn(first, ASK);
            await().atMost(10, SECONDS).until(() -> !paid.requests().isEmpty());
            HttpResponse<String> second = paid.chat(ASK);
            assertThat(second.statusCode()).isEqualTo(429);
            assertThat(second.body()).contains("\"code\":\"budget_held\"");
            assertThat(second.headers().firstValue("retry-after")).hasValue("1");
            go.countDown();
            paid.booked(ANSWER_NANOS);
            assertThat(paid.chat(ASK).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void aStreamEndsWhereTheBudgetDoes() {
        try (PaidGateway paid = PaidGateway.before((_, conversation) -> {
            conversation.chunkedEvents();
            String text = "word ".repeat(20);
            for (int i = 0; i < 10_000; i++) {
                conversation.chunk(chunk(text));
            }
        })) {
            paid.budget(50_000_000); // five cents: 5,000 tokens of an answer
            HttpResponse<String> answer = paid.chat(ASK_STREAM);

            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.body()).contains("\"code\":\"budget_exhausted\"").doesNotContain("[DONE]");
            paid.bookedBetween(25_000_000L, 50_000_000L);
        }
    }

    @Test
    void anAnswerThatNobodyWaitedForIsBookedAsEstimated() throws IOException {
        try (PaidGateway paid = PaidGateway.before((_, conversation) -> {
            conversation.chunkedEvents();
            conversation.chunk(chunk("one two three four five six seven eight"));
            conversation.awaitGone();
        })) {
            paid.budget(1_000_000_000);
            try (Socket client = paid.gateway().connect()) {
                paid.gateway().chatOn(client, ASK_STREAM);
                assertThat(client.getInputStream().read()).isPositive();
            }
            paid.bookedBetween(8 * 10_000L, 20 * 10_000L);
            await().atMost(5, SECONDS)
                    .untilAsserted(() -> assertThat(paid.gateway().log())
                            .contains("\"outcome\":\"abandoned\"", "\"estimated\":true"));
        }
    }

    @Test
    void anAnswerThatCameTooLateIsBookedAsEstimated() {
        try (PaidGateway paid = PaidGateway.before(
                (_, conversation) -> conversation.awaitGone(),
                plan -> plan.timeouts(Duration.ofMillis(1_200), Duration.ofSeconds(5), Duration.ofSeconds(5)))) {
            paid.budget(1_000_000_000);
            assertThat(paid.chat(ASK).statusCode()).isEqualTo(504);
            await().atMost(10, SECONDS).untilAsserted(() -> {
                Balance now = paid.balance();
                assertThat(now.heldNanos()).isZero();
                assertThat(now.spentNanos()).isPositive();
            });
        }
    }

    @Test
    void whatTheUpstreamRefusedCostsNothing() {
        try (PaidGateway paid = PaidGateway.before((_, conversation) ->
                conversation.json(500, "{\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}"))) {
            paid.budget(1_000_000_000);
            assertThat(paid.chat(ASK).statusCode()).isEqualTo(500);
            paid.booked(0);
        }
    }

    @Test
    void anUpstreamThatBillsMoreThanItWasAllowedMakesAnOverrun() {
        String dear = ANSWER.replace("\"completion_tokens\":200", "\"completion_tokens\":9000");
        try (PaidGateway paid = PaidGateway.before((_, conversation) -> conversation.json(200, dear))) {
            paid.budget(20_000_000);
            assertThat(paid.chat(ASK).statusCode()).isEqualTo(200);
            paid.booked(92_500_000);
            assertThat(paid.balance().overrunNanos()).isEqualTo(72_500_000);
            assertThat(paid.balance().freeNanos()).isEqualTo(-72_500_000);
        }
    }

    @Test
    void whatCostsLaterIsClosedToThoseUnderABudget() {
        try (PaidGateway paid = PaidGateway.answering()) {
            paid.budget(1_000_000_000);
            HttpResponse<String> answer = paid.gateway().post("/v1/vector_stores", "{\"name\":\"v\"}");
            assertThat(answer.statusCode()).isEqualTo(403);
            assertThat(answer.body()).contains("\"code\":\"cost_unbounded\"", "a vector store");
            assertThat(paid.requests()).isEmpty();
        }
    }

    @Test
    void speechIsBookedByItsCharacters() {
        try (PaidGateway paid = PaidGateway.before(
                (_, conversation) -> conversation.send(
                        "HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 3\r\n\r\nmp3"),
                plan -> plan.window("speaker", 0, "upstream", "tts-1")
                        .prices(new PricesSettings(
                                Map.of(), PriceSettings.always(Map.of(Rate.CHARACTERS, 15 * Money.DOLLAR)))))) {
            paid.budget(1_000_000_000);
            String ask = "{\"model\":\"speaker\",\"voice\":\"alloy\",\"input\":\"" + "ha".repeat(500) + "\"}";
            assertThat(paid.gateway().post("/v1/audio/speech", ask).statusCode())
                    .isEqualTo(200);
            paid.booked(15_000_000); // $15 for a million characters
        }
    }

    @Test
    void endUsersAreNamedByAHashWhereTheOperatorWantsIt() {
        try (PaidGateway paid = PaidGateway.answering(plan -> plan.endUsers(new EndUsers("pepper")))) {
            String ask = ASK.replace("{\"model\"", "{\"user\":\"ann@example.com\",\"model\"");
            assertThat(paid.chat(ask).statusCode()).isEqualTo(200);
            assertThat(paid.requests().getFirst().text())
                    .doesNotContain("ann@example.com")
                    .containsPattern("\"user\":\"[A-Za-z0-9_-]{43}\"");
        }
    }

    @Test
    void limitsOfEndUsersGoByTheirHashToo() {
        try (PaidGateway paid = PaidGateway.answering(plan -> plan.endUsers(new EndUsers("pepper")))) {
            paid.gateway().limit(Subject.Kind.END_USER, "proj_default/*", Measure.REQUESTS_PER_DAY, 1);
            String ask = ASK.replace("{\"model\"", "{\"user\":\"ann@example.com\",\"model\"");
            assertThat(paid.chat(ask).statusCode()).isEqualTo(200);
            HttpResponse<String> second = paid.chat(ask);
            assertThat(second.statusCode()).isEqualTo(429);
            assertThat(second.body()).contains("proj_default/").doesNotContain("ann@example.com");
            assertThat(paid.chat(ask.replace("ann@", "bob@")).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void whatACallWouldCostIsToldWithoutMakingIt() {
        try (PaidGateway paid = PaidGateway.answering()) {
            paid.budget(1_000_000_000);
            HttpResponse<String> told = paid.gateway()
                    .send(paid.gateway()
                            .request("/v1/chat/completions")
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
            assertThat(paid.requests()).isEmpty();
            paid.booked(0);
        }
    }

    @Test
    void aPromptBeyondTheModelsWindowIsRefused() {
        try (PaidGateway paid = PaidGateway.answering(plan -> plan.window("small", 1_000, "upstream", "gpt-4o"))) {
            String ask = ASK.replace("gpt-4o", "small");
            assertThat(paid.chat(ask).statusCode()).isEqualTo(200);
            HttpResponse<String> tooLong = paid.chat(ask.replace("hi", "one two ".repeat(600)));
            assertThat(tooLong.statusCode()).isEqualTo(400);
            assertThat(tooLong.body()).contains("\"code\":\"context_length_exceeded\"", "takes 1000");
            HttpResponse<String> asksTooMuch = paid.chat(ask.replace("{\"model\"", "{\"max_tokens\":999,\"model\""));
            assertThat(asksTooMuch.statusCode()).isEqualTo(400);
            assertThat(paid.requests()).hasSize(1);
        }
    }

    @Test
    void aModelWithoutAPriceIsRefused() {
        try (PaidGateway paid = PaidGateway.answering(
                plan -> plan.prices(PricesSettings.NONE).window("nobody-knows", 100_000, "upstream", "nobody-knows"))) {
            HttpResponse<String> answer = paid.chat(ASK.replace("gpt-4o", "nobody-knows"));
            assertThat(answer.statusCode()).isEqualTo(403);
            assertThat(answer.body()).contains("\"code\":\"model_unpriced\"", "nobody-knows", "prices.unpriced");
            assertThat(paid.requests()).isEmpty();
        }
    }

    @Test
    void callsWaitForAProviderWhoseLimitIsUsedUp() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        try (PaidGateway paid = PaidGateway.before(
                (_, conversation) -> {
                    go.await();
                    conversation.json(200, ANSWER);
                },
                plan -> plan.fair(new FairSettings(Set.of("upstream"), Duration.ofSeconds(20), Map.of())))) {
            paid.gateway().limit(Subject.Kind.PROVIDER, "upstream", Measure.CONCURRENT_CALLS, 1);
            List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                answers.add(CompletableFuture.supplyAsync(() -> paid.chat(ASK)));
            }
            await().atMost(10, SECONDS).until(() -> !paid.requests().isEmpty());
            await().during(300, MILLISECONDS).until(() -> paid.requests().size() == 1);
            go.countDown();
            for (CompletableFuture<HttpResponse<String>> each : answers) {
                assertThat(each.get(20, SECONDS).statusCode()).isEqualTo(200);
            }
        }
    }

    @Test
    void aCallThatNeedsMoreThanAProviderHasLeftWaitsForIt() throws Exception {
        try (PaidGateway paid = PaidGateway.answering(
                plan -> plan.fair(new FairSettings(Set.of("upstream"), Duration.ofSeconds(2), Map.of())))) {
            paid.gateway().limit(Subject.Kind.PROVIDER, "upstream", Measure.TOKENS_PER_MINUTE, 2_000);
            // 1,200 tokens go, 800 are left: something, but not enough for the next.
            assertThat(paid.chat(ASK).statusCode()).isEqualTo(200);
            String large = ASK.replace("hi", "word ".repeat(1_000));
            HttpResponse<String> late = paid.chat(large);
            assertThat(late.statusCode()).isEqualTo(429);
            assertThat(late.body()).contains("turn did not come in time");
            HttpResponse<String> never = paid.chat(ASK.replace("hi", "word ".repeat(4_000)));
            assertThat(never.statusCode()).isEqualTo(429);
            assertThat(never.headers().firstValue("x-should-retry")).hasValue("false");
            assertThat(paid.requests()).hasSize(1);
            paid.ledger().audit();
            assertThat(paid.ledger().openHolds()).isZero();
        }
    }

    @Test
    void aLimitBeyondAllReasonIsNoMistakeOfTheGateway() {
        try (PaidGateway paid = PaidGateway.answering(plan -> plan.window("plain", 0, "upstream", "nobody-knows"))) {
            String ask = ASK.replace("gpt-4o", "plain")
                    .replace("{\"model\"", "{\"n\":2,\"max_tokens\":" + Long.MAX_VALUE + ",\"model\"");
            assertThat(paid.chat(ask).statusCode()).isEqualTo(200);
            paid.budget(50_000_000);
            assertThat(paid.chat(ask).statusCode()).isEqualTo(200);
            assertThat(paid.requests().getLast().text())
                    .doesNotContain(Long.toString(Long.MAX_VALUE))
                    .containsPattern("\"max_tokens\":[0-9]{4,6},");
            assertThat(paid.ledger().openHolds()).isZero();
        }
    }

    @Test
    void anAnswerThatNothingBoundsIsToldABoundUnderABudget() {
        try (PaidGateway paid = PaidGateway.answering(plan -> plan.window("plain", 0, "upstream", "nobody-knows"))) {
            String ask = ASK.replace("gpt-4o", "plain");
            assertThat(paid.chat(ask).statusCode()).isEqualTo(200);
            assertThat(paid.requests().getLast().text()).doesNotContain("max_tokens");
            paid.budget(1_000_000_000);
            assertThat(paid.chat(ask).statusCode()).isEqualTo(200);
            assertThat(paid.requests().getLast().text()).contains("\"max_tokens\":16384");
        }
    }

    @Test
    void whatCantBeToldALimitIsBegunWhenAllOfItCanBePaid() {
        try (PaidGateway paid = PaidGateway.before(
                (_, conversation) -> conversation.json(200, "{\"created\":1,\"data\":[{\"b64_json\":\"AA==\"}]}"),
                plan -> plan.window("painter", 0, "upstream", "painter-1")
                        .prices(new PricesSettings(
                                Map.of(), PriceSettings.always(Map.of(Rate.OUTPUT, 10 * Money.DOLLAR)))))) {
            paid.budget(100_000_000); // a picture may have 8,192 tokens, $0.08; two have more than there is
            String ask = "{\"model\":\"painter\",\"prompt\":\"a cat\",\"n\":2}";
            HttpResponse<String> two = paid.gateway().post("/v1/images/generations", ask);
            assertThat(two.statusCode()).isEqualTo(429);
            assertThat(paid.requests()).isEmpty();
            assertThat(paid.gateway()
                            .post("/v1/images/generations", ask.replace("2}", "1}"))
                            .statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void aDryRunOfWhatIsClosedToBudgetsSaysSo() {
        try (PaidGateway paid = PaidGateway.answering()) {
            paid.budget(1_000_000_000);
            HttpResponse<String> told = paid.gateway()
                    .send(paid.gateway()
                            .request("/v1/vector_stores")
                            .header("content-type", "application/json")
                            .header("x-lockkeeper-dry-run", "true")
                            .POST(HttpRequest.BodyPublishers.ofString("{\"name\":\"v\"}")));
            assertThat(told.statusCode()).isEqualTo(403);
            assertThat(told.body()).contains("cost_unbounded");
            paid.booked(0);
        }
    }

    @Test
    void aClientWithLimitsIsToldItsOwnAndNotTheProviders() {
        try (PaidGateway paid = PaidGateway.before((_, conversation) -> conversation.send(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-ratelimit-limit-requests: 7777\r\n"
                        + "x-ratelimit-remaining-tokens: 8888\r\ncontent-length: " + ANSWER.length()
                        + "\r\n\r\n"
                        + ANSWER))) {
            paid.gateway().limit(Subject.Kind.PROVIDER, "upstream", Measure.REQUESTS_PER_MINUTE, 60);
            HttpResponse<String> answer = paid.chat(ASK);
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
        try (PaidGateway paid = PaidGateway.before((_, conversation) -> {
                    conversation.chunkedEvents();
                    for (int i = 0; i < 40; i++) { // some 13,000 tokens: thirteen cents
                        conversation.chunk(chunk(text));
                    }
                    go.await();
                    for (int i = 0; i < 200; i++) {
                        conversation.chunk(chunk(text));
                    }
                });
                Socket client = paid.gateway().connect()) {
            paid.gateway().chatOn(client, ASK_STREAM);
            ByteArrayOutputStream seen = new ByteArrayOutputStream();
            Thread _ = Thread.ofVirtual().start(() -> read(client, seen));
            await().atMost(20, SECONDS).until(() -> seen.size() > 40_000);
            paid.budget(250_000_000);
            go.countDown();
            await().atMost(20, SECONDS)
                    .until(() -> seen.toString(StandardCharsets.UTF_8).contains("budget_exhausted"));
            paid.bookedBetween(100_000_000L, 250_000_000L);
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
}
