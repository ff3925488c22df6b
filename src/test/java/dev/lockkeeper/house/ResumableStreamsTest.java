package dev.lockkeeper.house;

import static dev.lockkeeper.testing.PaidGateway.ANSWER;
import static dev.lockkeeper.testing.PaidGateway.ANSWER_NANOS;
import static dev.lockkeeper.testing.PaidGateway.ASK;
import static dev.lockkeeper.testing.PaidGateway.CHAT;
import static dev.lockkeeper.testing.PaidGateway.DONE;
import static dev.lockkeeper.testing.PaidGateway.FINISH;
import static dev.lockkeeper.testing.PaidGateway.USAGE;
import static dev.lockkeeper.testing.PaidGateway.chunk;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.KeyTerms;
import dev.lockkeeper.relay.ResumeSettings;
import dev.lockkeeper.routing.ModelSettings.Profile;
import dev.lockkeeper.routing.Policy;
import dev.lockkeeper.testing.Gateway;
import dev.lockkeeper.testing.PaidGateway;
import dev.lockkeeper.testing.ScriptedUpstream;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Streams whose clients lose their connection and come back: what they, others, the upstream and the books see of it. */
class ResumableStreamsTest {
    private static final HttpClient HTTP =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private static final String ASK_STREAM = "{\"model\":\"gpt-4o\",\"stream\":true,"
            + "\"stream_options\":{\"include_usage\":true},\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";

    /** The pieces of the answer, one event each. */
    private static final List<String> PIECES =
            List.of(chunk("one"), chunk("two"), chunk("three"), chunk("four"), FINISH, USAGE, DONE);

    private static final Pattern ID = Pattern.compile("(?m)^id: (str_[0-9a-f]{32})\\.([0-9]+)$");

    /** Says a piece for each permit. */
    private static ScriptedUpstream.Script on(Semaphore go) {
        return (_, conversation) -> {
            conversation.chunkedEvents();
            for (String each : PIECES) {
                if (!go.tryAcquire(20, SECONDS)) {
                    return;
                }
                conversation.chunk(each);
            }
            conversation.lastChunk();
        };
    }

    private static PaidGateway keeping(Semaphore go, ResumeSettings settings) {
        return PaidGateway.before(on(go), plan -> plan.resume(settings));
    }

    /** One that is connected, and reads as far as it is asked to. */
    private static final class Heard implements AutoCloseable {
        private final HttpResponse<InputStream> answer;
        private final StringBuilder all = new StringBuilder();

        Heard(HttpRequest.Builder request) throws Exception {
            answer = HTTP.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
        }

        static Heard of(Gateway gateway, @Nullable String last) throws Exception {
            return new Heard(ask(gateway, CHAT, ASK_STREAM, last));
        }

        static HttpRequest.Builder ask(Gateway gateway, String path, String body, @Nullable String last) {
            HttpRequest.Builder request = gateway.request(path)
                    .header("content-type", "application/json")
                    .header("x-lockkeeper-resumable", "true")
                    .POST(HttpRequest.BodyPublishers.ofString(body));
            return last == null ? request : request.header("last-event-id", last);
        }

        Heard events(int count) throws IOException {
            for (int seen = 0; seen < count; ) {
                int next = answer.body().read();
                assertThat(next)
                        .as("status %s, and the stream goes on behind %s", answer.statusCode(), all)
                        .isNotNegative();
                all.append((char) next);
                boolean ends =
                        all.length() > 1 && all.substring(all.length() - 2).equals("\n\n");
                int from = all.lastIndexOf("\n\n", all.length() - 3);
                if (ends && all.indexOf("data:", Math.max(0, from)) >= 0) {
                    seen++;
                }
            }
            return this;
        }

        Heard rest() throws IOException {
            all.append(new String(answer.body().readAllBytes(), StandardCharsets.UTF_8));
            return this;
        }

        String text() {
            return all.toString();
        }

        String last() {
            return ID.matcher(all)
                    .results()
                    .reduce((_, later) -> later)
                    .map(each -> each.group(1) + "." + each.group(2))
                    .orElse(field("x-lockkeeper-resumable"));
        }

        String field(String name) {
            return answer.headers().firstValue(name).orElse("");
        }

        @Override
        public void close() throws IOException {
            answer.body().close();
        }
    }

