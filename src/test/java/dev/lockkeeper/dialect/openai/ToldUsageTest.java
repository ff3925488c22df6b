package dev.lockkeeper.dialect.openai;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.HostedCalls;
import dev.lockkeeper.units.Usage;
import java.util.List;
import java.util.Objects;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.From;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What upstreams tell of their usage, and which bucket each token belongs to. */
class ToldUsageTest {
    private static @Nullable Usage unary(Endpoint endpoint, String body) {
        UnaryTap tap = Taps.unary(endpoint);
        tap.piece(Bytes.utf8(body));
        tap.end();
        assertThat(tap.finished()).isTrue();
        return tap.usage();
    }

    private static @Nullable Usage chat(String usage) {
        return unary(Given.CHAT, "{\"usage\":" + usage + "}");
    }

    private static @Nullable Usage images(String body) {
        return unary(Endpoints.of("POST", "/v1/images/generations"), body);
    }

    private static @Nullable Usage transcription(String usage) {
        return unary(Endpoints.of("POST", "/v1/audio/transcriptions"), "{\"text\":\"Hi\",\"usage\":" + usage + "}");
    }

    @Test
    void cachedAndWrittenTokensAreTakenOutOfThePrompt() {
        assertThat(chat("{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,"
                        + "\"prompt_tokens_details\":{\"cached_tokens\":60,\"cache_write_tokens\":30},"
                        + "\"completion_tokens_details\":{\"reasoning_tokens\":15}}"))
                .isEqualTo(Given.used(10, 60, 30, 5, 15, ""));
    }

    @Test
    void whatIsWrittenForLongIsToldApart() {
        Usage usage = unary(
                Given.RESPONSES,
                "{\"id\":\"r\",\"service_tier\":\"flex\",\"usage\":{\"input_tokens\":100,\"input_tokens_details\":{"
                        + "\"cached_tokens\":0,\"cache_write_tokens\":90,\"cache_write_tokens_details\":"
                        + "{\"ttl_30m_tokens\":50,\"ttl_12h_tokens\":40}},\"output_tokens\":1,\"total_tokens\":101}}");
        assertThat(usage)
                .isEqualTo(Given.used(10, 0, 50, 1, 0, "flex").toBuilder()
                        .writtenLongInput(40)
                        .build());
    }

    @Test
    void audioAndPredictionsAreToldApart() {
        assertThat(chat("{\"prompt_tokens\":50,\"completion_tokens\":100,\"total_tokens\":150,"
                        + "\"prompt_tokens_details\":{\"audio_tokens\":30,\"image_tokens\":5,\"text_tokens\":15},"
                        + "\"completion_tokens_details\":{\"reasoning_tokens\":10,\"audio_tokens\":40,"
                        + "\"accepted_prediction_tokens\":20,\"rejected_prediction_tokens\":7}}"))
                .isEqualTo(new Usage.Builder()
                        .freshInput(15)
                        .audioInput(30)
                        .imageInput(5)
                        .textOutput(23)
                        .reasoningOutput(10)
                        .audioOutput(40)
                        .acceptedOutput(20)
                        .rejectedOutput(7)
                        .build());
    }

    @Test
    void whatWasCachedOfPicturesAndAudioIsNotChargedAsFresh() {
        String told = "{\"input_tokens\":100,\"output_tokens\":1,\"input_token_details\":{\"text_tokens\":20,"
                + "\"audio_tokens\":50,\"image_tokens\":30,\"cached_tokens\":60,"
                + "\"cached_tokens_details\":{\"text_tokens\":15,\"audio_tokens\":35,\"image_tokens\":10}}}";
        assertThat(chat(told))
                .isEqualTo(new Usage.Builder()
                        .freshInput(5)
                        .cachedInput(15)
                        .cachedAudioInput(35)
                        .cachedImageInput(10)
                        .audioInput(15)
                        .imageInput(20)
                        .textOutput(1)
                        .build());
    }

    @Test
    void moreCachedThanThereIsTextMeansThatPicturesWereCached() {
        assertThat(chat("{\"prompt_tokens\":100,\"completion_tokens\":0,\"prompt_tokens_details\":"
                        + "{\"cached_tokens\":70,\"image_tokens\":80}}"))
                .isEqualTo(new Usage.Builder()
                        .cachedInput(20)
                        .cachedImageInput(50)
                        .imageInput(30)
                        .build());
    }

