package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.testing.ScriptedUpstream.Script;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.http.HttpResponse;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Upstreams that answer late, wrongly, partly or not at all. */
class BrokenUpstreamTest {
    private static final String ASK = "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    private static final String ASK_STREAM =
            "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    private static final String ASK_RESPONSES = "{\"model\":\"gpt-4o\",\"stream\":true,\"input\":\"hi\"}";
    private static final String CHUNK =
            "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ho\"},\"finish_reason\":null}]}\n\n";
    private static final String FINISH =
            "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    private static final String CREATED = "event: response.created\ndata: {\"type\":\"response.created\","
            + "\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":1,"
            + "\"status\":\"in_progress\",\"model\":\"gpt-4o\",\"output\":[]}}\n\n";

    private static void with(Script script, Check check) throws Exception {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering(script);
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .timeouts(Duration.ofMillis(400), Duration.ofMillis(400), Duration.ofSeconds(20))
                        .heartbeat(Duration.ofMillis(100))
                        .start()) {
            check.on(gateway);
        }
    }

    private interface Check {
        void on(Gateway gateway) throws Exception;
    }

    @ParameterizedTest
    @ValueSource(strings = {ASK, ASK_STREAM})
    void anUpstreamThatNeverAnswersIs504(String ask) throws Exception {
        with((request, conversation) -> conversation.awaitGone(), gateway -> {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ask);
            assertThat(answer.statusCode()).isEqualTo(504);
            assertThat(answer.body()).contains("upstream_timeout", "first-byte");
        });
    }

