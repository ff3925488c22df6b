package dev.lockkeeper.simulator;

import static dev.lockkeeper.simulator.Running.events;
import static dev.lockkeeper.simulator.Running.json;
import static dev.lockkeeper.simulator.Running.quoted;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

class ResponsesTest {
    private static final String WEATHER =
            "{'type':'function','name':'get_weather','parameters':{'type':'object','properties':{'city':{'type':'string'}},'required':['city'],'additionalProperties':false}}";

    private static Running running;

    @BeforeAll
    static void start() {
        running = new Running();
    }

    @AfterAll
    static void stop() {
        running.close();
    }

    private static HttpResponse<String> respond(String members) {
        return running.post("/v1/responses", quoted("{" + members + "}"));
    }

    @Test
    void aResponseIsWhole() {
        JsonNode body = json(respond("'model':'gpt-5.5','input':'Where is the lock keeper?'"));
        assertThat(body.propertyNames())
                .contains(
                        "id",
                        "object",
                        "created_at",
                        "completed_at",
                        "status",
                        "background",
                        "error",
                        "incomplete_details",
                        "instructions",
                        "max_output_tokens",
                        "max_tool_calls",
                        "model",
                        "output",
                        "parallel_tool_calls",
                        "previous_response_id",
                        "prompt_cache_key",
                        "prompt_cache_retention",
                        "reasoning",
                        "safety_identifier",
                        "service_tier",
                        "store",
                        "temperature",
                        "text",
                        "tool_choice",
                        "tools",
                        "top_logprobs",
                        "top_p",
                        "truncation",
                        "usage",
                        "user",
                        "metadata");
        assertThat(body.at("/status").stringValue()).isEqualTo("completed");
        assertThat(body.at("/output/0/type").stringValue()).isEqualTo("reasoning");
        assertThat(body.at("/output/1/content/0/text").stringValue()).contains("the lock keeper");
        assertThat(body.at("/usage/input_tokens_details/cache_write_tokens").isNumber())
                .isTrue();
        assertThat(body.at("/usage/output_tokens_details/reasoning_tokens").intValue())
                .isEqualTo(128);
    }

