package dev.lockkeeper.dialect.openai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class RequestScanTest {
    private static Malformed refused(Endpoint endpoint, String body) {
        Malformed malformed = catchThrowableOfType(Malformed.class, () -> RequestScan.of(Bytes.utf8(body), endpoint));
        assertThat(malformed).as(body).isNotNull();
        return malformed;
    }

    @Test
    void aChatSaysWhatItWants() {
        RequestScan scan = Given.scan(Given.CHAT, """
                {"messages":[{"role":"user","content":"Hello"}],"n":3,"stream":true,"store":false,
                 "stream_options":{"include_obfuscation":false,"include_usage":true},
                 "reasoning_effort":"high","service_tier":"flex","unknown":{"model":"x"},"model":"gpt-5.5"}
                """);
        assertThat(scan.model()).isEqualTo("gpt-5.5");
        assertThat(scan.stream()).isTrue();
        assertThat(scan.includeUsage()).isTrue();
        assertThat(scan.store()).isFalse();
        assertThat(scan.choices()).isEqualTo(3);
        assertThat(scan.effort()).isEqualTo("high");
        assertThat(scan.serviceTier()).isEqualTo("flex");
        assertThat(scan.textBytes()).isEqualTo(5);
    }

    @Test
    void aNameThatCantBeKeptOrIsLongIsMadeOneThatCan() {
        assertThat(Given.scan(Given.CHAT, "{\"user\":\"a\\u0000b\"}").endUser()).isEqualTo("a\uFFFDb");
        String most = "x".repeat(RequestScan.MAX_END_USER);
        assertThat(Given.scan(Given.CHAT, "{\"user\":\"" + most + "\"}").endUser())
                .isEqualTo(most);
        String longer = Given.scan(Given.CHAT, "{\"user\":\"" + most + "y\"}").endUser();
        assertThat(longer).hasSize(RequestScan.MAX_END_USER).startsWith("xxx").matches(".*#[0-9a-f]{64}");
        assertThat(Given.scan(Given.CHAT, "{\"user\":\"" + most + "z\"}").endUser())
                .as("another")
                .isNotEqualTo(longer);
    }

    @Test
    void itSaysWhoIsBehindItHowLongTheAnswerMayBeAndWhatRunsAtTheProvider() {
        RequestScan chat = Given.scan(Given.CHAT, """
                {"model":"m","user":"old","safety_identifier":"u-1","max_tokens":5,"max_completion_tokens":9,
                 "web_search_options":{"user_location":{"type":"approximate"}},
                 "tools":[{"type":"function","function":{"name":"type","parameters":{"type":"object"}}}]}
                """);
        assertThat(chat.endUser()).isEqualTo("u-1");
        assertThat(chat.outputLimit()).isEqualTo(9);
        assertThat(chat.hostedTools()).containsExactly("web_search");
        RequestScan response = Given.scan(Given.RESPONSES, """
                {"model":"m","user":"old","max_output_tokens":3,"tools":[{"type":"web_search"},
                 {"type":"mcp","server_label":"x"},{"type":"custom","name":"c"},{"type":"web_search"}]}
                """);
        assertThat(response.endUser()).isEqualTo("old");
        assertThat(response.outputLimit()).isEqualTo(3);
        assertThat(response.hostedTools()).containsExactly("web_search", "mcp");
        RequestScan silent = Given.scan(Given.CHAT, "{\"max_tokens\":null}");
        assertThat(silent.endUser()).isEmpty();
        assertThat(silent.outputLimit()).isEqualTo(-1);
        assertThat(silent.hostedTools()).isEmpty();
    }

    @Test
    void itSaysWhatTheCallNeedsOfAModel() {
        RequestScan bare = Given.scan(Given.CHAT, """
                {"model":"m","messages":[{"role":"user","content":"Hello"}],"tools":[],"functions":[],"temperature":null,
                 "logprobs":false,"modalities":["text"],"prompt_cache_key":null,"response_format":{"type":"json_object"}}
                """);
        assertThat(bare.tools()).isFalse();
        assertThat(bare.images()).isFalse();
        assertThat(bare.audio()).isFalse();
        assertThat(bare.schema()).isFalse();
        assertThat(bare.sampling()).isFalse();
        assertThat(bare.promptCacheKey()).isEmpty();
        RequestScan chat = Given.scan(Given.CHAT, """
                {"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"What is it?"},
                   {"type":"image_url","image_url":{"url":"https://x.test/a.png"}}]}],
                 "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],
                 "tool_choice":"none","top_p":0.5,"modalities":["text","audio"],"prompt_cache_key":"tenant-7",
                 "response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}}
                """);
        assertThat(chat.tools()).isTrue();
        assertThat(chat.images()).isTrue();
        assertThat(chat.audio()).isTrue();
        assertThat(chat.schema()).isTrue();
        assertThat(chat.sampling()).isTrue();
        assertThat(chat.promptCacheKey()).isEqualTo("tenant-7");
        RequestScan response = Given.scan(Given.RESPONSES, """
                {"model":"m","input":[{"role":"user","content":[{"type":"input_image","file_id":"file-1"}]}],
                 "tools":[{"type":"web_search"}],"previous_response_id":"resp_1","logit_bias":{"5":1},
                 "text":{"verbosity":"low","format":{"name":"n","schema":{"type":"text"},"type":"json_schema"}}}
                """);
        assertThat(response.tools()).as("a search runs at the provider").isFalse();
        assertThat(response.images()).isTrue();
        assertThat(response.audio()).isFalse();
        assertThat(response.schema()).isTrue();
        assertThat(response.sampling()).isTrue();
        assertThat(response.previousResponse()).isEqualTo("resp_1");
        assertThat(response.conversation()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"functions\":[{\"name\":\"f\"}]}",
                "{\"tools\":[{\"type\":\"web_search\"},{\"type\":\"custom\",\"name\":\"f\"}]}"
            })
    void functionsOfTheCallerAreTools(String body) {
        assertThat(Given.scan(Given.CHAT, body).tools()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"audio\":{\"voice\":\"alloy\",\"format\":\"wav\"}}",
                "{\"messages\":[{\"role\":\"assistant\",\"audio\":{\"id\":\"audio_1\"}}]}",
                "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\","
                        + "\"input_audio\":{\"data\":\"AAAA\",\"format\":\"wav\"}}]}]}"
            })
    void soundThatIsHeardToldBeforeOrAskedForIsAudio(String body) {
        assertThat(Given.scan(Given.CHAT, body).audio()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"temperature\":1}",
                "{\"top_p\":1}",
                "{\"presence_penalty\":0}",
                "{\"frequency_penalty\":0}",
                "{\"logprobs\":true}",
                "{\"top_logprobs\":0}",
                "{\"logit_bias\":{}}"
            })
    void whateverModelsThatReasonRefuseIsSampling(String body) {
        assertThat(Given.scan(Given.CHAT, body).sampling()).isTrue();
    }

    @Test
    void itReadsTheLabelsAmongMetadata() {
        for (Endpoint each : List.of(Given.CHAT, Given.RESPONSES)) {
            RequestScan scan = Given.scan(each, """
                    {"model":"m","metadata":{"order":"17","complexity":"critical","accuracy":"high","nested":{"complexity":"x"},
                     "sensitivity":"personal","list":["complexity"]},"conversation":{"id":"conv_1"}}
                    """);
            assertThat(scan.complexity()).isEqualTo("critical");
            assertThat(scan.accuracy()).isEqualTo("high");
            assertThat(scan.sensitivity()).isEqualTo("personal");
        }
        RequestScan long1 = Given.scan(
                Given.CHAT, "{\"metadata\":{\"accuracy\":\"" + "x".repeat(600) + "\",\"sensitivity\":null}}");
        assertThat(long1.accuracy()).hasSize(RequestScan.MAX_LABEL);
        assertThat(long1.sensitivity()).isEmpty();
        assertThat(Given.scan(Given.CHAT, "{\"metadata\":null}").complexity()).isEmpty();
        assertThat(Given.scan(Given.EMBEDDINGS, "{\"metadata\":{\"complexity\":3}}")
                        .complexity())
                .as("there it means nothing")
                .isEmpty();
        Malformed wrong = refused(Given.CHAT, "{\"metadata\":{\"sensitivity\":3}}");
        assertThat(wrong.message()).contains("'metadata.sensitivity' at line 1, column 28", "a string was expected");
        assertThat(wrong.param()).isEqualTo("metadata.sensitivity");
    }

    @Test
    void itSaysWhichConversationGoesOn() {
        assertThat(Given.scan(Given.RESPONSES, "{\"conversation\":\"conv_1\"}").conversation())
                .isEqualTo("conv_1");
        assertThat(Given.scan(Given.RESPONSES, "{\"conversation\":{\"id\":\"conv_2\"}}")
                        .conversation())
                .isEqualTo("conv_2");
    }

    @Test
    void whatIsNotSaidIsNull() {
        RequestScan scan = Given.scan(Given.CHAT, "{}");
        assertThat(scan.model()).isNull();
        assertThat(scan.stream()).isFalse();
        assertThat(scan.includeUsage()).isNull();
        assertThat(scan.store()).isNull();
        assertThat(scan.choices()).isOne();
        assertThat(scan.effort()).isNull();
        assertThat(scan.serviceTier()).isNull();
        assertThat(scan.references()).isEmpty();
    }

    @Test
    void nullIsAsGoodAsNothing() {
        RequestScan scan = Given.scan(Given.CHAT, """
                {"model":null,"stream":null,"stream_options":null,"store":null,"n":null,"max_tokens":null,
                 "temperature":null,"response_format":null,"reasoning_effort":null,"service_tier":null}
                """);
        assertThat(scan.model()).isNull();
        assertThat(scan.choices()).isOne();
    }

    @Test
    void aResponseSaysItsEffortInsideReasoning() {
        RequestScan scan = Given.scan(
                Given.RESPONSES,
                "{\"reasoning\":{\"summary\":\"auto\",\"effort\":\"low\"},\"background\":true,\"input\":\"Hi\",\"instructions\":\"Be kind\"}");
        assertThat(scan.effort()).isEqualTo("low");
        assertThat(scan.background()).isTrue();
        assertThat(scan.textBytes()).isEqualTo(9);
    }

    @Test
    void aCompletionAnswersEachOfItsPrompts() {
        assertThat(Given.scan(Given.COMPLETIONS, "{\"prompt\":[\"a\",\"b\",\"c\"],\"n\":2}")
                        .choices())
                .isEqualTo(6);
        assertThat(Given.scan(Given.COMPLETIONS, "{\"prompt\":[1,2,3]}").choices())
                .isOne();
        assertThat(Given.scan(Given.COMPLETIONS, "{\"prompt\":[[1,2],[3]]}").choices())
                .isEqualTo(2);
        assertThat(Given.scan(Given.COMPLETIONS, "{\"prompt\":\"a\"}").choices())
                .isOne();
    }

    @Test
    void imagesAndAudioAreNoText() {
        RequestScan scan = Given.scan(Given.CHAT, """
                {"messages":[{"role":"user","content":[
                  {"type":"text","text":"abc"},
                  {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAAAAAAAAAA","detail":"low"}},
                  {"type":"input_audio","input_audio":{"data":"AAAAAAAA","format":"wav"}},
                  {"type":"file","file":{"file_data":"data:application/pdf;base64,AAAA","filename":"a.pdf"}},
                  {"type":"text","text":"d\\n\\"\\u00e4\\ud83d\\ude00"}]}]}
                """);
        assertThat(scan.textBytes()).isEqualTo(3 + "d\n\"ä😀".getBytes(StandardCharsets.UTF_8).length);
    }

    @Test
    void referencesAreFoundWhereverTheyStandButInTheCallersOwnData() {
        RequestScan scan = Given.scan(Given.RESPONSES, """
                {"previous_response_id":"resp_1","conversation":{"id":"conv_1"},
                 "input":[
                   {"role":"user","content":[{"type":"input_file","file_id":"file-1"},{"type":"input_image","file_id":"file-2"}]},
                   {"type":"item_reference","id":"rs_1"},
                   {"id":"msg_2"},
                   {"type":"reasoning","id":"rs_3","summary":[]},
                   {"type":"function_call","call_id":"c","name":"f","arguments":"{\\"file_id\\":\\"file-no\\"}"},
                   {"type":"function_call_output","call_id":"c","output":[{"type":"input_file","file_id":"file-3"}]}],
                 "tools":[
                   {"type":"file_search","vector_store_ids":["vs_1","vs_2"]},
                   {"type":"code_interpreter","container":{"type":"auto","file_ids":["file-4"]}},
                   {"type":"code_interpreter","container":"cntr_1"},
                   {"type":"mcp","headers":{"file_id":"file-no"}},
                   {"type":"function","name":"f","parameters":{"properties":{"file_id":{"const":"x"}},"file_id":"file-no"}}],
                 "text":{"format":{"type":"json_schema","name":"n","schema":{"file_id":"file-no"}}},
                 "prompt":{"id":"pmpt_1","variables":{"file_id":"a text","f":{"type":"input_file","file_id":"file-5"}}},
                 "prompt_cache_options":{"comparison_response_id":"resp_2"},
                 "metadata":{"file_id":"file-no","previous_response_id":"resp_no"}}
                """);
        assertThat(scan.references())
                .containsExactly(
                        new Reference("previous_response_id", "resp_1", ObjectKind.RESPONSE),
                        new Reference("conversation.id", "conv_1", ObjectKind.CONVERSATION),
                        new Reference("input[0].content[0].file_id", "file-1", ObjectKind.FILE),
                        new Reference("input[0].content[1].file_id", "file-2", ObjectKind.FILE),
                        new Reference("input[1].id", "rs_1", ObjectKind.OUTPUT_ITEM),
                        new Reference("input[2].id", "msg_2", ObjectKind.OUTPUT_ITEM),
                        new Reference("input[3].id", "rs_3", ObjectKind.OUTPUT_ITEM),
                        new Reference("input[5].output[0].file_id", "file-3", ObjectKind.FILE),
                        new Reference("tools[0].vector_store_ids[0]", "vs_1", ObjectKind.VECTOR_STORE),
                        new Reference("tools[0].vector_store_ids[1]", "vs_2", ObjectKind.VECTOR_STORE),
                        new Reference("tools[1].container.file_ids[0]", "file-4", ObjectKind.FILE),
                        new Reference("tools[2].container", "cntr_1", ObjectKind.CONTAINER),
                        new Reference("prompt.variables.f.file_id", "file-5", ObjectKind.FILE),
                        new Reference("prompt_cache_options.comparison_response_id", "resp_2", ObjectKind.RESPONSE));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"id\":\"x\"}",
                "{\"id\":\"x\",\"type\":\"message\",\"status\":\"completed\",\"content\":[ ],\"extra\":null}",
                "{\"type\":\"item_reference\",\"id\":\"x\",\"content\":\"covered up\"}",
                "{\"id\":\"x\",\"content\":\"covered up\",\"type\":\"item_reference\",\"type\":\"message\"}",
                "{\"type\":\"reasoning\",\"id\":\"x\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"s\"}],\"encrypted_content\":\"\"}",
                "{\"type\":\"image_generation_call\",\"id\":\"x\",\"status\":\"completed\",\"prompt\":\"p\",\"result\":null}",
                "{\"type\":\"file_search_call\",\"id\":\"x\",\"queries\":[\"q\"],\"results\":[]}",
                "{\"type\":\"web_search_call\",\"id\":\"x\",\"action\":{\"type\":\"search\",\"query\":\"q\"}}",
                "{\"type\":\"code_interpreter_call\",\"id\":\"x\",\"code\":\"1\",\"outputs\":null}"
            })
    void anItemWhoseSubstanceIsAtTheProviderIsAReference(String item) {
        assertThat(Given.scan(Given.RESPONSES, "{\"input\":[" + item + "]}").references())
                .extracting(Reference::id)
                .containsExactly("x");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"type\":\"message\",\"id\":\"x\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"t\"}]}",
                "{\"id\":\"x\",\"role\":\"user\",\"content\":\"t\"}",
                "{\"type\":\"function_call\",\"id\":\"x\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"\"}",
                "{\"type\":\"reasoning\",\"id\":\"x\",\"summary\":[],\"encrypted_content\":\"gAAA\"}",
                "{\"type\":\"image_generation_call\",\"id\":\"x\",\"result\":\"iVBO\"}",
                "{\"type\":\"file_search_call\",\"id\":\"x\",\"results\":[{\"text\":\"t\"}]}",
                "{\"type\":\"compaction\",\"id\":\"x\",\"encrypted_content\":\"gAAA\"}",
                "{\"type\":\"something_new\",\"id\":\"x\",\"value\":1}",
                "{\"type\":\"something_new\",\"id\":\"x\",\"input_schema\":{\"a\":1}}"
            })
    void anItemThatHoldsAllItIsIsNone(String item) {
        assertThat(Given.scan(Given.RESPONSES, "{\"input\":[" + item + "]}").references())
                .isEmpty();
    }

    @Test
    void aMemberSaidTwiceNamesBoth() {
        assertThat(Given.scan(
                                Given.RESPONSES,
                                "{\"input\":[{\"type\":\"item_reference\",\"id\":\"a\",\"id\":\"b\"}],"
                                        + "\"conversation\":{\"id\":\"c\",\"id\":\"d\"}}")
                        .references())
                .extracting(Reference::id)
                .containsExactly("a", "b", "c", "d");
    }

    @Test
    void otherBodiesNameObjectsToo() {
        assertThat(Given.scan(
                                Endpoints.of("POST", "/v1/batches"),
                                "{\"input_file_id\":\"file-1\",\"endpoint\":\"/v1/responses\"}")
                        .references())
                .containsExactly(new Reference("input_file_id", "file-1", ObjectKind.FILE));
        assertThat(Given.scan(
                                Endpoints.of("POST", "/v1/vector_stores/vs_1/file_batches"),
                                "{\"file_ids\":[\"file-1\"],\"files\":[{\"file_id\":\"file-2\",\"attributes\":{\"file_id\":\"no\"}}]}")
                        .references())
                .extracting(Reference::id)
                .containsExactly("file-1", "file-2");
        assertThat(Given.scan(Given.CHAT, "{\"messages\":[{\"role\":\"assistant\",\"audio\":{\"id\":\"audio_1\"}}]}")
                        .references())
                .containsExactly(new Reference("messages[0].audio.id", "audio_1", ObjectKind.AUDIO));
        assertThat(Given.scan(
                                Endpoints.of("POST", "/v1/images/edits"),
                                "{\"images\":[{\"file_id\":\"file-1\"}],\"mask\":{\"file_id\":\"file-2\"}}")
                        .references())
                .extracting(Reference::param)
                .containsExactly("images[0].file_id", "mask.file_id");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "x",
                "{",
                "}",
                "{\"a\"}",
                "{\"input\":[{\"type\":\"message\",\"x\":\"",
                "{\"a\":}",
                "{\"a\":1,}",
                "{,}",
                "{'a':1}",
                "{a:1}",
                "{\"a\":NaN}",
                "{\"a\":Infinity}",
                "{\"a\":1}x",
                "{\"a\":1}{}",
                "{\"a\":01}",
                "{\"a\":+1}",
                "{\"a\":.5}",
                "{\"a\":1.}",
                "{\"a\":\"\n\"}",
                "{\"a\":\"\\x\"}",
                "{\"a\":1 /* c */}",
                "{\"a\":1} // c",
                "{\"a\":[1,2}",
                "{\"a\":tru}",
                "\ufeff{}",
                "{\"a\":\"b",
                "# {}"
            })
    void whatIsNotJsonIsRefusedWithItsPlace(String body) {
        Malformed malformed = refused(Given.CHAT, body);
        assertThat(malformed.code()).isEqualTo("invalid_json");
        assertThat(malformed.param()).isNull();
        assertThat(malformed.message()).contains("line 1, column ");
    }

    @Test
    void aPlaceIsLineAndColumn() {
        assertThat(refused(Given.CHAT, "{\n \"a\": 1,\n  oops\n}").message()).contains("line 3, column 3");
        assertThat(refused(Given.CHAT, "{\n \"n\": \"two\"}").message()).contains("line 2, column 7");
    }

    @Test
    void neverIsAValueOfTheBodyTold() {
        assertThat(refused(Given.CHAT, "{\"a\": secretword}").message()).doesNotContain("secret");
        assertThat(refused(Given.CHAT, "{\"n\":\"secretword\"}").message()).doesNotContain("secret");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[]", "\"a\"", "1", "null", "true"})
    void onlyAnObjectIsTaken(String body) {
        assertThat(refused(Given.CHAT, body).code()).isEqualTo("invalid_type");
    }

    @Test
    void bytesThatAreNotUtf8AreRefused() {
        for (byte[] wrong : List.of(
                new byte[] {(byte) 0xff},
                new byte[] {(byte) 0xc0, (byte) 0x80},
                new byte[] {(byte) 0xed, (byte) 0xa0, (byte) 0x80},
                new byte[] {(byte) 0xf5, (byte) 0x80, (byte) 0x80, (byte) 0x80},
                new byte[] {(byte) 0xe2, (byte) 0x82})) {
            byte[] body = new byte[20 + wrong.length];
            java.util.Arrays.fill(body, (byte) ' ');
            System.arraycopy("{\"a\":\"".getBytes(StandardCharsets.UTF_8), 0, body, 0, 6);
            System.arraycopy(wrong, 0, body, 8, wrong.length);
            System.arraycopy("\"}".getBytes(StandardCharsets.UTF_8), 0, body, 8 + wrong.length, 2);
            Malformed malformed =
                    catchThrowableOfType(Malformed.class, () -> RequestScan.of(Bytes.of(body), Given.CHAT));
            assertThat(malformed.message()).contains("UTF-8").contains("column 9");
        }
    }

    @Test
    void otherEncodingsAreRefused() {
        for (var charset : List.of(StandardCharsets.UTF_16LE, StandardCharsets.UTF_16BE, StandardCharsets.UTF_16)) {
            byte[] body = "{\"model\":\"a\"}".getBytes(charset);
            assertThat(catchThrowableOfType(Malformed.class, () -> RequestScan.of(Bytes.of(body), Given.CHAT)))
                    .as(charset.name())
                    .isNotNull();
        }
    }

    @Test
    void depthHasABound() {
        Given.scan(Given.CHAT, "{\"a\":" + "[".repeat(199) + "]".repeat(199) + "}");
        Malformed malformed = refused(Given.CHAT, "{\"a\":" + "[".repeat(200) + "]".repeat(200) + "}");
        assertThat(malformed.message()).contains("200");
        Given.scan(Given.CHAT, "{\"messages\":" + "[".repeat(199) + "]".repeat(199) + "}");
        refused(Given.CHAT, "{\"messages\":" + "[".repeat(200) + "]".repeat(200) + "}");
    }

    @Test
    void aMemberThatIsReadMayNotStandTwice() {
        Malformed malformed = refused(Given.CHAT, "{\"model\":\"a\",\"x\":1,\"x\":2,\"\\u006dodel\":\"b\"}");
        assertThat(malformed.param()).isEqualTo("model");
        assertThat(malformed.code()).isEqualTo("duplicate_parameter");
        assertThat(refused(Given.CHAT, "{\"stream\":true,\"stream\":true}").param())
                .isEqualTo("stream");
        assertThat(refused(Given.CHAT, "{\"stream_options\":{\"include_usage\":true,\"include_usage\":false}}")
                        .param())
                .isEqualTo("stream_options.include_usage");
    }

    private static void wrong(Endpoint endpoint, String body, String param, String code) {
        Malformed malformed = refused(endpoint, body);
        assertThat(malformed.param()).as(body).isEqualTo(param);
        assertThat(malformed.code()).as(body).isEqualTo(code);
    }

    @Test
    void aWrongTypeOrRangeNamesItsMember() {
        Endpoint chat = Given.CHAT;
        wrong(chat, "{\"model\":1}", "model", "invalid_type");
        wrong(chat, "{\"model\":{}}", "model", "invalid_type");
        wrong(chat, "{\"stream\":\"true\"}", "stream", "invalid_type");
        wrong(chat, "{\"stream\":[]}", "stream", "invalid_type");
        wrong(chat, "{\"messages\":\"Hello\"}", "messages", "invalid_type");
        wrong(chat, "{\"messages\":{}}", "messages", "invalid_type");
        wrong(chat, "{\"messages\":null}", "messages", "invalid_type");
        wrong(chat, "{\"stream_options\":true}", "stream_options", "invalid_type");
        wrong(chat, "{\"stream_options\":{\"include_usage\":1}}", "stream_options.include_usage", "invalid_type");
        wrong(chat, "{\"max_tokens\":1.5}", "max_tokens", "invalid_type");
        wrong(chat, "{\"max_tokens\":-1}", "max_tokens", "integer_below_min_value");
        wrong(chat, "{\"max_tokens\":9223372036854775808}", "max_tokens", "integer_above_max_value");
        wrong(
                chat,
                "{\"max_completion_tokens\":-99999999999999999999}",
                "max_completion_tokens",
                "integer_below_min_value");
        wrong(chat, "{\"n\":0}", "n", "integer_below_min_value");
        wrong(chat, "{\"n\":129}", "n", "integer_above_max_value");
        wrong(chat, "{\"n\":99999999999999999999}", "n", "integer_above_max_value");
        wrong(chat, "{\"temperature\":2.1}", "temperature", "decimal_above_max_value");
        wrong(chat, "{\"temperature\":1e999}", "temperature", "decimal_above_max_value");
        wrong(chat, "{\"temperature\":-0.1}", "temperature", "decimal_below_min_value");
        wrong(chat, "{\"temperature\":\"1\"}", "temperature", "invalid_type");
        wrong(chat, "{\"top_p\":2}", "top_p", "decimal_above_max_value");
        wrong(chat, "{\"top_logprobs\":21}", "top_logprobs", "integer_above_max_value");
        wrong(chat, "{\"logprobs\":3}", "logprobs", "invalid_type");
        wrong(chat, "{\"presence_penalty\":-3}", "presence_penalty", "decimal_below_min_value");
        wrong(chat, "{\"logit_bias\":[]}", "logit_bias", "invalid_type");
        wrong(chat, "{\"response_format\":\"json\"}", "response_format", "invalid_type");
        wrong(chat, "{\"tools\":{}}", "tools", "invalid_type");
        wrong(Given.RESPONSES, "{\"text\":\"a\"}", "text", "invalid_type");
        wrong(Given.RESPONSES, "{\"reasoning\":\"low\"}", "reasoning", "invalid_type");
        wrong(Given.RESPONSES, "{\"reasoning\":{\"effort\":3}}", "reasoning.effort", "invalid_type");
        wrong(Given.RESPONSES, "{\"input\":3}", "input", "invalid_type");
        wrong(Given.RESPONSES, "{\"previous_response_id\":3}", "previous_response_id", "invalid_type");
    }

    @Test
    void whatOneEndpointReadsAnotherLeavesAlone() {
        Given.scan(Given.COMPLETIONS, "{\"logprobs\":5}");
        Given.scan(Endpoints.of("POST", "/v1/audio/speech"), "{\"response_format\":\"mp3\",\"model\":\"tts\"}");
        Given.scan(Endpoints.of("POST", "/v1/embeddings"), "{\"text\":3,\"stream\":\"x\",\"input\":[1,2]}");
        assertThat(Given.scan(Endpoints.of("POST", "/v1/audio/speech"), "{\"stream_format\":\"sse\"}").stream())
                .isTrue();
    }

    @Property(tries = 2000)
    void membersStandWhereItSays(@ForAll long seed) throws Malformed {
        Chance chance = new Chance(seed);
        String model = "\"m" + chance.below(9) + "\\u0041\"";
        String body = chance.space() + "{" + chance.space() + "\"a\":" + chance.value(3) + chance.space() + ",\"model\""
                + chance.space() + ":" + chance.space() + model + chance.space() + ",\"temperature\":0.50"
                + chance.space()
                + ",\"response_format\" :" + chance.space() + "{\"b\":" + chance.value(3) + "}" + chance.space()
                + ",\"messages\":" + chance.array(4) + ",\"max_tokens\":12" + chance.space() + "}" + chance.space();
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        Bytes view = chance.within(bytes, 0, bytes.length);
        RequestScan scan = RequestScan.of(view, Given.CHAT);
        JsonNode tree = Given.tree(body);
        assertThat(scan.model()).isEqualTo(tree.get("model").stringValue());
        for (RequestScan.Name name : List.of(
                RequestScan.Name.MODEL,
                RequestScan.Name.TEMPERATURE,
                RequestScan.Name.RESPONSE_FORMAT,
                RequestScan.Name.MESSAGES,
                RequestScan.Name.MAX_TOKENS)) {
            RequestScan.Member member = Objects.requireNonNull(scan.member(name));
            String value = view.slice(member.from(), member.to()).utf8();
            assertThat(Given.tree(value)).isEqualTo(tree.get(name.member()));
            assertThat(value).isEqualTo(value.strip());
            assertThat(view.slice(member.key(), member.to()).utf8()).startsWith("\"" + name.member() + "\"");
        }
    }

    @Property(tries = 3000)
    void randomBytesAreScannedOrMalformed(@ForAll byte[] bytes) {
        for (Endpoint endpoint : List.of(Given.CHAT, Given.RESPONSES, Given.COMPLETIONS)) {
            try {
                RequestScan.of(Bytes.of(bytes), endpoint);
            } catch (Malformed e) {
                assertThat(e.message()).isNotEmpty();
            }
        }
    }

    @Property(tries = 3000)
    void brokenBodiesAreScannedOrMalformed(@ForAll long seed) {
        Chance chance = new Chance(seed);
        String[] names = {
            "model",
            "messages",
            "input",
            "tools",
            "n",
            "stream_options",
            "reasoning",
            "text",
            "prompt",
            "conversation",
            "file_ids"
        };
        StringBuilder body = new StringBuilder("{");
        for (int i = chance.below(5); i >= 0; i--) {
            body.append('"')
                    .append(names[chance.below(names.length)])
                    .append("\":")
                    .append(chance.value(4))
                    .append(i > 0 ? "," : "}");
        }
        byte[] bytes = body.toString().getBytes(StandardCharsets.UTF_8);
        for (int i = chance.below(3); i > 0; i--) {
            bytes[chance.below(bytes.length)] = (byte) chance.below(256);
        }
        for (Endpoint endpoint : List.of(Given.CHAT, Given.RESPONSES, Given.COMPLETIONS)) {
            try {
                assertThat(RequestScan.of(Bytes.of(bytes), endpoint).textBytes())
                        .isBetween(0L, (long) bytes.length);
            } catch (Malformed e) {
                assertThat(e.message()).isNotEmpty();
            }
        }
    }
}
