package dev.lockkeeper.simulator;

import static dev.lockkeeper.simulator.Running.json;
import static dev.lockkeeper.simulator.Running.quoted;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class MishapTest {
    private static Running running;

    /** The three ways of asking, under all of which a mishap has to show. */
    enum Way {
        UNARY,
        CHAT_STREAM,
        RESPONSES_STREAM;

        String path() {
            return this == RESPONSES_STREAM ? "/v1/responses" : "/v1/chat/completions";
        }

        String body(String controls) {
            return quoted(
                    switch (this) {
                        case UNARY ->
                            "{'model':'gpt-4o+" + controls + "','messages':[{'role':'user','content':'hello'}]}";
                        case CHAT_STREAM ->
                            "{'model':'gpt-4o+" + controls
                                    + "','stream':true,'messages':[{'role':'user','content':'hello'}]}";
                        case RESPONSES_STREAM -> "{'model':'gpt-4o+" + controls + "','stream':true,'input':'hello'}";
                    });
        }
    }

    /** What a bare socket sees. */
    private record Seen(String text, Ending ending, long millis) {
        enum Ending {
            CLOSED,
            RESET,
            OPEN
        }

        String body() {
            return text.substring(text.indexOf("\r\n\r\n") + 4);
        }

        /** Whether HTTP itself says that all came. */
        boolean whole() {
            return text.endsWith("\r\n0\r\n\r\n");
        }

        long events() {
            return text.lines().filter(line -> line.startsWith("data: ")).count();
        }
    }

    @BeforeAll
    static void start() {
        running = new Running();
        running.post(Way.UNARY.path(), Way.UNARY.body("pace(0)"));
    }

    @AfterAll
    static void stop() {
        running.close();
    }

    /** Asks over a bare socket, and reads until the end or a long silence. */
    private static Seen ask(Way way, String controls) {
        return ask(way, controls, 5_000);
    }

    private static Seen ask(Way way, String controls, int silenceMillis) {
        byte[] body = way.body(controls).getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        long from = System.nanoTime();
        Seen.Ending ending = Seen.Ending.OPEN;
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), running.simulator.port())) {
            socket.setSoTimeout(silenceMillis);
            socket.getOutputStream()
                    .write(("POST " + way.path()
                                    + " HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer k\r\n"
                                    + "content-type: application/json\r\ncontent-length: " + body.length + "\r\n\r\n")
                            .getBytes(StandardCharsets.US_ASCII));
            socket.getOutputStream().write(body);
            byte[] buffer = new byte[65_536];
            try {
                int read;
                while ((read = socket.getInputStream().read(buffer)) >= 0) {
                    text.write(buffer, 0, read);
                }
                ending = Seen.Ending.CLOSED;
            } catch (SocketTimeoutException silent) {
                ending = Seen.Ending.OPEN;
            } catch (SocketException reset) {
                ending = Seen.Ending.RESET;
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return new Seen(text.toString(StandardCharsets.UTF_8), ending, (System.nanoTime() - from) / 1_000_000);
    }

    @ParameterizedTest
    @EnumSource
    void aStatusComesWithItsHeadersAndCode(Way way) {
        HttpResponse<String> response = running.post(
                way.path(),
                way.body("status(429,retry-after=3,retry-after-ms=2500,should-retry=false,code=insufficient_quota)"));
        assertThat(response.statusCode()).isEqualTo(429);
        assertThat(response.headers().firstValue("retry-after")).hasValue("3");
        assertThat(response.headers().firstValue("retry-after-ms")).hasValue("2500");
        assertThat(response.headers().firstValue("x-should-retry")).hasValue("false");
        assertThat(json(response).at("/error/code").stringValue()).isEqualTo("insufficient_quota");
        assertThat(json(response).at("/error/type").stringValue()).isEqualTo("insufficient_quota");
    }

    @ParameterizedTest
    @EnumSource
    void aProxysErrorPageIsHtml(Way way) {
        HttpResponse<String> response = running.post(way.path(), way.body("html(502)"));
        assertThat(response.statusCode()).isEqualTo(502);
        assertThat(response.headers().firstValue("content-type")).hasValue("text/html");
        assertThat(response.body()).startsWith("<html>");
    }

    @ParameterizedTest
    @EnumSource
    void silenceSendsNotAByte(Way way) {
        Seen seen = ask(way, "silence", 500);
        assertThat(seen.text()).isEmpty();
        assertThat(seen.ending()).isEqualTo(Seen.Ending.OPEN);
    }

    @ParameterizedTest
    @EnumSource
    void aLateFirstByteIsLate(Way way) {
        long from = System.nanoTime();
        assertThat(running.post(way.path(), way.body("first(300ms)")).statusCode())
                .isEqualTo(200);
        assertThat(System.nanoTime() - from)
                .isGreaterThan(Duration.ofMillis(290).toNanos());
    }

    @ParameterizedTest
    @EnumSource
    void aCutEndsWithoutHttpsEnd(Way way) {
        Seen seen = ask(way, "cut(3)");
        assertThat(seen.ending()).isEqualTo(Seen.Ending.CLOSED);
        assertThat(seen.whole()).isFalse();
        assertThat(seen.text()).startsWith("HTTP/1.1 200");
        assertThat(seen.events()).isEqualTo(way == Way.UNARY ? 0 : 3);
    }

    @Test
    void aCutAfterTheLastEventIsStillACut() {
        long all = ask(Way.CHAT_STREAM, "pace(0)").events();
        Seen seen = ask(Way.CHAT_STREAM, "cut(" + all + ")");
        assertThat(seen.text()).contains("[DONE]");
        assertThat(seen.whole()).isFalse();
    }

    @ParameterizedTest
    @EnumSource
    void aCutBeforeTheFirstEventLeavesTheHead(Way way) {
        Seen seen = ask(way, "cut(0)");
        assertThat(seen.ending()).isEqualTo(Seen.Ending.CLOSED);
        assertThat(seen.text()).startsWith("HTTP/1.1 200");
        assertThat(seen.body()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void aCutAfterBytesLeavesExactlyThose(Way way) {
        Seen seen = ask(way, "cut(bytes=100)");
        assertThat(seen.ending()).isEqualTo(Seen.Ending.CLOSED);
        String body = way == Way.UNARY ? seen.body() : unchunked(seen.body());
        assertThat(body).hasSize(100);
    }

    /** The data of a chunked body, as far as it came. */
    private static String unchunked(String body) {
        StringBuilder data = new StringBuilder();
        int at = 0;
        while (at < body.length()) {
            int line = body.indexOf("\r\n", at);
            int length = Integer.parseInt(body.substring(at, line), 16);
            data.append(body, line + 2, Math.min(body.length(), line + 2 + length));
            at = line + 2 + length + 2;
        }
        return data.toString();
    }

    @ParameterizedTest
    @EnumSource
    void aResetIsNoOrdinaryEnd(Way way) {
        Seen seen = ask(way, "reset(2)");
        assertThat(seen.ending()).isEqualTo(Seen.Ending.RESET);
        assertThat(seen.text()).startsWith("HTTP/1.1 200");
    }

    @ParameterizedTest
    @EnumSource
    void aResetBeforeTheHeadLeavesNothing(Way way) {
        Seen seen = ask(way, "reset(0)");
        assertThat(seen.ending()).isEqualTo(Seen.Ending.RESET);
        assertThat(seen.text()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void anEarlyEofLooksWholeToHttp(Way way) {
        Seen seen = ask(way, "eof(2)");
        assertThat(seen.whole()).isTrue();
        assertThat(seen.events()).isEqualTo(way == Way.UNARY ? 0 : 2);
        assertThat(seen.text()).doesNotContain("[DONE]");
    }

    @ParameterizedTest
    @EnumSource
    void aStallIsFollowedByTheRest(Way way) {
        Seen seen = ask(way, "stall(2,300ms)");
        String whole = running.post(way.path(), way.body("pace(0)")).body();
        assertThat(seen.millis()).isGreaterThan(290);
        assertThat(seen.text())
                .contains(
                        way == Way.UNARY
                                ? "\"total_tokens\""
                                : whole.substring(whole.length() - 8).strip());
    }

    @ParameterizedTest
    @EnumSource
    void piecesOfOneByteAddUpToTheSameAnswer(Way way) {
        HttpResponse<String> split = running.post(way.path(), way.body("split(1)"));
        assertThat(split.statusCode()).isEqualTo(200);
        if (way == Way.UNARY) {
            assertThat(json(split).at("/choices/0/finish_reason").stringValue()).isEqualTo("stop");
        } else {
            assertThat(Running.events(split.body()))
                    .hasSameSizeAs(Running.events(
                            running.post(way.path(), way.body("pace(0)")).body()));
        }
        assertThat(ask(way, "split(1)").text()).contains("\r\n1\r\n");
    }

    @ParameterizedTest
    @EnumSource
    void garbageIsNotJson(Way way) {
        String body = running.post(way.path(), way.body("garbage(2)")).body();
        if (way == Way.UNARY) {
            assertThat(Json.parse(body)).isNull();
        } else {
            assertThat(Json.parse(Running.events(body).get(2).data())).isNull();
            assertThat(Json.parse(Running.events(body).get(3).data())).isNotNull();
        }
    }

    @ParameterizedTest
    @EnumSource
    void anErrorEventEndsTheStream(Way way) {
        HttpResponse<String> response = running.post(way.path(), way.body("error(2,rate_limit_exceeded)"));
        switch (way) {
            case UNARY -> assertThat(response.statusCode()).isEqualTo(500);
            case CHAT_STREAM -> {
                assertThat(Running.events(response.body())).hasSize(3);
                assertThat(Running.events(response.body())
                                .getLast()
                                .json()
                                .at("/error/code")
                                .stringValue())
                        .isEqualTo("rate_limit_exceeded");
            }
            case RESPONSES_STREAM -> {
                Running.Sse last = Running.events(response.body()).getLast();
                assertThat(last.name()).isEqualTo("error");
                assertThat(last.json().at("/code").stringValue()).isEqualTo("rate_limit_exceeded");
                assertThat(last.json().at("/sequence_number").intValue()).isEqualTo(2);
            }
        }
    }

    @Test
    void aFailedResponseSaysSoInItsTerminalEvent() {
        Running.Sse last = Running.events(running.post("/v1/responses", Way.RESPONSES_STREAM.body("failed(5)"))
                        .body())
                .getLast();
        assertThat(last.name()).isEqualTo("response.failed");
        assertThat(last.json().at("/response/status").stringValue()).isEqualTo("failed");
        assertThat(last.json().at("/response/error/code").stringValue()).isEqualTo("server_error");
        assertThat(last.json().at("/sequence_number").intValue()).isEqualTo(5);
    }

    @Test
    void doneCanBeMissing() {
        Seen seen = ask(Way.CHAT_STREAM, "no-done");
        assertThat(seen.whole()).isTrue();
        assertThat(seen.text()).contains("\"finish_reason\":\"stop\"").doesNotContain("[DONE]");
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "UNARY")
    void theFinishCanBeMissing(Way way) {
        Seen seen = ask(way, "no-finish");
        assertThat(seen.whole()).isTrue();
        assertThat(seen.text())
                .doesNotContain("\"finish_reason\":\"stop\"")
                .doesNotContain("[DONE]")
                .doesNotContain("response.completed");
    }

    @ParameterizedTest
    @EnumSource
    void usageCanBeMissing(Way way) {
        assertThat(running.post(way.path(), way.body("no-usage")).body()).doesNotContain("total_tokens");
    }

    @ParameterizedTest
    @EnumSource
    void anEventCanBeHuge(Way way) {
        String body = running.post(way.path(), way.body("oversize(1,3MiB)")).body();
        assertThat(body.length()).isGreaterThan(3 << 20);
        if (way == Way.UNARY) {
            assertThat(Json.parse(body)).isNotNull();
        }
    }

    @ParameterizedTest
    @EnumSource
    void httpsEndCanBeMissing(Way way) {
        Seen seen = ask(way, "no-end", 700);
        assertThat(seen.ending()).isEqualTo(Seen.Ending.OPEN);
        assertThat(seen.whole()).isFalse();
        assertThat(seen.text()).contains(way == Way.CHAT_STREAM ? "[DONE]" : "\"total_tokens\"");
    }

    @Test
    void aCountedMishapStops() {
        for (int i = 0; i < 4; i++) {
            assertThat(running.post(Way.UNARY.path(), Way.UNARY.body("times(2,here,status(503,retry-after-ms=1))"))
                            .statusCode())
                    .isEqualTo(i < 2 ? 503 : 200);
        }
    }

    @Test
    void aPacedStreamTakesItsTime() {
        long from = System.nanoTime();
        running.post(Way.CHAT_STREAM.path(), Way.CHAT_STREAM.body("text(one two three four five six)+pace(40ms)"));
        assertThat(System.nanoTime() - from)
                .isGreaterThan(Duration.ofMillis(6 * 38).toNanos());
    }

    @Test
    void everyCallMisbehavesWhereTheSettingsSaySo() {
        try (Running moody = new Running(SimulatorSettings.seeded(1, Clock.systemUTC())
                .withMishaps(List.of(new Mishap.Times(1, "", new Mishap.Html(502)))))) {
            assertThat(moody.get("/v1/models").statusCode()).isEqualTo(502);
            assertThat(moody.get("/v1/models").statusCode()).isEqualTo(200);
        }
    }

    @Test
    void aHeaderAsksForAMishapWhereThereIsNoBody() {
        assertThat(running.send(running.request("/v1/models")
                                .header("x-simulator", "status(500)")
                                .build())
                        .statusCode())
                .isEqualTo(500);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "status(429,retry-after=2,retry-after-ms=10,should-retry=true,code=slow_down,type=rate_limit_error,message=wait)",
                "html(503)",
                "stall(3,2000ms)",
                "silence",
                "first(500ms)",
                "cut(3)",
                "cut(bytes=100)",
                "reset(0)",
                "eof(1)",
                "split(7)",
                "garbage(2)",
                "error(2,server_error)",
                "failed(2)",
                "no-done",
                "no-finish",
                "no-usage",
                "oversize(1,1024)",
                "no-end",
                "times(2,a,status(503))"
            })
    void aMishapIsWrittenAsItIsRead(String text) {
        assertThat(Mishap.parse(text)).hasToString(text);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"boom", "cut(x)", "cut(3", "status(200)", "stall(1,1h)", "silence(2)", "split(0)", "times(2)"})
    void whatIsNoMishapIsSaidSo(String text) {
        assertThatThrownBy(() -> Mishap.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageMatching(".*(expected|takes|no argument|parenthesis|at most).*");
    }
}
