package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Usage;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What is read from an answer, whole or event by event: the members that taps want, whatever the endpoint. */
final class Reading implements JsonWalk.Visitor {
    /** Bytes of an id, a model's name, a type; a longer one is cut. */
    private static final int MAX_SHORT = 256;

    /** Objects that one answer makes besides itself; further ones stay unknown. */
    private static final int MAX_MADE = 4_096;

    /** Choices told apart; OpenAI takes {@code n} up to 128, for up to 2048 prompts at once. */
    private static final int MAX_CHOICES = 1 << 18;

    private static final int ROOT = 0;
    private static final int ERROR = 1;
    private static final int CHOICE = 2;
    private static final int INDEX = 3;
    private static final int FINISH = 4;
    private static final int RESPONSE = 5;
    private static final int SEQUENCE = 6;
    private static final int RESPONSE_CREATED = 7;
    /** From here on: short strings that are kept. */
    private static final int SHORT = 8;

    static final int ID = 0;
    static final int MODEL = 1;
    static final int TIER = 2;
    static final int STATUS = 3;
    private static final int TYPE = 4;
    static final int FILE = 5;
    static final int OUTPUT_FILE = 6;
    static final int ERROR_FILE = 7;
    private static final int SHORTS = 8;

    private static final String[] SHORT_PATHS = {
        "id",
        "model",
        "service_tier",
        "status",
        "type",
        "file.id",
        "output_file_id",
        "error_file_id",
        "response.id",
        "response.model",
        "response.service_tier",
        "response.status"
    };
    private static final int TEXT = SHORT + SHORT_PATHS.length;
    private static final String[] TEXT_PATHS = {
        "delta",
        "text",
        "choices[].text",
        "choices[].delta.content",
        "choices[].delta.content[].text",
        "choices[].delta.reasoning_content",
        "choices[].delta.reasoning",
        "choices[].delta.refusal",
        "choices[].delta.tool_calls[].function.name",
        "choices[].delta.tool_calls[].function.arguments",
        "choices[].delta.tool_calls[].custom.name",
        "choices[].delta.tool_calls[].custom.input",
        "choices[].delta.function_call.arguments",
        "choices[].delta.audio.transcript",
        "choices[].message.content",
        "choices[].message.content[].text",
        "choices[].message.reasoning_content",
        "choices[].message.reasoning",
        "choices[].message.refusal",
        "choices[].message.tool_calls[].function.name",
        "choices[].message.tool_calls[].function.arguments",
        "choices[].message.tool_calls[].custom.name",
        "choices[].message.tool_calls[].custom.input",
        "choices[].message.function_call.arguments",
        "choices[].message.audio.transcript",
        "output[].content[].text",
        "output[].content[].refusal",
        "output[].summary[].text",
        "output[].name",
        "output[].arguments",
        "output[].input"
    };
    private static final int MADE = TEXT + TEXT_PATHS.length;
    private static final String[] MADE_PATHS = {
        "output[].id", "output[].container_id",
        "response.output[].id", "response.output[].container_id",
        "item.id", "item.container_id",
        "data[].id", "data[].container_id",
        "choices[].message.audio.id", "choices[].delta.audio.id"
    };
    private static final ObjectKind[] MADE_KINDS = {
        ObjectKind.OUTPUT_ITEM, ObjectKind.CONTAINER,
        ObjectKind.OUTPUT_ITEM, ObjectKind.CONTAINER,
        ObjectKind.OUTPUT_ITEM, ObjectKind.CONTAINER,
        ObjectKind.OUTPUT_ITEM, ObjectKind.CONTAINER,
        ObjectKind.AUDIO, ObjectKind.AUDIO
    };
    private static final int USAGE = MADE + MADE_PATHS.length;
    private static final String[] USAGE_ROOTS = {"usage", "response.usage", "x_groq.usage"};
    private static final int TOOL = USAGE + USAGE_ROOTS.length * ToldUsage.PATHS.size();
    private static final int PICTURE = TOOL + ToldTools.PATHS.size();
    private static final List<String> PICTURE_PATHS = List.of("data[].b64_json", "data[].url");

    /** The answer's text itself, where a chat has it. */
    private static final int PLAIN = TEXT + 3;

    private static final int PIECE = PICTURE + PICTURE_PATHS.size();
    private static final List<String> PIECE_PATHS = List.of(
            "choices[].delta.role",
            "choices[].delta.tool_calls[]",
            "choices[].delta.function_call",
            "choices[].delta.audio",
            "choices[].delta.images[]",
            "choices[].delta.annotations[]",
            "choices[].delta.reasoning_details[]");

    /** What a chat's deltas held so far: bits of {@link #held}. */
    static final int ROLE = 1;

    static final int REASONING = 2;
    static final int MORE = 4;
    static final int SEALED = 8;
    static final int BETWEEN = 16;

    private static final JsonWalk.Paths PATHS = paths();

