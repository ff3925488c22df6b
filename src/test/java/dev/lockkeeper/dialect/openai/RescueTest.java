package dev.lockkeeper.dialect.openai;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.testing.StrictStream;
import dev.lockkeeper.testing.StrictStream.ChatSaid;
import dev.lockkeeper.testing.StrictStream.ResponseSaid;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Usage;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

class RescueTest {
    private static final String TEXT =
            "The quiet river holds the gate, \\\"as ever\\\".\\nLocks: \\u00fc, \\ud83d\\ude00 and \\u4e2d. The boat moves"
                    + " past the harbor and the keeper closes behind it.";
    private static final String WHOLE = Given.tree("\"" + TEXT + "\"").stringValue();
    private static final String THINKING = ",\"reasoning\":{\"effort\":\"low\",\"summary\":\"auto\"}";
    private static final int[] SIZES = {1, 33};

    private static Wire one;
    private static Wire other;

    @BeforeAll
    static void start() {
        one = new Wire(1);
        other = new Wire(2);
    }

    @AfterAll
    static void stop() {
        one.close();
        other.close();
    }

    // ---- what is asked ----

    private static String chat(String model, String text, String more) {
        return "{\"model\":\"" + model
                + "\",\"messages\":[{\"role\":\"user\",\"content\":\"Tell me.\"}],\"stream\":true,"
                + "\"stream_options\":{\"include_usage\":true}" + more + ",\"metadata\":{\"sim_text\":\"" + text
                + "\"}}";
    }

    private static String response(String model, String text, String more) {
        return "{\"model\":\"" + model + "\",\"input\":\"Tell me.\",\"stream\":true" + more
                + ",\"metadata\":{\"sim_text\":\"" + text + "\"}}";
    }

    private static String quoted(String text) {
        String json = Errors.text(text).utf8();
        return json.substring(1, json.length() - 1);
    }

    /** Bytes behind each event. */
    private static List<Integer> ends(byte[] stream) {
        List<Integer> ends = new ArrayList<>();
        for (int i = 1; i < stream.length; i++) {
            if (stream[i] == '\n' && stream[i - 1] == '\n') {
                ends.add(i + 1);
            }
        }
        return ends;
    }

    private static Delivered delivered(Endpoint endpoint, String body, byte[] stream, int to) {
        StreamTap tap = Taps.stream(endpoint, Given.scan(endpoint, body));
        new Played(new ByteArrayOutputStream(), tap).feed(Arrays.copyOf(stream, to), 100);
        return tap.delivered();
    }

    private static Rescue.Ways ways(Endpoint endpoint, String body, Delivered delivered) {
        return Rescue.ways(delivered, Given.scan(endpoint, body), Bytes.utf8(body), Prefill.PREFIX);
    }

    /** What an upstream writes that goes on as it was asked to. */
    private static String follows(Way way, String delivered) {
        String rest = WHOLE.substring(delivered.length());
        return switch (way) {
            case AGAIN -> WHOLE;
            case PREFILL -> rest;
            case QUOTED -> Joint.anchor(delivered) + rest;
        };
    }

    // ---- every cut, every way, every split ----

