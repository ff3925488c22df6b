package dev.lockkeeper.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.errors.RateLimitException;
import com.openai.errors.SseException;
import com.openai.errors.UnauthorizedException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.helpers.ResponseAccumulator;
import com.openai.models.FunctionDefinition;
import com.openai.models.FunctionParameters;
import com.openai.models.ResponseFormatJsonSchema;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.embeddings.CreateEmbeddingResponse;
import com.openai.models.embeddings.EmbeddingCreateParams;
import com.openai.models.files.FileCreateParams;
import com.openai.models.files.FileObject;
import com.openai.models.files.FilePurpose;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseCreateParams;
import com.openai.models.responses.ResponseFormatTextJsonSchemaConfig;
import com.openai.models.responses.ResponseIncludable;
import com.openai.models.responses.ResponseStreamEvent;
import com.openai.models.responses.ResponseTextConfig;
import com.openai.models.responses.WebSearchTool;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** OpenAI's own Java client against the simulator. */
class OpenAiJavaTest {
    private static final Map<String, JsonValue> CREW = Map.of(
            "type",
            JsonValue.from("object"),
            "properties",
            JsonValue.from(
                    Map.of("captain", Map.of("type", "string"), "boats", Map.of("type", "integer", "minimum", 1))),
            "required",
            JsonValue.from(List.of("captain", "boats")),
            "additionalProperties",
            JsonValue.from(false));

    private static Running running;
    private static OpenAIClient client;

    @BeforeAll
    static void start() {
        running = new Running();
        client = client("sim-java");
    }

    private static OpenAIClient client(String key) {
        return OpenAIOkHttpClient.builder()
                .baseUrl(running.uri("/v1").toString())
                .apiKey(key)
                .maxRetries(2)
                .build();
    }

    @AfterAll
    static void stop() {
        client.close();
        running.close();
    }

    private static ChatCompletionCreateParams.Builder chat(String model) {
        return ChatCompletionCreateParams.builder().model(model).addUserMessage("Tell me about canal locks");
    }

    @Test
    void aChatIsAnsweredAndValid() {
        ChatCompletion completion =
                client.chat().completions().create(chat("gpt-5.5").build());
        completion.validate();
        assertThat(completion.choices().getFirst().message().content().orElseThrow())
                .contains("canal locks");
        assertThat(completion.usage().orElseThrow().completionTokens()).isPositive();
    }

    @Test
    void aChatStreamAddsUp() {
        ChatCompletionAccumulator sum = ChatCompletionAccumulator.create();
        ChatCompletionCreateParams params = chat("gpt-4o")
                .streamOptions(
                        ChatCompletionStreamOptions.builder().includeUsage(true).build())
                .build();
        try (StreamResponse<ChatCompletionChunk> stream =
                client.chat().completions().createStreaming(params)) {
            stream.stream().peek(ChatCompletionChunk::validate).forEach(sum::accumulate);
        }
        ChatCompletion whole = client.chat().completions().create(chat("gpt-4o").build());
        assertThat(sum.chatCompletion().choices().getFirst().message().content())
                .isEqualTo(whole.choices().getFirst().message().content());
        assertThat(sum.chatCompletion().usage()).isEqualTo(whole.usage());
    }

    @Test
    void aStructuredAnswerFitsItsSchema() {
        ChatCompletionCreateParams params = chat("gpt-4o")
                .responseFormat(ResponseFormatJsonSchema.builder()
                        .jsonSchema(ResponseFormatJsonSchema.JsonSchema.builder()
                                .name("crew")
                                .strict(true)
                                .schema(ResponseFormatJsonSchema.JsonSchema.Schema.builder()
                                        .additionalProperties(CREW)
                                        .build())
                                .build())
                        .build())
                .build();
        String content = client.chat()
                .completions()
                .create(params)
                .choices()
                .getFirst()
                .message()
                .content()
                .orElseThrow();
        assertThat(Json.MAPPER.readTree(content).at("/boats").intValue()).isPositive();
    }

    @Test
    void aToolIsCalledWithFittingArguments() {
        ChatCompletionCreateParams params = chat("gpt-4o")
                .addFunctionTool(FunctionDefinition.builder()
                        .name("hire")
                        .strict(true)
                        .parameters(FunctionParameters.builder()
                                .additionalProperties(CREW)
                                .build())
                        .build())
                .build();
        ChatCompletion completion = client.chat().completions().create(params);
        completion.validate();
        var call = completion
                .choices()
                .getFirst()
                .message()
                .toolCalls()
                .orElseThrow()
                .getFirst()
                .asFunction();
        assertThat(call.function().name()).isEqualTo("hire");
        assertThat(Json.MAPPER
                        .readTree(call.function().arguments())
                        .at("/captain")
                        .isString())
                .isTrue();
    }

    private static ResponseCreateParams.Builder response(String model) {
        return ResponseCreateParams.builder().model(model).input("Tell me about canal locks");
    }

