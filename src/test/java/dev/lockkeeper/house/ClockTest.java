package dev.lockkeeper.house;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Clock;
import java.time.Duration;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The clock on the wall jumps, as it does when a machine wakes up or its time is corrected. */
class ClockTest {
    private static final String ASK =
            "{\"model\":\"gpt-5.5\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}";

    private final AtomicReference<Duration> ahead = new AtomicReference<>(Duration.ZERO);

    /** It runs, and jumps when it is told to. */
    private final Clock clock =
            ((InstantSource) () -> Clock.systemUTC().instant().plus(ahead.get())).withZone(ZoneOffset.UTC);

    private void jump(Duration by) {
        ahead.updateAndGet(now -> now.plus(by));
    }

    @ParameterizedTest
    @ValueSource(strings = {"PT1H", "PT-1H"})
    void callsKeysAndObjectsOutliveAJump(String jump) throws Exception {
        CountDownLatch jumped = new CountDownLatch(1);
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    conversation.events();
                    conversation.send(event("{\"role\":\"assistant\",\"content\":\"before\"}", "null"));
                    jumped.await(60, TimeUnit.SECONDS);
                    conversation.send(event("{\"content\":\" after\"}", "null"));
                    conversation.send(event("{}", "\"stop\""));
                    conversation.send("data: [DONE]\n\n");
                    conversation.close();
                });
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .timeouts(Duration.ofSeconds(30), Duration.ofSeconds(30), Duration.ofSeconds(60))
                        .clock(clock)
                        .start()) {
            CompletableFuture<HttpResponse<String>> stream =
                    CompletableFuture.supplyAsync(() -> gateway.post("/v1/chat/completions", ASK));
            await().atMost(60, SECONDS).until(() -> !upstream.requests().isEmpty());
            String older = gateway.key("older");

            jump(Duration.parse(jump));
            jumped.countDown();

            HttpResponse<String> answer = stream.get(60, TimeUnit.SECONDS);
            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(answer.body()).contains("before").contains(" after").endsWith("data: [DONE]\n\n");
            for (String key : List.of(gateway.key(), older, gateway.key("newer"))) {
                assertThat(gateway.send(HttpRequest.newBuilder(gateway.request("/v1/models")
                                                .build()
                                                .uri())
                                        .header("authorization", "Bearer " + key))
                                .statusCode())
                        .isEqualTo(200);
            }
            await().atMost(60, SECONDS).until(() -> gateway.log().contains("\"outcome\":\"served\""));
            assertThat(gateway.log()).as("times are measured, not subtracted").doesNotContain("_ms\":-");
            assertThat(gateway.admin("/readyz").statusCode()).isEqualTo(200);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"PT1H", "PT-1H"})
    void pagesOfAListHoldEachObjectOnceWhateverTheTimeWas(String jump) {
        try (Gateway gateway = Gateway.plan().simulated().clock(clock).start()) {
            // The first connection may take its time on a busy machine.
            await().atMost(60, SECONDS).until(() -> answers(gateway));
            List<String> made = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                if (i == 3) {
                    jump(Duration.parse(jump));
                }
                made.add(upload(gateway));
            }
            List<String> listed = new ArrayList<>();
            String after = "";
            for (int i = 0; i < 10; i++) {
                String page = gateway.get("/v1/files?limit=2" + after).body();
                List<String> ids = ids(page);
                listed.addAll(ids);
                if (!page.contains("\"has_more\":true")) {
                    break;
                }
                after = "&after=" + ids.getLast();
            }
            assertThat(listed).containsExactlyInAnyOrderElementsOf(made);
            for (String each : made) {
                assertThat(gateway.get("/v1/files/" + each).statusCode()).isEqualTo(200);
            }
        }
    }

    private static boolean answers(Gateway gateway) {
        return gateway.post("/v1/chat/completions", ASK).statusCode() == 200;
    }

    private static String event(String delta, String finish) {
        return "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":"
                + "[{\"index\":0,\"delta\":" + delta + ",\"finish_reason\":" + finish + "}]}\n\n";
    }

    private static String upload(Gateway gateway) {
        HttpResponse<String> answer = gateway.send(gateway.request("/v1/files")
                .header("content-type", "multipart/form-data; boundary=cut")
                .POST(HttpRequest.BodyPublishers.ofString(
                        "--cut\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nuser_data\r\n"
                                + "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n"
                                + "text\r\n--cut--\r\n")));
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return ids(answer.body()).getFirst();
    }

    private static List<String> ids(String json) {
        return java.util.regex.Pattern.compile("\"id\": ?\"(file-[^\"]+)\"")
                .matcher(json)
                .results()
                .map(found -> found.group(1))
                .toList();
    }
}