    @Test
    void anUpstreamThatCountsReasoningBesideTheAnswerIsBelieved() {
        assertThat(chat("{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":45,"
                        + "\"completion_tokens_details\":{\"reasoning_tokens\":30}}"))
                .isEqualTo(Given.used(10, 0, 0, 5, 30, ""));
        assertThat(chat("{\"prompt_tokens\":10,\"completion_tokens\":5,"
                        + "\"completion_tokens_details\":{\"reasoning_tokens\":30}}"))
                .as("more reasoning than answer")
                .isEqualTo(Given.used(10, 0, 0, 5, 30, ""));
    }

    @Test
    void reasoningThatOnlyTheTotalTellsOfIsCharged() {
        assertThat(chat("{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":40}"))
                .isEqualTo(Given.used(10, 0, 0, 5, 25, ""));
    }

    @Test
    void anUpstreamThatCountsTheCacheBesideThePromptIsBelieved() {
        assertThat(chat("{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":115,"
                        + "\"prompt_tokens_details\":{\"cached_tokens\":100}}"))
                .isEqualTo(Given.used(10, 100, 0, 5, 0, ""));
        assertThat(chat("{\"prompt_tokens\":10,\"completion_tokens\":5,"
                        + "\"prompt_tokens_details\":{\"cached_tokens\":100}}"))
                .as("more cached than prompt")
                .isEqualTo(Given.used(10, 100, 0, 5, 0, ""));
    }

    @Test
    void aLaterUsageOfZerosDoesNotWipeOutWhatWasTold() {
        StreamTap tap = new ChatTap(1, true);
        tap.event(null, Bytes.utf8("{\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":1}}"));
        tap.event(null, Bytes.utf8("{\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":9}}"));
        tap.event(null, Bytes.utf8("{\"choices\":[],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0}}"));
        tap.event(null, Bytes.utf8("{\"choices\":[],\"usage\":null}"));
        assertThat(tap.usage()).isEqualTo(Usage.of(7, 9));
    }

    @Test
    void countsThatCanNotBeAreBounded() {
        assertThat(chat("{\"prompt_tokens\":-5,\"completion_tokens\":99999999999999999999}"))
                .isEqualTo(Usage.of(0, Usage.MOST));
        assertThat(chat("{\"prompt_tokens\":\"7\",\"completion_tokens\":null}")).isNull();
    }

    @Test
    void spokenOutputIsAudioAlthoughNothingSaysSo() {
        Endpoint speech = Endpoints.of("POST", "/v1/audio/speech");
        StreamTap voice = Taps.stream(speech, RequestScan.none(speech));
        voice.event(
                null,
                Bytes.utf8("{\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":4,\"output_tokens\":90}}"));
        assertThat(voice.usage())
                .isEqualTo(new Usage.Builder().freshInput(4).audioOutput(90).build());
    }

    @Test
    void aTranscriptionIsCountedInTokensOrInSeconds() {
        assertThat(transcription("{\"type\":\"tokens\",\"input_tokens\":14,\"input_token_details\":"
                        + "{\"text_tokens\":4,\"audio_tokens\":10},\"output_tokens\":3,\"total_tokens\":17}"))
                .isEqualTo(new Usage.Builder()
                        .freshInput(4)
                        .audioInput(10)
                        .textOutput(3)
                        .build());
        assertThat(transcription("{\"type\":\"duration\",\"seconds\":12}"))
                .isEqualTo(new Usage.Builder().audioMillis(12_000).build());
    }

    @Test
    void picturesAreCountedAndTheirTokensAreOfPictures() {
        assertThat(images("{\"data\":[{\"b64_json\":\"AA\"},{\"b64_json\":\"BB\"}],\"usage\":{\"input_tokens\":50,"
                        + "\"input_tokens_details\":{\"text_tokens\":10,\"image_tokens\":40},\"output_tokens\":544,"
                        + "\"total_tokens\":594}}"))
                .isEqualTo(new Usage.Builder()
                        .freshInput(10)
                        .imageInput(40)
                        .imageOutput(544)
                        .images(2)
                        .build());
        assertThat(images("{\"data\":[{\"b64_json\":\"AA\"}],\"usage\":{\"input_tokens\":5,\"output_tokens\":100,"
                        + "\"output_tokens_details\":{\"image_tokens\":90,\"text_tokens\":10}}}"))
                .isEqualTo(new Usage.Builder()
                        .freshInput(5)
                        .imageOutput(90)
                        .textOutput(10)
                        .images(1)
                        .build());
    }

    @Test
    void picturesWithoutUsageAreCountedAndCalledAnEstimate() {
        assertThat(images("{\"data\":[{\"url\":\"https://x\"},{\"url\":\"https://y\"}]}"))
                .isEqualTo(new Usage.Builder().images(2).estimated(true).build());
        assertThat(images("{\"data\":[]}")).isNull();
    }

    private static final String ITEMS =
            "[{\"type\":\"web_search_call\",\"id\":\"ws_1\",\"action\":{\"type\":\"search\"}},"
                    + "{\"type\":\"web_search_call\",\"id\":\"ws_2\"},{\"type\":\"file_search_call\",\"id\":\"fs_1\"},"
                    + "{\"id\":\"ci_1\",\"container_id\":\"cntr_1\",\"type\":\"code_interpreter_call\"},"
                    + "{\"type\":\"code_interpreter_call\",\"id\":\"ci_2\",\"container_id\":\"cntr_1\"},"
                    + "{\"type\":\"image_generation_call\",\"id\":\"ig_1\"},{\"type\":\"mcp_call\",\"id\":\"mcp_1\"},"
                    + "{\"type\":\"computer_call\",\"id\":\"cu_1\"},{\"type\":\"function_call\",\"id\":\"fc_1\"},"
                    + "{\"type\":\"message\",\"id\":\"msg_1\",\"content\":[{\"type\":\"output_text\",\"text\":\"Hi\"}]}]";
    private static final String USED = "\"usage\":{\"input_tokens\":3,\"output_tokens\":2,\"total_tokens\":5}";

    private static HostedCalls hosted(@Nullable Usage usage) {
        assertThat(usage).isNotNull();
        return Objects.requireNonNull(usage).hosted();
    }

    @Test
    void callsOfHostedToolsAreCountedAndACodesContainerOnce() {
        HostedCalls expected = new HostedCalls(2, 1, 1, 1, 0, 0, 2);
        assertThat(hosted(unary(Given.RESPONSES, "{\"id\":\"r\",\"output\":" + ITEMS + "," + USED + "}")))
                .isEqualTo(expected);
        StreamTap tap = new ResponsesTap();
        tap.event(null, Bytes.utf8("{\"type\":\"response.created\",\"response\":{\"output\":[]}}"));
        for (int i = 0; i < 2; i++) {
            for (String step : new String[] {"added", "done"}) {
                tap.event(
                        null,
                        Bytes.utf8("{\"item\":{\"type\":\"web_search_call\",\"id\":\"ws_" + i
                                + "\"},\"type\":\"response.output_item." + step + "\"}"));
            }
        }
        tap.event(
                null,
                Bytes.utf8("{\"type\":\"response.completed\",\"response\":{\"output\":" + ITEMS + "," + USED + "}}"));
        assertThat(hosted(tap.usage())).isEqualTo(expected);
    }

    @Test
    void aStreamWhoseEndDoesNotRepeatItsItemsIsCountedByThem() {
        StreamTap tap = new ResponsesTap();
        for (int i = 0; i < 3; i++) {
            tap.event(
                    "response.output_item.done",
                    Bytes.utf8("{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"web_search_call\"}}"));
        }
        tap.event(null, Bytes.utf8("{\"type\":\"response.completed\",\"response\":{" + USED + "}}"));
        assertThat(hosted(tap.usage()).webSearches()).isEqualTo(3);
    }

    @Test
    void whatToolUsageTellsWinsAndTheImageToolsTokensStayApart() {
        String told = "{\"id\":\"r\",\"output\":" + ITEMS
                + ",\"tool_usage\":{\"web_search\":{\"num_requests\":1},\"image_gen\":{\"input_tokens\":70,\"output_tokens\":272}},"
                + USED + "}";
        Usage usage = unary(Given.RESPONSES, told);
        assertThat(hosted(usage)).isEqualTo(new HostedCalls(1, 1, 1, 1, 70, 272, 2));
        assertThat(usage).extracting(Usage::input, Usage::output).containsExactly(3L, 2L);
    }

    @Property
    void noTokenIsLostOrCountedTwice(
            @ForAll @LongRange(min = 0, max = 100) long prompt,
            @ForAll @LongRange(min = 0, max = 120) long cached,
            @ForAll @LongRange(min = 0, max = 120) long written,
            @ForAll @LongRange(min = 0, max = 120) long audio,
            @ForAll @LongRange(min = 0, max = 120) long image,
            @ForAll @LongRange(min = 0, max = 120) long cachedAudio,
            @ForAll @LongRange(min = 0, max = 100) long answer,
            @ForAll @LongRange(min = 0, max = 120) long reasoning,
            @ForAll @LongRange(min = 0, max = 120) long spoken,
            @ForAll @LongRange(min = 0, max = 120) long rejected) {
        Usage usage = Objects.requireNonNull(chat("{\"prompt_tokens\":" + prompt + ",\"completion_tokens\":" + answer
                + ",\"prompt_tokens_details\":{\"cached_tokens\":" + cached + ",\"cache_write_tokens\":" + written
                + ",\"audio_tokens\":" + audio + ",\"image_tokens\":" + image
                + ",\"cached_tokens_details\":{\"audio_tokens\":" + cachedAudio
                + "}},\"completion_tokens_details\":{\"reasoning_tokens\":" + reasoning + ",\"audio_tokens\":"
                + spoken + ",\"rejected_prediction_tokens\":" + rejected + "}}"));
        assertThat(usage.input()).isEqualTo(cached + written > prompt ? prompt + cached + written : prompt);
        assertThat(usage.cached()).isEqualTo(cached);
        assertThat(usage.written()).isEqualTo(written);
        assertThat(usage.output()).isEqualTo(reasoning > answer ? answer + reasoning : answer);
        assertThat(usage.reasoningOutput()).isEqualTo(reasoning);
    }

    @Test
    void theTierIsTheOneTheAnswerWasMadeInAndNotTheOneAskedFor() {
        StreamTap response = new ResponsesTap();
        response.event(null, Bytes.utf8("{\"type\":\"response.created\",\"response\":{\"service_tier\":\"auto\"}}"));
        response.event(
                null,
                Bytes.utf8(
                        "{\"type\":\"response.completed\",\"response\":{\"service_tier\":\"priority\"," + USED + "}}"));
        assertThat(response.usage()).isEqualTo(Usage.of(3, 2).withTier("priority"));
        StreamTap chat = new ChatTap(1, true);
        chat.event(null, Bytes.utf8("{\"service_tier\":\"flex\",\"choices\":[{\"index\":0,\"delta\":{}}]}"));
        chat.event(
                null,
                Bytes.utf8(
                        "{\"service_tier\":\"default\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}"));
        assertThat(chat.usage()).isEqualTo(Usage.of(3, 2).withTier("default"));
    }

    @Test
    void anAnswerThatFailedOrStoppedEarlyIsChargedForWhatItTold() {
        for (String end : new String[] {"response.failed", "response.incomplete"}) {
            StreamTap tap = new ResponsesTap();
            tap.event(null, Bytes.utf8("{\"type\":\"" + end + "\",\"response\":{" + USED + "}}"));
            assertThat(tap.usage()).as(end).isEqualTo(Usage.of(3, 2));
        }
    }

    @Property
    void noNumbersAnUpstreamCanTellMakeAnAnswerUnreadable(
            @ForAll @Size(min = 12, max = 12) List<@From("numbers") Long> told) {
        Usage usage = chat("{\"prompt_tokens\":" + told.get(0) + ",\"completion_tokens\":" + told.get(1)
                + ",\"total_tokens\":" + told.get(2) + ",\"prompt_tokens_details\":{\"cached_tokens\":" + told.get(3)
                + ",\"cache_write_tokens\":" + told.get(4) + ",\"cache_write_tokens_details\":{\"ttl_12h_tokens\":"
                + told.get(5) + "},\"audio_tokens\":" + told.get(6) + ",\"image_tokens\":" + told.get(7)
                + ",\"cached_tokens_details\":{\"audio_tokens\":" + told.get(8)
                + "}},\"completion_tokens_details\":{\"reasoning_tokens\":" + told.get(9) + ",\"audio_tokens\":"
                + told.get(10) + ",\"accepted_prediction_tokens\":" + told.get(11) + "}}");
        if (told.get(0) < 0 && told.get(1) < 0) {
            assertThat(usage).isNull();
        } else {
            assertThat(Objects.requireNonNull(usage).input()).isNotNegative();
            assertThat(usage.output()).isNotNegative();
        }
    }

    @Provide
    Arbitrary<Long> numbers() {
        return Arbitraries.frequencyOf(
                Tuple.of(3, Arbitraries.longs().between(0, 1_000)),
                Tuple.of(1, Arbitraries.longs().between(Usage.MOST - 1, Usage.MOST + 1)),
                Tuple.of(1, Arbitraries.longs()));
    }
}
