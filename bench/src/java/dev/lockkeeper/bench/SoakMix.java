package dev.lockkeeper.bench;

import static dev.lockkeeper.bench.Ask.End.ANSWERED;
import static dev.lockkeeper.bench.Ask.End.ERROR;
import static dev.lockkeeper.bench.Ask.End.LEFT;

import dev.lockkeeper.bench.Ask.End;
import dev.lockkeeper.bench.Ask.Manner;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What the clients of a soak ask for: most of the API, in shares that are fixed, one of twenty with a mishap at its provider.
 * One thread.
 */
final class SoakMix {
    /** Models that the gateway must offer; the simulator knows them. */
    static final List<String> MODELS =
            List.of("gpt-5.5", "gpt-5.4-mini", "gpt-4o", "gpt-4o-mini", "text-embedding-3-small", "whisper-1", "tts-1");

    private static final String BOUNDARY = "lockkeeper-soak-boundary";
    private static final Set<End> GOOD = Set.of(ANSWERED);
    private static final Set<End> REFUSED = Set.of(ERROR);
    private static final Set<End> GONE = Set.of(LEFT);

    private final SplittableRandom random;
    private final String key;
    private final double mishaps;
    private final String filler;

    /**
     * @param key the gateway's key
     * @param mishaps the share of calls with a mishap, 0 to 1
     */
    SoakMix(long seed, String key, double mishaps) {
        this.random = new SplittableRandom(seed);
        this.key = key;
        this.mishaps = mishaps;
        String[] words =
                "lock keeper water gate barge upper lower paddle chamber sluice canal tide bridge rope".split(" ");
        this.filler = Stream.generate(() -> words[random.nextInt(words.length)])
                .limit(20_000)
                .collect(Collectors.joining(" "));
    }

    /** The next call. */
    Ask next() {
        int dice = random.nextInt(1000);
        if (dice < 370) {
            return chat(false, 40 + random.nextInt(400));
        } else if (dice < 610) {
            return chat(true, 40 + random.nextInt(400));
        } else if (dice < 690) {
            return responses(false);
        } else if (dice < 760) {
            return responses(true);
        } else if (dice < 850) {
            return embeddings();
        } else if (dice < 870) {
            return upload(random.nextInt(10) < 7 ? 2_000 : 300_000);
        } else if (dice < 880) {
            return transcription();
        } else if (dice < 890) {
            return speech();
        } else if (dice < 900) {
            return chat(random.nextBoolean(), 100_000);
        } else if (dice < 925) {
            return new Ask("models", head("GET", "/v1/models", key), "", false, Manner.WAITS, GOOD);
        } else if (dice < 940) {
            return json("moderations", "/v1/moderations", "{\"input\":\"" + text(60) + "\"}", "", GOOD);
        } else if (dice < 952) {
            return json("not JSON", "/v1/chat/completions", "{\"model\":\"gpt-4o\",\"messages\":[", "", REFUSED);
        } else if (dice < 960) {
            return json("no such model", "/v1/chat/completions", "{\"model\":\"none\",\"messages\":[]}", "", REFUSED);
        } else if (dice < 966) {
            return new Ask("wrong key", head("GET", "/v1/files", "lk-live-wrong"), "", false, Manner.WAITS, REFUSED);
        } else if (dice < 970) {
            return new Ask("no such path", head("GET", "/v1/nothing", key), "", false, Manner.WAITS, REFUSED);
        } else if (dice < 976) {
            return leaving(Manner.LEAVES_BEFORE_HEAD, "first(3s)");
        } else if (dice < 982) {
            return leaving(Manner.LEAVES_IN_ANSWER, "tokens(60)+pace(30ms)");
        } else if (dice < 988) {
            return leaving(Manner.RESETS_IN_ANSWER, "tokens(60)+pace(30ms)");
        } else if (dice < 993) {
            Ask whole = upload(500_000);
            return new Ask("leaves in its upload", whole.head(), whole.body(), false, Manner.LEAVES_IN_BODY, GONE);
        } else {
            Ask whole = streamed("dawdles", "tokens(3000)", GOOD);
            return new Ask("dawdles", whole.head(), whole.body(), true, Manner.DAWDLES, GOOD);
        }
    }

    /** What a client does next with a file it has uploaded: read about it, read it, delete it. */
    List<Ask> after(String fileId) {
        String path = "/v1/files/" + fileId;
        return List.of(
                new Ask("file", head("GET", path, key), "", false, Manner.WAITS, GOOD),
                new Ask("file content", head("GET", path + "/content", key), "", false, Manner.WAITS, GOOD),
                new Ask("file deletion", head("DELETE", path, key), "", false, Manner.WAITS, GOOD));
    }

    private Ask chat(boolean stream, int length) {
        String body = "{\"model\":\"" + (random.nextBoolean() ? "gpt-4o" : "gpt-4o-mini")
                + "\",\"messages\":[{\"role\":\"system\",\"content\":\"You keep a lock.\"},{\"role\":\"user\",\"content\":\""
                + text(length) + "\"}]" + (stream ? ",\"stream\":true" : "")
                + (stream && random.nextBoolean() ? ",\"stream_options\":{\"include_usage\":true}" : "") + "}";
        String kind = (length > 50_000 ? "long " : "") + (stream ? "chat stream" : "chat");
        return troubled(kind, "/v1/chat/completions", body, stream);
    }