    private static JsonWalk.Paths paths() {
        List<String> all = new ArrayList<>(List.of(
                "",
                "error",
                "choices[]",
                "choices[].index",
                "choices[].finish_reason",
                "response",
                "sequence_number",
                "response.created_at"));
        all.addAll(List.of(SHORT_PATHS));
        all.addAll(List.of(TEXT_PATHS));
        all.addAll(List.of(MADE_PATHS));
        for (String root : USAGE_ROOTS) {
            for (String path : ToldUsage.PATHS) {
                all.add(path.isEmpty() ? root : root + "." + path);
            }
        }
        all.addAll(ToldTools.PATHS);
        all.addAll(PICTURE_PATHS);
        all.addAll(PIECE_PATHS);
        return JsonWalk.Paths.of(all.toArray(String[]::new));
    }

    private final JsonWalk walk = new JsonWalk(PATHS, this);
    private final GeneratedText text = new GeneratedText();
    private final @Nullable String[] shorts = new @Nullable String[SHORTS];
    private final byte[] small = new byte[MAX_SHORT];
    private int smallLength;
    private final Set<Made> made = new LinkedHashSet<>(0);
    private final ToldUsage usage = new ToldUsage();
    private final ToldTools tools = new ToldTools();
    private int pictures;
    private final BitSet seen = new BitSet();
    private final BitSet finished = new BitSet();
    private long sequence = -1;
    private long index;
    private boolean finish;
    private String finishReason = "";

    // What the text being read holds.
    private boolean object;
    private boolean error;
    private boolean choices;
    private boolean usageHere;
    private long usageNullFrom = -1;
    private long usageNullTo = -1;
    private long responseFrom = -1;
    private long responseTo = -1;
    private boolean typed;
    private boolean keepDelta;
    private boolean keepText;
    private long created = -1;
    private int held;
    private long plainFrom = -1;

    /** Reads a whole event; false: it is not a JSON object. */
    boolean event(Bytes data) {
        object = false;
        error = false;
        choices = false;
        usageHere = false;
        typed = false;
        usageNullFrom = -1;
        responseFrom = -1;
        responseTo = -1;
        return walk.all(data) && object;
    }

    /** Reads a piece of a text that comes in pieces; false: it is not JSON. */
    boolean piece(Bytes data) {
        return walk.feed(data);
    }

    /** Ends a text that came in pieces; whether it was a JSON object. */
    boolean end() {
        return walk.end() && object;
    }

    /** Whether to take the outermost {@code delta} as text in what is read from now on. */
    void keepDelta(boolean keep) {
        keepDelta = keep;
    }

    /** Whether to take the outermost {@code text} as text in what is read from now on. */
    void keepText(boolean keep) {
        keepText = keep;
    }

    GeneratedText text() {
        return text;
    }

    /** What the answer made besides itself, so far. */
    List<Made> made() {
        return List.copyOf(made);
    }

    /** What was told last of what the answer used, null as long as nothing was told. */
    @Nullable Usage usage(Endpoint.Kind kind) {
        if (!usage.told()) {
            return null;
        }
        String tier = shorts[TIER];
        return usage.normal(kind)
                .hosted(tools.calls(made))
                .tier(tier == null ? "" : tier)
                .build();
    }

    /** What a chat's deltas held so far, besides text: {@link #ROLE} and the bits that follow it. */
    int held() {
        return held;
    }

    /** Where the answer's text begins in what was generated, in bytes; -1 as long as it did not begin. */
    long plainFrom() {
        return plainFrom;
    }

    private void hold(int path) {
        if (path == PLAIN) {
            if (plainFrom < 0) {
                plainFrom = text.counted();
            }
            return;
        }
        if (plainFrom >= 0) {
            held |= BETWEEN;
        }
        held |= path == PLAIN + 2 || path == PLAIN + 3 ? REASONING : MORE;
    }

    /** Pictures in the list of an answer in one piece. */
    int pictures() {
        return pictures;
    }

    /** The event read last told that an output item is done. */
    void itemDone() {
        tools.itemDone();
    }

    @Nullable String value(int which) {
        return shorts[which];
    }

    /** The event's {@code type}; null if it has none. */
    @Nullable String type() {
        return typed ? shorts[TYPE] : null;
    }

    /** When the response was created, in seconds; -1 if that was not said. */
    long created() {
        return created;
    }

    /** Whether the text said {@code error}, and not null. */
    boolean error() {
        return error;
    }

    /** Whether the text had choices. */
    boolean choices() {
        return choices;
    }

    /** Whether the text told usage. */
    boolean usageHere() {
        return usageHere;
    }

    int choicesSeen() {
        return seen.cardinality();
    }

    int choicesFinished() {
        return finished.cardinality();
    }

    /** The finish reason of a choice told last, else the status of a response; empty for none. */
    String finishReason() {
        String status = shorts[STATUS];
        return !finishReason.isEmpty() || status == null ? finishReason : status;
    }

