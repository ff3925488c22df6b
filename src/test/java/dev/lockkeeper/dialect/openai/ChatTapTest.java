package dev.lockkeeper.dialect.openai;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.dialect.openai.StreamTap.Verdict;
import dev.lockkeeper.units.Bytes;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class ChatTapTest {
    private static final String HEAD =
            "\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-5.5-2026\",";

    private static String chunk(int index, String delta, @Nullable String finish) {
        return "{" + HEAD + "\"choices\":[{\"index\":" + index + ",\"delta\":{" + delta + "},\"finish_reason\":"
                + (finish == null ? "null" : "\"" + finish + "\"") + "}]}";
    }

    private static final String USAGE =
            "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13,\"prompt_tokens_details\":{\"cached_tokens\":3,\"cache_write_tokens\":2},\"completion_tokens_details\":{\"reasoning_tokens\":1}}";

    private static Verdict take(StreamTap tap, String data) {
        return tap.event(null, Bytes.utf8(data));
    }

    @Test
    void anAnswerPassesAndItsEndIsHeld() {
        StreamTap tap = new ChatTap(1, true);
        assertThat(take(tap, chunk(0, "\"role\":\"assistant\",\"content\":\"\"", null)))
                .isEqualTo(Verdict.PASS);
        assertThat(take(tap, chunk(0, "\"content\":\"Hel\"", null))).isEqualTo(Verdict.PASS);
        assertThat(take(tap, chunk(0, "\"content\":\"lo\"", null))).isEqualTo(Verdict.PASS);
        assertThat(tap.finished()).isFalse();
        assertThat(take(tap, chunk(0, "", "stop"))).isEqualTo(Verdict.HOLD);
        assertThat(tap.finished()).isTrue();
        assertThat(tap.done()).isFalse();
        assertThat(take(tap, "{" + HEAD + "\"choices\":[]," + USAGE + "}")).isEqualTo(Verdict.HOLD);
        assertThat(take(tap, "[DONE]")).isEqualTo(Verdict.HOLD);
        assertThat(tap.done()).isTrue();
        assertThat(tap.failed()).isFalse();
        assertThat(tap.usage()).isEqualTo(Given.used(4, 3, 2, 3, 1, ""));
        assertThat(tap.objectId()).isEqualTo("chatcmpl-1");
        assertThat(tap.model()).isEqualTo("gpt-5.5-2026");
        assertThat(tap.text()).hasToString("Hello");
        assertThat(tap.textBytes()).isEqualTo(5);
        assertThat(tap.closing().utf8()).isEqualTo("data: [DONE]\n\n");
    }

    @Test
    void usageThatTheClientDidNotAskForIsDropped() {
        StreamTap tap = new ChatTap(1, false);
        take(tap, chunk(0, "\"content\":\"a\"", null));
        take(tap, chunk(0, "", "stop"));
        assertThat(take(tap, "{\"choices\":[]," + USAGE + "}")).isEqualTo(Verdict.DROP);
        assertThat(tap.usage()).isNotNull();
        assertThat(take(tap, "[DONE]")).isEqualTo(Verdict.HOLD);
    }

    @Test
    void usageOnTheFinishChunkItselfStays() {
        StreamTap tap = new ChatTap(1, false);
        assertThat(take(
                        tap,
                        "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]," + USAGE
                                + "}"))
                .isEqualTo(Verdict.HOLD);
        assertThat(tap.usage()).isEqualTo(Given.used(4, 3, 2, 3, 1, ""));
        assertThat(tap.text()).hasToString("a");
    }

    @Test
    void usageMayBeMissing() {
        StreamTap tap = new ChatTap(1, false);
        take(tap, chunk(0, "\"content\":\"a\"", "stop"));
        take(tap, "[DONE]");
        assertThat(tap.usage()).isNull();
        assertThat(tap.finished()).isTrue();
    }

    @Test
    void otherMakersUsageIsRead() {
        StreamTap deepseek = new ChatTap(1, true);
        take(
                deepseek,
                "{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1,\"prompt_cache_hit_tokens\":4}}");
        assertThat(deepseek.usage()).isEqualTo(Given.used(5, 4, 0, 1, 0, ""));
        StreamTap groq = new ChatTap(1, true);
        take(groq, "{\"choices\":[],\"x_groq\":{\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":1}}}");
        assertThat(groq.usage()).isEqualTo(Given.used(2, 0, 0, 1, 0, ""));
    }

    private static String outgoing(StreamTap tap, String event) {
        Bytes raw = Bytes.utf8(event);
        int from = event.indexOf("data: ") + 6;
        assertThat(tap.event(null, raw.slice(from, event.stripTrailing().length())))
                .isEqualTo(Verdict.PASS);
        return tap.outgoing(raw).utf8();
    }

    @Test
    void aUsageOfNullIsTakenOutWhereTheClientAskedForNone() {
        String rest = "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\",\"usage\":null}}]";
        assertThat(outgoing(new ChatTap(1, false), "data: {" + rest + ",\"usage\":null}\n\n"))
                .isEqualTo("data: {" + rest + "}\n\n");
        assertThat(outgoing(new ChatTap(1, false), "data: {\"usage\":null," + rest + "}\n\n"))
                .isEqualTo("data: {" + rest + "}\n\n");
        assertThat(outgoing(
                        new ChatTap(1, false), "id: 1\ndata: {\"id\":\"x\" , \"usage\" : null , " + rest + "}\r\n\r\n"))
                .isEqualTo("id: 1\ndata: {\"id\":\"x\" , " + rest + "}\r\n\r\n");
        assertThat(outgoing(new ChatTap(1, false), "data: {" + rest + " , \"usage\":null }\n\n"))
                .isEqualTo("data: {" + rest + "  }\n\n");
        assertThat(outgoing(new ChatTap(1, true), "data: {" + rest + ",\"usage\":null}\n\n"))
                .isEqualTo("data: {" + rest + ",\"usage\":null}\n\n");
    }

    @Test
    void anEventWithoutUsageGoesOutAsItIs() {
        StreamTap tap = new ChatTap(1, false);
        outgoing(tap, "data: {\"choices\":[],\"usage\":null}\n\n");
        Bytes raw = Bytes.utf8("data: {\"choices\":[]}\n\n");
        tap.event(null, raw.slice(6, raw.length() - 2));
        assertThat(tap.outgoing(raw)).isSameAs(raw);
    }

    @Test
    void theEndComesWithTheLastChoice() {
        StreamTap tap = new ChatTap(3, false);
        take(tap, chunk(0, "\"content\":\"a\"", null));
        take(tap, chunk(2, "\"content\":\"b\"", null));
        assertThat(take(tap, chunk(0, "", "stop"))).isEqualTo(Verdict.PASS);
        assertThat(take(tap, chunk(2, "", "length"))).isEqualTo(Verdict.PASS);
        assertThat(tap.finished()).isFalse();
        assertThat(take(tap, chunk(1, "\"content\":\"c\"", null))).isEqualTo(Verdict.PASS);
        assertThat(take(tap, chunk(1, "", "stop"))).isEqualTo(Verdict.HOLD);
        assertThat(tap.finished()).isTrue();
    }

    @Test
    void oneChunkMayFinishSeveralChoices() {
        StreamTap tap = new ChatTap(2, false);
        assertThat(
                        take(
                                tap,
                                "{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"delta\":{}},{\"index\":1,\"finish_reason\":\"stop\",\"delta\":{}}]}"))
                .isEqualTo(Verdict.HOLD);
    }

    @Test
    void anUpstreamThatGivesFewerChoicesEndsWithItsMarker() {
        StreamTap tap = new ChatTap(3, false);
        take(tap, chunk(0, "", "stop"));
        assertThat(tap.finished()).isFalse();
        assertThat(take(tap, "[DONE]")).isEqualTo(Verdict.HOLD);
        assertThat(tap.finished()).isTrue();
    }

    @Test
    void moreChoicesThanAskedForAreWaitedFor() {
        StreamTap tap = new ChatTap(1, false);
        take(tap, chunk(0, "\"content\":\"a\"", null));
        take(tap, chunk(1, "\"content\":\"b\"", null));
        assertThat(take(tap, chunk(0, "", "stop"))).isEqualTo(Verdict.PASS);
        assertThat(take(tap, chunk(1, "", "stop"))).isEqualTo(Verdict.HOLD);
    }

    @Test
    void onceHeldAlwaysHeld() {
        StreamTap tap = new ChatTap(1, false);
        assertThat(take(tap, chunk(0, "", "stop"))).isEqualTo(Verdict.HOLD);
        assertThat(take(tap, chunk(1, "\"content\":\"late\"", null))).isEqualTo(Verdict.HOLD);
    }

    /** Azure sends filter results with no choices first, and choices without a delta later. */
    @Test
    void filterResultsPass() {
        StreamTap tap = new ChatTap(1, false);
        assertThat(
                        take(
                                tap,
                                "{\"id\":\"\",\"model\":\"\",\"choices\":[],\"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_results\":{\"error\":{\"code\":\"x\"}}}]}"))
                .isEqualTo(Verdict.PASS);
        assertThat(tap.objectId()).isNull();
        assertThat(
                        take(
                                tap,
                                "{\"choices\":[{\"index\":0,\"finish_reason\":null,\"content_filter_results\":{},\"content_filter_offsets\":{}}]}"))
                .isEqualTo(Verdict.PASS);
        assertThat(take(tap, chunk(0, "\"content\":\"a\"", "content_filter"))).isEqualTo(Verdict.HOLD);
        assertThat(tap.objectId()).isEqualTo("chatcmpl-1");
        assertThat(tap.failed()).isFalse();
    }

    /** Trap 40: some servers send an empty finish reason before the real one, or none at all. */
    @Test
    void anEmptyFinishReasonIsNone() {
        StreamTap tap = new ChatTap(1, false);
        assertThat(take(tap, chunk(0, "\"content\":\"a\"", ""))).isEqualTo(Verdict.PASS);
        assertThat(tap.finished()).isFalse();
        assertThat(take(tap, chunk(0, "\"content\":\"b\"", "stop"))).isEqualTo(Verdict.HOLD);
        assertThat(tap.text()).hasToString("ab");
    }

    @Test
    void aFinishReasonThatNeverCameEndsWithTheMarker() {
        StreamTap tap = new ChatTap(1, false);
        take(tap, chunk(0, "\"content\":\"a\"", null));
        assertThat(tap.finished()).isFalse();
        assertThat(take(tap, "[DONE]")).isEqualTo(Verdict.HOLD);
        assertThat(tap.finished()).isTrue();
        assertThat(tap.done()).isTrue();
    }

    /** Trap 4: text beside an empty list of tool calls is text. */
    @Test
    void textBesideNoToolCallsIsText() {
        StreamTap tap = new ChatTap(1, false);
        assertThat(take(tap, chunk(0, "\"content\":\"a\",\"tool_calls\":[]", null)))
                .isEqualTo(Verdict.PASS);
        assertThat(tap.text()).hasToString("a");
    }

    @Test
    void everythingAModelWroteCountsAsText() {
        StreamTap tap = new ChatTap(1, false);
        take(tap, chunk(0, "\"reasoning_content\":\"1\"", null));
        take(tap, chunk(0, "\"reasoning\":\"2\"", null));
        take(tap, chunk(0, "\"refusal\":\"3\"", null));
        take(
                tap,
                chunk(
                        0,
                        "\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"4\",\"arguments\":\"5\"}}]",
                        null));
        take(tap, chunk(0, "\"tool_calls\":[{\"index\":0,\"custom\":{\"input\":\"6\"}}]", null));
        take(tap, chunk(0, "\"content\":[{\"type\":\"text\",\"text\":\"7\"}]", null));
        take(tap, chunk(0, "\"function_call\":{\"arguments\":\"8\"}", null));
        take(tap, chunk(0, "\"audio\":{\"data\":\"AAAA\",\"transcript\":\"9\"}", null));
        assertThat(tap.text()).hasToString("123456789");
    }

    /** Trap 45: the halves of a pair come in two chunks. */
    @Test
    void aSurrogatePairCutInTwoIsOneCharacter() {
        StreamTap tap = new ChatTap(1, false);
        take(tap, chunk(0, "\"content\":\"a\\ud83d\"", null));
        take(tap, chunk(0, "\"content\":\"\\ude00b\"", null));
        assertThat(tap.text()).hasToString("a😀b");
        assertThat(tap.textBytes()).isEqualTo(6);
    }

    @Test
    void textHasABound() {
        StreamTap tap = new ChatTap(1, false);
        for (int i = 0; i < 5; i++) {
            take(tap, chunk(0, "\"content\":\"" + "x".repeat(100_000) + "\"", null));
        }
        assertThat(tap.text()).hasSize(StreamTap.TEXT_BOUND);
        assertThat(tap.textBytes()).isEqualTo(500_000);
    }

    @ParameterizedTest
    @ValueSource(strings = {"[DONE]", " [DONE]", "[DONE] ", "[DONE]\n"})
    void theEndMarkerMayHaveSpaceAroundIt(String marker) {
        StreamTap tap = new ChatTap(1, false);
        take(tap, chunk(0, "\"content\":\"a\"", "stop"));
        assertThat(take(tap, marker)).isEqualTo(Verdict.HOLD);
        assertThat(tap.done()).isTrue();
    }

    @Test
    void anEndMarkerBeforeAnyChoiceIsBroken() {
        assertThat(take(new ChatTap(1, false), "[DONE]")).isEqualTo(Verdict.BROKEN);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"x", "{", "{\"choices\":[}", "<html>", "42", "\"a\"", "[]", "null", "{}x", "[DONE", "[done]"})
    void garbageIsBroken(String garbage) {
        assertThat(take(new ChatTap(1, false), garbage)).isEqualTo(Verdict.BROKEN);
    }

    @Test
    void anEventThatSaysNothingIsDropped() {
        assertThat(take(new ChatTap(1, false), "")).isEqualTo(Verdict.DROP);
        assertThat(take(new ChatTap(1, false), " \n")).isEqualTo(Verdict.DROP);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"error\":{\"message\":\"m\",\"type\":\"server_error\",\"param\":null,\"code\":null}}",
                "{\"error\":\"overloaded\"}",
                "{\"error\":true}",
                "{\"id\":\"x\",\"error\":{\"code\":502},\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}"
            })
    void anErrorOfTheUpstreamIsTheEnding(String error) {
        StreamTap tap = new ChatTap(1, false);
        take(tap, chunk(0, "\"content\":\"a\"", null));
        assertThat(take(tap, error)).isEqualTo(Verdict.PASS);
        assertThat(tap.failed()).isTrue();
        assertThat(tap.finished()).isFalse();
        assertThat(tap.done()).isTrue();
        assertThat(take(tap, "[DONE]")).isEqualTo(Verdict.DROP);
    }

    @Test
    void anEventNamedErrorIsTheEnding() {
        StreamTap tap = new ChatTap(1, false);
        assertThat(tap.event("error", Bytes.utf8("{\"message\":\"m\"}"))).isEqualTo(Verdict.PASS);
        assertThat(tap.failed()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"null", "false", "\"\"", "0"})
    void anErrorThatIsNoneIsNone(String none) {
        StreamTap tap = new ChatTap(1, false);
        assertThat(take(tap, "{\"error\":" + none + ",\"choices\":[]}")).isEqualTo(Verdict.PASS);
        assertThat(tap.failed()).isFalse();
    }

    @Test
    void aBrokenEndingIsAnErrorEventWithoutMarker() {
        String ending = new ChatTap(1, false)
                .brokenEnding("upstream_reset", "It \"broke\"\noff")
                .utf8();
        assertThat(ending).startsWith("data: {").endsWith("}\n\n").doesNotContain("[DONE]");
        JsonNode error = Given.tree(ending.substring(6)).get("error");
        assertThat(error.get("message").stringValue()).isEqualTo("It \"broke\"\noff");
        assertThat(error.get("type").stringValue()).isEqualTo("server_error");
        assertThat(error.get("code").stringValue()).isEqualTo("upstream_reset");
        assertThat(error.get("param").isNull()).isTrue();
    }

    @Test
    void aLegacyCompletionIsReadTheSameWay() {
        StreamTap tap = Taps.stream(Given.COMPLETIONS, Given.scan(Given.COMPLETIONS, "{\"prompt\":[\"a\",\"b\"]}"));
        assertThat(take(
                        tap,
                        "{\"id\":\"cmpl-1\",\"choices\":[{\"text\":\"x\",\"index\":0,\"finish_reason\":\"stop\"}]}"))
                .isEqualTo(Verdict.PASS);
        assertThat(take(
                        tap,
                        "{\"id\":\"cmpl-1\",\"choices\":[{\"text\":\"y\",\"index\":1,\"finish_reason\":\"length\"}]}"))
                .isEqualTo(Verdict.HOLD);
        assertThat(tap.text()).hasToString("xy");
        assertThat(tap.objectId()).isEqualTo("cmpl-1");
    }

    @Property(tries = 2000)
    void anyBytesAreJudgedAndNeverThrow(@ForAll byte[] bytes) {
        StreamTap chat = new ChatTap(1, false);
        chat.outgoing(Bytes.of(bytes));
        chat.event(null, Bytes.of(bytes));
        chat.outgoing(Bytes.of(bytes));
        new ResponsesTap().event("response.created", Bytes.of(bytes));
        new EventTap(Endpoint.Kind.IMAGES, 1).event(null, Bytes.of(bytes));
    }

    @Property(tries = 2000)
    void anyJsonIsJudgedAndWhatGoesOutIsTheSameButForUsage(@ForAll long seed) {
        Chance chance = new Chance(seed);
        String object = chance.object(3);
        Bytes raw = chance.within("data: " + object + "\n\n");
        Bytes data = raw.slice(6, raw.length() - 2);
        StreamTap tap = new ChatTap(1, false);
        Verdict verdict = tap.event(null, data);
        assertThat(verdict).isNotEqualTo(Verdict.BROKEN);
        String out = tap.outgoing(raw).utf8();
        var expected = (tools.jackson.databind.node.ObjectNode) Given.tree(object);
        if (expected.has("usage") && expected.get("usage").isNull()) {
            expected.remove("usage");
        }
        assertThat(Given.tree(out.substring(6))).isEqualTo(expected);
    }
}
