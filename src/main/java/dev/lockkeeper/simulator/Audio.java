package dev.lockkeeper.simulator;

import dev.lockkeeper.simulator.Event.Role;
import dev.lockkeeper.units.Bytes;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Speech as short tones, and transcripts that hang on the file's bytes. Any thread. */
final class Audio {
    private static final Set<String> KNOWN =
            Set.of("model", "input", "voice", "instructions", "response_format", "speed", "stream_format", "metadata");
    private static final List<String> SPEECH_FORMATS = List.of("mp3", "opus", "aac", "flac", "wav", "pcm");
    private static final List<String> TEXT_FORMATS =
            List.of("json", "text", "srt", "verbose_json", "vtt", "diarized_json");
    private static final int LONGEST_INPUT = 4_096;
    private static final int PIECE_BYTES = 3_000;
    private static final int BYTES_PER_SECOND = 16_000;
    private static final int TOKENS_PER_SECOND = 10;

    private final World world;

    Audio(World world) {
        this.world = world;
    }

    Plan speech(ObjectNode body, Controls given) throws Refused {
        Models.Model model = world.model(body);
        world.refuseUnknown(body, KNOWN);
        if (!model.name().contains("tts") && !world.settings.models().contains(model.name())) {
            throw World.noModel(model.name());
        }
        Controls controls = world.controls(body, given);
        String input = Params.needed(body, "input", "input");
        if (input.length() > LONGEST_INPUT) {
            throw Params.tooLong("input", input.length(), LONGEST_INPUT);
        }
        if (Json.get(body, "voice") == null) {
            throw Refused.missing("voice");
        }
        String asked = Params.oneOf(body, "response_format", "response_format", SPEECH_FORMATS);
        String format = asked == null ? "mp3" : asked;
        byte[] sound = Sound.tone(input.length(), format);
        if (!"sse".equals(Params.oneOf(body, "stream_format", "stream_format", List.of("audio", "sse")))) {
            return Plan.raw(Sound.mediaType(format), Bytes.of(sound), controls);
        }
        if (model.name().startsWith("tts-1")) {
            throw Refused.badRequest(
                    "stream_format", "unsupported_value", "'sse' is not supported for 'tts-1' or 'tts-1-hd'.");
        }
        List<Event> events = new ArrayList<>();
        for (int from = 0; from < sound.length; from += PIECE_BYTES) {
            byte[] piece = java.util.Arrays.copyOfRange(sound, from, Math.min(sound.length, from + PIECE_BYTES));
            ObjectNode event = Json.object().put("type", "speech.audio.delta");
            String written = Json.string(event.put("audio", Base64.getEncoder().encodeToString(piece)));
            events.add(new Event("speech.audio.delta", Role.ORDINARY, true, _ -> written));
        }
        int in = Tokens.count(input);
        int out = input.length() / 2 + 1;
        ObjectNode done = Json.object().put("type", "speech.audio.done");
        if (!controls.has(Mishap.NoUsage.class)) {
            done.putObject("usage")
                    .put("input_tokens", in)
                    .put("output_tokens", out)
                    .put("total_tokens", in + out);
        }
        String written = Json.string(done);
        events.add(new Event("speech.audio.done", Role.FINISH, false, _ -> written));
        return Plan.stream(events, controls);
    }