    private Ask responses(boolean stream) {
        String body = "{\"model\":\"gpt-5.4-mini\",\"reasoning\":{\"effort\":\"none\"},\"input\":\"" + text(200) + "\""
                + (random.nextBoolean() ? ",\"store\":false" : "") + (stream ? ",\"stream\":true" : "") + "}";
        return troubled(stream ? "responses stream" : "responses", "/v1/responses", body, stream);
    }

    private Ask embeddings() {
        String body = "{\"model\":\"text-embedding-3-small\",\"dimensions\":256,\"encoding_format\":\""
                + (random.nextBoolean() ? "base64" : "float") + "\",\"input\":[\"" + text(80) + "\",\"" + text(80)
                + "\"]}";
        return troubled("embeddings", "/v1/embeddings", body, false);
    }

    private Ask speech() {
        return json(
                "speech",
                "/v1/audio/speech",
                "{\"model\":\"tts-1\",\"voice\":\"alloy\",\"input\":\"" + text(40) + "\"}",
                "",
                GOOD);
    }

    private Ask leaving(Manner manner, String simulator) {
        // On a busy machine an answer may have come whole before its client could leave.
        Ask whole = streamed("", simulator, manner == Manner.LEAVES_BEFORE_HEAD ? GONE : Set.of(LEFT, ANSWERED));
        String kind = switch (manner) {
            case LEAVES_BEFORE_HEAD -> "leaves before the head";
            case RESETS_IN_ANSWER -> "resets in its answer";
            default -> "leaves in its answer";
        };
        return new Ask(kind, whole.head(), whole.body(), true, manner, whole.right());
    }

    private Ask streamed(String kind, String simulator, Set<End> right) {
        String body = "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\""
                + text(100) + "\"}]}";
        return new Ask(
                kind,
                head("POST", "/v1/chat/completions", key) + "Content-Type: application/json\r\nx-simulator: "
                        + simulator + "\r\n",
                body,
                true,
                Manner.WAITS,
                right);
    }

    /** With a mishap, once in a while. */
    private Ask troubled(String kind, String path, String body, boolean stream) {
        String controls = "tokens(" + (10 + random.nextInt(31)) + ")"
                + (stream ? "+pace(" + (5 + random.nextInt(25)) + "ms)" : "");
        Set<End> right = GOOD;
        String name = kind;
        if (random.nextDouble() < mishaps) {
            List<Trouble> fitting = stream ? Trouble.OF_STREAMS : Trouble.OF_BODIES;
            Trouble trouble = fitting.get(random.nextInt(fitting.size()));
            controls += "+" + trouble.simulator();
            right = stream ? trouble.stream() : trouble.unary();
            name = kind + " " + trouble.simulator();
        }
        Ask asked = json(name, path, body, controls, right);
        return new Ask(name, asked.head(), asked.body(), stream, Manner.WAITS, right);
    }

    private Ask json(String kind, String path, String body, String simulator, Set<End> right) {
        return new Ask(
                kind,
                head("POST", path, key) + "Content-Type: application/json\r\n"
                        + (simulator.isEmpty() ? "" : "x-simulator: " + simulator + "\r\n"),
                body,
                false,
                Manner.WAITS,
                right);
    }

    private Ask upload(int bytes) {
        return form("upload", "/v1/files", field("purpose", "user_data") + file("notes.txt", text(bytes)));
    }

    private Ask transcription() {
        // The model behind the file, as some clients send it.
        return form(
                "transcription",
                "/v1/audio/transcriptions",
                file("tone.wav", text(40_000)) + field("model", "whisper-1"));
    }

    private Ask form(String kind, String path, String parts) {
        return new Ask(
                kind,
                head("POST", path, key) + "Content-Type: multipart/form-data; boundary=" + BOUNDARY + "\r\n",
                (parts + "--" + BOUNDARY + "--\r\n"),
                false,
                Manner.WAITS,
                GOOD);
    }

    private static String field(String name, String value) {
        return "--" + BOUNDARY + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
    }

    private static String file(String name, String content) {
        return "--" + BOUNDARY + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name
                + "\"\r\nContent-Type: application/octet-stream\r\n\r\n" + content + "\r\n";
    }

    private String text(int length) {
        StringBuilder text =
                new StringBuilder(length).append(random.nextInt(1_000_000_000)).append(' ');
        while (text.length() < length) {
            int from = random.nextInt(filler.length() - 100);
            text.append(filler, from, from + Math.min(filler.length() - from, length - text.length()));
        }
        return text.toString();
    }

    private static String head(String method, String path, String key) {
        return method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: soak/1\r\nAccept: */*\r\n"
                + "Authorization: Bearer " + key + "\r\n";
    }
}