    @ParameterizedTest
    @EnumSource(Way.class)
    void aChatIsWholeWhereverItBroke(Way way) {
        String body = chat("gpt-4o", TEXT, "");
        byte[] first = one.ask(Given.CHAT, body);
        int rescued = 0;
        for (int end : ends(first)) {
            int size = SIZES[rescued % 2];
            ByteArrayOutputStream client = new ByteArrayOutputStream();
            StreamTap tap = Taps.stream(Given.CHAT, Given.scan(Given.CHAT, body));
            // The bytes of an event that is cut are lost.
            Played played =
                    new Played(client, tap).feed(Arrays.copyOf(first, Math.min(first.length, end + size % 5)), size);
            if (played.whole(null)) {
                continue;
            }
            Delivered delivered = tap.delivered();
            assertThat(WHOLE).startsWith(delivered.text);
            if (!ways(Given.CHAT, body, delivered).order().contains(way)) {
                continue;
            }
            String rest = follows(way, delivered.text);
            if (rest.isEmpty()) {
                continue;
            }
            byte[] second = other.ask(Given.CHAT, chat("gpt-4o-mini", quoted(rest), ""));
            Continuation on =
                    Continuation.of(delivered, way, Given.CHAT, Given.scan(Given.CHAT, body), used -> Usage.of(3, 4));
            Played again = new Played(client, on).feed(second, size);
            assertThat(on.mismatch()).as("after %s", delivered.text).isNull();
            assertThat(again.whole(Rescue.comment(delivered.characters(), "other/mini")))
                    .isTrue();
            ChatSaid said = StrictStream.chat(client.toByteArray());
            assertThat(said.text()).isEqualTo(WHOLE);
            assertThat(said.finish()).isEqualTo("stop");
            assertThat(said.usage()).asString().contains("\"total_tokens\":7");
            assertThat(said.models()).hasSizeBetween(1, 2);
            assertThat(said.models().getLast()).startsWith("gpt-4o-mini");
            assertThat(said.comments())
                    .containsExactly("lockkeeper rescued after " + delivered.characters()
                            + (delivered.characters() == 1 ? " character" : " characters") + " by other/mini");
            rescued++;
        }
        assertThat(rescued).isGreaterThan(20);
    }

    @ParameterizedTest
    @EnumSource(
            value = Way.class,
            names = {"AGAIN", "QUOTED"})
    void aResponseIsWholeWhereverItBroke(Way way) {
        for (String model : List.of("gpt-4o", "gpt-5.4")) {
            String body = response(model, TEXT, model.equals("gpt-4o") ? "" : THINKING);
            byte[] first = one.ask(Given.RESPONSES, body);
            int rescued = 0;
            for (int end : ends(first)) {
                int size = SIZES[end % 2];
                ByteArrayOutputStream client = new ByteArrayOutputStream();
                StreamTap tap = Taps.stream(Given.RESPONSES, Given.scan(Given.RESPONSES, body));
                Played played = new Played(client, tap)
                        .feed(Arrays.copyOf(first, Math.min(first.length, end + size % 5)), size);
                if (played.whole(null)) {
                    continue;
                }
                Delivered delivered = tap.delivered();
                assertThat(WHOLE).startsWith(delivered.text);
                if (!ways(Given.RESPONSES, body, delivered).order().contains(way)) {
                    continue;
                }
                String rest = follows(way, delivered.text);
                byte[] second = other.ask(
                        Given.RESPONSES, response(model, quoted(rest), model.equals("gpt-4o") ? "" : THINKING));
                Continuation on = Continuation.of(
                        delivered, way, Given.RESPONSES, Given.scan(Given.RESPONSES, body), used -> Usage.of(3, 4));
                Played again = new Played(client, on).feed(second, size);
                assertThat(on.mismatch()).as("after %s", delivered).isNull();
                assertThat(again.whole(null)).as("after %s", delivered).isTrue();
                ResponseSaid said = StrictStream.response(client.toByteArray());
                assertThat(said.text()).isEqualTo(WHOLE);
                assertThat(said.response().get("usage").get("total_tokens").intValue())
                        .isEqualTo(7);
                assertThat(said.response().get("store").booleanValue()).isFalse();
                rescued++;
            }
            assertThat(rescued).isGreaterThan(20);
        }
    }

    // ---- asked as it is asked, answered as it is answered ----

    private static String asked(Endpoint endpoint, String body, Delivered delivered, Way way, Prefill prefill) {
        Rewrite.Wish wish = new Rewrite.Wish("gpt-4o+prefill", Refusals.NONE, true, Rewrite.UNLIMITED, null)
                .resuming(Rescue.resume(delivered, way, prefill, 3));
        return Given.joined(Rewrite.of(Bytes.utf8(body), Given.scan(endpoint, body), endpoint, wish));
    }

