package dev.lockkeeper.simulator;

import static dev.lockkeeper.simulator.Running.events;
import static dev.lockkeeper.simulator.Running.json;
import static dev.lockkeeper.simulator.Running.quoted;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.StreamResponse;
import com.openai.models.audio.AudioModel;
import com.openai.models.audio.speech.SpeechCreateParams;
import com.openai.models.audio.transcriptions.TranscriptionCreateParams;
import com.openai.models.audio.transcriptions.TranscriptionStreamEvent;
import com.openai.models.batches.Batch;
import com.openai.models.batches.BatchCreateParams;
import com.openai.models.completions.CompletionCreateParams;
import com.openai.models.conversations.ConversationCreateParams;
import com.openai.models.files.FileCreateParams;
import com.openai.models.files.FilePurpose;
import com.openai.models.images.ImageEditParams;
import com.openai.models.images.ImageGenStreamEvent;
import com.openai.models.images.ImageGenerateParams;
import com.openai.models.images.ImageModel;
import com.openai.models.moderations.ModerationCreateParams;
import com.openai.models.uploads.Upload;
import com.openai.models.uploads.UploadCompleteParams;
import com.openai.models.uploads.UploadCreateParams;
import com.openai.models.uploads.parts.PartCreateParams;
import com.openai.models.vectorstores.VectorStore;
import com.openai.models.vectorstores.VectorStoreCreateParams;
import com.openai.models.vectorstores.VectorStoreSearchParams;
import com.openai.models.vectorstores.filebatches.FileBatchCreateParams;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** All that is not chat and responses, mostly asked for with OpenAI's own Java client, whose types say what is due. */
class EndpointsTest {
    private static Running running;
    private static OpenAIClient client;

    @BeforeAll
    static void start() {
        running = new Running();
        client = OpenAIOkHttpClient.builder()
                .baseUrl(running.uri("/v1").toString())
                .apiKey("sim-java")
                .build();
    }

