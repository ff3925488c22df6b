package dev.lockkeeper.clients;

import static dev.lockkeeper.clients.Gateway.EMBEDDINGS;
import static dev.lockkeeper.clients.Gateway.MODEL;
import static dev.lockkeeper.clients.Gateway.REASONER;
import static dev.lockkeeper.clients.Gateway.TRANSCRIBER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.fasterxml.jackson.annotation.JsonClassDescription;
import com.openai.client.OpenAIClient;
import com.openai.client.OpenAIClientAsync;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.client.okhttp.OpenAIOkHttpClientAsync;
import com.openai.core.JsonValue;
import com.openai.core.MultipartField;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.InternalServerException;
import com.openai.errors.NotFoundException;
import com.openai.errors.OpenAIException;
import com.openai.errors.OpenAIIoException;
import com.openai.errors.OpenAIServiceException;
import com.openai.errors.RateLimitException;
import com.openai.errors.SseException;
import com.openai.errors.UnauthorizedException;
import com.openai.errors.UnexpectedStatusCodeException;
import com.openai.errors.UnprocessableEntityException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.helpers.ResponseAccumulator;
import com.openai.models.audio.transcriptions.TranscriptionCreateParams;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionMessageFunctionToolCall;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.chat.completions.ChatCompletionToolChoiceOption;
import com.openai.models.chat.completions.ChatCompletionToolMessageParam;
import com.openai.models.embeddings.EmbeddingCreateParams;
import com.openai.models.files.FileCreateParams;
import com.openai.models.files.FileObject;
import com.openai.models.files.FilePurpose;
import com.openai.models.models.Model;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseCreateParams;
import com.openai.models.responses.ResponseFunctionToolCall;
import com.openai.models.responses.ResponseInputItem;
import com.openai.models.responses.ResponseStatus;
import com.openai.models.responses.ResponseStreamEvent;
import com.openai.models.responses.ToolChoiceOptions;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** OpenAI's own client for Java against a running gateway. */
class OpenAiJavaTest {
    private static Gateway gateway;
    private static OpenAIClient client;
    private static OpenAIClient once;
    private static OpenAIClientAsync async;
    private static final AtomicInteger ATTEMPTS = new AtomicInteger();

    /** The weather of a city. */
    @JsonClassDescription("The weather of a city")
    public static final class GetWeather {
        public String city;
    }

    /** What the weather is. */
    public static final class Weather {
        public String city;
        public double celsius;
        public boolean sunny;
    }

    @BeforeAll
    static void start() {
        gateway = Gateway.start();
        client = OpenAIOkHttpClient.builder()
                .baseUrl(gateway.baseUrl())
                .apiKey(gateway.key())
                .addInterceptor(chain -> {
                    ATTEMPTS.incrementAndGet();
                    return chain.proceed(chain.request());
                })
                .build();
        once = OpenAIOkHttpClient.builder()
                .baseUrl(gateway.baseUrl())
                .apiKey(gateway.key())
                .maxRetries(0)
                .build();
        async = OpenAIOkHttpClientAsync.builder()
                .baseUrl(gateway.baseUrl())
                .apiKey(gateway.key())
                .build();
    }

    @AfterAll
    static void stop() {
        client.close();
        once.close();
        async.close();
        gateway.close();
    }

    private static ChatCompletionCreateParams.Builder chat(String model) {
        return ChatCompletionCreateParams.builder().model(model).addUserMessage("Say hello.");
    }

    private static ChatCompletionCreateParams chat(Map<String, String> metadata) {
        return chat(MODEL)
                .putAdditionalBodyProperty("metadata", JsonValue.from(metadata))
                .build();
    }

    private static ResponseCreateParams.Builder response(String model) {
        return ResponseCreateParams.builder().model(model).input("Say hello.");
    }