    @Test
    void aProviderGoesOnAsItIsAskedTo() {
        String prompt = "Tell me about the old lock gate";
        String chat = "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"" + prompt
                + "\"}],\"max_tokens\":400,\"stream\":true}";
        String response =
                "{\"model\":\"gpt-4o\",\"input\":\"" + prompt + "\",\"max_output_tokens\":400,\"stream\":true}";
        for (Endpoint endpoint : List.of(Given.CHAT, Given.RESPONSES)) {
            String body = endpoint.equals(Given.CHAT) ? chat : response;
            byte[] first = one.ask(endpoint, body);
            for (int cut = ends(first).size() / 3; cut < ends(first).size() * 2 / 3; cut += 3) {
                Delivered delivered =
                        delivered(endpoint, body, first, ends(first).get(cut));
                for (Way way : Rescue.ways(delivered, Given.scan(endpoint, body), Bytes.utf8(body), Prefill.PREFIX)
                        .order()) {
                    for (Prefill prefill : List.of(Prefill.PREFIX, Prefill.CONTINUE_FINAL_MESSAGE)) {
                        byte[] same = one.ask(endpoint, asked(endpoint, body, delivered, way, prefill));
                        String text = text(
                                endpoint,
                                onWith(body, delivered, way, first, ends(first).get(cut), same));
                        assertThat(text).startsWith(delivered.text).isEqualTo(text(endpoint, first));
                        if (way != Way.AGAIN) {
                            byte[] another = other.ask(endpoint, asked(endpoint, body, delivered, way, prefill));
                            assertThat(text(
                                            endpoint,
                                            onWith(
                                                    body,
                                                    delivered,
                                                    way,
                                                    first,
                                                    ends(first).get(cut),
                                                    another)))
                                    .startsWith(delivered.text + " ");
                        }
                    }
                }
            }
        }
    }

    private static String text(Endpoint endpoint, byte[] stream) {
        return endpoint.kind() == Endpoint.Kind.CHAT
                ? StrictStream.chat(stream).text()
                : StrictStream.response(stream).text();
    }

    @Test
    void aRescueThatBreaksIsRescued() {
        String body = chat("gpt-4o", TEXT, "");
        byte[] first = one.ask(Given.CHAT, body);
        byte[] second = other.ask(Given.CHAT, body);
        List<Integer> ends = ends(first);
        ByteArrayOutputStream client = new ByteArrayOutputStream();
        StreamTap tap = Taps.stream(Given.CHAT, Given.scan(Given.CHAT, body));
        new Played(client, tap).feed(Arrays.copyOf(first, ends.get(4)), 50);
        for (int each : new int[] {8, 12, 3, 20}) {
            Continuation on = Continuation.of(
                    tap.delivered(), Way.AGAIN, Given.CHAT, Given.scan(Given.CHAT, body), UnaryOperator.identity());
            new Played(client, on).feed(Arrays.copyOf(second, ends(second).get(each)), 50);
            assertThat(on.delivered().text.length())
                    .isGreaterThanOrEqualTo(tap.delivered().text.length());
            tap = on;
        }
        Continuation last = Continuation.of(tap.delivered(), Way.AGAIN, Given.CHAT, Given.scan(Given.CHAT, body), null);
        assertThat(new Played(client, last).feed(second, 50).whole(null)).isTrue();
        assertThat(StrictStream.chat(client.toByteArray()).text()).isEqualTo(WHOLE);
    }