    @Test
    void aResponseIsAnsweredAndValid() {
        Response response = client.responses().create(response("gpt-5.5").build());
        response.validate();
        assertThat(response.output()).hasSize(2);
        assertThat(response.usage().orElseThrow().inputTokensDetails().cacheWriteTokens())
                .isZero();
    }

    @Test
    void aResponseStreamAddsUpAndIsValid() {
        ResponseAccumulator sum = ResponseAccumulator.create();
        ResponseCreateParams params = response("gpt-5.5")
                .addTool(WebSearchTool.builder()
                        .type(WebSearchTool.Type.WEB_SEARCH)
                        .build())
                .addInclude(ResponseIncludable.MESSAGE_OUTPUT_TEXT_LOGPROBS)
                .putAdditionalBodyProperty("reasoning", JsonValue.from(Map.of("summary", "auto")))
                .build();
        try (StreamResponse<ResponseStreamEvent> stream = client.responses().createStreaming(params)) {
            stream.stream().peek(ResponseStreamEvent::validate).forEach(sum::accumulate);
        }
        Response whole = sum.response();
        whole.validate();
        assertThat(whole.output()).hasSize(3);
        assertThat(client.responses().retrieve(whole.id()).output()).isEqualTo(whole.output());
    }

    @Test
    void aStructuredResponseFitsItsSchema() {
        ResponseCreateParams params = response("gpt-4o")
                .text(ResponseTextConfig.builder()
                        .format(ResponseFormatTextJsonSchemaConfig.builder()
                                .name("crew")
                                .strict(true)
                                .schema(ResponseFormatTextJsonSchemaConfig.Schema.builder()
                                        .additionalProperties(CREW)
                                        .build())
                                .build())
                        .build())
                .build();
        Response response = client.responses().create(params);
        response.validate();
        String text = response.output()
                .getFirst()
                .asMessage()
                .content()
                .getFirst()
                .asOutputText()
                .text();
        assertThat(Json.MAPPER.readTree(text).at("/boats").intValue()).isPositive();
    }

    @Test
    void embeddingsComeAsNumbersWhateverTheWireCarries() {
        EmbeddingCreateParams.Builder params = EmbeddingCreateParams.builder()
                .model("text-embedding-3-small")
                .inputOfArrayOfStrings(List.of("a lock", "a boat"))
                .dimensions(64);
        CreateEmbeddingResponse base64 = client.embeddings().create(params.build());
        CreateEmbeddingResponse floats = client.embeddings()
                .create(params.encodingFormat(EmbeddingCreateParams.EncodingFormat.FLOAT)
                        .build());
        assertThat(base64.data()).hasSize(2);
        assertThat(base64.data().getFirst().embedding()).hasSize(64);
        assertThat(floats.data().getFirst().embedding())
                .isEqualTo(base64.data().getFirst().embedding());
    }

    @Test
    void filesAndModelsAreListed() {
        FileObject file = client.files()
                .create(FileCreateParams.builder()
                        .file("hello".getBytes(java.nio.charset.StandardCharsets.UTF_8))
                        .purpose(FilePurpose.USER_DATA)
                        .build());
        file.validate();
        assertThat(client.files().list().autoPager().stream().map(FileObject::id))
                .contains(file.id());
        assertThat(client.models().list().data()).anyMatch(model -> model.id().equals("gpt-5.5"));
        client.models().retrieve("gpt-5.5").validate();
    }

    @Test
    void refusalsAreTheClientsExceptions() {
        assertThatThrownBy(() -> client.chat()
                        .completions()
                        .create(chat("gpt-5.5").temperature(0.1).build()))
                .isInstanceOf(BadRequestException.class);
        assertThatThrownBy(() ->
                        client.chat().completions().create(chat("gpt-none").build()))
                .isInstanceOf(NotFoundException.class);
        assertThatThrownBy(() -> client.chat()
                        .completions()
                        .create(chat("gpt-4o+status(429,retry-after-ms=1)").build()))
                .isInstanceOf(RateLimitException.class);
        OpenAIClient stranger = client("sim-invalid");
        assertThatThrownBy(() -> stranger.models().list()).isInstanceOf(UnauthorizedException.class);
        stranger.close();
    }

    @Test
    void aRetriedCallSucceedsOnceTheMishapIsOver() {
        ChatCompletion completion = client.chat()
                .completions()
                .create(chat("gpt-4o+times(2,java,status(503,retry-after-ms=1))")
                        .build());
        assertThat(completion.choices()).hasSize(1);
    }

    @Test
    void anErrorInAStreamIsTheClientsException() {
        try (StreamResponse<ChatCompletionChunk> stream = client.chat()
                .completions()
                .createStreaming(chat("gpt-4o+error(3)").build())) {
            assertThatThrownBy(() -> stream.stream()
                            .forEach(chunk -> assertThat(chunk.id()).isNotEmpty()))
                    .isInstanceOf(SseException.class);
        }
    }
}