    @AfterAll
    static void stop() {
        client.close();
        running.close();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String file(String content, FilePurpose purpose) {
        return client.files()
                .create(FileCreateParams.builder()
                        .file(bytes(content))
                        .purpose(purpose)
                        .build())
                .id();
    }

    @Test
    void aFileCanBeReadBackAndDeleted() throws IOException {
        String id = file("line one\nline two", FilePurpose.USER_DATA);
        try (var content = client.files().content(id)) {
            assertThat(content.body()).hasContent("line one\nline two");
        }
        client.files().delete(id).validate();
        assertThat(running.get("/v1/files/" + id).statusCode()).isEqualTo(404);
    }

    @Test
    void anUploadsPartsBecomeAFile() {
        Upload upload = client.uploads()
                .create(UploadCreateParams.builder()
                        .bytes(10)
                        .filename("parts.txt")
                        .mimeType("text/plain")
                        .purpose(FilePurpose.USER_DATA)
                        .build());
        upload.validate();
        List<String> parts = List.of("01234", "56789").stream()
                .map(each -> client.uploads()
                        .parts()
                        .create(PartCreateParams.builder()
                                .uploadId(upload.id())
                                .data(bytes(each))
                                .build())
                        .id())
                .toList();
        Upload done = client.uploads()
                .complete(UploadCompleteParams.builder()
                        .uploadId(upload.id())
                        .partIds(parts)
                        .build());
        done.validate();
        assertThat(running.get("/v1/files/" + done.file().orElseThrow().id() + "/content")
                        .body())
                .isEqualTo("0123456789");
    }

    @Test
    void aBatchAnswersEveryLine() {
        String line =
                "{'custom_id':'ID','method':'POST','url':'/v1/chat/completions','body':{'model':'MODEL','messages':[{'role':'user','content':'hello'}]TAIL}}";
        String input = file(
                quoted(line.replace("ID", "one").replace("MODEL", "gpt-4o").replace("TAIL", "") + "\n"
                        + line.replace("ID", "two").replace("MODEL", "gpt-4o").replace("TAIL", ",'n':0") + "\n"),
                FilePurpose.BATCH);
        Batch made = client.batches()
                .create(BatchCreateParams.builder()
                        .inputFileId(input)
                        .endpoint(BatchCreateParams.Endpoint.V1_CHAT_COMPLETIONS)
                        .completionWindow(BatchCreateParams.CompletionWindow._24H)
                        .build());
        made.validate();
        Batch done = await().until(
                        () -> client.batches().retrieve(made.id()),
                        batch -> batch.status().equals(Batch.Status.COMPLETED));
        done.validate();
        assertThat(done.requestCounts().orElseThrow().completed()).isEqualTo(1);
        assertThat(done.requestCounts().orElseThrow().failed()).isEqualTo(1);
        JsonNode good = Json.MAPPER.readTree(
                running.get("/v1/files/" + done.outputFileId().orElseThrow() + "/content")
                        .body());
        assertThat(good.at("/custom_id").stringValue()).isEqualTo("one");
        assertThat(good.at("/response/body/object").stringValue()).isEqualTo("chat.completion");
        JsonNode bad = Json.MAPPER.readTree(
                running.get("/v1/files/" + done.errorFileId().orElseThrow() + "/content")
                        .body());
        assertThat(bad.at("/response/status_code").intValue()).isEqualTo(400);
    }

    @Test
    void aBatchWithMistakesFailsAndNamesTheirLines() {
        String input = file("{}\nnot json\n", FilePurpose.BATCH);
        String id = json(running.post(
                        "/v1/batches",
                        quoted("{'input_file_id':'" + input
                                + "','endpoint':'/v1/embeddings','completion_window':'24h'}")))
                .at("/id")
                .stringValue();
        await().untilAsserted(() -> assertThat(
                        json(running.get("/v1/batches/" + id)).at("/status").stringValue())
                .isEqualTo("failed"));
        assertThat(json(running.get("/v1/batches/" + id)).at("/errors/data")).hasSize(2);
    }

    @Test
    void aVectorStoreIsFilledInBatchesAndSearched() {
        String bread = file("Bread is baked from flour and yeast.", FilePurpose.ASSISTANTS);
        String lock = file("A lock lifts boats on a canal.", FilePurpose.ASSISTANTS);
        VectorStore store = client.vectorStores()
                .create(VectorStoreCreateParams.builder().name("facts").build());
        store.validate();
        client.vectorStores()
                .fileBatches()
                .create(FileBatchCreateParams.builder()
                        .vectorStoreId(store.id())
                        .fileIds(List.of(bread, lock))
                        .build())
                .validate();
        assertThat(client.vectorStores().retrieve(store.id()).fileCounts().completed())
                .isEqualTo(2);
        var hits = client.vectorStores()
                .search(VectorStoreSearchParams.builder()
                        .vectorStoreId(store.id())
                        .query("which flour for bread")
                        .build())
                .data();
        assertThat(hits.getFirst().fileId()).isEqualTo(bread);
        client.vectorStores().files().list(store.id()).data().forEach(each -> each.validate());
        client.vectorStores().delete(store.id()).validate();
    }

    @Test
    void aConversationIsMadeReadAndDeleted() {
        var made =
                client.conversations().create(ConversationCreateParams.builder().build());
        made.validate();
        client.conversations().retrieve(made.id()).validate();
        client.conversations().delete(made.id()).validate();
        assertThat(running.get("/v1/conversations/" + made.id()).statusCode()).isEqualTo(404);
    }

    @Test
    void plainWordsAreFlagged() {
        var answer = client.moderations()
                .create(ModerationCreateParams.builder()
                        .inputOfStrings(List.of("I will kill the process", "a quiet river"))
                        .build());
        answer.validate();
        assertThat(answer.results().get(0).categories().violence()).isTrue();
        assertThat(answer.results().get(0).flagged()).isTrue();
        assertThat(answer.results().get(1).flagged()).isFalse();
    }

    @Test
    void aLegacyCompletionIsAnsweredAndStreamed() {
        var params = CompletionCreateParams.builder()
                .model("gpt-3.5-turbo-instruct")
                .prompt("Once upon a time")
                .maxTokens(20)
                .build();
        var whole = client.completions().create(params);
        whole.validate();
        assertThat(whole.choices().getFirst().finishReason().asString()).isEqualTo("length");
        StringBuilder text = new StringBuilder();
        try (var stream = client.completions().createStreaming(params)) {
            stream.stream()
                    .forEach(each -> text.append(each.choices().getFirst().text()));
        }
        assertThat(text.toString()).isEqualTo(whole.choices().getFirst().text());
    }

    @Test
    void picturesArePng() throws IOException {
        var answer = client.images()
                .generate(ImageGenerateParams.builder()
                        .model(ImageModel.GPT_IMAGE_2)
                        .prompt("a lock")
                        .n(2)
                        .build());
        answer.validate();
        assertThat(answer.data().orElseThrow()).hasSize(2);
        byte[] png = Base64.getDecoder()
                .decode(answer.data().orElseThrow().getFirst().b64Json().orElseThrow());
        assertThat(ImageIO.read(new ByteArrayInputStream(png)).getWidth()).isEqualTo(16);
    }

    @Test
    void picturesAreStreamedAndEdited() {
        try (StreamResponse<ImageGenStreamEvent> stream = client.images()
                .generateStreaming(ImageGenerateParams.builder()
                        .model(ImageModel.GPT_IMAGE_2)
                        .prompt("a lock")
                        .partialImages(2)
                        .build())) {
            List<ImageGenStreamEvent> all =
                    stream.stream().peek(ImageGenStreamEvent::validate).toList();
            assertThat(all).hasSize(3);
            assertThat(all.getLast().isGenerationCompleted()).isTrue();
        }
        client.images()
                .edit(ImageEditParams.builder()
                        .image(new ByteArrayInputStream(Picture.png(1)))
                        .prompt("bluer")
                        .model(ImageModel.GPT_IMAGE_2)
                        .n(2)
                        .build())
                .validate();
    }

    @Test
    void speechIsSound() throws IOException {
        SpeechCreateParams.Builder params = SpeechCreateParams.builder()
                .model("gpt-4o-mini-tts")
                .voice("alloy")
                .input("Mind the gate");
        try (var wav = client.audio()
                .speech()
                .create(params.responseFormat(SpeechCreateParams.ResponseFormat.WAV)
                        .build())) {
            assertThat(wav.headers().values("content-type")).containsExactly("audio/wav");
            assertThat(new String(wav.body().readAllBytes(), 0, 4, StandardCharsets.US_ASCII))
                    .isEqualTo("RIFF");
        }
        List<Running.Sse> events = events(running.post(
                        "/v1/audio/speech",
                        quoted("{'model':'gpt-4o-mini-tts','voice':'alloy','input':'hello','stream_format':'sse'}"))
                .body());
        assertThat(events.getLast().name()).isEqualTo("speech.audio.done");
        assertThat(events.getLast().json().at("/usage/total_tokens").intValue()).isPositive();
    }

    @Test
    void aRecordingIsTranscribedTranslatedAndStreamed() {
        byte[] sound = Sound.tone(40, "wav");
        TranscriptionCreateParams.Builder params = TranscriptionCreateParams.builder()
                .file(new ByteArrayInputStream(sound))
                .model(AudioModel.GPT_TRANSCRIBE);
        var answer = client.audio().transcriptions().create(params.build());
        answer.validate();
        StringBuilder text = new StringBuilder();
        try (StreamResponse<TranscriptionStreamEvent> stream = client.audio()
                .transcriptions()
                .createStreaming(params.file(new ByteArrayInputStream(sound)).build())) {
            stream.stream()
                    .peek(TranscriptionStreamEvent::validate)
                    .forEach(each -> each.transcriptTextDelta().ifPresent(delta -> text.append(delta.delta())));
        }
        assertThat(answer.asTranscription().text()).isEqualTo(text.toString()).isNotEmpty();
        String form = String.join(
                "\r\n",
                "--b",
                "Content-Disposition: form-data; name=\"file\"; filename=\"a.wav\"",
                "",
                "RIFF",
                "--b",
                "Content-Disposition: form-data; name=\"model\"",
                "",
                "whisper-1",
                "--b--",
                "");
        JsonNode translated = json(running.send(running.request("/v1/audio/translations")
                .setHeader("content-type", "multipart/form-data; boundary=b")
                .POST(java.net.http.HttpRequest.BodyPublishers.ofString(form))
                .build()));
        assertThat(translated.at("/text").stringValue()).isNotEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "POST, /v1/nothing, 404",
        "GET, /nothing, 404",
        "PUT, /v1/models, 404",
        "GET, /models, 200",
        "GET, /v1/models/gpt-4o, 200",
        "GET, /v1/models/ft%3Agpt-4o%3Aorg%2Fx, 200",
        "GET, /v1/models/unheard-of, 404",
        "GET, /v1/files/file-none, 404",
        "GET, /v1/batches/batch_none, 404",
        "GET, /v1/responses/resp_none, 404",
        "GET, /v1/vector_stores/vs_none/files, 404",
        "GET, /v1/chat/completions/chatcmpl-none, 404",
        "GET, /v1/files?limit=1000, 400",
    })
    void pathsAreFoundOrNot(String method, String path, int status) {
        var response = running.send(running.request(path)
                .method(method, java.net.http.HttpRequest.BodyPublishers.noBody())
                .build());
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        if (status >= 400) {
            assertThat(json(response).at("/error").propertyNames())
                    .containsExactlyInAnyOrder("message", "type", "param", "code");
        }
    }

