package dev.lockkeeper.clients;

import static dev.lockkeeper.clients.Gateway.EMBEDDINGS;
import static dev.lockkeeper.clients.Gateway.MODEL;
import static dev.lockkeeper.clients.Gateway.REASONER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.langchain4j.agent.tool.P;
import dev.langchain4j.agent.tool.Tool;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiEmbeddingModel;
import dev.langchain4j.model.openai.OpenAiResponsesChatModel;
import dev.langchain4j.model.openai.OpenAiResponsesStreamingChatModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.Result;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** LangChain4j against a running gateway, over its default transport: the JDK's client, which offers {@code h2c}. */
class LangChain4jTest {
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private static Gateway gateway;

    /** What a person is; without the annotation this client lets the model leave members out. */
    public record Person(
            @JsonProperty(required = true) String name,
            @JsonProperty(required = true) int age) {}

    interface Assistant {
        Result<String> ask(String question);
    }

    interface Extractor {
        Person read(String text);
    }

    /** A tool that remembers its calls. */
    public static final class WeatherTool {
        final List<String> cities = new CopyOnWriteArrayList<>();

        @Tool("The weather of a city")
        public String weather(@P("city") String city) {
            cities.add(city);
            return "21 degrees and sunny";
        }
    }

    @BeforeAll
    static void start() {
        gateway = Gateway.start();
    }

    @AfterAll
    static void stop() {
        gateway.close();
    }

    private static OpenAiChatModel.OpenAiChatModelBuilder chat() {
        return OpenAiChatModel.builder()
                .baseUrl(gateway.baseUrl())
                .apiKey(gateway.key())
                .modelName(MODEL)
                .maxRetries(0);
    }

    private static OpenAiStreamingChatModel.OpenAiStreamingChatModelBuilder streaming() {
        return OpenAiStreamingChatModel.builder()
                .baseUrl(gateway.baseUrl())
                .apiKey(gateway.key())
                .modelName(MODEL);
    }

    private static ChatModel responses() {
        return OpenAiResponsesChatModel.builder()
                .baseUrl(gateway.baseUrl())
                .apiKey(gateway.key())
                .modelName(REASONER)
                .build();
    }

    private static OpenAiResponsesStreamingChatModel.Builder streamingResponses() {
        return OpenAiResponsesStreamingChatModel.builder()
                .baseUrl(gateway.baseUrl())
                .apiKey(gateway.key())
                .modelName(MODEL);
    }

    private static ChatRequest hello() {
        return ChatRequest.builder().messages(UserMessage.from("Say hello.")).build();
    }

    private static void answersWhole(ChatResponse answer) {
        assertThat(answer.aiMessage().text()).isNotEmpty();
        assertThat(answer.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(answer.tokenUsage().totalTokenCount()).isPositive();
    }

    /** A stream, gathered: its pieces joined, and its end as a future. */
    private static final class Gathered implements StreamingChatResponseHandler {
        final StringBuilder text = new StringBuilder();
        final CompletableFuture<ChatResponse> end = new CompletableFuture<>();

        @Override
        public void onPartialResponse(String partial) {
            text.append(partial);
        }

        @Override
        public void onCompleteResponse(ChatResponse response) {
            end.complete(response);
        }

        @Override
        public void onError(Throwable error) {
            end.completeExceptionally(error);
        }
    }

    private static Gathered gather(StreamingChatModel model) {
        Gathered gathered = new Gathered();
        model.chat(hello(), gathered);
        return gathered;
    }

    @Test
    void aChatAnswersWhole() {
        answersWhole(chat().build().chat(hello()));
    }

    @Test
    void aResponseAnswersWhole() {
        answersWhole(responses().chat(hello()));
    }

    @Test
    void aChatStreamIsWhole() throws Exception {
        Gathered gathered = gather(streaming().build());
        ChatResponse answer = gathered.end.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        answersWhole(answer);
        assertThat(answer.aiMessage().text()).isEqualTo(gathered.text.toString());
    }

    @Test
    void aResponseStreamIsWhole() throws Exception {
        Gathered gathered = gather(streamingResponses().build());
        ChatResponse answer = gathered.end.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        answersWhole(answer);
        assertThat(answer.aiMessage().text()).isEqualTo(gathered.text.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"split(1)", "no-done", "stall(3,400ms)"})
    void aChatStreamIsWholeUnder(String mishap) throws Exception {
        Gathered gathered = gather(streaming().metadata(Gateway.mishap(mishap)).build());
        assertThat(gathered.end
                        .get(LIMIT.toSeconds(), TimeUnit.SECONDS)
                        .aiMessage()
                        .text())
                .isNotEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"cut(3)", "reset(3)", "eof(3)", "garbage(3)", "error(3)"})
    void aChatStreamNeverLooksWholeUnder(String mishap) {
        Gathered gathered = gather(streaming().metadata(Gateway.mishap(mishap)).build());
        // This client does not look at the error event; what shows the break is that no finish reason came.
        assertThat(gathered.end.handle((answer, error) -> error != null || answer.finishReason() == null))
                .succeedsWithin(LIMIT)
                .isEqualTo(true);
    }