    /** What a chat stream showed before it ended or broke. */
    private static final class Seen {
        final ChatCompletionAccumulator accumulator = ChatCompletionAccumulator.create();
        final StringBuilder text = new StringBuilder();
        int chunks;
        int withoutChoice;
        String finish = "";
        Throwable error;

        static Seen of(OpenAIClient client, ChatCompletionCreateParams params) {
            Seen seen = new Seen();
            try (StreamResponse<ChatCompletionChunk> stream =
                    client.chat().completions().createStreaming(params)) {
                stream.stream().forEach(seen::chunk);
            } catch (OpenAIException e) {
                seen.error = e;
            }
            return seen;
        }

        private void chunk(ChatCompletionChunk chunk) {
            chunks++;
            accumulator.accumulate(chunk);
            if (chunk.choices().isEmpty()) {
                withoutChoice++;
                return;
            }
            chunk.choices().getFirst().delta().content().ifPresent(text::append);
            chunk.choices().getFirst().finishReason().ifPresent(reason -> finish = reason.asString());
        }
    }

    @Test
    void modelsAreListedAndFound() {
        List<String> ids = client.models().list().autoPager().stream()
                .map(Model::validate)
                .map(Model::id)
                .toList();
        assertThat(ids).contains(MODEL, REASONER, EMBEDDINGS);
        assertThat(client.models().retrieve(MODEL).validate().id()).isEqualTo(MODEL);
        assertThatThrownBy(() -> client.models().retrieve("gpt-4o-minl")).isInstanceOf(NotFoundException.class);
    }

    @Test
    void aChatAnswersWholeAndValid() {
        ChatCompletion answer =
                client.chat().completions().create(chat(MODEL).build()).validate();
        assertThat(answer.choices().getFirst().message().content())
                .get()
                .asString()
                .isNotEmpty();
        assertThat(answer.choices().getFirst().finishReason().asString()).isEqualTo("stop");
        assertThat(answer.usage().orElseThrow().totalTokens()).isPositive();
    }

    @Test
    void aReasoningModelTakesOldParametersWithAWarning() throws Exception {
        try (var raw = client.chat()
                .completions()
                .withRawResponse()
                .create(chat(REASONER)
                        .putAdditionalBodyProperty("max_tokens", JsonValue.from(500))
                        .temperature(0.3)
                        .build())) {
            assertThat(raw.headers().values("x-lockkeeper-warnings").toString()).contains("max_tokens", "temperature");
            assertThat(raw.headers().values("x-request-id")).hasSize(1);
        }
    }

    @Test
    void aChatStreamHasUsageOnlyWhenAsked() {
        Seen without = Seen.of(client, chat(MODEL).build());
        assertThat(without.error).isNull();
        assertThat(without.withoutChoice).isZero();
        assertThat(without.accumulator.chatCompletion().usage()).isEmpty();
        assertThat(without.text).isNotEmpty();
        assertThat(without.accumulator
                        .chatCompletion()
                        .choices()
                        .getFirst()
                        .message()
                        .content())
                .contains(without.text.toString());

        Seen with = Seen.of(
                client,
                chat(MODEL)
                        .streamOptions(ChatCompletionStreamOptions.builder()
                                .includeUsage(true)
                                .build())
                        .build());
        assertThat(with.error).isNull();
        assertThat(with.withoutChoice).isEqualTo(1);
        assertThat(with.accumulator.chatCompletion().usage().orElseThrow().totalTokens())
                .isPositive();
    }

