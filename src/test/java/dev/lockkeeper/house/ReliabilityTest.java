package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.prices.PricesSettings;
import dev.lockkeeper.routing.Policy;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.testing.ScriptedUpstream.Conversation;
import dev.lockkeeper.testing.ScriptedUpstream.Script;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What callers get, and who is asked how often, when a provider misbehaves: each row of the table of faults over real sockets. */
class ReliabilityTest {
    private static final String ASK = "{\"model\":\"gpt\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    private static final String ASK_STREAM =
            "{\"model\":\"gpt\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    private static final String WHOLE =
            "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\","
                    + "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"ho ho\"},"
                    + "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}}";
    private static final String ROLE = chunk("{\"role\":\"assistant\",\"content\":\"\"}", "null");
    private static final String FIRST = chunk("{\"content\":\"ho \"}", "null");
    private static final String SECOND = chunk("{\"content\":\"ho\"}", "null");
    private static final String FINISH = chunk("{}", "\"stop\"");

    private static String chunk(String delta, String finish) {
        return "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":"
                + "[{\"index\":0,\"delta\":" + delta + ",\"finish_reason\":" + finish + "}]}\n\n";
    }

    /** Waits shortly, and no longer for a first token than a test can. */
    private static Policy soon(
            int attempts, Policy.@Nullable Hedge hedge, Policy.BrokenStream brokenStream, boolean wholeOnly) {
        return new Policy(
                attempts,
                Duration.ofMillis(20),
                Duration.ofSeconds(5),
                Duration.ofSeconds(20),
                false,
                null,
                Duration.ofMillis(300),
                false,
                hedge,
                brokenStream,
                wholeOnly);
    }

    /** Tries thrice, soon. */
    static final Policy SOON = soon(3, null, Policy.BrokenStream.END, false);

    private static final Policy WHOLE_ONLY = soon(3, null, Policy.BrokenStream.END, true);

    /** A good provider. */
    private static void well(ScriptedUpstream.Request request, Conversation conversation) throws IOException {
        if (request.text().contains("\"stream\":true")) {
            conversation.chunkedEvents();
            conversation.chunk(ROLE);
            conversation.chunk(FIRST + SECOND);
            conversation.chunk(FINISH + "data: [DONE]\n\n");
            conversation.lastChunk();
        } else {
            conversation.json(200, WHOLE);
        }
    }

    private interface Check {
        void on(Gateway gateway, ScriptedUpstream first, ScriptedUpstream second) throws Exception;
    }

    private static void with(Policy policy, Script first, Check check) throws Exception {
        try (ScriptedUpstream one = ScriptedUpstream.answering(first);
                ScriptedUpstream two = ScriptedUpstream.answering(ReliabilityTest::well);
                Gateway gateway = Gateway.plan()
                        .provider("one", one.port())
                        .provider("two", two.port())
                        .model("gpt", policy, "one/a", "two/b")
                        .model("alone", policy, "one/a")
                        .heartbeat(Duration.ofMillis(100))
                        .timeouts(Duration.ofSeconds(2), Duration.ofSeconds(1), Duration.ofSeconds(20))
                        .start()) {
            check.on(gateway, one, two);
        }
    }

    private static Script times(int times, Script bad) {
        AtomicInteger left = new AtomicInteger(times);
        return (request, conversation) -> {
            if (left.getAndDecrement() > 0) {
                bad.answer(request, conversation);
            } else {
                well(request, conversation);
            }
        };
    }

    private static void isWhole(HttpResponse<String> answer, boolean stream) {
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        String body = answer.body();
        if (stream) {
            assertThat(body).endsWith("data: [DONE]\n\n").contains("\"stop\"").doesNotContain("\"error\"");
            assertThat(body.split("\"content\":\"ho\"", -1)).hasSize(2);
            assertThat(body.split("\"role\":", -1)).hasSize(2);
        } else {
            assertThat(body).isEqualTo(WHOLE);
        }
    }