    /** What was heard, whatever the stream's name is. */
    private static String nameless(String text) {
        return text.replaceAll("str_[0-9a-f]{32}", "str");
    }

    private static String numbered(int from) {
        StringBuilder all = new StringBuilder();
        for (int i = from; i <= PIECES.size(); i++) {
            String piece = PIECES.get(i - 1);
            all.append(piece, 0, piece.length() - 1)
                    .append("id: str.")
                    .append(i)
                    .append("\n\n");
        }
        return all.toString();
    }

    private static void isNotFound(Gateway gateway, String last) {
        HttpResponse<String> answer = gateway.send(Heard.ask(gateway, CHAT, ASK_STREAM, last));
        assertThat(answer.statusCode()).isEqualTo(404);
        assertThat(answer.body()).contains("\"stream_not_found\"").contains("without Last-Event-ID");
    }

    private static void nothingIsKept(Gateway gateway) {
        await().atMost(10, SECONDS).untilAsserted(() -> {
            assertThat(gateway.house().callsInFlight()).isZero();
            assertThat(gateway.house().bytesInFlight()).isZero();
            assertThat(gateway.admin("/metrics").body())
                    .contains("lockkeeper_resumable_streams 0.0")
                    .contains("lockkeeper_resumable_bytes 0.0");
        });
    }

    @Test
    void anUnbrokenStreamHasAnIdWithEachEvent() throws Exception {
        Semaphore go = new Semaphore(PIECES.size());
        try (PaidGateway paid = keeping(go, ResumeSettings.USUAL);
                Heard whole = Heard.of(paid.gateway(), null).rest()) {
            assertThat(nameless(whole.text())).isEqualTo(numbered(1));
            assertThat(whole.field("x-lockkeeper-resumable")).matches("str_[0-9a-f]{32}\\.0");
            assertThat(paid.requests().getFirst().head()).doesNotContain("resumable");
        }
    }

    @Test
    void aClientThatLostItsConnectionIsToldExactlyTheRest() throws Exception {
        Semaphore go = new Semaphore(0);
        try (PaidGateway paid = keeping(go, ResumeSettings.USUAL)) {
            paid.budget(1_000_000_000L);
            for (int cut = 0; cut <= PIECES.size(); cut++) {
                // From the finish reason on, events come together.
                int first = cut > 4 ? PIECES.size() : Math.max(1, cut);
                go.release(first);
                Heard before = Heard.of(paid.gateway(), null).events(cut);
                before.close();
                try (Heard after = Heard.of(paid.gateway(), before.last())) {
                    go.release(PIECES.size() - first);
                    after.rest();

                    assertThat(nameless(before.text() + after.text()))
                            .as("cut after %s", cut)
                            .isEqualTo(numbered(1));
                    assertThat(after.field("x-lockkeeper-resume-of")).isEqualTo(before.field("x-request-id"));
                    assertThat(after.field("x-request-id")).isNotEqualTo(before.field("x-request-id"));
                    assertThat(after.field("x-lockkeeper-provider")).isEqualTo("upstream");
                    assertThat(after.field("content-type")).isEqualTo(before.field("content-type"));
                }
                assertThat(paid.requests()).hasSize(cut + 1);
                List<String> lines = List.of(
                        "\"request_id\":\"" + before.field("x-request-id"),
                        "\"resume_of\":\"" + before.field("x-request-id") + "\"");
                await().atMost(5, SECONDS)
                        .until(() -> lines.stream().allMatch(paid.gateway().log()::contains));
            }
            paid.booked(8 * ANSWER_NANOS);
            List<String> log = paid.gateway().log().lines().toList();
            assertThat(log)
                    .filteredOn(each -> each.contains("\"outcome\":\"served\""))
                    .hasSize(8);
            assertThat(log).filteredOn(each -> each.contains("\"resumes\":1")).hasSizeBetween(5, 8);
            assertThat(log)
                    .filteredOn(each -> each.contains("\"outcome\":\"resumed\""))
                    .hasSize(8)
                    .allSatisfy(each -> assertThat(each).contains("\"input_tokens\":null", "\"cost_usd\":null"));
        }
    }