    @ParameterizedTest
    @ValueSource(strings = {"split(1)", "no-done", "no-usage", "first(300ms)", "stall(3,400ms)"})
    void aChatStreamIsWholeUnder(String mishap) {
        Seen seen = Seen.of(once, chat(Gateway.mishap(mishap)));
        assertThat(seen.error).isNull();
        assertThat(seen.finish).isEqualTo("stop");
        assertThat(seen.accumulator.chatCompletion().validate().choices()).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"cut(3)", "cut(bytes=700)", "reset(3)", "eof(3)", "no-finish", "garbage(3)", "error(3)"})
    void aChatStreamRaisesAnErrorAndNeverLooksWholeUnder(String mishap) {
        Seen seen = Seen.of(once, chat(Gateway.mishap(mishap)));
        assertThat(seen.error).isInstanceOf(SseException.class);
        assertThat(seen.finish).isEmpty();
        assertThat(seen.chunks).isPositive();
        assertThatThrownBy(seen.accumulator::chatCompletion).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void leavingAStreamEarlyLeavesTheClientUsable() {
        ChatCompletionCreateParams slow = chat(Map.of("sim_tokens", "400", "sim_pace_ms", "20"));
        long start = System.nanoTime();
        try (StreamResponse<ChatCompletionChunk> stream =
                client.chat().completions().createStreaming(slow)) {
            assertThat(stream.stream().limit(3)).hasSize(3);
        }
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(4));
        assertThat(client.chat().completions().create(chat(MODEL).build()).id()).isNotEmpty();
    }

    @Test
    void aToolLoopEndsWithAnAnswer() {
        ChatCompletionCreateParams.Builder params =
                chat(MODEL).addTool(GetWeather.class).toolChoice(ChatCompletionToolChoiceOption.Auto.REQUIRED);
        ChatCompletion first =
                client.chat().completions().create(params.build()).validate();
        ChatCompletionMessageFunctionToolCall call = first.choices()
                .getFirst()
                .message()
                .toolCalls()
                .orElseThrow()
                .getFirst()
                .asFunction();
        assertThat(call.function().arguments(GetWeather.class).city).isNotNull();
        params.addMessage(first.choices().getFirst().message());
        first.choices()
                .getFirst()
                .message()
                .toolCalls()
                .orElseThrow()
                .forEach(each -> params.addMessage(ChatCompletionToolMessageParam.builder()
                        .toolCallId(each.asFunction().id())
                        .content("{\"celsius\":21}")
                        .build()));
        ChatCompletion second = client.chat()
                .completions()
                .create(params.toolChoice(ChatCompletionToolChoiceOption.Auto.AUTO)
                        .build());
        assertThat(second.choices().getFirst().message().content()).isPresent();
    }

    @Test
    void streamedToolCallsAreAccumulated() {
        Seen seen = Seen.of(
                client,
                chat(MODEL)
                        .addTool(GetWeather.class)
                        .toolChoice(ChatCompletionToolChoiceOption.Auto.REQUIRED)
                        .build());
        assertThat(seen.error).isNull();
        ChatCompletion answer = seen.accumulator.chatCompletion().validate();
        assertThat(answer.choices()
                        .getFirst()
                        .message()
                        .toolCalls()
                        .orElseThrow()
                        .getFirst()
                        .asFunction()
                        .function()
                        .arguments(GetWeather.class)
                        .city)
                .isNotNull();
    }

    @Test
    void structuredOutputFitsTheClass() {
        var params = chat(MODEL).responseFormat(Weather.class).build();
        assertThat(client.chat()
                        .completions()
                        .create(params)
                        .choices()
                        .getFirst()
                        .message()
                        .content()
                        .orElseThrow()
                        .city)
                .isNotNull();
        ChatCompletionAccumulator accumulator = ChatCompletionAccumulator.create();
        try (StreamResponse<ChatCompletionChunk> stream =
                client.chat().completions().createStreaming(params)) {
            stream.stream().forEach(accumulator::accumulate);
        }
        assertThat(accumulator
                        .chatCompletion(Weather.class)
                        .choices()
                        .getFirst()
                        .message()
                        .content()
                        .orElseThrow()
                        .city)
                .isNotNull();
    }

    @Test
    void aResponseIsWholeAndValid() {
        Response answer = client.responses().create(response(REASONER).build()).validate();
        assertThat(answer.status()).contains(ResponseStatus.COMPLETED);
        assertThat(answer.usage().orElseThrow().totalTokens()).isPositive();
        assertThat(text(answer)).isNotEmpty();
    }

    private static String text(Response answer) {
        return answer.output().stream()
                .flatMap(each -> each.message().stream())
                .flatMap(each -> each.content().stream())
                .map(each -> each.asOutputText().text())
                .reduce("", String::concat);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "split(1)"})
    void aResponseStreamIsNumberedValidAndAccumulates(String mishap) {
        ResponseAccumulator accumulator = ResponseAccumulator.create();
        StringBuilder text = new StringBuilder();
        List<ResponseStreamEvent> events = new ArrayList<>();
        ResponseCreateParams.Builder params = response(REASONER);
        if (!mishap.isEmpty()) {
            params.putAdditionalBodyProperty("metadata", JsonValue.from(Gateway.mishap(mishap)));
        }
        try (StreamResponse<ResponseStreamEvent> stream = client.responses().createStreaming(params.build())) {
            stream.stream().forEach(event -> {
                events.add(event.validate());
                accumulator.accumulate(event);
                event.outputTextDelta().ifPresent(delta -> text.append(delta.delta()));
            });
        }
        assertThat(events.getFirst().isCreated()).isTrue();
        assertThat(events.getLast().isCompleted()).isTrue();
        assertThat(text(accumulator.response().validate())).isNotEmpty().isEqualTo(text.toString());
    }

    @Test
    void aStructuredResponseFitsTheClass() {
        var answer =
                client.responses().create(response(MODEL).text(Weather.class).build());
        assertThat(answer.output().stream()
                        .flatMap(each -> each.message().stream())
                        .flatMap(each -> each.content().stream())
                        .map(each -> each.asOutputText().city)
                        .toList())
                .hasSize(1)
                .doesNotContainNull();
    }

    @Test
    void aResponseGoesOnFromThePreviousOne() {
        Response first = client.responses()
                .create(response(REASONER)
                        .addTool(GetWeather.class)
                        .toolChoice(ToolChoiceOptions.REQUIRED)
                        .build())
                .validate();
        ResponseFunctionToolCall call = first.output().stream()
                .flatMap(each -> each.functionCall().stream())
                .findFirst()
                .orElseThrow();
        assertThat(call.arguments(GetWeather.class).city).isNotNull();
        Response second = client.responses()
                .create(ResponseCreateParams.builder()
                        .model(REASONER)
                        .previousResponseId(first.id())
                        .inputOfResponse(List.of(
                                ResponseInputItem.ofFunctionCallOutput(ResponseInputItem.FunctionCallOutput.builder()
                                        .callId(call.callId())
                                        .output("{\"celsius\":21}")
                                        .build())))
                        .addTool(GetWeather.class)
                        .build())
                .validate();
        assertThat(text(second)).isNotEmpty();
        client.responses().delete(second.id());
        assertThatThrownBy(() -> client.responses().retrieve(second.id())).isInstanceOf(NotFoundException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"cut(4)", "reset(4)", "eof(4)", "garbage(4)", "error(4)", "failed(4)"})
    void aResponseStreamEndsFailedAndNeverLooksWholeUnder(String mishap) {
        List<ResponseStreamEvent> events = new ArrayList<>();
        Throwable error = catchThrowable(() -> {
            try (StreamResponse<ResponseStreamEvent> stream = once.responses()
                    .createStreaming(response(MODEL)
                            .putAdditionalBodyProperty("metadata", JsonValue.from(Gateway.mishap(mishap)))
                            .build())) {
                stream.stream().forEach(event -> events.add(event.validate()));
            }
        });
        assertThat(events).isNotEmpty().noneMatch(ResponseStreamEvent::isCompleted);
        if (error != null) {
            assertThat(error).isInstanceOf(SseException.class);
        } else {
            ResponseStreamEvent last = events.getLast();
            assertThat(last.isFailed()).as("last: %s", last).isTrue();
            assertThat(last.asFailed().response().validate().status()).contains(ResponseStatus.FAILED);
        }
    }

    @Test
    void embeddingsInBase64AndFloatsAreTheSameNumbers() {
        EmbeddingCreateParams.Builder params =
                EmbeddingCreateParams.builder().model(EMBEDDINGS).inputOfArrayOfStrings(List.of("one", "two"));
        List<Float> plain =
                client.embeddings().create(params.build()).data().getFirst().embedding();
        List<Float> base64 = client.embeddings()
                .create(params.encodingFormat(EmbeddingCreateParams.EncodingFormat.BASE64)
                        .build())
                .data()
                .getFirst()
                .embedding();
        List<Float> floats = client.embeddings()
                .create(params.encodingFormat(EmbeddingCreateParams.EncodingFormat.FLOAT)
                        .build())
                .data()
                .getFirst()
                .embedding();
        assertThat(plain).hasSizeGreaterThan(8).isEqualTo(base64);
        assertThat(floats).hasSameSizeAs(base64);
        for (int i = 0; i < floats.size(); i++) {
            assertThat(floats.get(i)).isCloseTo(base64.get(i), org.assertj.core.data.Offset.offset(1e-6f));
        }
    }

    @Test
    void aFileIsKeptListedReadAndDeleted() throws Exception {
        byte[] lines = "{\"custom_id\":\"1\"}\n{\"custom_id\":\"ü\"}\n".getBytes(StandardCharsets.UTF_8);
        FileObject file = client.files()
                .create(FileCreateParams.builder()
                        .file(MultipartField.<InputStream>builder()
                                .value(new ByteArrayInputStream(lines))
                                .filename("lines.jsonl")
                                .build())
                        .purpose(FilePurpose.USER_DATA)
                        .build())
                .validate();
        assertThat(file.filename()).isEqualTo("lines.jsonl");
        assertThat(file.bytes()).isEqualTo(lines.length);
        assertThat(client.files().list().autoPager().stream().map(FileObject::id))
                .contains(file.id());
        assertThat(client.files().retrieve(file.id()).id()).isEqualTo(file.id());
        try (var content = client.files().content(file.id())) {
            assertThat(content.body().readAllBytes()).isEqualTo(lines);
        }
        assertThat(client.files().delete(file.id()).deleted()).isTrue();
        assertThatThrownBy(() -> client.files().retrieve(file.id())).isInstanceOf(NotFoundException.class);
    }

    @Test
    void aTranscriptionGoesUpInMultipart() {
        var answer = client.audio()
                .transcriptions()
                .create(TranscriptionCreateParams.builder()
                        .file(MultipartField.<InputStream>builder()
                                .value(new ByteArrayInputStream(new byte[300_000]))
                                .filename("speech.wav")
                                .build())
                        .model(TRANSCRIBER)
                        .build());
        assertThat(answer.asTranscription().text()).isNotEmpty();
    }

    @Test
    void aWrongKeyIsUnauthorized() {
        OpenAIClient wrong = client.withOptions(options -> options.apiKey("lk-live-wrong"));
        OpenAIServiceException error = refused(() -> wrong.models().list(), UnauthorizedException.class);
        assertThat(error.code()).contains("invalid_api_key");
        assertThat(error.headers().values("x-request-id")).hasSize(1);
    }

    @Test
    void anUnknownModelIsNotFound() {
        OpenAIServiceException error = refused(
                () -> client.chat().completions().create(chat("gpt-4o-minl").build()), NotFoundException.class);
        assertThat(error.code()).contains("model_not_found");
        assertThat(error.param()).contains("model");
        assertThat(error).hasMessageContaining(MODEL);
    }

    private static OpenAIServiceException refused(Runnable call, Class<? extends OpenAIServiceException> kind) {
        Throwable error = catchThrowable(call::run);
        assertThat(error).isInstanceOf(kind);
        return (OpenAIServiceException) error;
    }

    @ParameterizedTest
    @CsvSource({"400", "404", "409", "422", "429", "500", "503"})
    void theUpstreamsErrorIsTheClientsKindOfError(int status) {
        Class<? extends OpenAIServiceException> kind = switch (status) {
            case 400 -> BadRequestException.class;
            case 404 -> NotFoundException.class;
            case 409 -> UnexpectedStatusCodeException.class;
            case 422 -> UnprocessableEntityException.class;
            case 429 -> RateLimitException.class;
            default -> InternalServerException.class;
        };
        ChatCompletionCreateParams params =
                chat(Gateway.mishap("status(" + status + ",code=some_code,message=Some words)"));
        for (Runnable call : List.<Runnable>of(() -> once.chat().completions().create(params), () -> {
            try (StreamResponse<ChatCompletionChunk> stream =
                    once.chat().completions().createStreaming(params)) {
                stream.stream().forEach(each -> {});
            }
        })) {
            OpenAIServiceException error = refused(call, kind);
            assertThat(error.statusCode()).isEqualTo(status);
            assertThat(error.code()).contains("some_code");
            assertThat(error).hasMessageContaining("Some words");
        }
    }

    @ParameterizedTest
    @CsvSource({"401", "403"})
    void theUpstreamsRefusalOfTheGatewaysKeyIsNotTheClients(int status) {
        OpenAIServiceException error = refused(
                () -> once.chat().completions().create(chat(Gateway.mishap("status(" + status + ")"))),
                InternalServerException.class);
        assertThat(error.statusCode()).isEqualTo(502);
        assertThat(error.code()).contains("upstream_auth_error");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "times(2,openai-java-1,status(503,retry-after-ms=150)) | 3 | 300 | true",
                "times(1,openai-java-2,status(429,retry-after=1)) | 2 | 1000 | true",
                "times(1,openai-java-3,status(400,should-retry=true,retry-after-ms=100)) | 2 | 100 | true",
                "status(503,should-retry=false) | 1 | 0 | false",
                "status(400) | 1 | 0 | false",
            })
    void retriesAreWhatTheHeadersAskFor(String mishap, int attempts, long leastMillis, boolean answered) {
        ATTEMPTS.set(0);
        long start = System.nanoTime();
        Throwable error = catchThrowable(() -> client.chat().completions().create(chat(Gateway.mishap(mishap))));
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        assertThat(ATTEMPTS).hasValue(attempts);
        assertThat(error == null).isEqualTo(answered);
        assertThat(millis).isBetween(leastMillis, leastMillis + 2000);
    }

    @Test
    void aClientThatWaitsTooShortTimesOut() {
        OpenAIClient impatient = once.withOptions(options -> options.timeout(Duration.ofMillis(400)));
        assertThatThrownBy(() -> impatient.chat().completions().create(chat(Gateway.mishap("silence"))))
                .isInstanceOf(OpenAIIoException.class);
    }

    @Test
    void theAsynchronousClientAnswersManyAtOnce() {
        List<CompletableFuture<String>> answers = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            answers.add(async.chat()
                    .completions()
                    .create(chat(MODEL).build())
                    .thenApply(each -> each.choices().getFirst().finishReason().asString()));
            ResponseAccumulator accumulator = ResponseAccumulator.create();
            var stream = async.responses().createStreaming(response(MODEL).build());
            stream.subscribe(accumulator::accumulate);
            answers.add(stream.onCompleteFuture()
                    .thenApply(done ->
                            accumulator.response().status().orElseThrow().asString()));
        }
        assertThat(answers)
                .allSatisfy(each -> assertThat(each)
                        .succeedsWithin(Duration.ofSeconds(20))
                        .satisfiesAnyOf(
                                text -> assertThat(text).isEqualTo("stop"),
                                text -> assertThat(text).isEqualTo("completed")));
    }
}