    @Test
    void aResponseThatBreaksTwiceIsWhole() {
        String body = response("gpt-4o", TEXT, "");
        byte[] first = one.ask(Given.RESPONSES, body);
        byte[] second = other.ask(Given.RESPONSES, body);
        ByteArrayOutputStream client = new ByteArrayOutputStream();
        StreamTap tap = Taps.stream(Given.RESPONSES, Given.scan(Given.RESPONSES, body));
        new Played(client, tap).feed(Arrays.copyOf(first, ends(first).get(5)), 50);
        for (int each : new int[] {9, 14, 3}) {
            Continuation on = Continuation.of(
                    tap.delivered(), Way.AGAIN, Given.RESPONSES, Given.scan(Given.RESPONSES, body), null);
            new Played(client, on).feed(Arrays.copyOf(second, ends(second).get(each)), 50);
            tap = on;
        }
        Continuation last =
                Continuation.of(tap.delivered(), Way.AGAIN, Given.RESPONSES, Given.scan(Given.RESPONSES, body), null);
        assertThat(new Played(client, last).feed(second, 50).whole(null)).isTrue();
        assertThat(StrictStream.response(client.toByteArray()).text()).isEqualTo(WHOLE);
    }

    @Test
    void anotherTextIsFoundOutAtItsFirstDifferenceAndNothingOfItIsDelivered() {
        String body = chat("gpt-4o", TEXT, "");
        byte[] first = one.ask(Given.CHAT, body);
        Delivered delivered = delivered(Given.CHAT, body, first, ends(first).get(12));
        byte[] second = other.ask(Given.CHAT, chat("gpt-4o", "The quiet river moves on and on.", ""));
        ByteArrayOutputStream client = new ByteArrayOutputStream();
        Continuation on = Continuation.of(delivered, Way.AGAIN, Given.CHAT, Given.scan(Given.CHAT, body), null);
        assertThat(new Played(client, on).feed(second, 50).whole(null)).isFalse();
        assertThat(on.mismatch()).isEqualTo("its text is another one");
        assertThat(on.finished()).isFalse();
        assertThat(client.toByteArray()).isEmpty();
        assertThat(on.delivered().text).isEqualTo(delivered.text);
    }

    @Test
    void anEventThatBreaksTheStreamAddsNothingToWhatWasDelivered() {
        String body = chat("gpt-4o", TEXT, "");
        byte[] first = one.ask(Given.CHAT, body);
        StreamTap tap = Taps.stream(Given.CHAT, Given.scan(Given.CHAT, body));
        Played played = new Played(new ByteArrayOutputStream(), tap)
                .feed(Arrays.copyOf(first, ends(first).get(5)), 50);
        String before = tap.delivered().text;
        assertThat(before).isNotEmpty();
        played.feed(
                "data: {\"choices\":[{\"delta\":{\"content\":\"more\",\"tool_calls\":[{\"x\n\n"
                        .getBytes(StandardCharsets.UTF_8),
                9);
        assertThat(played.whole(null)).isFalse();
        assertThat(tap.delivered().text).isEqualTo(before);
        assertThat(ways(Given.CHAT, body, tap.delivered()).order()).hasSize(before.length() < 24 ? 2 : 3);
    }

    // ---- what may not be gone on with ----

    private static final String HEAD =
            "{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",";

    private static String chunk(String delta) {
        return "data: " + HEAD + "\"choices\":[{\"index\":0,\"delta\":" + delta + ",\"finish_reason\":null}]}\n\n";
    }

    private static byte[] bytes(String... events) {
        return String.join("", events).getBytes(StandardCharsets.UTF_8);
    }

    private static Rescue.Ways after(String body, String... events) {
        byte[] stream = bytes(events);
        return ways(Given.CHAT, body, delivered(Given.CHAT, body, stream, stream.length));
    }

    private static final String ASKED =
            "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"stream\":true}";
    private static final String LONG = chunk("{\"content\":\"A text that is long enough to be told from its echo.\"}");