    @Test
    void aClientMayComeBackManyTimesAlsoWhenAllIsOver() throws Exception {
        Semaphore go = new Semaphore(0);
        try (PaidGateway paid = keeping(go, ResumeSettings.USUAL)) {
            StringBuilder joined = new StringBuilder();
            String last = null;
            String start = "";
            for (int i = 0; i < 4; i++) {
                go.release();
                try (Heard each = Heard.of(paid.gateway(), last).events(1)) {
                    joined.append(each.text());
                    last = each.last();
                    start = each.field("x-lockkeeper-resumable");
                }
            }
            // All of the rest comes while nobody listens.
            go.release(3);
            await().atMost(10, SECONDS).until(() -> paid.gateway().log().contains("\"resumes\":3"));
            for (int i = 0; i < 2; i++) {
                try (Heard rest = Heard.of(paid.gateway(), last).rest()) {
                    assertThat(nameless(joined + rest.text())).isEqualTo(numbered(1));
                }
            }
            try (Heard all = Heard.of(paid.gateway(), start).rest()) {
                assertThat(nameless(all.text())).isEqualTo(numbered(1));
            }
            assertThat(paid.requests()).hasSize(1);
        }
    }

    @Test
    void toOthersAndAtOtherPathsTheStreamDoesNotExist() throws Exception {
        Semaphore go = new Semaphore(1);
        try (PaidGateway paid = keeping(go, ResumeSettings.USUAL);
                Heard first = Heard.of(paid.gateway(), null).events(1)) {
            Gateway gateway = paid.gateway();
            String last = first.last();
            String colleague =
                    gateway.key("default", KeyKind.LIVE, KeyTerms.FREE).text();
            for (String key : List.of(gateway.key("stranger"), colleague)) {
                HttpResponse<String> other = gateway.send(
                        Heard.ask(gateway, CHAT, ASK_STREAM, last).setHeader("authorization", "Bearer " + key));
                assertThat(other.statusCode()).isEqualTo(404);
                assertThat(other.body()).contains("\"stream_not_found\"");
            }
            HttpResponse<String> path = gateway.send(Heard.ask(gateway, "/v1/responses", ASK_STREAM, last));
            assertThat(path.statusCode()).isEqualTo(404);
            assertThat(path.body()).contains("\"stream_not_found\"");
            for (String each : List.of(
                    "1",
                    "x".repeat(1_000),
                    last + "0",
                    last.replace(".1", ".2"),
                    last.replace(".1", ".999999999"),
                    last.replace(".1", ".-1"),
                    "str_" + "0".repeat(32) + ".1")) {
                isNotFound(gateway, each);
            }
            go.release(6);
            assertThat(nameless(first.rest().text())).isEqualTo(numbered(1));
            assertThat(paid.requests()).hasSize(1);
        }
    }

    @Test
    void withoutTheHeaderThereAreNoIdsAndWhoLeavesEndsTheCall() throws Exception {
        CountDownLatch gone = new CountDownLatch(1);
        try (PaidGateway paid = PaidGateway.before((_, conversation) -> {
            conversation.chunkedEvents();
            conversation.chunk(chunk("one"));
            conversation.awaitGone();
            gone.countDown();
        })) {
            HttpRequest.Builder ask = paid.gateway()
                    .request(CHAT)
                    .header("content-type", "application/json")
                    .header("last-event-id", "str_" + "0".repeat(32) + ".1")
                    .POST(HttpRequest.BodyPublishers.ofString(ASK_STREAM));
            try (Heard first = new Heard(ask).events(1)) {
                assertThat(first.text()).isEqualTo(chunk("one"));
                assertThat(first.field("x-lockkeeper-resumable")).isEmpty();
            }
            assertThat(gone.await(10, SECONDS)).isTrue();
            assertThat(paid.requests().getFirst().field("last-event-id")).isEmpty();
            nothingIsKept(paid.gateway());
        }
    }

    @Test
    void anAnswerInOnePieceIsAsEver() throws Exception {
        try (PaidGateway paid = PaidGateway.answering()) {
            HttpResponse<String> answer = paid.gateway().send(Heard.ask(paid.gateway(), CHAT, ASK, null));
            assertThat(answer.body()).isEqualTo(ANSWER);
            assertThat(answer.headers().firstValue("x-lockkeeper-resumable")).isEmpty();
            nothingIsKept(paid.gateway());
        }
    }