    /** What happens before anything was shown, and goes away by another try. */
    enum Passing {
        SERVER_ERROR((_, conversation) -> conversation.json(500, error("server_error"))),
        OVERLOADED((_, conversation) -> conversation.json(503, error("server_is_overloaded"))),
        TOO_MANY((_, conversation) -> conversation.json(429, error("rate_limit_exceeded"))),
        RESET((_, conversation) -> conversation.reset()),
        NO_JSON((_, conversation) -> conversation.json(200, "<html>oops")),
        CUT((_, conversation) -> {
            conversation.send(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"id\":");
            conversation.close();
        });

        @SuppressWarnings("ImmutableEnumChecker") // scripts keep nothing
        private final Script script;

        Passing(Script script) {
            this.script = script;
        }
    }

    private static String error(String code) {
        return "{\"error\":{\"message\":\"no\",\"type\":\"server_error\",\"param\":null,\"code\":\"" + code + "\"}}";
    }

    @ParameterizedTest
    @EnumSource(Passing.class)
    void aFaultThatPassesIsTriedAgainAtTheSameTarget(Passing fault) throws Exception {
        with(SOON, times(1, fault.script), (gateway, one, two) -> {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK);
            isWhole(answer, false);
            assertThat(answer.headers().firstValue("x-lockkeeper-target")).contains("one/a");
            assertThat(answer.headers().firstValue("x-lockkeeper-attempts")).contains("2");
            assertThat(one.requests()).hasSize(2);
            assertThat(two.requests()).isEmpty();
        });
    }

    @ParameterizedTest
    @EnumSource(Passing.class)
    void aFaultThatLastsIsLeftForTheNextTarget(Passing fault) throws Exception {
        with(SOON, fault.script, (gateway, one, two) -> {
            isWhole(gateway.post("/v1/chat/completions", ASK), false);
            assertThat(one.requests()).hasSize(3);
            assertThat(two.requests()).hasSize(1);
            assertThat(two.requests().getFirst().text()).contains("\"model\":\"b\"");
            isWhole(gateway.post("/v1/chat/completions", ASK_STREAM), true);
        });
    }

    @Test
    void theWaitThatAProviderAsksForIsKept() throws Exception {
        List<Long> seen = new CopyOnWriteArrayList<>();
        with(
                SOON,
                times(1, (_, conversation) -> {
                    seen.add(System.nanoTime());
                    conversation.send("HTTP/1.1 429 Slow\r\nretry-after-ms: 400\r\ncontent-type: application/json\r\n"
                            + "content-length: " + error("rate_limit_exceeded").length() + "\r\n\r\n"
                            + error("rate_limit_exceeded"));
                }),
                (gateway, one, two) -> {
                    isWhole(gateway.post("/v1/chat/completions", ASK), false);
                    assertThat(System.nanoTime() - seen.getFirst()).isGreaterThan(400_000_000L);
                    assertThat(one.requests()).hasSize(2);
                });
    }

    @Test
    void aLongWaitIsSpentAtTheNextTarget() throws Exception {
        with(
                SOON,
                (_, conversation) -> conversation.send(
                        "HTTP/1.1 429 Slow\r\nretry-after: 4\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"),
                (gateway, one, two) -> {
                    long began = System.nanoTime();
                    isWhole(gateway.post("/v1/chat/completions", ASK), false);
                    assertThat(System.nanoTime() - began).isLessThan(3_900_000_000L);
                    assertThat(one.requests()).hasSize(1);
                });
    }

    @ParameterizedTest
    @ValueSource(strings = {ASK, ASK_STREAM})
    void whatTheRequestIsToBlameForIsToldAtOnce(String ask) throws Exception {
        with(SOON, (_, conversation) -> conversation.json(400, error("unknown_parameter")), (gateway, one, two) -> {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ask);
            assertThat(answer.statusCode()).isEqualTo(400);
            assertThat(answer.body()).isEqualTo(error("unknown_parameter"));
            assertThat(one.requests()).hasSize(1);
            assertThat(two.requests()).isEmpty();
        });
    }

    @Test
    void aRefusedKeyOfOursIsNotTriedAgainButElsewhere() throws Exception {
        with(SOON, (_, conversation) -> conversation.json(401, error("invalid_api_key")), (gateway, one, two) -> {
            HttpResponse<String> alone = gateway.post("/v1/chat/completions", ASK.replace("gpt", "alone"));
            assertThat(alone.statusCode()).isEqualTo(502);
            assertThat(alone.body()).contains("upstream_auth_error");
            isWhole(gateway.post("/v1/chat/completions", ASK), false);
            assertThat(one.requests()).as("it rests").hasSize(1);
        });
    }

    @Test
    void aSilentTargetCostsOneFirstTokenLimitAndIsNotTriedTwice() throws Exception {
        with(SOON, (_, conversation) -> conversation.awaitGone(), (gateway, one, two) -> {
            long began = System.nanoTime();
            isWhole(gateway.post("/v1/chat/completions", ASK_STREAM), true);
            assertThat(System.nanoTime() - began).isBetween(300_000_000L, 15_000_000_000L);
            assertThat(one.requests()).hasSize(1);
        });
    }

    @Test
    void aStreamThatOpensAndSaysNothingMoreIsLeftBeforeAnythingOfItIsShown() throws Exception {
        with(
                SOON,
                (_, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(ROLE.replace("\"id\":\"c\"", "\"id\":\"first\""));
                    conversation.awaitGone();
                },
                (gateway, one, two) -> {
                    HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK_STREAM);
                    isWhole(answer, true);
                    assertThat(answer.body()).doesNotContain("first");
                });
    }

    @Test
    void aStreamThatThinksAloudIsNotTakenForASilentOne() throws Exception {
        with(
                SOON,
                (_, conversation) -> {
                    conversation.chunkedEvents();
                    for (int i = 0; i < 8; i++) {
                        Thread.sleep(100);
                        conversation.chunk(": thinking\n\n");
                    }
                    conversation.chunk(ROLE + FIRST + SECOND + FINISH + "data: [DONE]\n\n");
                    conversation.lastChunk();
                },
                (gateway, one, two) -> {
                    isWhole(gateway.post("/v1/chat/completions", ASK_STREAM), true);
                    assertThat(two.requests()).isEmpty();
                });
    }

    @Test
    void aTargetThatCanNotBeReachedIsLeftAtOnce() throws Exception {
        int nobody;
        try (ServerSocket closed = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            nobody = closed.getLocalPort();
        }
        try (ScriptedUpstream two = ScriptedUpstream.answering(ReliabilityTest::well);
                Gateway gateway = Gateway.plan()
                        .provider("one", nobody)
                        .provider("two", two.port())
                        .model("gpt", SOON, "one/a", "two/b")
                        .start()) {
            isWhole(gateway.post("/v1/chat/completions", ASK), false);
            isWhole(gateway.post("/v1/chat/completions", ASK_STREAM), true);
        }
    }

    @Test
    void whereNobodyIsLeftTheReasonOfEachIsTold() throws Exception {
        try (ScriptedUpstream one =
                        ScriptedUpstream.answering((_, conversation) -> conversation.json(500, error("x")));
                ScriptedUpstream two = ScriptedUpstream.answering((_, conversation) -> conversation.reset());
                Gateway gateway = Gateway.plan()
                        .provider("one", one.port())
                        .provider("two", two.port())
                        .model("gpt", SOON, "one/a", "two/b")
                        .start()) {
            for (String ask : List.of(ASK, ASK_STREAM)) {
                HttpResponse<String> answer = gateway.post("/v1/chat/completions", ask);
                assertThat(answer.statusCode()).isEqualTo(503);
                assertThat(answer.body()).contains("no_target_available", "one/a", "two/b");
            }
        }
    }

    @Test
    void aStreamThatIsToldWholeOrNotAtAllIsTriedAgainUnseen() throws Exception {
        with(
                WHOLE_ONLY,
                (_, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(ROLE + FIRST);
                    Thread.sleep(250);
                    conversation.reset();
                },
                (gateway, one, two) -> {
                    HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK_STREAM);
                    isWhole(answer, true);
                    assertThat(answer.body()).contains(": keep-alive");
                    assertThat(two.requests()).hasSize(1);
                    HttpResponse<String> alone =
                            gateway.post("/v1/chat/completions", ASK_STREAM.replace("gpt", "alone"));
                    assertThat(alone.body()).contains("\"error\"").doesNotContain("\"content\":\"ho", "[DONE]");
                });
    }

    @Test
    void theDeadlineOfAClientBoundsAllAttempts() throws Exception {
        with(SOON, (_, conversation) -> conversation.awaitGone(), (gateway, one, two) -> {
            long began = System.nanoTime();
            HttpResponse<String> answer = gateway.send(gateway.request("/v1/chat/completions")
                    .header("content-type", "application/json")
                    .header("x-stainless-timeout", "1")
                    .POST(HttpRequest.BodyPublishers.ofString(ASK.replace("gpt", "alone"))));
            assertThat(System.nanoTime() - began).isLessThan(15_000_000_000L);
            assertThat(answer.statusCode()).isEqualTo(504);
            assertThat(answer.body()).contains("deadline_exceeded");
        });
    }

    @Test
    void eachAttemptIsInTheLog() throws Exception {
        with(SOON, times(2, (_, conversation) -> conversation.json(500, error("x"))), (gateway, one, two) -> {
            isWhole(gateway.post("/v1/chat/completions", ASK), false);
            await().until(() -> gateway.log().contains("failed_attempts"));
            String line = gateway.log();
            assertThat(line).contains("\"failed_attempts\":[{\"provider\":\"one\"", "\"failure\":\"broken\"");
            assertThat(line.split("\"failure\":", -1)).hasSize(3);
        });
    }

    @Test
    void aProviderWhoseConnectionsAreAllTakenIsLeftForTheNextTarget() throws Exception {
        try (ScriptedUpstream one = ScriptedUpstream.answering((_, conversation) -> conversation.awaitGone());
                ScriptedUpstream two = ScriptedUpstream.answering(ReliabilityTest::well);
                Gateway gateway = Gateway.plan()
                        .provider("one", one.port(), 1)
                        .provider("two", two.port())
                        .model("gpt", SOON, "one/a", "two/b")
                        .model("alone", SOON, "one/a")
                        .timeouts(Duration.ofSeconds(3), Duration.ofSeconds(3), Duration.ofSeconds(10))
                        .start()) {
            Thread taking =
                    Thread.ofVirtual().start(() -> gateway.post("/v1/chat/completions", ASK.replace("gpt", "alone")));
            await().until(() -> one.requests().size() == 1);
            isWhole(gateway.post("/v1/chat/completions", ASK), false);
            assertThat(one.requests()).hasSize(1);
            HttpResponse<String> alone = gateway.post("/v1/chat/completions", ASK.replace("gpt", "alone"));
            assertThat(alone.statusCode()).isEqualTo(503);
            taking.join();
        }
    }

    @Test
    void aTargetWithoutAPriceIsLeftForTheNextOne() throws Exception {
        try (ScriptedUpstream one = ScriptedUpstream.answering(ReliabilityTest::well);
                ScriptedUpstream two = ScriptedUpstream.answering(ReliabilityTest::well);
                Gateway gateway = Gateway.plan()
                        .provider("one", one.port())
                        .provider("two", two.port())
                        .model("gpt", SOON, "one/nobody-knows-it", "two/gpt-4o")
                        .model("alone", SOON, "one/nobody-knows-it")
                        .model("none", SOON, "one/nobody-knows-it", "two/nobody-knows-it")
                        .prices(PricesSettings.NONE)
                        .start()) {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK);
            isWhole(answer, false);
            assertThat(answer.headers().firstValue("x-lockkeeper-target")).contains("two/gpt-4o");
            HttpResponse<String> alone = gateway.post("/v1/chat/completions", ASK.replace("gpt", "alone"));
            assertThat(alone.body()).contains("model_unpriced", "nobody-knows-it", "'one'");
            HttpResponse<String> none = gateway.post("/v1/chat/completions", ASK.replace("gpt", "none"));
            assertThat(none.statusCode()).isEqualTo(403);
            assertThat(none.body()).contains("model_unpriced", "nobody-knows-it", "'two'");
            assertThat(one.requests()).isEmpty();
        }
    }

    private static final Policy RESCUE = soon(2, null, Policy.BrokenStream.RESCUE, false);

    /** How a stream may break in the middle. */
    enum Broken {
        CUT((_, conversation) -> conversation.close()),
        RESET((_, conversation) -> conversation.reset()),
        STALLED((_, conversation) -> conversation.awaitGone()),
        GARBAGE((_, conversation) -> conversation.chunk("data: {\"id\": oops\n\n")),
        ERROR((_, conversation) -> conversation.chunk("data: " + error("server_error") + "\n\n")),
        ENDED((_, conversation) -> conversation.lastChunk());

        @SuppressWarnings("ImmutableEnumChecker") // scripts keep nothing
        private final Script script;

        Broken(Script script) {
            this.script = script;
        }
    }

    @ParameterizedTest
    @EnumSource(Broken.class)
    void aStreamThatBreaksIsGoneOnWithByTheNextTarget(Broken how) throws Exception {
        with(
                RESCUE,
                (request, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(ROLE + FIRST);
                    Thread.sleep(150);
                    how.script.answer(request, conversation);
                },
                (gateway, one, two) -> {
                    HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK_STREAM);
                    isWhole(answer, true);
                    assertThat(answer.body().split("\"content\":\"ho \"", -1)).hasSize(2);
                    assertThat(answer.body()).contains(": lockkeeper rescued after 3 characters by two/b");
                    assertThat(one.requests()).hasSize(1);
                    await().until(() -> gateway.log().contains("\"delivered\":3"));

                    HttpResponse<String> alone =
                            gateway.post("/v1/chat/completions", ASK_STREAM.replace("gpt", "alone"));
                    assertThat(alone.body()).contains("\"error\"").doesNotContain("[DONE]");
                });
    }

    @Test
    void aStreamThatWaitsForWhoeverGoesOnWithItIsKeptAlive() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        Script two = (request, conversation) -> {
            if (asked.getAndIncrement() == 0) {
                conversation.send("HTTP/1.1 503 Busy\r\nretry-after-ms: 350\r\ncontent-length: 0\r\n\r\n");
            } else {
                Thread.sleep(250); // thinks before it says so much as a head
                well(request, conversation);
            }
        };
        try (ScriptedUpstream one = ScriptedUpstream.answering((_, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(ROLE + FIRST);
                    Thread.sleep(50);
                    conversation.reset();
                });
                ScriptedUpstream other = ScriptedUpstream.answering(two);
                Gateway gateway = Gateway.plan()
                        .provider("one", one.port())
                        .provider("two", other.port())
                        .model("gpt", RESCUE, "one/a", "two/b")
                        .heartbeat(Duration.ofMillis(100))
                        .start()) {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK_STREAM);
            isWhole(answer, true);
            assertThat(answer.body().split(": keep-alive", -1)).hasSizeGreaterThan(4);
            assertThat(asked).hasValue(2);
        }
    }

    @Test
    void oneThatAnswersOtherwiseIsAskedToGoOnFromTheQuotedText() throws Exception {
        String beginning = "Once upon a time there was a keeper of a lock, ";
        String end = "who let all boats through in order.";
        try (ScriptedUpstream one = ScriptedUpstream.answering((_, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(ROLE + chunk("{\"content\":\"" + beginning + "\"}", "null"));
                    Thread.sleep(150);
                    conversation.reset();
                });
                ScriptedUpstream two = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.chunkedEvents();
                    String text = request.text().contains("cut off")
                            ? "a keeper of a lock, " + end
                            : "A wholly different story.";
                    conversation.chunk(
                            ROLE + chunk("{\"content\":\"" + text + "\"}", "null") + FINISH + "data: [DONE]\n\n");
                    conversation.lastChunk();
                });
                Gateway gateway = Gateway.plan()
                        .provider("one", one.port())
                        .provider("two", two.port())
                        .model("gpt", RESCUE, "one/a", "two/b")
                        .start()) {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK_STREAM);
            assertThat(answer.body()).contains(beginning, end, "[DONE]").doesNotContain("different", "\"error\"");
            assertThat(answer.body().split("keeper of a lock", -1)).hasSize(2);
            assertThat(two.requests()).hasSize(2);
        }
    }

    @Test
    void aRescueThatIsRefusedEndsAsTheStreamBroke() throws Exception {
        try (ScriptedUpstream one = ScriptedUpstream.answering((_, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(ROLE + FIRST);
                    Thread.sleep(150);
                    conversation.reset();
                });
                ScriptedUpstream two =
                        ScriptedUpstream.answering((_, conversation) -> conversation.json(400, error("unknown")));
                Gateway gateway = Gateway.plan()
                        .provider("one", one.port())
                        .provider("two", two.port())
                        .model("gpt", RESCUE, "one/a", "two/b")
                        .start()) {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK_STREAM);
            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.body())
                    .contains("upstream_unreachable", "not the whole answer")
                    .doesNotContain("[DONE]", "unknown");
        }
    }

    private static Policy racing(double share, long nanosPerDay) {
        return soon(2, new Policy.Hedge(share, nanosPerDay), Policy.BrokenStream.END, false);
    }

    private static Script after(Duration pause) {
        return (request, conversation) -> {
            Thread.sleep(pause);
            well(request, conversation);
        };
    }

    private static void race(Policy policy, Script first, Script second, Check check) throws Exception {
        try (ScriptedUpstream one = ScriptedUpstream.answering(first);
                ScriptedUpstream two = ScriptedUpstream.answering(second);
                Gateway gateway = Gateway.plan()
                        .provider("one", one.port())
                        .provider("two", two.port())
                        .model("gpt", policy, "one/a", "two/b")
                        .start()) {
            check.on(gateway, one, two);
        }
    }

    @Test
    void theFasterOfTwoAnswersAndTheOtherIsCancelledAndBooked() throws Exception {
        Script never = (_, conversation) -> conversation.awaitGone();
        race(racing(100, 1_000_000_000L), never, ReliabilityTest::well, (gateway, one, two) -> {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK_STREAM);
            isWhole(answer, true);
            assertThat(answer.headers().firstValue("x-lockkeeper-target")).contains("two/b");
            assertThat(one.awaitClientGone()).isTrue();
            await().until(() -> gateway.log().contains("\"failure\":\"raced\""));
            assertThat(gateway.log()).contains("\"upstream_model\":\"a\"");
        });
        race(racing(100, 1_000_000_000L), after(Duration.ofMillis(900)), never, (gateway, one, two) -> {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK_STREAM);
            isWhole(answer, true);
            assertThat(answer.headers().firstValue("x-lockkeeper-target")).contains("one/a");
            assertThat(two.awaitClientGone()).isTrue();
        });
    }

    @Test
    void ofTwoThatRaceOneMayFail() throws Exception {
        Script refuses = (_, conversation) -> conversation.json(500, error("x"));
        race(racing(100, 1_000_000_000L), after(Duration.ofMillis(900)), refuses, (gateway, one, two) -> {
            isWhole(gateway.post("/v1/chat/completions", ASK_STREAM), true);
            assertThat(one.requests()).hasSize(1);
        });
        Script dies = (_, conversation) -> {
            Thread.sleep(600);
            conversation.reset();
        };
        race(racing(100, 1_000_000_000L), dies, after(Duration.ofMillis(700)), (gateway, one, two) -> {
            isWhole(gateway.post("/v1/chat/completions", ASK_STREAM), true);
            assertThat(two.requests()).hasSize(1);
        });
    }

    @Test
    void beyondItsBoundsNothingIsRaced() throws Exception {
        Script never = (_, conversation) -> conversation.awaitGone();
        race(racing(0, 1_000_000_000L), never, ReliabilityTest::well, (gateway, one, two) -> {
            isWhole(gateway.post("/v1/chat/completions", ASK_STREAM), true);
            await().until(() -> gateway.log().contains("\"failure\":\"silent\""));
        });
    }
}