    @Test
    void whatIsNotJsonIsRefused() {
        assertThat(running.post("/v1/chat/completions", "{'model'").statusCode())
                .isEqualTo(400);
        assertThat(running.post("/v1/chat/completions", "[]").statusCode()).isEqualTo(400);
        assertThat(running.send(running.request("/v1/chat/completions")
                                .setHeader("content-type", "text/plain")
                                .POST(java.net.http.HttpRequest.BodyPublishers.ofString("{}"))
                                .build())
                        .statusCode())
                .isEqualTo(415);
    }

    @Test
    void aListIsReadPageByPage() {
        List<String> made = List.of("a", "b", "c").stream()
                .map(each -> file(each, FilePurpose.FINE_TUNE))
                .toList();
        JsonNode first = json(running.get("/v1/files?purpose=fine-tune&limit=2"));
        assertThat(first.at("/has_more").booleanValue()).isTrue();
        assertThat(first.at("/first_id").stringValue()).isEqualTo(made.get(2));
        JsonNode rest = json(running.get("/v1/files?purpose=fine-tune&limit=2&after="
                + first.at("/last_id").stringValue()));
        assertThat(rest.at("/has_more").booleanValue()).isFalse();
        assertThat(rest.at("/data/0/id").stringValue()).isEqualTo(made.get(0));
    }

    @Test
    void likeTextsHaveLikeVectorsOfLengthOne() {
        float[] lock = Embeddings.vector("the canal lock lifts a boat", 512);
        float[] locks = Embeddings.vector("canal locks lift boats", 512);
        float[] bread = Embeddings.vector("bread from flour and yeast", 512);
        assertThat(Embeddings.cosine(lock, lock)).isCloseTo(1.0, org.assertj.core.data.Offset.offset(1e-5));
        assertThat(Embeddings.cosine(lock, locks)).isGreaterThan(Embeddings.cosine(lock, bread) + 0.2);
    }

    @Test
    void aShelfDropsItsOldest() {
        Shelf<String> shelf = new Shelf<>(3, 100);
        for (String each : List.of("a", "b", "c", "d")) {
            shelf.put(each, each, 10);
        }
        assertThat(shelf.get("a")).isNull();
        assertThat(shelf.get("d")).isEqualTo("d");
        shelf.put("heavy", "heavy", 90);
        assertThat(shelf.get("c")).isNull();
        assertThat(shelf.get("d")).isEqualTo("d");
        assertThat(shelf.get("heavy")).isEqualTo("heavy");
    }
}
