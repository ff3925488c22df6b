package dev.lockkeeper.house;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.ledger.Balance;
import dev.lockkeeper.ledger.Ledger;
import dev.lockkeeper.limits.Measure;
import dev.lockkeeper.limits.Subject;
import dev.lockkeeper.relay.FairSettings;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import dev.lockkeeper.units.Money;
import java.io.IOException;
import java.net.Socket;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A client that goes away, at whichever moment, leaves nothing behind: no money held, no permit, no place in a queue. Two
 * calls at once are all that the provider's limit lets in, so that a permit that is lost is missed.
 */
class LeftBehindTest {
    private static final String CHAT = "{\"model\":\"gpt-4o\",%s\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    private static final String CHUNK =
            "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ho\"},\"finish_reason\":null}]}\n\n";
    private static final String FINISH =
            "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    private static final String FORM = "--XyZ\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n"
            + "--XyZ\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\n";

    /** When the client leaves, by what the upstream has said till then. */
    enum Stage {
        IN_ITS_BODY(false),
        BEFORE_ANY_ANSWER(true),
        IN_AN_ANSWER_OF_ONE_PIECE(true),
        BEHIND_A_STREAMS_HEAD(true),
        IN_A_STREAM(true),
        BEFORE_A_STREAMS_USAGE(true),
        IN_A_FORM(false),
        BEHIND_A_FORM(true);

        /** Whether the upstream had all of the request. */
        final boolean spends;

        Stage(boolean spends) {
            this.spends = spends;
        }

        String request(String key) {
            return switch (this) {
                case IN_ITS_BODY -> post(key, "/v1/chat/completions", "application/json", 5_000, "{\"model\":");
                case BEFORE_ANY_ANSWER, IN_AN_ANSWER_OF_ONE_PIECE -> chat(key, "");
                case BEHIND_A_STREAMS_HEAD, IN_A_STREAM, BEFORE_A_STREAMS_USAGE -> chat(key, "\"stream\":true,");
                case IN_A_FORM ->
                    post(key, "/v1/audio/transcriptions", "multipart/form-data; boundary=XyZ", 50_000, FORM + "abc");
                case BEHIND_A_FORM -> {
                    String form = FORM + "abc\r\n--XyZ--\r\n";
                    yield post(
                            key, "/v1/audio/transcriptions", "multipart/form-data; boundary=XyZ", form.length(), form);
                }
            };
        }

