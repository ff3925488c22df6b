package dev.lockkeeper.house;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A provider that breaks HTTP: the client is told whose fault it is, and the next call is served. */
class HostileProviderTest {
    private static final String ASK = "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}";
    private static final String GOOD =
            "{\"id\":\"c\",\"choices\":[{\"index\":0,\"message\":{},\"finish_reason\":\"stop\"}]}";

    private static final String JSON = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

    /** What the upstream answers to a question that names it. */
    private static final Map<String, String> ANSWERS = Map.ofEntries(
            Map.entry("two lengths", JSON + "Content-Length: 2\r\nContent-Length: 200\r\n\r\n{}"),
            Map.entry("a negative length", JSON + "Content-Length: -1\r\n\r\n{}"),
            Map.entry("a length that is none", JSON + "Content-Length: two\r\n\r\n{}"),
            Map.entry("NUL in a value", JSON + "X: a\u0000b\r\nContent-Length: 2\r\n\r\n{}"),
            Map.entry("a name with a space", JSON + "X y: z\r\nContent-Length: 2\r\n\r\n{}"),
            Map.entry("a chunk that is none", JSON + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
            Map.entry("a head without end", JSON + "X: y\r\n".repeat(20_000)),
            Map.entry("informational without end", "HTTP/1.1 103 Hint\r\n\r\n".repeat(1_000)),
            Map.entry("another protocol unasked", "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n"),
            Map.entry("no HTTP", "220 mail ESMTP\r\n\r\n"));

    private static ScriptedUpstream upstream;
    private static Gateway gateway;

    @BeforeAll
    static void start() {
        upstream = ScriptedUpstream.answering((request, conversation) -> {
            String text = request.text();
            var named = ANSWERS.entrySet().stream()
                    .filter(each -> text.contains('"' + each.getKey() + '"'))
                    .findFirst();
            if (named.isPresent()) {
                conversation.send(named.get().getValue());
            } else {
                conversation.json(200, GOOD);
            }
        });
        gateway = Gateway.before(upstream);
    }

    @AfterAll
    static void stop() {
        gateway.close();
        upstream.close();
    }

    static Stream<String> names() {
        return ANSWERS.keySet().stream().sorted();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("names")
    void whatIsNoHttpIsTheUpstreamsFaultAndTheNextCallIsServed(String what) {
        HttpResponse<String> broken = gateway.post("/v1/chat/completions", ASK.formatted(what));
        assertThat(broken.statusCode()).as(broken.body()).isEqualTo(502);
        assertThat(broken.body())
                .contains("\"type\":\"upstream_error\"", "\"code\":\"upstream_protocol_error\"", "'upstream'");
        HttpResponse<String> good = gateway.post("/v1/chat/completions", ASK.formatted("hello"));
        assertThat(good.statusCode()).as(good.body()).isEqualTo(200);
    }
}
