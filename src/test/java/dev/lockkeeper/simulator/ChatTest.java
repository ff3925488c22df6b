package dev.lockkeeper.simulator;

import static dev.lockkeeper.simulator.Running.events;
import static dev.lockkeeper.simulator.Running.json;
import static dev.lockkeeper.simulator.Running.quoted;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class ChatTest {
    private static Running running;

    @BeforeAll
    static void start() {
        running = new Running();
    }

    @AfterAll
    static void stop() {
        running.close();
    }

    private static HttpResponse<String> chat(String members) {
        return running.post(
                "/v1/chat/completions",
                quoted("{'messages':[{'role':'user','content':'Tell me about the old lock gate'}]," + members + "}"));
    }

    @Test
    void anAnswerIsWholeAndMentionsWhatWasAsked() {
        HttpResponse<String> response = chat("'model':'gpt-4o'");
        assertThat(response.statusCode()).isEqualTo(200);
        JsonNode body = json(response);
        assertThat(body.at("/id").stringValue()).startsWith("chatcmpl-");
        assertThat(body.at("/object").stringValue()).isEqualTo("chat.completion");
        assertThat(body.at("/model").stringValue()).isEqualTo("gpt-4o-2024-08-06");
        assertThat(body.at("/choices/0/message/content").stringValue()).contains("the old lock gate");
        assertThat(body.at("/choices/0/finish_reason").stringValue()).isEqualTo("stop");
        assertThat(body.at("/usage/completion_tokens").intValue()).isEqualTo(SimulatorSettings.TOKENS);
        assertThat(body.at("/usage/prompt_tokens_details/cache_write_tokens").isNumber())
                .isTrue();
    }

    private static String text(String messages, String members) {
        HttpResponse<String> answer = running.post(
                "/v1/chat/completions",
                quoted(
                        "{'model':'gpt-4o+prefill','messages':[{'role':'user','content':'Tell me about the old lock gate'}"
                                + messages + "]" + members + "}"));
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return json(answer).at("/choices/0/message/content").stringValue();
    }

    @Test
    void anAnswerThatWasBegunIsGoneOnWith() {
        String whole = text("", "");
        String begun = whole.substring(0, whole.length() / 2).replace("\"", "\\'");
        String rest = whole.substring(whole.length() / 2);
        String message = ",{'role':'assistant','content':'" + begun + "'";
        String end = begun.substring(begun.length() - 30);
        assertThat(text(message + ",'prefix':true}", "")).isEqualTo(rest);
        assertThat(text(message + "}", ",'continue_final_message':true,'add_generation_prompt':false"))
                .isEqualTo(rest);
        assertThat(text(
                        message + "},{'role':'user','content':'Your last message was cut off. It ended:\\n\\n" + end
                                + "\\n\\nGo on.'}",
                        ""))
                .isEqualTo(end + rest);
    }

    @Test
    void openAisApiTakesNoMessageToBeContinued() {
        String messages = "'messages':[{'role':'user','content':'a'},{'role':'assistant','content':'b','prefix':true}]";
        HttpResponse<String> prefix =
                running.post("/v1/chat/completions", quoted("{'model':'gpt-4o'," + messages + "}"));
        assertThat(prefix.statusCode()).isEqualTo(400);
        assertThat(json(prefix).at("/error/param").stringValue()).isEqualTo("messages[1].prefix");
        assertThat(chat("'model':'gpt-4o','continue_final_message':true").statusCode())
                .isEqualTo(400);
    }

    @Test
    void anAnswerCarriesOpenAisHeaders() {
        HttpResponse<String> response = chat("'model':'gpt-4o'");
        assertThat(response.headers().map())
                .containsKeys(
                        "x-request-id",
                        "openai-processing-ms",
                        "openai-version",
                        "openai-organization",
                        "x-ratelimit-limit-requests",
                        "x-ratelimit-remaining-tokens",
                        "x-ratelimit-reset-requests");
        assertThat(response.headers().firstValue("content-type")).hasValue("application/json");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 17, 100, 1000})
    void theTextHasAsManyTokensAsWanted(int tokens) {
        JsonNode body = json(chat("'model':'gpt-4o','metadata':{'sim_tokens':'" + tokens + "'}"));
        String text = body.at("/choices/0/message/content").stringValue();
        assertThat(Tokens.count(text)).isEqualTo(tokens);
        assertThat(body.at("/usage/completion_tokens").intValue()).isEqualTo(tokens);
    }

    @Test
    void theSameSeedAndRequestGiveTheSameText() {
        try (Running other = new Running()) {
            String body = quoted("{'model':'gpt-4o','messages':[{'role':'user','content':'Hello there'}]}");
            String one = running.post("/v1/chat/completions", body).body();
            String two = other.post("/v1/chat/completions", body).body();
            assertThat(Json.MAPPER.readTree(one).at("/choices"))
                    .isEqualTo(Json.MAPPER.readTree(two).at("/choices"));
        }
    }

    @Test
    void aStreamHasRoleTextFinishUsageAndDone() {
        HttpResponse<String> response = chat("'model':'gpt-4o','stream':true,'stream_options':{'include_usage':true}");
        assertThat(response.headers().firstValue("content-type").orElse("")).startsWith("text/event-stream");
        List<Running.Sse> events = events(response.body());
        assertThat(events.getLast().data()).isEqualTo("[DONE]");
        List<JsonNode> chunks = events.subList(0, events.size() - 1).stream()
                .map(Running.Sse::json)
                .toList();
        assertThat(chunks.getFirst().at("/choices/0/delta/role").stringValue()).isEqualTo("assistant");
        StringBuilder text = new StringBuilder();
        chunks.forEach(chunk -> text.append(chunk.at("/choices/0/delta/content").asString("")));
        JsonNode unary = json(chat("'model':'gpt-4o'"));
        assertThat(text.toString())
                .isEqualTo(unary.at("/choices/0/message/content").stringValue());
        JsonNode last = chunks.getLast();
        assertThat(last.at("/choices")).isEmpty();
        assertThat(last.at("/usage")).isEqualTo(unary.at("/usage"));
        assertThat(chunks.subList(0, chunks.size() - 1))
                .allSatisfy(chunk -> assertThat(chunk.at("/usage").isNull()).isTrue());
        assertThat(chunks.get(chunks.size() - 2).at("/choices/0/finish_reason").stringValue())
                .isEqualTo("stop");
    }

    @Test
    void withoutBeingAskedForAStreamTellsNoUsage() {
        assertThat(chat("'model':'gpt-4o','stream':true").body()).doesNotContain("\"usage\"");
    }

    @Test
    void severalChoicesComeInterleaved() {
        JsonNode whole = json(chat("'model':'gpt-4o','n':3"));
        assertThat(whole.at("/choices")).hasSize(3);
        List<Running.Sse> events =
                events(chat("'model':'gpt-4o','n':3,'stream':true").body());
        assertThat(events.get(0).json().at("/choices/0/index").intValue()).isEqualTo(0);
        assertThat(events.get(1).json().at("/choices/0/index").intValue()).isEqualTo(1);
        assertThat(events.stream()
                        .filter(event -> event.data().contains("\"finish_reason\":\"stop\""))
                        .count())
                .isEqualTo(3);
    }

    private static final String TOOLS =
            "'tools':[{'type':'function','function':{'name':'get_weather','strict':true,'parameters':{'type':'object','properties':{'city':{'type':'string'},'days':{'type':'integer','minimum':1,'maximum':5}},'required':['city','days'],'additionalProperties':false}}},{'type':'custom','custom':{'name':'note'}}]";

    @Test
    void aToolIsCalledWithArgumentsThatFit() {
        JsonNode body = json(running.post(
                "/v1/chat/completions",
                quoted("{'model':'gpt-4o','messages':[{'role':'user','content':'use get_weather'}]," + TOOLS + "}")));
        JsonNode choice = body.at("/choices/0");
        assertThat(choice.at("/finish_reason").stringValue()).isEqualTo("tool_calls");
        assertThat(choice.at("/message/content").isNull()).isTrue();
        assertThat(choice.at("/message/tool_calls")).hasSize(1);
        JsonNode arguments = Json.MAPPER.readTree(
                choice.at("/message/tool_calls/0/function/arguments").stringValue());
        assertThat(arguments.at("/days").intValue()).isBetween(1, 5);
        assertThat(arguments.at("/city").isString()).isTrue();
    }

    @Test
    void toolsThatAreMentionedAreCalledTogetherUnlessThatIsForbidden() {
        String ask = "{'model':'gpt-4o','messages':[{'role':'user','content':'get_weather and note'}]," + TOOLS;
        assertThat(json(running.post("/v1/chat/completions", quoted(ask + "}"))).at("/choices/0/message/tool_calls"))
                .hasSize(2);
        assertThat(json(running.post("/v1/chat/completions", quoted(ask + ",'parallel_tool_calls':false}")))
                        .at("/choices/0/message/tool_calls"))
                .hasSize(1);
    }

    @Test
    void streamedToolCallsAddUpToTheWholeOnes() {
        String ask = "{'model':'gpt-4o','messages':[{'role':'user','content':'get_weather and note'}]," + TOOLS;
        JsonNode calls =
                json(running.post("/v1/chat/completions", quoted(ask + "}"))).at("/choices/0/message/tool_calls");
        StringBuilder arguments = new StringBuilder();
        StringBuilder input = new StringBuilder();
        for (Running.Sse event : events(running.post("/v1/chat/completions", quoted(ask + ",'stream':true}"))
                .body())) {
            if (!event.data().equals("[DONE]")) {
                JsonNode call = event.json().at("/choices/0/delta/tool_calls/0");
                arguments.append(call.at("/function/arguments").asString(""));
                input.append(call.at("/custom/input").asString(""));
            }
        }
        assertThat(arguments.toString())
                .isEqualTo(calls.at("/0/function/arguments").stringValue());
        assertThat(input.toString()).isEqualTo(calls.at("/1/custom/input").stringValue());
    }

    @Test
    void afterAToolsResultTextComes() {
        JsonNode body = json(running.post(
                "/v1/chat/completions",
                quoted("{'model':'gpt-4o','messages':[{'role':'user','content':'weather?'},"
                        + "{'role':'assistant','content':null,'tool_calls':[{'id':'call_1','type':'function','function':{'name':'get_weather','arguments':'{}'}}]},"
                        + "{'role':'tool','tool_call_id':'call_1','content':'sunny'}]," + TOOLS + "}")));
        assertThat(body.at("/choices/0/finish_reason").stringValue()).isEqualTo("stop");
        assertThat(body.at("/choices/0/message/content").stringValue()).isNotEmpty();
    }

    @Test
    void aLimitCutsTheAnswerAndSaysSo() {
        JsonNode body = json(chat("'model':'gpt-4o','max_tokens':10"));
        assertThat(body.at("/choices/0/finish_reason").stringValue()).isEqualTo("length");
        assertThat(body.at("/usage/completion_tokens").intValue()).isEqualTo(10);
    }

    @Test
    void reasoningCountsAgainstTheLimitAndStaysHidden() {
        JsonNode body = json(chat("'model':'gpt-5.5','max_completion_tokens':20"));
        assertThat(body.at("/choices/0/finish_reason").stringValue()).isEqualTo("length");
        assertThat(body.at("/choices/0/message/content").isNull()).isTrue();
        assertThat(body.at("/usage/completion_tokens_details/reasoning_tokens").intValue())
                .isEqualTo(20);
    }

    @Test
    void aStopTextEndsTheAnswerBeforeIt() {
        JsonNode body = json(chat("'model':'gpt-4o','stop':['END'],'metadata':{'sim_text':'one two END three'}"));
        assertThat(body.at("/choices/0/message/content").stringValue()).isEqualTo("one two ");
    }

    @Test
    void aRefusalIsToldAsOne() {
        JsonNode body = json(chat("'model':'gpt-4o+refuse'"));
        assertThat(body.at("/choices/0/message/content").isNull()).isTrue();
        assertThat(body.at("/choices/0/message/refusal").stringValue()).contains("can't help");
    }

    @Test
    void logprobsComeForEveryPiece() {
        JsonNode body = json(chat("'model':'gpt-4o','logprobs':true,'top_logprobs':2"));
        assertThat(body.at("/choices/0/logprobs/content")).isNotEmpty();
        assertThat(body.at("/choices/0/logprobs/content/0/top_logprobs")).hasSize(2);
    }

    @Test
    void aRepeatedLongPromptIsCachedInSteps() {
        String prompt = Prose.text("", 2000, new java.util.SplittableRandom(99));
        String ask = "{'model':'gpt-4o','messages':[{'role':'user','content':'" + prompt + "'}]}";
        JsonNode first = json(running.post("/v1/chat/completions", quoted(ask)));
        JsonNode second = json(running.post("/v1/chat/completions", quoted(ask)));
        assertThat(first.at("/usage/prompt_tokens_details/cached_tokens").intValue())
                .isZero();
        assertThat(second.at("/usage/prompt_tokens_details/cached_tokens").intValue())
                .isBetween(1024, 2000)
                .matches(cached -> cached % 128 == 0);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "'model':'gpt-5.5','max_tokens':5 | 400 | unsupported_parameter | max_tokens",
                "'model':'gpt-5.5','temperature':0.2 | 400 | unsupported_value | temperature",
                "'model':'gpt-5.5','logprobs':true | 400 | unsupported_parameter | logprobs",
                "'model':'o3','stop':'x' | 400 | unsupported_parameter | stop",
                "'model':'gpt-4o','reasoning_effort':'low' | 400 | unsupported_parameter | reasoning_effort",
                "'model':'gpt-5.5','reasoning_effort':'max' | 400 | unsupported_value | reasoning_effort",
                "'model':'gpt-nonexistent' | 404 | model_not_found | model",
                "'model':'gpt-5.5-pro' | 404 | null | model",
                "'model':'gpt-4o','colour':'red' | 400 | unknown_parameter | colour",
                "'model':'gpt-4o','stream_options':{'include_usage':true} | 400 | null | stream_options",
                "'model':'gpt-4o','temperature':3 | 400 | decimal_above_max_value | temperature",
                "'model':'gpt-4o','n':0 | 400 | integer_below_min_value | n",
                "'model':'gpt-4o','stream':'yes' | 400 | invalid_type | stream",
                "'model':'gpt-4o','response_format':{'type':'json_object'} | 400 | null | messages",
                "'model':'gpt-4o','response_format':{'type':'json_schema','json_schema':{'name':'x','strict':true,'schema':{'type':'object','properties':{}}}} | 400 | invalid_json_schema | response_format",
                "'model':'gpt-4o+nonsense(3)' | 400 | invalid_value | model",
            })
    void whatOpenAiRefusesIsRefused(String members, int status, String code, String param) {
        HttpResponse<String> response = chat(members);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        JsonNode error = json(response).at("/error");
        assertThat(error.propertyNames()).containsExactlyInAnyOrder("message", "type", "param", "code");
        assertThat(error.at("/code").isNull() ? "null" : error.at("/code").stringValue())
                .isEqualTo(code);
        assertThat(error.at("/param").stringValue()).isEqualTo(param);
    }

    @Test
    void maxTokensIsRefusedInOpenAisWords() {
        assertThat(json(chat("'model':'gpt-5.5','max_tokens':5"))
                        .at("/error/message")
                        .stringValue())
                .isEqualTo(
                        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.");
    }

    @Test
    void withoutThinkingSamplingParametersAreTaken() {
        assertThat(chat("'model':'gpt-5.4','reasoning_effort':'none','temperature':0.3")
                        .statusCode())
                .isEqualTo(200);
    }

    @Test
    void aKeyIsNeeded() {
        HttpResponse<String> none = running.send(
                java.net.http.HttpRequest.newBuilder(running.uri("/v1/models")).build());
        assertThat(none.statusCode()).isEqualTo(401);
        HttpResponse<String> invalid = running.send(java.net.http.HttpRequest.newBuilder(running.uri("/v1/models"))
                .header("authorization", "Bearer sim-invalid")
                .build());
        assertThat(invalid.statusCode()).isEqualTo(401);
        assertThat(json(invalid).at("/error/code").stringValue()).isEqualTo("invalid_api_key");
    }

    @Test
    void aStoredCompletionCanBeReadListedChangedAndDeleted() {
        String id = json(chat("'model':'gpt-4o','store':true,'metadata':{'topic':'locks'}"))
                .at("/id")
                .stringValue();
        String path = "/v1/chat/completions/" + id;
        assertThat(json(running.get(path)).at("/metadata/topic").stringValue()).isEqualTo("locks");
        assertThat(json(running.get(path + "/messages")).at("/data/0/content").stringValue())
                .contains("old lock gate");
        assertThat(running.get("/v1/chat/completions?metadata%5Btopic%5D=locks").body())
                .contains(id);
        assertThat(running.get("/v1/chat/completions?metadata%5Btopic%5D=boats").body())
                .doesNotContain(id);
        assertThat(json(running.post(path, quoted("{'metadata':{'topic':'boats'}}")))
                        .at("/metadata/topic")
                        .stringValue())
                .isEqualTo("boats");
        assertThat(json(running.delete(path)).at("/deleted").booleanValue()).isTrue();
        assertThat(running.get(path).statusCode()).isEqualTo(404);
    }

    @Test
    void aLegacyFunctionIsCalledInTheLegacyShape() {
        JsonNode choice = json(chat(
                        "'model':'gpt-4o','functions':[{'name':'look','parameters':{'type':'object','properties':{}}}]"))
                .at("/choices/0");
        assertThat(choice.at("/finish_reason").stringValue()).isEqualTo("function_call");
        assertThat(choice.at("/message/function_call/name").stringValue()).isEqualTo("look");
    }

    @Test
    void aSpokenAnswerHasSoundAndTranscript() {
        JsonNode message = json(chat(
                        "'model':'gpt-4o','modalities':['text','audio'],'audio':{'format':'wav','voice':'alloy'}"))
                .at("/choices/0/message");
        assertThat(message.at("/content").isNull()).isTrue();
        assertThat(message.at("/audio/transcript").stringValue()).contains("old lock gate");
        assertThat(message.at("/audio/data").stringValue()).isNotEmpty();
    }

    @Test
    void aNamedToolChoiceIsMet() {
        JsonNode body =
                json(chat("'model':'gpt-4o','tool_choice':{'type':'custom','custom':{'name':'note'}}," + TOOLS));
        assertThat(body.at("/choices/0/message/tool_calls/0/custom/name").stringValue())
                .isEqualTo("note");
        assertThat(body.at("/choices/0/finish_reason").stringValue()).isEqualTo("stop");
    }

    @Test
    void aPromptLongerThanTheContextIsRefused() {
        HttpResponse<String> response = running.post(
                "/v1/chat/completions",
                quoted("{'model':'gpt-4o','messages':[{'role':'user','content':'" + "lock ".repeat(130_000) + "'}]}"));
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(json(response).at("/error/code").stringValue()).isEqualTo("context_length_exceeded");
    }

    @Test
    void aPromptOfAMillionTokensIsAnswered() {
        HttpResponse<String> response = running.post(
                "/v1/chat/completions",
                quoted("{'model':'gpt-5.5','messages':[{'role':'user','content':'" + "lock ".repeat(1_000_000)
                        + "'}]}"));
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(json(response).at("/usage/prompt_tokens").intValue()).isGreaterThan(1_000_000);
    }
}