        void answer(ScriptedUpstream.Conversation conversation) throws IOException {
            switch (this) {
                case IN_ITS_BODY, BEFORE_ANY_ANSWER, IN_A_FORM, BEHIND_A_FORM -> {}
                case IN_AN_ANSWER_OF_ONE_PIECE ->
                    conversation.send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n"
                            + "{\"id\":\"c\",");
                case BEHIND_A_STREAMS_HEAD -> conversation.chunkedEvents();
                case IN_A_STREAM -> {
                    conversation.chunkedEvents();
                    conversation.chunk(CHUNK);
                }
                case BEFORE_A_STREAMS_USAGE -> {
                    conversation.chunkedEvents();
                    conversation.chunk(CHUNK + FINISH);
                }
            }
        }
    }

    private static String chat(String key, String more) {
        String body = CHAT.formatted(more);
        return post(key, "/v1/chat/completions", "application/json", body.length(), body);
    }

    private static String post(String key, String path, String type, int length, String body) {
        return "POST " + path + " HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + key + "\r\ncontent-type: " + type
                + "\r\ncontent-length: " + length + "\r\n\r\n" + body;
    }

    private static void begin(Gateway gateway, int atOnce) {
        gateway.budget(100 * Money.DOLLAR);
        gateway.limit(Subject.Kind.PROVIDER, "upstream", Measure.CONCURRENT_CALLS, atOnce);
    }

    private static void nothingIsLeftBehind(Gateway gateway) {
        Ledger ledger = gateway.house().ledger();
        await().atMost(10, SECONDS).untilAsserted(() -> {
            ledger.audit();
            assertThat(ledger.openHolds()).isZero();
            Balance now = ledger.budgets().balances().getFirst();
            assertThat(now.heldNanos()).isZero();
            assertThat(now.freeNanos() + now.spentNanos()).isEqualTo(100 * Money.DOLLAR);
            assertThat(now.overrunNanos()).isZero();
        });
    }

    @ParameterizedTest
    @EnumSource(Stage.class)
    void whoLeavesGivesBackAllThatWasTaken(Stage stage) throws Exception {
        AtomicInteger gone = new AtomicInteger();
        AtomicInteger asked = new AtomicInteger();
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    if (request.text().contains("well")) {
                        conversation.json(
                                200,
                                "{\"id\":\"c\",\"choices\":[{\"index\":0,\"message\":{},\"finish_reason\":\"stop\"}],"
                                        + "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}");
                        return;
                    }
                    stage.answer(conversation);
                    asked.incrementAndGet();
                    conversation.awaitGone();
                    gone.incrementAndGet();
                });
                Gateway gateway =
                        Gateway.plan().provider("upstream", upstream.port()).start()) {
            begin(gateway, 2);
            for (int i = 0; i < 3; i++) {
                int before = i + 1;
                try (Socket client = gateway.connect()) {
                    client.getOutputStream().write(stage.request(gateway.key()).getBytes(UTF_8));
                    if (stage.spends) {
                        await().atMost(10, SECONDS).until(() -> asked.get() == before);
                        if (stage == Stage.IN_A_STREAM || stage == Stage.BEFORE_A_STREAMS_USAGE) {
                            assertThat(client.getInputStream().read()).isPositive();
                        }
                    }
                }
                nothingIsLeftBehind(gateway);
            }
            if (stage.spends) {
                await().atMost(10, SECONDS).until(() -> gone.get() == 3);
            }
            long spent =
                    gateway.house().ledger().budgets().balances().getFirst().spentNanos();
            assertThat(spent > 0).as("%s nanos were booked", spent).isEqualTo(stage.spends);
            for (int i = 0; i < 3; i++) {
                assertThat(gateway.post("/v1/chat/completions", CHAT.formatted("\"user\":\"well\","))
                                .statusCode())
                        .isEqualTo(200);
            }
            nothingIsLeftBehind(gateway);
        }
    }

    @Test
    void whoLeavesWhileWaitingForATurnHoldsUpNobody() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        try (ScriptedUpstream upstream = ScriptedUpstream.answering((request, conversation) -> {
                    asked.incrementAndGet();
                    conversation.awaitGone();
                });
                Gateway gateway = Gateway.plan()
                        .provider("upstream", upstream.port())
                        .fair(new FairSettings(Set.of("upstream"), Duration.ofSeconds(30), Map.of()))
                        .start()) {
            begin(gateway, 1);
            try (Socket last = gateway.connect()) {
                try (Socket first = gateway.connect()) {
                    first.getOutputStream().write(chat(gateway.key(), "").getBytes(UTF_8));
                    await().atMost(10, SECONDS).until(() -> asked.get() == 1);
                    for (int i = 0; i < 20; i++) {
                        try (Socket waiting = gateway.connect()) {
                            waiting.getOutputStream()
                                    .write(chat(gateway.key(), "").getBytes(UTF_8));
                            int busy = 2 + i % 2;
                            await().during(Duration.ofMillis(busy)).until(() -> asked.get() == 1);
                        }
                    }
                    last.getOutputStream().write(chat(gateway.key(), "").getBytes(UTF_8));
                }
                await().atMost(10, SECONDS).until(() -> asked.get() == 2);
            }
            nothingIsLeftBehind(gateway);
            assertThat(asked.get()).isEqualTo(2);
        }
    }
}