    /** Answers a request for what a recording says. */
    Plan text(Multipart form, boolean translated, Controls given) throws Refused {
        ObjectNode body = form.body();
        Models.Model model = world.model(body);
        boolean hears = model.name().startsWith("whisper")
                || (!translated && model.name().contains("transcribe"));
        if (!hears && !world.settings.models().contains(model.name())) {
            throw World.noModel(model.name());
        }
        Controls controls = world.controls(body, given);
        Multipart.Field file = form.field("file");
        if (file == null) {
            throw Refused.missing("file");
        }
        if (file.content().length() == 0) {
            throw Refused.badRequest("file", "invalid_value", "Invalid file format. The file is empty.");
        }
        String asked = Params.oneOf(body, "response_format", "response_format", TEXT_FORMATS);
        String format = asked == null ? "json" : asked;
        boolean whisper = model.name().startsWith("whisper");
        if (!whisper && !format.equals("json") && !format.equals("text") && !format.equals("diarized_json")) {
            throw Refused.badRequest(
                    "response_format",
                    "unsupported_value",
                    "response_format '" + format + "' is not compatible with model '" + model.name()
                            + "'. Use 'json' or 'text' instead.");
        }
        Bytes content = file.content();
        String wanted = controls.text();
        String said = wanted != null
                ? wanted
                : Prose.text(
                        "",
                        controls.tokens() > 0 ? controls.tokens() : 16,
                        new SplittableRandom(content.hashCode() ^ world.settings.seed()));
        double seconds = Math.max(1, content.length() / (double) BYTES_PER_SECOND);
        boolean stream = "true".equalsIgnoreCase(form.text("stream"));
        if (stream && !whisper && !translated) {
            return Plan.stream(events(said, seconds, controls), controls);
        }
        return switch (format) {
            case "text" -> Plan.raw("text/plain; charset=utf-8", Bytes.utf8(said + "\n"), controls);
            case "srt" ->
                Plan.raw(
                        "text/plain; charset=utf-8",
                        Bytes.utf8("1\n" + clock(0, ',') + " --> " + clock(seconds, ',') + "\n" + said + "\n\n"),
                        controls);
            case "vtt" ->
                Plan.raw(
                        "text/plain; charset=utf-8",
                        Bytes.utf8("WEBVTT\n\n" + clock(0, '.') + " --> " + clock(seconds, '.') + "\n" + said + "\n\n"),
                        controls);
            default -> Plan.generated(json(format, said, seconds, whisper, translated, controls), controls);
        };
    }

    private static String clock(double seconds, char mark) {
        long millis = Math.round(seconds * 1000);
        return String.format(
                Locale.ROOT,
                "%02d:%02d:%02d%c%03d",
                millis / 3_600_000,
                millis / 60_000 % 60,
                millis / 1000 % 60,
                mark,
                millis % 1000);
    }

    private static ObjectNode json(
            String format, String said, double seconds, boolean whisper, boolean translated, Controls controls) {
        ObjectNode answer = Json.object();
        if (format.equals("verbose_json")) {
            answer.put("task", translated ? "translate" : "transcribe").put("language", "english");
            answer.put("duration", seconds);
        }
        answer.put("text", said);
        if (format.equals("verbose_json")) {
            ObjectNode segment = answer.putArray("segments").addObject();
            segment.put("id", 0)
                    .put("seek", 0)
                    .put("start", 0.0)
                    .put("end", seconds)
                    .put("text", said);
            ArrayNode tokens = segment.putArray("tokens");
            for (int token : Tokens.encode(said).toArray()) {
                tokens.add(token);
            }
            segment.put("temperature", 0.0).put("avg_logprob", -0.2);
            segment.put("compression_ratio", 1.2).put("no_speech_prob", 0.01);
        } else if (format.equals("diarized_json")) {
            answer.put("task", "transcribe").put("duration", seconds);
            answer.putArray("segments")
                    .addObject()
                    .put("type", "transcript.text.segment")
                    .put("id", "seg_001")
                    .put("start", 0.0)
                    .put("end", seconds)
                    .put("text", said)
                    .put("speaker", "A");
        }
        if (!translated && !controls.has(Mishap.NoUsage.class)) {
            answer.set("usage", whisper ? duration(seconds) : usage(said, seconds));
        }
        return answer;
    }

    private static JsonNode duration(double seconds) {
        return Json.object().put("type", "duration").put("seconds", Math.ceil(seconds));
    }

    private static ObjectNode usage(String said, double seconds) {
        int in = (int) Math.ceil(seconds * TOKENS_PER_SECOND);
        int out = Tokens.count(said);
        ObjectNode usage = Json.object();
        usage.put("type", "tokens").put("total_tokens", in + out).put("input_tokens", in);
        usage.putObject("input_token_details").put("text_tokens", 0).put("audio_tokens", in);
        return usage.put("output_tokens", out);
    }

    private static List<Event> events(String said, double seconds, Controls controls) {
        List<Event> events = new ArrayList<>();
        for (String piece : Prose.pieces(said)) {
            String written = Json.string(
                    Json.object().put("type", "transcript.text.delta").put("delta", piece));
            events.add(new Event("transcript.text.delta", Role.ORDINARY, true, _ -> written));
        }
        ObjectNode done = Json.object().put("type", "transcript.text.done").put("text", said);
        if (!controls.has(Mishap.NoUsage.class)) {
            done.set("usage", usage(said, seconds));
        }
        String written = Json.string(done);
        events.add(new Event("transcript.text.done", Role.FINISH, false, _ -> written));
        return events;
    }
}