    @Test
    void textMayBeGoneOnWithInThreeWaysAndAShortOneInTwo() {
        assertThat(after(ASKED, chunk("{\"role\":\"assistant\",\"content\":\"\"}"), LONG)
                        .order())
                .containsExactly(Way.PREFILL, Way.AGAIN, Way.QUOTED);
        assertThat(after(ASKED, chunk("{\"content\":\"A text\"}")).order()).containsExactly(Way.AGAIN, Way.QUOTED);
        assertThat(after(ASKED, chunk("{\"role\":\"assistant\",\"content\":\"\"}"))
                        .order())
                .containsExactly(Way.AGAIN);
        assertThat(after(ASKED).order()).containsExactly(Way.AGAIN);
        assertThat(after(ASKED, chunk("{\"reasoning_content\":\"Hm\"}")).order())
                .containsExactly(Way.AGAIN);
        assertThat(after(ASKED, chunk("{\"reasoning_content\":\"Hm\"}"), LONG).order())
                .containsExactly(Way.PREFILL, Way.AGAIN, Way.QUOTED);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}",
                "{\"function_call\":{\"name\":\"f\",\"arguments\":\"{\"}}",
                "{\"refusal\":\"I can't\"}",
                "{\"audio\":{\"id\":\"a\"}}",
                "{\"images\":[{}]}",
                "{\"annotations\":[{}]}",
                "{\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}",
                "{\"reasoning_details\":[{\"type\":\"reasoning.encrypted\"}]}",
                "{\"reasoning_content\":\"Hm\"}",
                "{\"content\":\"\\ud83d\"}"
            })
    void whatIsMoreThanTextIsNotGoneOnWith(String delta) {
        Rescue.Ways ways = after(ASKED, LONG, chunk(delta), LONG);
        assertThat(ways.order()).isEmpty();
        assertThat(ways.why()).endsWith(".");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"n\":2", "\"logprobs\":true", "\"logprobs\":true,\"top_logprobs\":3"})
    void whatWasAskedMayForbidIt(String member) {
        assertThat(after(ASKED.replace("\"stream\"", member + ",\"stream\""), LONG)
                        .order())
                .isEmpty();
    }

    @Test
    void aSchemaIsOnlyAskedAnew() {
        String schema =
                "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\",\"schema\":{}}},";
        assertThat(after(ASKED.replace("\"stream\"", schema + "\"stream\""), LONG)
                        .order())
                .containsExactly(Way.AGAIN);
        String text = "\"response_format\":{\"type\":\"text\"},";
        assertThat(after(ASKED.replace("\"stream\"", text + "\"stream\""), LONG).order())
                .hasSize(3);
    }

    @Test
    void aPromptThatEndsWithTheAssistantIsOnlyAskedAnew() {
        String body = ASKED.replace("]", ",{\"role\":\"assistant\",\"content\":\"So\"}]");
        assertThat(after(body, LONG).order()).containsExactly(Way.AGAIN);
    }

    @Test
    void moreThanIsKeptIsNotGoneOnWith() {
        String piece = chunk("{\"content\":\"" + "x".repeat(60_000) + "\"}");
        assertThat(after(ASKED, piece, piece, piece, piece).order()).hasSize(3);
        assertThat(after(ASKED, piece, piece, piece, piece, piece).why()).isEqualTo("More was delivered than is kept.");
    }

    @Test
    void aResponseWithACallOrSealedReasoningIsNotGoneOnWith() {
        String body =
                response("gpt-5.4", TEXT, THINKING + ",\"store\":false,\"include\":[\"reasoning.encrypted_content\"]");
        byte[] sealed = one.ask(Given.RESPONSES, body);
        Rescue.Ways ways = ways(
                Given.RESPONSES,
                body,
                delivered(Given.RESPONSES, body, sealed, ends(sealed).get(9)));
        assertThat(ways.order()).isEmpty();
        assertThat(ways.why()).contains("sealed");
        String call = response(
                "gpt-4o",
                "",
                ",\"tool_choice\":\"required\",\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{}}]");
        byte[] called = one.ask(Given.RESPONSES, call);
        assertThat(ways(
                                Given.RESPONSES,
                                call,
                                delivered(
                                        Given.RESPONSES,
                                        call,
                                        called,
                                        ends(called).get(2)))
                        .why())
                .contains("tool");
        assertThat(ways(
                                Given.RESPONSES,
                                call,
                                delivered(
                                        Given.RESPONSES,
                                        call,
                                        called,
                                        ends(called).get(1)))
                        .order())
                .containsExactly(Way.AGAIN);
    }

    // ---- what follows a text ----

    private static byte[] onWith(String body, Delivered delivered, Way way, byte[] first, int to, byte[] second) {
        Endpoint endpoint = delivered.kind == Endpoint.Kind.CHAT ? Given.CHAT : Given.RESPONSES;
        ByteArrayOutputStream client = new ByteArrayOutputStream();
        new Played(client, Taps.stream(endpoint, Given.scan(endpoint, body))).feed(Arrays.copyOf(first, to), 99);
        Continuation on = Continuation.of(delivered, way, endpoint, Given.scan(endpoint, body), null);
        boolean whole = new Played(client, on).feed(second, 99).whole(null);
        assertThat(on.mismatch()).isNull();
        assertThat(whole).isTrue();
        return client.toByteArray();
    }

    @Test
    void aChatMayGoOnWithACallOfATool() {
        byte[] first = bytes(chunk("{\"role\":\"assistant\",\"content\":\"\"}"), LONG);
        byte[] second = bytes(
                        chunk("{\"role\":\"assistant\",\"content\":\"\"}"),
                        LONG,
                        chunk("{\"content\":\" And on.\"}"),
                        chunk(
                                "{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}"),
                        chunk("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}}]}"),
                        chunk("{}").replace("\"finish_reason\":null", "\"finish_reason\":\"tool_calls\""),
                        "data: [DONE]\n\n")
                .clone();
        second = new String(second, StandardCharsets.UTF_8)
                .replace("\"c1\"", "\"c2\"")
                .getBytes(StandardCharsets.UTF_8);
        Delivered delivered = delivered(Given.CHAT, ASKED, first, first.length);
        for (Way way : List.of(Way.AGAIN, Way.QUOTED)) {
            ChatSaid said = StrictStream.chat(onWith(ASKED, delivered, way, first, first.length, second));
            assertThat(said.id()).isEqualTo("c1");
            assertThat(said.text()).isEqualTo("A text that is long enough to be told from its echo. And on.");
            assertThat(said.calls()).containsExactly("{}");
            assertThat(said.finish()).isEqualTo("tool_calls");
            assertThat(said.usage()).isNull();
        }
    }

    @Test
    void aResponseMayGoOnWithReasoningAndACallBehindItsText() {
        String body = response("gpt-5.4", TEXT, THINKING);
        byte[] first = one.ask(Given.RESPONSES, body);
        int cut = ends(first).get(ends(first).size() - 12);
        byte[] text = other.ask(Given.RESPONSES, body);
        String called = new String(
                other.ask(
                        Given.RESPONSES,
                        response(
                                "gpt-5.4",
                                "x",
                                THINKING
                                        + ",\"tool_choice\":\"required\",\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{}}]")),
                StandardCharsets.UTF_8);
        // The text's events without its end, and the call behind them.
        String all = new String(text, StandardCharsets.UTF_8);
        String call = called.substring(called.indexOf(
                "event: response.output_item.added", called.indexOf("event: response.output_item.done")));
        String second = all.substring(0, all.indexOf("event: response.completed"))
                + call.replace("\"output_index\":1", "\"output_index\":2");
        Delivered delivered = delivered(Given.RESPONSES, body, first, cut);
        ResponseSaid said = StrictStream.response(
                onWith(body, delivered, Way.AGAIN, first, cut, second.getBytes(StandardCharsets.UTF_8)));
        assertThat(said.text()).isEqualTo(WHOLE);
        List<String> items = new ArrayList<>();
        said.response().get("output").forEach(each -> items.add(each.get("type").stringValue()));
        assertThat(items).containsExactly("reasoning", "message", "reasoning", "function_call");
    }

    @Test
    void aRefusalDoesNotFollowAText() {
        byte[] first = bytes(chunk("{\"role\":\"assistant\",\"content\":\"\"}"), LONG);
        Delivered delivered = delivered(Given.CHAT, ASKED, first, first.length);
        for (Way way : Way.values()) {
            Continuation on = Continuation.of(delivered, way, Given.CHAT, Given.scan(Given.CHAT, ASKED), null);
            ByteArrayOutputStream client = new ByteArrayOutputStream();
            new Played(client, on)
                    .feed(bytes(chunk("{\"role\":\"assistant\",\"content\":\"\"}"), chunk("{\"refusal\":\"No\"}")), 50);
            assertThat(on.mismatch()).isEqualTo("it refused to answer");
            assertThat(client.toByteArray()).isEmpty();
        }
    }

    @Test
    void aPromptsCacheKnowsTheRequestOfARescue() {
        Rewrite.Wish wish = new Rewrite.Wish("up", Refusals.NONE, false, Rewrite.UNLIMITED, null);
        String chat = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"} ],\"max_tokens\":100}";
        assertThat(rewritten(Given.CHAT, chat, wish, new Resume(Way.PREFILL, Prefill.PREFIX, "So \"far\"", 30)))
                .isEqualTo(
                        "{\"model\":\"up\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"} ,"
                                + "{\"role\":\"assistant\",\"content\":\"So \\\"far\\\"\",\"prefix\":true}],\"max_tokens\":70}");
        assertThat(rewritten(
                        Given.CHAT, chat, wish, new Resume(Way.PREFILL, Prefill.CONTINUE_FINAL_MESSAGE, "So", 300)))
                .isEqualTo("{\"model\":\"up\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"} ,"
                        + "{\"role\":\"assistant\",\"content\":\"So\"}],\"continue_final_message\":true,"
                        + "\"add_generation_prompt\":false,\"max_tokens\":1}");
        String quoted = rewritten(Given.CHAT, chat, wish, new Resume(Way.QUOTED, Prefill.NONE, "So far", 0));
        assertThat(quoted)
                .startsWith(
                        "{\"model\":\"up\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"} ,"
                                + "{\"role\":\"assistant\",\"content\":\"So far\"},{\"role\":\"user\",\"content\":\"Your last message was cut off.")
                .endsWith("\"}],\"max_tokens\":100}");
        assertThat(Given.tree(quoted).get("messages")).hasSize(3);
        for (String input : List.of("\"a \\\"b\\\"\"", "[{\"role\":\"user\",\"content\":\"a\"}]", "[]")) {
            String body = "{\"input\":" + input + ",\"model\":\"m\",\"max_output_tokens\":20}";
            String asked = rewritten(Given.RESPONSES, body, wish, new Resume(Way.QUOTED, Prefill.NONE, "So far", 10));
            assertThat(Given.tree(asked).get("input").size()).isGreaterThanOrEqualTo(2);
            assertThat(Given.tree(asked).get("max_output_tokens").intValue()).isEqualTo(16);
            Given.scan(Given.RESPONSES, asked);
        }
    }

    private static String rewritten(Endpoint endpoint, String body, Rewrite.Wish wish, Resume resume) {
        return Given.joined(Rewrite.of(Bytes.utf8(body), Given.scan(endpoint, body), endpoint, wish.resuming(resume)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"error\":{\"message\":\"Unknown parameter: 'messages[1].prefix'.\"}}",
                "{\"message\":\"Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant\"}",
                "{\"error\":{\"message\":\"This model does not support assistant message prefill. The conversation must end with a user message.\"}}",
                "{\"detail\":[{\"loc\":[\"body\",\"continue_final_message\"],\"msg\":\"Extra inputs are not permitted\"}]}"
            })
    void aRefusedPrefillIsKnown(String refusal) {
        assertThat(Rescue.refusesPrefill(400, Bytes.utf8(refusal))).isTrue();
        assertThat(Rescue.refusesPrefill(422, Bytes.utf8(refusal))).isTrue();
        assertThat(Rescue.refusesPrefill(500, Bytes.utf8(refusal))).isFalse();
        assertThat(Rescue.refusesPrefill(400, Bytes.utf8("{\"error\":{\"message\":\"too long\"}}")))
                .isFalse();
    }

    // ---- what no provider should send ----

    /** Puts something else in the place of one value, somewhere. */
    private static void distort(JsonNode node, SplittableRandom chance) {
        List<ObjectNode> objects = new ArrayList<>();
        gather(node, objects);
        ObjectNode one = objects.get(chance.nextInt(objects.size()));
        List<String> names = new ArrayList<>(one.propertyNames());
        if (names.isEmpty()) {
            return;
        }
        String name = names.get(chance.nextInt(names.size()));
        switch (chance.nextInt(9)) {
            case 0 -> one.remove(name);
            case 1 -> one.putNull(name);
            case 2 -> one.put(name, chance.nextInt(-1, 4));
            case 3 -> one.put(name, "x");
            case 4 -> one.putArray(name).add(1).add("a").addObject();
            case 5 -> one.putObject(name).put("type", "reasoning");
            case 6 -> one.put(name, true);
            case 7 -> one.put(name, 1e30);
            default -> one.putArray(name);
        }
    }

    private static void gather(JsonNode node, List<ObjectNode> objects) {
        if (node instanceof ObjectNode object) {
            objects.add(object);
        }
        node.forEach(each -> gather(each, objects));
    }

    private static byte[] distorted(byte[] stream, SplittableRandom chance) {
        StringBuilder out = new StringBuilder();
        for (String event : new String(stream, StandardCharsets.UTF_8).split("\n\n")) {
            int at = event.indexOf("data: {");
            if (at >= 0 && chance.nextInt(6) == 0) {
                JsonNode node = Given.tree(event.substring(at + 6));
                distort(node, chance);
                out.append(event, 0, at + 6).append(node);
            } else {
                out.append(event);
            }
            out.append("\n\n");
        }
        return out.toString().getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void nothingThatAProviderSendsMakesARescueThrow() {
        SplittableRandom chance = new SplittableRandom(17);
        String tool =
                ",\"tool_choice\":\"required\",\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{}}]";
        List<String> chats = List.of(chat("gpt-4o", TEXT, ""));
        List<String> responses = List.of(
                response("gpt-5.4", TEXT, THINKING), response("gpt-4o", "", tool), response("gpt-4o", TEXT, ""));
        for (int round = 0; round < 500; round++) {
            Endpoint endpoint = chance.nextBoolean() ? Given.CHAT : Given.RESPONSES;
            List<String> bodies = endpoint.equals(Given.CHAT) ? chats : responses;
            String body = bodies.get(chance.nextInt(bodies.size()));
            byte[] first = one.ask(endpoint, body);
            byte[] second = one.ask(endpoint, bodies.get(chance.nextInt(bodies.size())));
            StreamTap tap = Taps.stream(endpoint, Given.scan(endpoint, body));
            ByteArrayOutputStream client = new ByteArrayOutputStream();
            int cut = ends(first).get(chance.nextInt(ends(first).size()));
            new Played(client, tap).feed(distorted(Arrays.copyOf(first, cut), chance), 1_000);
            for (int again = 0; again < 2; again++) {
                Delivered delivered = tap.delivered();
                assertThat(ways(endpoint, body, delivered)).isNotNull();
                Way way = List.of(Way.PREFILL, Way.AGAIN, Way.QUOTED).get(chance.nextInt(3));
                tap = Continuation.of(delivered, way, endpoint, Given.scan(endpoint, body), UnaryOperator.identity());
                new Played(client, tap).feed(distorted(second, chance), 1_000);
                assertThat(tap.brokenEnding("code", "message").length()).isPositive();
            }
        }
    }
}