    @Test
    void whenNobodyComesBackInTimeTheCallIsCancelledAndBooked() throws Exception {
        CountDownLatch gone = new CountDownLatch(1);
        try (PaidGateway paid = PaidGateway.before(
                (_, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(chunk("one"));
                    conversation.awaitGone();
                    gone.countDown();
                },
                plan -> plan.resume(new ResumeSettings(Duration.ofSeconds(1), 1 << 20, 1 << 20)))) {
            paid.budget(1_000_000_000L);
            String last;
            try (Heard first = Heard.of(paid.gateway(), null).events(1)) {
                last = first.last();
            }
            // Who comes back in time begins the time anew.
            Heard.of(paid.gateway(), last).close();
            assertThat(gone.await(15, SECONDS)).isTrue();
            await().atMost(5, SECONDS).until(() -> paid.gateway().log().contains("\"resumes\":1"));
            assertThat(paid.gateway().log().lines().filter(each -> each.contains("\"resumes\":1")))
                    .singleElement()
                    .asString()
                    .contains("\"outcome\":\"abandoned\"")
                    .contains("\"status\":200");
            isNotFound(paid.gateway(), last);
            paid.bookedBetween(1, ANSWER_NANOS);
            nothingIsKept(paid.gateway());
        }
    }

    @Test
    void whatWasToldIsForgottenInTime() throws Exception {
        Semaphore go = new Semaphore(PIECES.size());
        try (PaidGateway paid = keeping(go, new ResumeSettings(Duration.ofMillis(300), 1 << 20, 1 << 20));
                Heard whole = Heard.of(paid.gateway(), null).rest()) {
            nothingIsKept(paid.gateway());
            isNotFound(paid.gateway(), whole.last());
        }
    }

    @Test
    void aStreamLongerThanWhatIsKeptGoesOnForItsClientAlone() throws Exception {
        Semaphore go = new Semaphore(2);
        try (PaidGateway paid = keeping(go, new ResumeSettings(Duration.ofMinutes(5), 500, 1 << 20))) {
            try (Heard first = Heard.of(paid.gateway(), null).events(2)) {
                assertThat(first.last()).endsWith(".2");
                go.release(5);
                first.rest();
                String[] halves = first.text().split(": lockkeeper: from here on[^\n]*\n\n", -1);
                assertThat(halves).hasSize(2);
                assertThat(halves[0]).contains("id: str_");
                assertThat(halves[1]).doesNotContain("id: str_").endsWith(USAGE + DONE);
                isNotFound(paid.gateway(), first.last());
            }
            assertThat(paid.gateway().admin("/metrics").body()).contains("lockkeeper_resumable_not_kept_total 1.0");
            nothingIsKept(paid.gateway());
        }
    }

    @Test
    void aStreamLongerThanWhatIsKeptEndsWithItsClient() throws Exception {
        CountDownLatch gone = new CountDownLatch(1);
        try (PaidGateway paid = PaidGateway.before(
                (_, conversation) -> {
                    conversation.chunkedEvents();
                    try {
                        for (int i = 0; i < 1_000_000; i++) {
                            conversation.chunk(chunk("x".repeat(10_000)));
                        }
                    } catch (IOException cut) {
                        gone.countDown();
                        throw cut;
                    }
                },
                plan -> plan.resume(new ResumeSettings(Duration.ofMinutes(5), 64 << 10, 1 << 20)))) {
            Heard first = Heard.of(paid.gateway(), null).events(3);
            assertThat(gone.await(1, SECONDS)).as("it waits for its client").isFalse();
            first.close();
            assertThat(gone.await(10, SECONDS)).isTrue();
            nothingIsKept(paid.gateway());
        }
    }

    @Test
    void whereThereIsNoRoomAtAllTheAnswerSaysSo() throws Exception {
        Semaphore go = new Semaphore(PIECES.size());
        try (PaidGateway paid = keeping(go, new ResumeSettings(Duration.ofMinutes(5), 1 << 20, 0));
                Heard whole = Heard.of(paid.gateway(), null).rest()) {
            assertThat(whole.field("x-lockkeeper-resumable")).isEqualTo("false");
            assertThat(whole.text()).isEqualTo(String.join("", PIECES));
        }
    }

