package dev.lockkeeper.clients;

import static dev.lockkeeper.clients.Gateway.EMBEDDINGS;
import static dev.lockkeeper.clients.Gateway.MODEL;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.openai.errors.RateLimitException;
import com.openai.errors.SseException;
import com.openai.errors.UnauthorizedException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.openai.OpenAiChatModel;
import org.springframework.ai.openai.OpenAiChatOptions;
import org.springframework.ai.openai.OpenAiEmbeddingModel;
import org.springframework.ai.openai.OpenAiEmbeddingOptions;
import org.springframework.ai.tool.function.FunctionToolCallback;

/** Spring AI against a running gateway, without Spring Boot. Its tag gives it a class path of its own, see {@code pom.xml}. */
@Tag("spring-ai")
class SpringAiTest {
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private static Gateway gateway;

    /** What the tool is asked. */
    public record City(String city) {}

    /** What a person is. */
    public record Person(String name, int age) {}

    @BeforeAll
    static void start() {
        gateway = Gateway.start();
    }

    @AfterAll
    static void stop() {
        gateway.close();
    }

    private static OpenAiChatOptions.Builder options() {
        OpenAiChatOptions.Builder builder = OpenAiChatOptions.builder();
        builder.baseUrl(gateway.baseUrl());
        builder.apiKey(gateway.key());
        builder.model(MODEL);
        builder.maxRetries(0);
        return builder;
    }

    private static OpenAiChatModel model(OpenAiChatOptions.Builder options) {
        return OpenAiChatModel.builder().options(options.build()).build();
    }

    private static OpenAiChatModel under(String mishap) {
        OpenAiChatOptions.Builder options = options();
        options.metadata(Gateway.mishap(mishap));
        return model(options);
    }

    @Test
    void aChatAnswersWhole() {
        ChatResponse answer = model(options()).call(new Prompt("Say hello."));
        assertThat(answer.getResult().getOutput().getText()).isNotEmpty();
        assertThat(answer.getResult().getMetadata().getFinishReason()).isEqualToIgnoringCase("stop");
        assertThat(answer.getMetadata().getUsage().getTotalTokens()).isPositive();
    }

    @Test
    void aStreamIsWhole() {
        OpenAiChatOptions.Builder options = options();
        options.streamUsage(true);
        List<ChatResponse> pieces =
                model(options).stream(new Prompt("Say hello.")).collectList().block(LIMIT);
        assertThat(pieces).hasSizeGreaterThan(2);
        assertThat(pieces.stream()
                        .mapToInt(each -> each.getMetadata().getUsage().getTotalTokens())
                        .max()
                        .orElse(0))
                .isPositive();
        assertThat(finishes(pieces)).containsOnly("stop");
    }

    private static List<String> finishes(List<ChatResponse> pieces) {
        return pieces.stream()
                .flatMap(each -> each.getResults().stream())
                .map(each -> each.getMetadata().getFinishReason())
                .filter(each -> each != null && !each.isEmpty())
                .map(each -> each.toLowerCase(java.util.Locale.ROOT))
                .toList();
    }

    @ParameterizedTest
    @ValueSource(strings = {"split(1)", "no-done"})
    void aStreamIsWholeUnder(String mishap) {
        List<ChatResponse> pieces =
                under(mishap).stream(new Prompt("Say hello.")).collectList().block(LIMIT);
        assertThat(finishes(pieces)).containsOnly("stop");
    }

    @ParameterizedTest
    @ValueSource(strings = {"cut(3)", "reset(3)", "eof(3)", "garbage(3)", "error(3)"})
    void aStreamRaisesAnErrorUnder(String mishap) {
        assertThatThrownBy(() -> under(mishap).stream(new Prompt("Say hello."))
                        .collectList()
                        .block(LIMIT))
                .isInstanceOf(SseException.class);
    }

    @Test
    void aToolCallbackIsCalledAndTheAnswerComes() {
        List<String> cities = new CopyOnWriteArrayList<>();
        var tool = FunctionToolCallback.<City, String>builder("weather", asked -> {
                    cities.add(asked.city());
                    return "21 degrees and sunny";
                })
                .description("The weather of a city")
                .inputType(City.class)
                .build();
        String answer = ChatClient.create(model(options()))
                .prompt("How is the weather in Paris?")
                .tools(tool)
                .call()
                .content();
        assertThat(answer).isNotEmpty();
        assertThat(cities).isNotEmpty();

        cities.clear();
        String streamed =
                ChatClient.create(model(options())).prompt("How is the weather in Paris?").tools(tool).stream()
                        .content()
                        .collectList()
                        .map(pieces -> String.join("", pieces))
                        .block(LIMIT);
        assertThat(streamed).isNotEmpty();
        assertThat(cities).isNotEmpty();
    }

    @Test
    void structuredOutputBecomesARecord() {
        OpenAiChatOptions.Builder options = options();
        options.outputSchema("""
                {"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},
                 "required":["name","age"],"additionalProperties":false}""");
        Person person = ChatClient.create(model(options))
                .prompt("Make up a person.")
                .call()
                .entity(Person.class);
        assertThat(person.name()).isNotNull();
    }

    @Test
    void embeddingsAreNumbers() {
        OpenAiEmbeddingOptions.Builder options = OpenAiEmbeddingOptions.builder();
        options.baseUrl(gateway.baseUrl());
        options.apiKey(gateway.key());
        options.model(EMBEDDINGS);
        var model = OpenAiEmbeddingModel.builder().options(options.build()).build();
        List<float[]> vectors = model.embed(List.of("one", "two"));
        assertThat(vectors).hasSize(2);
        assertThat(vectors.getFirst()).hasSizeGreaterThan(8);
    }

    @Test
    void errorsAreTheOnesOfItsClient() {
        assertThatThrownBy(() -> under("status(429,message=Some words)").call(new Prompt("Hi")))
                .isInstanceOf(RateLimitException.class)
                .hasMessageContaining("Some words");
        OpenAiChatOptions.Builder wrong = options();
        wrong.apiKey("lk-live-wrong");
        assertThatThrownBy(() -> model(wrong).call(new Prompt("Hi"))).isInstanceOf(UnauthorizedException.class);
    }

    @Test
    void anOverloadIsTriedAgain() {
        OpenAiChatOptions.Builder options = options();
        options.maxRetries(2);
        options.metadata(Gateway.mishap("times(2,spring-ai,status(503,retry-after-ms=100))"));
        assertThat(model(options).call(new Prompt("Hi")).getResult().getOutput().getText())
                .isNotEmpty();
    }
}