    @Test
    void anUpstreamThatFallsSilentInAStreamIsHeartbeatsThenAnErrorEvent() throws Exception {
        with(
                (request, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(CHUNK);
                    conversation.awaitGone();
                },
                gateway -> {
                    HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK_STREAM);
                    assertThat(answer.statusCode()).isEqualTo(200);
                    assertThat(answer.body())
                            .startsWith(CHUNK + ": keep-alive\n\n")
                            .contains("\"code\":\"upstream_timeout\"")
                            .doesNotContain("[DONE]");
                });
    }

    @Test
    void anUpstreamThatFallsSilentAfterItsFinishReasonHasAnsweredWhole() throws Exception {
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(CHUNK + FINISH);
                    conversation.awaitGone();
                });
                Gateway gateway = Gateway.before(upstream)) {
            assertThat(gateway.post("/v1/chat/completions", ASK_STREAM).body())
                    .isEqualTo(CHUNK + FINISH + "data: [DONE]\n\n");
        }
    }

    @Test
    void aBrokenResponsesStreamEndsInResponseFailed() throws Exception {
        with(
                (request, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(CREATED);
                    // Long enough for the head to go out with the first event.
                    conversation.chunk(": still here\n\n");
                    conversation.reset();
                },
                gateway -> {
                    HttpResponse<String> answer = gateway.post("/v1/responses", ASK_RESPONSES);
                    assertThat(answer.body())
                            .contains("event: response.failed", "\"status\":\"failed\"", "\"id\":\"resp_1\"")
                            .doesNotContain("response.completed");
                });
    }

    @Test
    void aGarbageEventBreaksTheStreamAndIsNotPassedOn() throws Exception {
        with(
                (request, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(CHUNK);
                    conversation.chunk("data: {\"id\": oops\n\n");
                    conversation.awaitGone();
                },
                gateway -> assertThat(
                                gateway.post("/v1/chat/completions", ASK_STREAM).body())
                        .startsWith(CHUNK)
                        .contains("\"error\":{")
                        .doesNotContain("oops", "[DONE]"));
    }

    @Test
    void anErrorThatIsTheFirstEventIsAnErrorWithAStatus() throws Exception {
        String error = "{\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit_error\",\"param\":null,"
                + "\"code\":\"rate_limit_exceeded\"}}";
        with(
                (request, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk("data: " + error + "\n\n");
                    conversation.lastChunk();
                },
                gateway -> {
                    HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK_STREAM);
                    assertThat(answer.statusCode()).isEqualTo(429);
                    assertThat(answer.body()).isEqualTo(error);
                });
    }

    @Test
    void anErrorInTheMiddleIsPassedOnAndEndsTheStream() throws Exception {
        String error =
                "data: {\"error\":{\"message\":\"gone\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n";
        with(
                (request, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(CHUNK);
                    conversation.chunk(error);
                    conversation.awaitGone();
                },
                gateway -> {
                    assertThat(gateway.post("/v1/chat/completions", ASK_STREAM).body())
                            .isEqualTo(CHUNK + error);
                    await().atMost(5, SECONDS)
                            .untilAsserted(() -> assertThat(gateway.log()).contains("\"outcome\":\"failed\""));
                });
    }

    @Test
    void anUpstreamsOwnErrorKeepsItsStatusItsBodyAndItsHeaders() throws Exception {
        String body = "{\"error\":{\"message\":\"Rate limit\",\"type\":\"requests\",\"param\":null,"
                + "\"code\":\"rate_limit_exceeded\",\"more\":1}}";
        with(
                (request, conversation) ->
                        conversation.send("HTTP/1.1 429 Too Many\r\ncontent-type: application/json\r\n"
                                + "retry-after: 7\r\nx-ratelimit-remaining-requests: 0\r\ncontent-length: "
                                + body.length()
                                + "\r\n\r\n" + body),
                gateway -> {
                    HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK);
                    assertThat(answer.statusCode()).isEqualTo(429);
                    assertThat(answer.body()).isEqualTo(body);
                    assertThat(answer.headers().firstValue("retry-after")).hasValue("7");
                    assertThat(answer.headers().firstValue("x-ratelimit-remaining-requests"))
                            .hasValue("0");
                });
    }

    @Test
    void anEmptyAccountIsNotTriedAgain() throws Exception {
        with(
                (request, conversation) -> conversation.json(
                        429,
                        "{\"error\":{\"message\":\"You exceeded your current quota\",\"type\":\"insufficient_quota\","
                                + "\"param\":null,\"code\":\"insufficient_quota\"}}"),
                gateway -> assertThat(gateway.post("/v1/chat/completions", ASK)
                                .headers()
                                .firstValue("x-should-retry"))
                        .hasValue("false"));
    }

    @Test
    void aProxysPageIsToldInTheEnvelope() throws Exception {
        String page = "<html>Bad gateway</html>";
        with(
                (request, conversation) ->
                        conversation.send("HTTP/1.1 503 Oops\r\ncontent-type: text/html\r\ncontent-length: "
                                + page.length() + "\r\n\r\n" + page),
                gateway -> {
                    HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK);
                    assertThat(answer.statusCode()).isEqualTo(502);
                    assertThat(answer.body())
                            .contains("upstream_error", "HTTP 503")
                            .doesNotContain("<html>");
                });
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "404|{\"error\":\"model 'x' not found\"}|model 'x' not found|invalid_request_error",
                "422|{\"detail\":\"field required\"}|field required|invalid_request_error",
                "400|{\"object\":\"error\",\"message\":\"too long\",\"code\":400}|too long|invalid_request_error",
                "429|{\"message\":\"slow down\"}|slow down|rate_limit_error",
                "503|{\"error\":\"loading\"}|loading|server_error"
            })
    void whatAServerSaysInItsOwnJsonKeepsItsStatusAndItsSentence(int status, String body, String sentence, String type)
            throws Exception {
        with((request, conversation) -> conversation.json(status, body), gateway -> {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK);
            assertThat(answer.statusCode()).isEqualTo(status);
            assertThat(answer.body())
                    .isEqualTo("{\"error\":{\"message\":\"" + sentence + "\",\"type\":\"" + type
                            + "\",\"param\":null,\"code\":\"upstream_error\"}}");
        });
    }

    @Test
    void aPageWithStatus200IsNoAnswer() throws Exception {
        String page = "<html>Welcome</html>";
        with(
                (request, conversation) ->
                        conversation.send("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: "
                                + page.length() + "\r\n\r\n" + page),
                gateway -> assertThat(gateway.post("/v1/chat/completions", ASK).statusCode())
                        .isEqualTo(502));
    }

    @Test
    void aRedirectIsNotFollowed() throws Exception {
        with(
                (request, conversation) -> conversation.send(
                        "HTTP/1.1 307 Elsewhere\r\nlocation: http://127.0.0.1:1/steal\r\ncontent-length: 0\r\n\r\n"),
                gateway -> {
                    HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK);
                    assertThat(answer.statusCode()).isEqualTo(502);
                    assertThat(answer.headers().firstValue("location")).isEmpty();
                });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"id\":\"c\",",
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n",
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{\"id\":\"c\",\"choices\":[",
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{\"id\": \"c",
                "HTTP/1.1 200 OK\r\ncontent-ty"
            })
    void aUnaryAnswerThatIsCutShortIsAnErrorAndNeverAnAnswer(String bytes) throws Exception {
        with(
                (request, conversation) -> {
                    conversation.send(bytes);
                    conversation.close();
                },
                gateway -> {
                    HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK);
                    assertThat(answer.statusCode()).isEqualTo(502);
                    assertThat(answer.body()).contains("\"error\":{");
                });
    }

    @Test
    void aLargeUnaryAnswerThatBreaksClosesTheConnection() throws Exception {
        with(
                (request, conversation) -> {
                    conversation.send(
                            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n");
                    conversation.chunk("{\"id\":\"" + "x".repeat(600_000));
                    conversation.chunk("x".repeat(600_000));
                    conversation.close();
                },
                gateway -> assertThat(org.assertj.core.api.Assertions.catchThrowable(
                                () -> gateway.post("/v1/chat/completions", ASK)))
                        .as("the body broke off")
                        .hasRootCauseInstanceOf(IOException.class));
    }

    @Test
    void nobodyListeningIs502() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        try (Gateway gateway = Gateway.plan().provider("upstream", port).start()) {
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK);
            assertThat(answer.statusCode()).isEqualTo(502);
            assertThat(answer.body()).contains("upstream_unreachable", "REFUSED");
        }
    }

    @Test
    void aKeptConnectionThatHasDiedIsNotTheClientsConcern() throws Exception {
        String body = "{\"id\":\"c\",\"choices\":[{\"index\":0,\"message\":{},\"finish_reason\":\"stop\"}]}";
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    if (conversation.served() == 0) {
                        conversation.json(200, body);
                    } else {
                        conversation.close();
                    }
                });
                Gateway gateway = Gateway.before(upstream)) {
            for (int i = 0; i < 10; i++) {
                assertThat(gateway.post("/v1/chat/completions", ASK).statusCode())
                        .as("call " + i)
                        .isEqualTo(200);
            }
            assertThat(upstream.requests().size())
                    .as("requests, some asked twice")
                    .isGreaterThan(10);
        }
    }

    @Test
    void aFullPoolIs503() throws Exception {
        try (ScriptedUpstream upstream =
                        ScriptedUpstream.answering((request, conversation) -> conversation.awaitGone());
                Gateway gateway =
                        Gateway.plan().provider("upstream", upstream.port(), 1).start()) {
            Thread first = Thread.ofVirtual().start(() -> {
                try {
                    gateway.post("/v1/chat/completions", ASK);
                } catch (RuntimeException closed) {
                    // The gateway closes while this call waits.
                }
            });
            await().atMost(5, SECONDS).until(() -> !upstream.requests().isEmpty());
            HttpResponse<String> answer = gateway.post("/v1/chat/completions", ASK);
            assertThat(answer.statusCode()).isEqualTo(503);
            assertThat(answer.body()).contains("upstream_busy");
            assertThat(answer.headers().firstValue("retry-after")).isPresent();
            assertThat(first.isAlive()).isTrue();
        }
    }
}