    @ParameterizedTest
    @ValueSource(strings = {"cut(4)", "reset(4)", "eof(4)", "garbage(4)", "error(4)", "failed(4)"})
    void aResponseStreamNeverLooksWholeUnder(String mishap) {
        // This client can't write metadata on Responses; the model's name may carry the mishap instead.
        Gathered gathered = gather(
                streamingResponses().modelName(Gateway.underMishap(mishap)).build());
        assertThat(gathered.end.handle((answer, error) -> error != null))
                .succeedsWithin(LIMIT)
                .isEqualTo(true);
    }

    @Test
    void aServiceCallsItsToolAndAnswers() {
        WeatherTool tool = new WeatherTool();
        Assistant assistant = AiServices.builder(Assistant.class)
                .chatModel(chat().build())
                .tools(tool)
                .build();
        Result<String> result = assistant.ask("How is the weather in Paris?");
        assertThat(result.content()).isNotEmpty();
        assertThat(tool.cities).isNotEmpty();
        assertThat(result.toolExecutions()).hasSameSizeAs(tool.cities);
    }

    @Test
    void aServiceOverResponsesCallsItsToolAndAnswers() {
        WeatherTool tool = new WeatherTool();
        Assistant assistant = AiServices.builder(Assistant.class)
                .chatModel(responses())
                .tools(tool)
                .build();
        assertThat(assistant.ask("How is the weather in Paris?").content()).isNotEmpty();
        assertThat(tool.cities).isNotEmpty();
    }

    @Test
    void structuredOutputBecomesARecord() {
        Extractor extractor = AiServices.create(
                Extractor.class,
                chat().supportedCapabilities(dev.langchain4j.model.chat.Capability.RESPONSE_FORMAT_JSON_SCHEMA)
                        .strictJsonSchema(true)
                        .build());
        assertThat(extractor.read("Ann is 40.").name()).isNotNull();
    }

    @Test
    void embeddingsAreNumbers() {
        var model = OpenAiEmbeddingModel.builder()
                .baseUrl(gateway.baseUrl())
                .apiKey(gateway.key())
                .modelName(EMBEDDINGS)
                .build();
        var vectors = model.embedAll(List.of(TextSegment.from("one"), TextSegment.from("two")));
        assertThat(vectors.content()).hasSize(2);
        assertThat(vectors.content().getFirst().vector()).hasSizeGreaterThan(8);
    }

    @ParameterizedTest
    @CsvSource({"400", "429", "500", "503"})
    void theUpstreamsErrorIsTheClientsKindOfError(int status) {
        Class<? extends Exception> kind = switch (status) {
            case 400 -> InvalidRequestException.class;
            case 429 -> RateLimitException.class;
            default -> InternalServerException.class;
        };
        ChatModel model = chat().metadata(Gateway.mishap("status(" + status + ",message=Some words)"))
                .build();
        assertThatThrownBy(() -> model.chat(hello())).isInstanceOf(kind).hasMessageContaining("Some words");
    }

    @Test
    void aWrongKeyAndAnUnknownModelAreTold() {
        assertThatThrownBy(() -> chat().apiKey("lk-live-wrong").build().chat(hello()))
                .isInstanceOf(AuthenticationException.class);
        assertThatThrownBy(() -> chat().modelName("gpt-4o-minl").build().chat(hello()))
                .isInstanceOf(ModelNotFoundException.class);
    }

    @Test
    void anOverloadIsTriedAgain() {
        answersWhole(chat().maxRetries(2)
                .metadata(Gateway.mishap("times(1,langchain4j,status(503))"))
                .build()
                .chat(hello()));
    }

    @Test
    void aClientThatWaitsTooShortTimesOut() {
        ChatModel impatient = chat().timeout(Duration.ofMillis(400))
                .metadata(Map.of("sim_mishap", "silence"))
                .build();
        assertThatThrownBy(() -> impatient.chat(hello())).isInstanceOf(TimeoutException.class);
    }
}