    /** Every event's order as the API's rules have it; gives back the final response. */
    static JsonNode checked(List<Running.Sse> events) {
        Map<Integer, String> open = new HashMap<>();
        Map<String, StringBuilder> texts = new HashMap<>();
        List<JsonNode> items = new ArrayList<>();
        String id = events.getFirst().json().at("/response/id").stringValue();
        for (int i = 0; i < events.size(); i++) {
            JsonNode event = events.get(i).json();
            String type = event.at("/type").stringValue();
            assertThat(events.get(i).name()).isEqualTo(type);
            assertThat(event.at("/sequence_number").intValue()).as(type).isEqualTo(i);
            if (event.has("response")) {
                assertThat(event.at("/response/id").stringValue()).isEqualTo(id);
            }
            if (type.equals("response.output_item.added")) {
                assertThat(event.at("/output_index").intValue()).isEqualTo(items.size() + open.size());
                open.put(
                        event.at("/output_index").intValue(),
                        event.at("/item/id").stringValue());
            } else if (type.equals("response.output_item.done")) {
                assertThat(open.remove(event.at("/output_index").intValue()))
                        .isEqualTo(event.at("/item/id").stringValue());
                items.add(event.at("/item"));
            } else if (event.has("item_id")) {
                assertThat(open.get(event.at("/output_index").intValue()))
                        .as(type)
                        .isEqualTo(event.at("/item_id").stringValue());
            }
            String key = type.replaceAll("\\.(delta|done)$", "") + event.at("/item_id") + event.at("/summary_index");
            if (type.endsWith(".delta")) {
                texts.computeIfAbsent(key, _ -> new StringBuilder())
                        .append(event.at("/delta").stringValue());
            } else if (texts.containsKey(key)) {
                String whole = event.propertyNames().stream()
                        .filter(List.of("text", "arguments", "input", "refusal", "code")::contains)
                        .map(name -> event.get(name).stringValue())
                        .findFirst()
                        .orElseThrow();
                assertThat(texts.remove(key).toString()).as(type).isEqualTo(whole);
            }
        }
        assertThat(open).isEmpty();
        assertThat(texts).isEmpty();
        JsonNode last = events.getLast().json();
        assertThat(last.at("/type").stringValue()).isIn("response.completed", "response.incomplete");
        assertThat(last.at("/response/output").valueStream().toList()).isEqualTo(items);
        return last.at("/response");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "'model':'gpt-4o','input':'hello'",
                "'model':'gpt-5.5','input':'hello','reasoning':{'effort':'low','summary':'auto'}",
                "'model':'gpt-5.5','input':'hello','include':['reasoning.encrypted_content'],'store':false",
                "'model':'gpt-4o+refuse','input':'hello'",
                "'model':'gpt-4o','input':'hello','max_output_tokens':16",
                "'model':'gpt-5.5','input':'hello','max_output_tokens':16",
                "'model':'gpt-4o','input':'hello','include':['message.output_text.logprobs'],'top_logprobs':1",
                "'model':'gpt-4o+calls(3)','input':'hello','tools':[" + WEATHER + ",{'type':'custom','name':'note'}]",
                "'model':'gpt-4o','input':'hello','tools':[{'type':'web_search'},{'type':'file_search','vector_store_ids':['vs_1']},{'type':'code_interpreter','container':{'type':'auto'}},{'type':'image_generation'}]",
                "'model':'gpt-4o','input':'hello','text':{'format':{'type':'json_schema','name':'x','strict':true,'schema':{'type':'object','properties':{'a':{'type':'string'}},'required':['a'],'additionalProperties':false}}}",
            })
    void aStreamKeepsEveryRuleOfOrder(String members) {
        HttpResponse<String> response = respond(members + ",'stream':true");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        JsonNode last = checked(events(response.body()));
        assertThat(last.at("/usage/total_tokens").intValue()).isPositive();
    }

    @Test
    void anIncompleteResponseSaysWhy() {
        JsonNode body = json(respond("'model':'gpt-4o','input':'hello','max_output_tokens':16"));
        assertThat(body.at("/status").stringValue()).isEqualTo("incomplete");
        assertThat(body.at("/incomplete_details/reason").stringValue()).isEqualTo("max_output_tokens");
        assertThat(body.at("/output/0/status").stringValue()).isEqualTo("incomplete");
        assertThat(body.at("/usage/output_tokens").intValue()).isEqualTo(16);
    }

    @Test
    void aChainKnowsWhatWasSaid() {
        JsonNode first = json(respond("'model':'gpt-4o','input':'one two three'"));
        String id = first.at("/id").stringValue();
        JsonNode second = json(respond("'model':'gpt-4o','input':'four','previous_response_id':'" + id + "'"));
        assertThat(second.at("/previous_response_id").stringValue()).isEqualTo(id);
        assertThat(second.at("/usage/input_tokens").intValue())
                .isGreaterThan(first.at("/usage/input_tokens").intValue()
                        + first.at("/usage/output_tokens").intValue());
        JsonNode items = json(running.get("/v1/responses/" + second.at("/id").stringValue() + "/input_items"));
        assertThat(items.at("/data")).hasSize(3);
    }

    @Test
    void aToolsOutputNeedsItsCallAndACallItsOutput() {
        JsonNode call = json(respond("'model':'gpt-4o','input':'weather','tools':[" + WEATHER + "]"));
        String callId = call.at("/output/0/call_id").stringValue();
        String id = call.at("/id").stringValue();
        assertThat(respond("'model':'gpt-4o','input':'go on','previous_response_id':'" + id + "'")
                        .body())
                .contains("No tool output found for function call " + callId);
        assertThat(respond("'model':'gpt-4o','input':[{'type':'function_call_output','call_id':'call_x','output':'1'}]")
                        .body())
                .contains("No tool call found for function call output with call_id call_x");
        JsonNode answer = json(respond("'model':'gpt-4o','previous_response_id':'" + id
                + "','input':[{'type':'function_call_output','call_id':'" + callId + "','output':'sunny'}],'tools':["
                + WEATHER + "]"));
        assertThat(answer.at("/output/0/type").stringValue()).isEqualTo("message");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "'input':'x' | 400 | missing_required_parameter | model",
                "'model':'gpt-5.5' | 400 | missing_required_parameter | input",
                "'model':'gpt-5.5','input':'x','response_format':{'type':'text'} | 400 | unsupported_parameter | response_format",
                "'model':'gpt-5.5','input':'x','max_tokens':20 | 400 | unsupported_parameter | max_tokens",
                "'model':'gpt-5.5','input':'x','temperature':0.1 | 400 | unsupported_parameter | temperature",
                "'model':'gpt-5.5','input':'x','stop':'y' | 400 | unknown_parameter | stop",
                "'model':'gpt-5.5','input':'x','previous_response_id':'resp_gone' | 400 | previous_response_not_found | previous_response_id",
                "'model':'gpt-5.5','input':'x','max_output_tokens':5 | 400 | integer_below_min_value | max_output_tokens",
                "'model':'nothing','input':'x' | 404 | model_not_found | model",
                "'model':'gpt-5.5','input':[{'role':'king','content':'x'}] | 400 | invalid_value | input[0].role",
                "'model':'gpt-5.5','input':'x','stream_options':{} | 400 | null | stream_options",
                "'model':'gpt-5.5','input':'x','include':['everything'] | 400 | invalid_value | include[0]",
            })
    void whatOpenAiRefusesIsRefused(String members, int status, String code, String param) {
        HttpResponse<String> response = respond(members);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        JsonNode error = json(response).at("/error");
        assertThat(error.at("/code").isNull() ? "null" : error.at("/code").stringValue())
                .isEqualTo(code);
        assertThat(error.at("/param").stringValue()).isEqualTo(param);
    }

    @Test
    void responseFormatIsRefusedInOpenAisWords() {
        assertThat(respond("'model':'gpt-5.5','input':'x','response_format':{}").body())
                .contains("this parameter has moved to 'text.format'");
    }

    @Test
    void aResponsesOnlyModelAnswers() {
        assertThat(respond("'model':'gpt-5.5-pro','input':'x'").statusCode()).isEqualTo(200);
    }

    @Test
    void aBackgroundResponseMovesOnByItself() {
        JsonNode made = json(respond("'model':'gpt-4o','input':'x','background':true"));
        assertThat(made.at("/status").stringValue()).isEqualTo("queued");
        String path = "/v1/responses/" + made.at("/id").stringValue();
        await().untilAsserted(() ->
                assertThat(json(running.get(path)).at("/status").stringValue()).isEqualTo("completed"));
    }

    @Test
    void aBackgroundResponseCanBeCancelledTwice() {
        JsonNode made = json(respond("'model':'gpt-4o+pace(1s)','input':'x','background':true"));
        String path = "/v1/responses/" + made.at("/id").stringValue();
        for (int i = 0; i < 2; i++) {
            assertThat(json(running.post(path + "/cancel", "")).at("/status").stringValue())
                    .isEqualTo("cancelled");
        }
        assertThat(json(running.get(path)).at("/output")).isEmpty();
    }

    @Test
    void anOrdinaryResponseCannotBeCancelled() {
        String id = json(respond("'model':'gpt-4o','input':'x'")).at("/id").stringValue();
        assertThat(running.post("/v1/responses/" + id + "/cancel", "").statusCode())
                .isEqualTo(400);
    }

    @Test
    void aStreamCanBeTakenUpWhereItWasLost() {
        List<Running.Sse> first = events(respond("'model':'gpt-4o','input':'x','background':true,'stream':true")
                .body());
        assertThat(first.get(1).name()).isEqualTo("response.queued");
        checked(first);
        String id = first.getFirst().json().at("/response/id").stringValue();
        List<Running.Sse> again = events(running.get("/v1/responses/" + id + "?stream=true&starting_after=4")
                .body());
        assertThat(again).isEqualTo(first.subList(5, first.size()));
    }

    @Test
    void aResponseIsKeptUnlessToldOtherwise() {
        String kept = json(respond("'model':'gpt-4o','input':'x'")).at("/id").stringValue();
        String lost = json(respond("'model':'gpt-4o','input':'x','store':false"))
                .at("/id")
                .stringValue();
        assertThat(running.get("/v1/responses/" + lost).statusCode()).isEqualTo(404);
        assertThat(running.get("/v1/responses/" + kept).statusCode()).isEqualTo(200);
        assertThat(json(running.delete("/v1/responses/" + kept)).at("/deleted").booleanValue())
                .isTrue();
        assertThat(running.get("/v1/responses/" + kept).statusCode()).isEqualTo(404);
    }

    @Test
    void aConversationGathersWhatIsSaid() {
        String id = json(running.post(
                        "/v1/conversations", quoted("{'items':[{'role':'user','content':'my name is Ada'}]}")))
                .at("/id")
                .stringValue();
        respond("'model':'gpt-4o','input':'hello','conversation':'" + id + "'");
        JsonNode items = json(running.get("/v1/conversations/" + id + "/items?order=asc"));
        assertThat(items.at("/data")).hasSize(3);
        assertThat(items.at("/data/2/role").stringValue()).isEqualTo("assistant");
        String item = items.at("/data/0/id").stringValue();
        assertThat(running.delete("/v1/conversations/" + id + "/items/" + item).statusCode())
                .isEqualTo(200);
        assertThat(json(running.get("/v1/conversations/" + id + "/items")).at("/data"))
                .hasSize(2);
        assertThat(respond("'model':'gpt-4o','input':'hello','conversation':'conv_none'")
                        .statusCode())
                .isEqualTo(404);
    }

    @Test
    void inputIsCountedAsTheCallWouldCountIt() {
        ObjectNode counted = (ObjectNode) json(
                running.post("/v1/responses/input_tokens", quoted("{'model':'gpt-4o','input':'How many are we?'}")));
        JsonNode called = json(respond("'model':'gpt-4o','input':'How many are we?'"));
        assertThat(counted.at("/input_tokens").intValue())
                .isEqualTo(called.at("/usage/input_tokens").intValue());
    }

    @Test
    void aCompactedWindowCanBeGoneOnFrom() {
        JsonNode window = json(
                running.post(
                        "/v1/responses/compact",
                        quoted(
                                "{'model':'gpt-5.5','input':[{'role':'user','content':'one'},{'role':'assistant','content':'two'}]}")));
        assertThat(window.at("/object").stringValue()).isEqualTo("response.compaction");
        ObjectNode next = Json.object().put("model", "gpt-5.5");
        next.set("input", window.at("/output"));
        assertThat(running.post("/v1/responses", Json.string(next)).statusCode())
                .isEqualTo(200);
    }

    @Test
    void fileSearchFindsTheFileThatIsAboutIt() {
        String form = String.join(
                "\r\n",
                "--b",
                "Content-Disposition: form-data; name=\"purpose\"",
                "",
                "assistants",
                "--b",
                "Content-Disposition: form-data; name=\"file\"; filename=\"NAME\"",
                "Content-Type: text/plain",
                "",
                "TEXT",
                "--b--",
                "");
        List<String> ids = new ArrayList<>();
        for (List<String> each : List.of(
                List.of("bread.txt", "How to bake bread with yeast and flour"),
                List.of("lock.txt", "The canal lock raises boats with water"))) {
            ids.add(json(running.send(running.request("/v1/files")
                            .setHeader("content-type", "multipart/form-data; boundary=b")
                            .POST(java.net.http.HttpRequest.BodyPublishers.ofString(
                                    form.replace("NAME", each.get(0)).replace("TEXT", each.get(1))))
                            .build()))
                    .at("/id")
                    .stringValue());
        }
        String store = json(running.post(
                        "/v1/vector_stores",
                        quoted("{'name':'s','file_ids':['" + ids.get(0) + "','" + ids.get(1) + "']}")))
                .at("/id")
                .stringValue();
        JsonNode found = json(
                running.post("/v1/vector_stores/" + store + "/search", quoted("{'query':'boats in a canal lock'}")));
        assertThat(found.at("/data/0/filename").stringValue()).isEqualTo("lock.txt");
        JsonNode body = json(respond(
                "'model':'gpt-4o','input':'boats in a canal lock','include':['file_search_call.results'],'tools':[{'type':'file_search','vector_store_ids':['"
                        + store + "']}]"));
        assertThat(body.at("/output/0/results/0/file_id").stringValue()).isEqualTo(ids.get(1));
        assertThat(body.at("/output/1/content/0/annotations/0/file_id").stringValue())
                .isEqualTo(ids.get(1));
        assertThat(body.at("/tools/0").propertyNames()).containsExactlyInAnyOrder("type", "vector_store_ids");
    }
}