    @Test
    void theOldestThatWasToldWholeMakesRoom() throws Exception {
        Semaphore go = new Semaphore(3 * PIECES.size());
        try (PaidGateway paid = keeping(go, new ResumeSettings(Duration.ofMinutes(5), 1 << 20, 40_000));
                Heard one = Heard.of(paid.gateway(), null).rest();
                Heard two = Heard.of(paid.gateway(), null).rest();
                Heard three = Heard.of(paid.gateway(), null).rest()) {
            isNotFound(paid.gateway(), one.last());
            for (Heard each : List.of(two, three)) {
                try (Heard again = Heard.of(paid.gateway(), each.field("x-lockkeeper-resumable"))
                        .rest()) {
                    assertThat(again.text()).isEqualTo(each.text());
                }
            }
        }
    }

    @Test
    void whoComesBackTakesThePlaceOfWhoStillListens() throws Exception {
        Semaphore go = new Semaphore(1);
        try (PaidGateway paid = keeping(go, ResumeSettings.USUAL);
                Heard first = Heard.of(paid.gateway(), null).events(1);
                Heard second = Heard.of(paid.gateway(), first.last())) {
            assertThatThrownBy(first::rest).isInstanceOf(IOException.class);
            go.release(6);
            assertThat(nameless(second.rest().text())).isEqualTo(numbered(2));
            assertThat(paid.requests()).hasSize(1);
        }
    }

    @Test
    void whoComesBackToAStreamThatBrokeIsToldHowItEnded() throws Exception {
        Semaphore go = new Semaphore(0);
        try (PaidGateway paid = PaidGateway.before((_, conversation) -> {
            conversation.chunkedEvents();
            conversation.chunk(chunk("one"));
            go.tryAcquire(20, SECONDS);
            conversation.reset();
        })) {
            Heard first = Heard.of(paid.gateway(), null).events(1);
            first.close();
            go.release();
            await().atMost(10, SECONDS).until(() -> paid.gateway().log().contains("\"outcome\":\"failed\""));
            try (Heard again = Heard.of(paid.gateway(), first.last()).rest()) {
                assertThat(nameless(again.text()))
                        .startsWith("data: {\"error\":")
                        .contains("upstream_unreachable")
                        .endsWith("\nid: str.2\n\n");
            }
        }
    }

    @Test
    void aStreamThatWasRescuedIsOneStream() throws Exception {
        Semaphore go = new Semaphore(0);
        Policy rescue = new Policy(
                3,
                Duration.ofMillis(20),
                Duration.ofSeconds(5),
                Duration.ofSeconds(20),
                false,
                null,
                Duration.ofSeconds(5),
                false,
                null,
                Policy.BrokenStream.RESCUE,
                false);
        try (ScriptedUpstream one = ScriptedUpstream.answering((_, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(chunk("one "));
                    go.tryAcquire(20, SECONDS);
                    conversation.reset();
                });
                ScriptedUpstream two = ScriptedUpstream.answering((_, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk(chunk("one two") + FINISH + USAGE + DONE);
                    conversation.lastChunk();
                });
                Gateway gateway = Gateway.plan()
                        .provider("one", one.port())
                        .provider("two", two.port())
                        .model("gpt-4o", rescue, "one/a", "two/b")
                        .start()) {
            Heard first = Heard.of(gateway, null).events(1);
            first.close();
            try (Heard after = Heard.of(gateway, first.last())) {
                go.release();
                after.rest();
                String told = nameless(after.text());
                assertThat(told).contains("\"content\":\"two\"").contains(": lockkeeper rescued after 4 characters");
                assertThat(told).contains("id: str.2\n").endsWith("data: [DONE]\nid: str.5\n\n");
            }
            assertThat(one.requests()).hasSize(1);
            assertThat(two.requests()).hasSize(1);
        }
    }