    /** The last sequence number, -1 for none. */
    long sequence() {
        return sequence;
    }

    /** Where {@code "usage":null} stands, from its opening quote; -1 for nowhere. */
    int usageNullFrom() {
        return (int) usageNullFrom;
    }

    int usageNullTo() {
        return (int) usageNullTo;
    }

    /** Where the response inside an event stands; -1 for nowhere. */
    int responseFrom() {
        return (int) responseFrom;
    }

    int responseTo() {
        return (int) responseTo;
    }

    private static int usagePath(int path) {
        return (path - USAGE) % ToldUsage.PATHS.size();
    }

    @Override
    public void open(int path, boolean isObject) {
        if (path == ROOT) {
            object = isObject;
        } else if (path == ERROR) {
            error = true;
        } else if (path == RESPONSE) {
            responseFrom = walk.now() - 1;
            tools.wholeBegins();
        } else if (path == CHOICE) {
            choices = true;
            index = 0;
            finish = false;
        } else if (isUsage(path) && usagePath(path) == 0) {
            usage.begins();
        } else if (path > PIECE) {
            held |= path == PIECE + PIECE_PATHS.size() - 1 ? SEALED : MORE;
        }
    }

    @Override
    public void close(int path) {
        if (path == CHOICE) {
            if (index >= 0 && index < MAX_CHOICES) {
                seen.set((int) index);
                if (finish) {
                    finished.set((int) index);
                }
            }
        } else if (path == RESPONSE) {
            responseTo = walk.now();
        } else if (isUsage(path) && usagePath(path) == 0) {
            usageHere |= usage.ends();
        }
    }

    @Override
    public void number(int path, long value) {
        if (path == INDEX) {
            index = value;
        } else if (path == SEQUENCE) {
            sequence = Math.max(sequence, value);
        } else if (path == RESPONSE_CREATED) {
            created = value;
        } else if (path == ERROR) {
            error |= value != 0;
        } else if (isUsage(path)) {
            usage.number(usagePath(path), value);
        } else if (path >= TOOL && path < PICTURE) {
            tools.number(path - TOOL, value);
        }
    }

    @Override
    public void literal(int path, char letter) {
        if (letter == 't') {
            error |= path == ERROR;
        }
        if (path == USAGE && letter == 'n') {
            usageNullFrom = walk.memberStart();
            usageNullTo = walk.now();
        }
    }

    @Override
    public void string(int path) {
        if (keeps(path)) {
            smallLength = 0;
        } else if (path == PIECE) {
            held |= ROLE;
        } else if (path >= PICTURE && path < PIECE) {
            pictures++;
        }
    }

    @Override
    public void piece(int path, byte[] array, int from, int to) {
        if (path >= TEXT && path < MADE) {
            if (path == TEXT ? keepDelta : path > TEXT + 1 || keepText) {
                if (path > TEXT + 1) {
                    hold(path);
                }
                text.append(array, from, to);
            }
        } else if (path == ERROR) {
            error = true;
        } else if (keeps(path)) {
            int room = Math.min(to - from, MAX_SHORT - smallLength);
            System.arraycopy(array, from, small, smallLength, room);
            smallLength += room;
        }
    }

    @Override
    public void stringEnd(int path) {
        if (path == FINISH && smallLength > 0) {
            finish = true;
            if (!same(finishReason)) {
                finishReason = new String(small, 0, smallLength, StandardCharsets.UTF_8);
            }
        }
        if (path >= TOOL && path < PICTURE) {
            tools.type(path - TOOL, new String(small, 0, smallLength, StandardCharsets.UTF_8));
        } else if (path >= MADE && path < USAGE && smallLength > 0) {
            if (made.size() < MAX_MADE) {
                made.add(new Made(MADE_KINDS[path - MADE], new String(small, 0, smallLength, StandardCharsets.UTF_8)));
            }
        } else if (path >= SHORT && path < TEXT && smallLength > 0) {
            int which = path - SHORT;
            which = which < SHORTS ? which : which - SHORTS;
            typed |= which == TYPE;
            String known = shorts[which];
            if (known == null || !same(known)) {
                shorts[which] = new String(small, 0, smallLength, StandardCharsets.UTF_8);
            }
        }
    }

    /** Whether strings at a path are short ones to be kept whole. */
    private static boolean keeps(int path) {
        return path == FINISH
                || (path >= SHORT && path < TEXT)
                || (path >= MADE && path < USAGE)
                || (path >= TOOL && path < PICTURE);
    }

    private static boolean isUsage(int path) {
        return path >= USAGE && path < TOOL;
    }

    /** The same id and model stand in every chunk: no new string for each. */
    private boolean same(String known) {
        if (known.length() != smallLength) {
            return false;
        }
        for (int i = 0; i < smallLength; i++) {
            if (known.charAt(i) != small[i]) {
                return false;
            }
        }
        return true;
    }
}