    @Test
    void aCallWithAnIdempotencyKeyCanBeResumedAndRepeated() throws Exception {
        Semaphore go = new Semaphore(1);
        try (PaidGateway paid = keeping(go, ResumeSettings.USUAL)) {
            paid.budget(1_000_000_000L);
            Gateway gateway = paid.gateway();
            Heard first =
                    new Heard(Heard.ask(gateway, CHAT, ASK_STREAM, null).header("idempotency-key", "k")).events(1);
            first.close();
            try (Heard after =
                    new Heard(Heard.ask(gateway, CHAT, ASK_STREAM, first.last()).header("idempotency-key", "k"))) {
                go.release(6);
                after.rest();
                assertThat(nameless(first.text() + after.text())).isEqualTo(numbered(1));
            }
            try (Heard repeat =
                    new Heard(Heard.ask(gateway, CHAT, ASK_STREAM, null).header("idempotency-key", "k")).rest()) {
                assertThat(nameless(repeat.text())).isEqualTo(numbered(1));
                assertThat(repeat.field("x-lockkeeper-replayed")).isEqualTo("true");
                assertThat(repeat.last()).isNotEqualTo(first.last());
            }
            HttpResponse<String> plain = gateway.send(gateway.request(CHAT)
                    .header("content-type", "application/json")
                    .header("idempotency-key", "k")
                    .POST(HttpRequest.BodyPublishers.ofString(ASK_STREAM)));
            assertThat(plain.body()).isEqualTo(String.join("", PIECES));
            paid.booked(ANSWER_NANOS);
            assertThat(paid.requests()).hasSize(1);
        }
    }

    @Test
    void aStopTellsWhoHasComeBack() throws Exception {
        Semaphore go = new Semaphore(1);
        try (PaidGateway paid = PaidGateway.before(on(go), plan -> plan.drain(Duration.ZERO, Duration.ofMillis(200)))) {
            Heard first = Heard.of(paid.gateway(), null).events(1);
            first.close();
            try (Heard after = Heard.of(paid.gateway(), first.last())) {
                Thread.ofVirtual().start(() -> paid.gateway().house().drain());
                assertThat(after.rest().text()).contains("server_shutting_down").contains(".2\n\n");
            }
        }
    }

    @Test
    void aHeartbeatIsNoEvent() throws Exception {
        Semaphore go = new Semaphore(1);
        try (PaidGateway paid = PaidGateway.before(on(go), plan -> plan.heartbeat(Duration.ofMillis(50)))) {
            Heard first = Heard.of(paid.gateway(), null).events(1);
            first.close();
            try (Heard after = Heard.of(paid.gateway(), first.last()).events(0)) {
                await().atMost(10, SECONDS).until(() -> after.answer.body().available() > 0);
                go.release(6);
                after.rest();
                assertThat(after.text()).contains(": keep-alive\n\n");
                assertThat(nameless(after.text().replace(": keep-alive\n\n", "")))
                        .isEqualTo(numbered(2));
            }
        }
    }

    @Test
    void anUpstreamsOwnIdsDoNotStandInPlaceOfOurs() throws Exception {
        try (PaidGateway paid = PaidGateway.before((_, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.chunk("id: theirs\r\n" + chunk("one").replace("\n", "\r\n"));
                    conversation.chunk("id: alone\n\n: a comment\n\n");
                    conversation.chunk(FINISH + USAGE + DONE);
                    conversation.lastChunk();
                });
                Heard whole = Heard.of(paid.gateway(), null).rest()) {
            assertThat(nameless(whole.text()))
                    .startsWith("id: theirs\r\n" + chunk("one").strip() + "\r\nid: str.1\n\n: a comment\n\n")
                    .doesNotContain("alone")
                    .endsWith("data: [DONE]\nid: str.4\n\n");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            /v1/responses   | {"model":"gpt-5.5","stream":true,"input":"Tell me a story"}                  | response.completed
            /v1/completions | {"model":"gpt-3.5-turbo-instruct","stream":true,"prompt":"Tell me a story"} | [DONE]
            """)
    void everyKindOfStreamCanBeResumed(String path, String body, String end) throws Exception {
        try (Gateway gateway = Gateway.plan()
                .simulated()
                .model("gpt-5.5", Profile.AUTO, "simulator/gpt-5.5")
                .model("gpt-3.5-turbo-instruct", Profile.AUTO, "simulator/gpt-3.5-turbo-instruct")
                .start()) {
            Heard first = new Heard(Heard.ask(gateway, path, body, null)).events(2);
            first.close();
            try (Heard after = new Heard(Heard.ask(gateway, path, body, first.last())).rest()) {
                List<String> numbers = ID.matcher(first.text() + after.text())
                        .results()
                        .map((MatchResult each) -> each.group(2))
                        .toList();
                for (int i = 0; i < numbers.size(); i++) {
                    assertThat(numbers.get(i)).isEqualTo(Integer.toString(i + 1));
                }
                assertThat(numbers).hasSizeGreaterThan(3);
                assertThat(after.text()).contains(end);
            }
        }
    }
}
