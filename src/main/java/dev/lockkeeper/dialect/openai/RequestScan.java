package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.dialect.openai.Endpoint.Kind;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Media;
import dev.lockkeeper.units.Media.Detail;
import dev.lockkeeper.units.Storable;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamContext;
import tools.jackson.core.json.JsonFactory;

/**
 * What a JSON request says that a gateway has to know, learnt in one pass over its bytes; and where the members stand that
 * may have to change on the way. Immutable once made; holds no part of the body but short strings.
 */
public final class RequestScan {
    /** Containers inside each other; a deeper body is refused. */
    public static final int MAX_DEPTH = 200;

    /** Bytes of a body; the server's own bound is smaller. */
    public static final int MAX_BODY = 1 << 30;

    /** Characters of a number. */
    public static final int MAX_NUMBER = 1_000;

    /** References in one request. */
    public static final int MAX_REFERENCES = 10_000;

    /** Pictures, recordings and files in one request. */
    public static final int MAX_MEDIA = 10_000;

    /** Kinds of hosted tools that are told apart; there are about a dozen. */
    private static final int MAX_TOOLS = 64;

    /** Prompts of one legacy completion that are told apart; OpenAI takes 2048. */
    private static final int MAX_PROMPTS = 4_096;

    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MAX_DEPTH)
                    .maxStringLength(MAX_BODY)
                    .maxNumberLength(MAX_NUMBER)
                    .maxDocumentLength(-1)
                    .maxTokenCount(-1)
                    .build())
            .build();

    /** A top-level member that is read, and may be edited. */
    enum Name {
        MODEL,
        STREAM,
        STREAM_OPTIONS,
        STREAM_FORMAT,
        STORE,
        BACKGROUND,
        N,
        MAX_TOKENS,
        MAX_COMPLETION_TOKENS,
        MAX_OUTPUT_TOKENS,
        TEMPERATURE,
        TOP_P,
        LOGPROBS,
        TOP_LOGPROBS,
        PRESENCE_PENALTY,
        FREQUENCY_PENALTY,
        LOGIT_BIAS,
        RESPONSE_FORMAT,
        TEXT,
        REASONING,
        REASONING_EFFORT,
        SERVICE_TIER,
        SAFETY_IDENTIFIER,
        USER,
        PROMPT_CACHE_KEY,
        WEB_SEARCH_OPTIONS,
        MESSAGES,
        INPUT,
        ITEMS,
        PROMPT,
        INSTRUCTIONS,
        TOOLS,
        FUNCTIONS,
        PREVIOUS_RESPONSE_ID,
        CONVERSATION;

        private final String member = name().toLowerCase(Locale.ROOT);

        /** The member's name as it stands in a body. */
        String member() {
            return member;
        }
    }

    /**
     * A member of an object, by where it stands.
     *
     * @param key the opening quote of its name
     * @param from the first byte of its value
     * @param to behind the value
     * @param type the value's first token
     */
    record Member(int key, int from, int to, JsonToken type) {
        boolean isNull() {
            return type == JsonToken.VALUE_NULL;
        }

        boolean isFalse() {
            return type == JsonToken.VALUE_FALSE;
        }
    }

    private final Bytes body;
    private final Endpoint endpoint;
    private final Map<Name, Member> members = new EnumMap<>(Name.class);
    private final List<Reference> references = new ArrayList<>(0);
    private @Nullable String model;
    private boolean stream;
    private @Nullable Boolean includeUsage;
    private @Nullable Boolean store;
    private boolean background;
    private int n = 1;
    private int prompts = 1;
    private @Nullable String effort;
    private @Nullable String serviceTier;
    /** Characters of an end user's name, or of a key for caching, by which they are known here; providers are sent it whole. */
    static final int MAX_END_USER = 256;

    /** Characters of a label in {@code metadata} that are kept; OpenAI takes no longer value there. */
    static final int MAX_LABEL = 512;

    private String safetyIdentifier = "";
    private String user = "";
    private String promptCacheKey = "";
    private String previousResponse = "";
    private String conversation = "";
    private String complexity = "";
    private String accuracy = "";
    private String sensitivity = "";
    private boolean tools;
    private boolean speaks;
    private boolean formatted;
    private boolean sampling;
    private final Set<String> hostedTools = new LinkedHashSet<>(0);
    private long textBytes;
    private int messages;
    private long tokenIds;
    private final List<Media> media = new ArrayList<>(0);
    private final Map<Name, Long> limits = new EnumMap<>(Name.class);

    // Members inside members.
    private @Nullable Member includeUsageAt;
    private @Nullable Member textFormatAt;
    private @Nullable Member reasoningEffortAt;
    private @Nullable Member jsonSchemaAt;
    private @Nullable String responseFormatType;

    private RequestScan(Bytes body, Endpoint endpoint) {
        this.body = body;
        this.endpoint = endpoint;
    }

    /**
     * Scans a body.
     *
     * @throws Malformed when the body is no JSON object in UTF-8 with nothing behind it, is nested deeper than
     *     {@link #MAX_DEPTH}, or has a member that is read here twice, with a wrong type, or out of its range
     */
    public static RequestScan of(Bytes body, Endpoint endpoint) throws Malformed {
        RequestScan scan = new RequestScan(body, endpoint);
        scan.run();
        return scan;
    }

    /** The scan of a request without a JSON body: it says nothing. */
    public static RequestScan none(Endpoint endpoint) {
        return new RequestScan(Bytes.EMPTY, endpoint);
    }

    /** The model asked for; null: not said. */
    public @Nullable String model() {
        return model;
    }

    /** Whether the answer is asked for as a stream. */
    public boolean stream() {
        return stream;
    }

    /** {@code stream_options.include_usage}; null: not said. */
    @Nullable Boolean includeUsage() {
        return includeUsage;
    }

    /** {@code store}; null: not said. */
    public @Nullable Boolean store() {
        return store;
    }

    /** Whether a response is asked for in background. */
    public boolean background() {
        return background;
    }

    /** How many answers are asked for, at least 1: {@code n}, for a legacy completion times its prompts. */
    public int choices() {
        return n * prompts;
    }

    /** {@code reasoning_effort} or {@code reasoning.effort}; null: not said. */
    public @Nullable String effort() {
        return effort;
    }

    /** The service tier asked for; null: not said. */
    public @Nullable String serviceTier() {
        return serviceTier;
    }

    /** What is asked. */
    public Endpoint.Kind kind() {
        return endpoint.kind();
    }

    /**
     * Tokens of one answer at most, by the member that says so; -1: not said. Of several the one that the endpoint's newest
     * form has counts.
     */
    public long outputLimit() {
        for (Name name : Rewrite.outputLimits(endpoint.kind())) {
            if (outputLimit(name) >= 0) {
                return outputLimit(name);
            }
        }
        return -1;
    }

    /** The limit that one of the members says, -1 where it says none. */
    long outputLimit(Name name) {
        return limits.getOrDefault(name, -1L);
    }

    /**
     * Who the client says is behind it: {@code safety_identifier}, else {@code user}; empty: not said. What no database
     * keeps is replaced, and of a name of more than {@value #MAX_END_USER} characters the end is a hash of it: limits and
     * books remember such names, and clients may write what they like.
     */
    public String endUser() {
        return safetyIdentifier.isEmpty() ? user : safetyIdentifier;
    }

    private static String known(String name) {
        String kept = Storable.of(name);
        if (kept.length() <= MAX_END_USER) {
            return kept;
        }
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(name.getBytes(StandardCharsets.UTF_8));
            String end = "#" + HexFormat.of().formatHex(hash);
            return Storable.of(kept.substring(0, MAX_END_USER - end.length())) + end;
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /**
     * {@code prompt_cache_key}: whose prompts begin alike; empty: not said. One of more than {@value #MAX_END_USER} characters
     * ends in its hash, as an {@link #endUser} does.
     */
    public String promptCacheKey() {
        return promptCacheKey;
    }

    /** {@code previous_response_id}, which is among the {@link #references} too; empty: not said. */
    public String previousResponse() {
        return previousResponse;
    }

    /** The conversation's id, which is among the {@link #references} too; empty: not said. */
    public String conversation() {
        return conversation;
    }

    /** {@code metadata.complexity}, at most {@value #MAX_LABEL} characters of it; empty: not said. */
    public String complexity() {
        return complexity;
    }

    /** {@code metadata.accuracy}, at most {@value #MAX_LABEL} characters of it; empty: not said. */
    public String accuracy() {
        return accuracy;
    }

    /** {@code metadata.sensitivity}, at most {@value #MAX_LABEL} characters of it; empty: not said. */
    public String sensitivity() {
        return sensitivity;
    }

    /**
     * Whether the request has tools that run at the client: functions and their like. Also where {@code tool_choice} forbids
     * them: an upstream has to understand them all the same.
     */
    public boolean tools() {
        return tools;
    }

    /** Whether pictures are among the prompt. */
    public boolean images() {
        for (Media each : media) {
            if (each instanceof Media.Image) {
                return true;
            }
        }
        return false;
    }

    /**
     * Whether a chat or response has recordings among its prompt, goes on with one that was answered before, or asks for sound.
     * Not told of the endpoints that are for nothing else.
     */
    public boolean audio() {
        if (speaks) {
            return true;
        }
        for (Media each : media) {
            if (each instanceof Media.Audio) {
                return true;
            }
        }
        return false;
    }

    /** Whether the answer must fit a JSON schema: {@code response_format} or {@code text.format} of type {@code json_schema}. */
    public boolean schema() {
        return formatted || "json_schema".equals(responseFormatType);
    }

    /** Whether a parameter of sampling is set, or probabilities are asked for: models that reason refuse those. */
    public boolean sampling() {
        return sampling;
    }

    /** Types of tools that run at the provider, such as {@code web_search}, each once, in the order of the body. */
    public List<String> hostedTools() {
        return hostedTools.isEmpty() ? List.of() : List.copyOf(hostedTools);
    }

    /** Objects that the request names by their ids, in the order of the body. */
    public List<Reference> references() {
        return references.isEmpty() ? List.of() : Collections.unmodifiableList(references);
    }

    /** Bytes of the prompt's text in UTF-8, as far as it stands in the body: without images, audio and files. */
    public long textBytes() {
        return textBytes;
    }

    /** How many messages or items the prompt has; a list of prompts or inputs counts each. */
    public int messages() {
        return messages;
    }

    /** How many tokens the prompt gives as numbers rather than as text. */
    public long tokenIds() {
        return tokenIds;
    }

    /** What the prompt has beside text, in the order of the body. */
    public List<Media> media() {
        return media.isEmpty() ? List.of() : Collections.unmodifiableList(media);
    }

    @Nullable Member member(Name name) {
        return members.get(name);
    }

    @Nullable Member includeUsageAt() {
        return includeUsageAt;
    }

    @Nullable Member textFormatAt() {
        return textFormatAt;
    }

    @Nullable Member reasoningEffortAt() {
        return reasoningEffortAt;
    }

    @Nullable Member jsonSchemaAt() {
        return jsonSchemaAt;
    }

    @Nullable String responseFormatType() {
        return responseFormatType;
    }

    private void run() throws Malformed {
        int wrong = Utf8.firstWrong(body);
        if (wrong >= 0) {
            throw notJson(wrong, "it is not UTF-8");
        }
        // Without this Jackson would take UTF-16 and UTF-32 as well, and skip a byte order mark.
        if (body.length() == 0) {
            throw notJson(0, "it is empty, and a JSON object was expected");
        }
        for (int i = 0; i < Math.min(4, body.length()); i++) {
            if (body.at(i) <= 0 && (i == 0 || body.at(i) == 0)) {
                throw notJson(i, "a JSON object in UTF-8 without byte order mark was expected");
            }
        }
        try (JsonParser parser = parser(body)) {
            new Pass(parser).object();
        } catch (JacksonException e) {
            int at = e.getLocation() == null
                    ? body.length()
                    : (int) e.getLocation().getByteOffset();
            boolean deep = e instanceof tools.jackson.core.exc.StreamConstraintsException;
            throw notJson(
                    Math.clamp(at, 0, body.length()),
                    deep
                            ? "it is nested deeper than " + MAX_DEPTH + " levels or has a number longer than "
                                    + MAX_NUMBER + " characters"
                            : "something else was expected there, or something is missing");
        }
    }

    /** A parser within the bounds of this class. */
    static JsonParser parser(Bytes text) {
        return JSON.createParser(ObjectReadContext.empty(), text.array(), text.offset(), text.length());
    }

    private Malformed notJson(int at, String why) {
        return new Malformed("The body is not valid JSON at " + place(at) + ": " + why + ".", null, "invalid_json");
    }

    /** Line and column, both from 1; columns count bytes. */
    private String place(int at) {
        int line = 1;
        int start = 0;
        int to = Math.min(at, body.length());
        for (int i = 0; i < to; i++) {
            if (body.at(i) == '\n') {
                line++;
                start = i + 1;
            }
        }
        return "line " + line + ", column " + (to - start + 1);
    }

    /** The pass itself: what it needs only while it runs. */
    private final class Pass {
        private final JsonParser parser;
        private int pendingText = -1;

        /** Where the string of a file or recording begins; told when its end is known. */
        private int pendingData = -1;

        private boolean pendingIsAudio;

        Pass(JsonParser parser) {
            this.parser = parser;
        }

        void object() throws Malformed {
            JsonToken first = next();
            if (first == null) {
                throw notJson(body.length(), "it is empty, and a JSON object was expected");
            }
            if (first != JsonToken.START_OBJECT) {
                throw wrongType(at(), "The body", null, "an object", first);
            }
            while (next() == JsonToken.PROPERTY_NAME) {
                String key = parser.currentName();
                Name name = name(key);
                if (name == null) {
                    unread(key);
                } else {
                    member(name, key);
                }
            }
            if (next() != null) {
                throw notJson(at(), "nothing but white space may follow the object");
            }
        }

        private void unread(String key) throws Malformed {
            ObjectKind single = reference(key);
            ObjectKind many = references(key);
            JsonToken type = next();
            if (type.isStructStart()) {
                if (opaque(key)) {
                    if (key.equals("metadata") && type == JsonToken.START_OBJECT && converses()) {
                        labels();
                    } else {
                        parser.skipChildren();
                    }
                } else if (key.equals("modalities") && converses()) {
                    modalities();
                } else {
                    speaks |= key.equals("audio") && converses();
                    nested(key, many, false, false);
                }
            } else if (type == JsonToken.VALUE_STRING && single != null) {
                refer(single);
            }
        }

        private boolean converses() {
            return endpoint.kind() == Kind.CHAT || endpoint.kind() == Kind.RESPONSES;
        }

        /** Reads of {@code metadata}, which is the caller's own and goes on unchanged, what the call says of itself. */
        private void labels() throws Malformed {
            while (next() == JsonToken.PROPERTY_NAME) {
                String name = parser.currentName();
                JsonToken type = next();
                int from = at();
                switch (name) {
                    case "complexity" -> complexity = label("metadata.complexity", type, from);
                    case "accuracy" -> accuracy = label("metadata.accuracy", type, from);
                    case "sensitivity" -> sensitivity = label("metadata.sensitivity", type, from);
                    default -> parser.skipChildren();
                }
            }
        }

        private String label(String param, JsonToken type, int from) throws Malformed {
            if (type == JsonToken.VALUE_NULL) {
                return "";
            }
            String label = string(param, type, from);
            return label.length() > MAX_LABEL ? label.substring(0, MAX_LABEL) : label;
        }

        private void modalities() throws Malformed {
            int depth = 1;
            while (depth > 0) {
                JsonToken token = next();
                if (token.isStructStart()) {
                    depth++;
                } else if (token.isStructEnd()) {
                    depth--;
                } else if (token == JsonToken.VALUE_STRING && EncodedFile.starts(body, at() + 1, "audio\"")) {
                    speaks = true;
                }
            }
        }

        private void member(Name name, String key) throws Malformed {
            int keyAt = at();
            JsonToken type = next();
            int from = at();
            if (members.containsKey(name)) {
                throw new Malformed(
                        "'" + key + "' stands twice in the body, the second time at " + place(keyAt)
                                + "; once was expected.",
                        key,
                        "duplicate_parameter");
            }
            // Long strings are not touched: where such a member ends does not matter.
            int to = from;
            if (type.isStructStart()) {
                container(name, key, type, from);
                to = behind();
            } else {
                scalar(name, key, type, from);
                if (name != Name.INPUT && name != Name.PROMPT && name != Name.INSTRUCTIONS) {
                    parser.finishToken();
                    to = behind();
                }
            }
            members.put(name, new Member(keyAt, from, to, type));
        }

        private void scalar(Name name, String key, JsonToken type, int from) throws Malformed {
            if (type == JsonToken.VALUE_NULL) {
                if (name == Name.MESSAGES) {
                    throw wrongType(from, key, "an array", type);
                }
                return;
            }
            switch (name) {
                case MODEL -> model = string(key, type, from);
                case STREAM -> stream = bool(key, type, from);
                case STREAM_FORMAT -> stream = "sse".equals(string(key, type, from));
                case STORE -> store = bool(key, type, from);
                case BACKGROUND -> background = bool(key, type, from);
                case N -> n = (int) integer(key, type, from, 1, 128);
                case MAX_TOKENS, MAX_COMPLETION_TOKENS, MAX_OUTPUT_TOKENS ->
                    limits.put(name, integer(key, type, from, 0, Long.MAX_VALUE));
                case TEMPERATURE -> {
                    decimal(key, type, from, 0, 2);
                    sampling = true;
                }
                case TOP_P -> {
                    decimal(key, type, from, 0, 1);
                    sampling = true;
                }
                case PRESENCE_PENALTY, FREQUENCY_PENALTY -> {
                    decimal(key, type, from, -2, 2);
                    sampling = true;
                }
                case TOP_LOGPROBS -> {
                    integer(key, type, from, 0, 20);
                    sampling = true;
                }
                case LOGPROBS ->
                    sampling |= endpoint.kind() == Kind.COMPLETIONS
                            ? integer(key, type, from, 0, 5) >= 0
                            : bool(key, type, from);
                case REASONING_EFFORT -> effort = string(key, type, from);
                case SERVICE_TIER -> serviceTier = string(key, type, from);
                case SAFETY_IDENTIFIER -> safetyIdentifier = known(string(key, type, from));
                case USER -> user = known(string(key, type, from));
                case PROMPT_CACHE_KEY -> promptCacheKey = known(string(key, type, from));
                case STREAM_OPTIONS, LOGIT_BIAS, RESPONSE_FORMAT, TEXT, REASONING, WEB_SEARCH_OPTIONS ->
                    throw wrongType(from, key, "an object", type);
                case MESSAGES, TOOLS, FUNCTIONS, ITEMS -> throw wrongType(from, key, "an array", type);
                case PREVIOUS_RESPONSE_ID -> {
                    string(key, type, from);
                    previousResponse = refer(ObjectKind.RESPONSE);
                }
                case CONVERSATION -> {
                    string(key, type, from);
                    conversation = refer(ObjectKind.CONVERSATION);
                }
                case INPUT, PROMPT -> {
                    if (type != JsonToken.VALUE_STRING) {
                        throw wrongType(from, key, "a string or an array", type);
                    }
                    pendingText = from + 1;
                }
                case INSTRUCTIONS -> {
                    if (type != JsonToken.VALUE_STRING) {
                        throw wrongType(from, key, "a string", type);
                    }
                    pendingText = from + 1;
                }
            }
        }

        private void container(Name name, String key, JsonToken type, int from) throws Malformed {
            boolean isObject = type == JsonToken.START_OBJECT;
            switch (name) {
                case STREAM_OPTIONS -> {
                    expectObject(key, isObject, type, from);
                    streamOptions();
                }
                case TEXT -> {
                    expectObject(key, isObject, type, from);
                    textFormat();
                    textBytes += behind() - from;
                }
                case REASONING -> {
                    expectObject(key, isObject, type, from);
                    reasoning();
                }
                case RESPONSE_FORMAT -> {
                    expectObject(key, isObject, type, from);
                    responseFormat();
                    textBytes += behind() - from;
                }
                case LOGIT_BIAS -> {
                    expectObject(key, isObject, type, from);
                    parser.skipChildren();
                    sampling = true;
                }
                case CONVERSATION -> {
                    expectObject(key, isObject, type, from);
                    conversation();
                }
                case TOOLS, FUNCTIONS -> {
                    expectArray(key, isObject, type, from);
                    int elements = nested(key, null, false, false);
                    tools |= name == Name.FUNCTIONS && elements > 0;
                    textBytes += behind() - from;
                }
                case MESSAGES, ITEMS -> {
                    expectArray(key, isObject, type, from);
                    messages += nested(key, null, true, name == Name.ITEMS);
                }
                case INPUT, PROMPT, INSTRUCTIONS -> {
                    int elements = nested(key, null, true, name != Name.PROMPT);
                    messages += elements;
                    if (name == Name.PROMPT && endpoint.kind() == Kind.COMPLETIONS) {
                        prompts = Math.clamp(elements, 1, MAX_PROMPTS);
                    }
                }
                case WEB_SEARCH_OPTIONS -> {
                    expectObject(key, isObject, type, from);
                    parser.skipChildren();
                    hostedTools.add("web_search");
                }
                case MODEL,
                        STREAM_FORMAT,
                        REASONING_EFFORT,
                        SERVICE_TIER,
                        SAFETY_IDENTIFIER,
                        USER,
                        PROMPT_CACHE_KEY,
                        PREVIOUS_RESPONSE_ID -> throw wrongType(from, key, "a string", type);
                case STREAM, STORE, BACKGROUND -> throw wrongType(from, key, "a boolean", type);
                case LOGPROBS ->
                    throw wrongType(from, key, endpoint.kind() == Kind.COMPLETIONS ? "an integer" : "a boolean", type);
                case N, MAX_TOKENS, MAX_COMPLETION_TOKENS, MAX_OUTPUT_TOKENS, TOP_LOGPROBS ->
                    throw wrongType(from, key, "an integer", type);
                case TEMPERATURE, TOP_P, PRESENCE_PENALTY, FREQUENCY_PENALTY ->
                    throw wrongType(from, key, "a number", type);
            }
        }

        private void streamOptions() throws Malformed {
            while (next() == JsonToken.PROPERTY_NAME) {
                boolean wanted = parser.currentName().equals("include_usage");
                int key = at();
                JsonToken type = next();
                int from = at();
                if (!wanted) {
                    parser.skipChildren();
                    continue;
                }
                String param = "stream_options.include_usage";
                once(includeUsageAt, param, key);
                if (type != JsonToken.VALUE_NULL) {
                    includeUsage = bool(param, type, from);
                }
                includeUsageAt = new Member(key, from, behind(), type);
            }
        }

        private void reasoning() throws Malformed {
            while (next() == JsonToken.PROPERTY_NAME) {
                boolean wanted = parser.currentName().equals("effort");
                int key = at();
                JsonToken type = next();
                int from = at();
                if (!wanted) {
                    parser.skipChildren();
                    continue;
                }
                String param = "reasoning.effort";
                once(reasoningEffortAt, param, key);
                if (type != JsonToken.VALUE_NULL) {
                    effort = string(param, type, from);
                }
                reasoningEffortAt = new Member(key, from, behind(), type);
            }
        }

        private void responseFormat() throws Malformed {
            while (next() == JsonToken.PROPERTY_NAME) {
                String name = parser.currentName();
                int key = at();
                JsonToken type = next();
                int from = at();
                if (name.equals("type") && type == JsonToken.VALUE_STRING) {
                    responseFormatType = parser.getString();
                } else if (name.equals("json_schema") && type == JsonToken.START_OBJECT) {
                    once(jsonSchemaAt, "response_format.json_schema", key);
                    parser.skipChildren();
                    jsonSchemaAt = new Member(key, from, behind(), type);
                } else {
                    parser.skipChildren();
                }
            }
        }

        private void conversation() throws Malformed {
            while (next() == JsonToken.PROPERTY_NAME) {
                boolean wanted = parser.currentName().equals("id");
                if (next() == JsonToken.VALUE_STRING && wanted) {
                    conversation = refer(ObjectKind.CONVERSATION);
                } else {
                    parser.skipChildren();
                }
            }
        }

        /** Walks over {@code text}: finds its format. */
        private void textFormat() throws Malformed {
            while (next() == JsonToken.PROPERTY_NAME) {
                boolean wanted = parser.currentName().equals("format");
                int key = at();
                JsonToken type = next();
                int from = at();
                if (!wanted) {
                    parser.skipChildren();
                    continue;
                }
                if (type == JsonToken.START_OBJECT) {
                    format();
                } else {
                    parser.skipChildren();
                }
                once(textFormatAt, "text.format", key);
                parser.finishToken();
                textFormatAt = new Member(key, from, behind(), type);
            }
        }

        private void format() throws Malformed {
            while (next() == JsonToken.PROPERTY_NAME) {
                boolean wanted = parser.currentName().equals("type");
                if (next() == JsonToken.VALUE_STRING && wanted) {
                    formatted = EncodedFile.starts(body, at() + 1, "json_schema\"");
                } else {
                    parser.skipChildren();
                }
            }
        }

        /**
         * Walks over a container whose members are not edited: finds references, counts text.
         *
         * @param key the member that holds the container
         * @param many what its strings name when it is an array of ids, or null
         * @param counts whether its strings are text of the prompt
         * @param items whether its elements are items of a conversation, which may be references as a whole
         * @return how many strings, arrays and objects stand in it directly
         */
        private int nested(String key, @Nullable ObjectKind many, boolean counts, boolean items) throws Malformed {
            @Nullable ObjectKind[] lists = new @Nullable ObjectKind[8];
            @Nullable String[] keys = new @Nullable String[8];
            @Nullable Part[] parts = new @Nullable Part[8];
            int depth = 1;
            lists[1] = many;
            keys[1] = key;
            int elements = 0;
            Item item = null;
            while (true) {
                JsonToken token = next();
                switch (token) {
                    case START_OBJECT, START_ARRAY -> {
                        String name = parser.streamReadContext().getParent().currentName();
                        boolean member = parser.streamReadContext().getParent().inObject();
                        if (item != null && depth == 2 && member && name != null && !isEmptyContainer()) {
                            item.holds(name);
                        }
                        if (member && name != null && opaque(name)) {
                            parser.skipChildren();
                            continue;
                        }
                        depth++;
                        if (depth == lists.length) {
                            lists = Arrays.copyOf(lists, depth * 2);
                            keys = Arrays.copyOf(keys, depth * 2);
                            parts = Arrays.copyOf(parts, depth * 2);
                        }
                        parts[depth] = null;
                        keys[depth] = member ? name : keys[depth - 1];
                        lists[depth] =
                                token == JsonToken.START_ARRAY && member && name != null ? references(name) : null;
                        if (depth == 2) {
                            elements++;
                            item = items && token == JsonToken.START_OBJECT ? new Item() : null;
                        }
                    }
                    case END_OBJECT, END_ARRAY -> {
                        Part part = parts[depth];
                        if (part != null) {
                            end(part, keys[depth]);
                        }
                        if (depth == 2 && item != null && item.refers()) {
                            for (Reference each : item.ids) {
                                add(each);
                            }
                        }
                        if (--depth == 0) {
                            return elements;
                        }
                    }
                    case VALUE_STRING -> {
                        TokenStreamContext context = parser.streamReadContext();
                        if (!context.inObject()) {
                            elements += depth == 1 ? 1 : 0;
                            ObjectKind kind = lists[depth];
                            if (kind != null) {
                                refer(kind);
                            } else if (counts) {
                                text();
                            }
                            continue;
                        }
                        String name = parser.currentName();
                        if (item != null && depth == 2) {
                            if (name.equals("type")) {
                                item.type(parser.getString());
                                continue;
                            }
                            if (name.equals("id")) {
                                item.ids.add(new Reference(path(), id(), ObjectKind.OUTPUT_ITEM));
                                continue;
                            }
                            int inside = at() + 1;
                            if (inside < body.length() && body.at(inside) != '"') {
                                item.holds(name);
                            }
                        }
                        if (depth == 2 && name.equals("type") && key.equals(Name.TOOLS.member())) {
                            tool(parser.getString());
                            continue;
                        }
                        if (counts && tellsOfPart(name, at() + 1)) {
                            Part part = parts[depth];
                            if (part == null) {
                                part = new Part();
                                parts[depth] = part;
                            }
                            part(part, name, keys[depth]);
                        }
                        ObjectKind kind = reference(name);
                        if (kind == null && name.equals("id") && "audio".equals(keys[depth])) {
                            kind = ObjectKind.AUDIO;
                        }
                        if (kind != null) {
                            if (!"variables".equals(keys[depth])) {
                                refer(kind);
                            }
                        } else if (counts && isText(name)) {
                            text();
                        }
                    }
                    case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT, VALUE_TRUE, VALUE_FALSE -> {
                        if (item != null
                                && depth == 2
                                && parser.streamReadContext().inObject()) {
                            item.holds(parser.currentName());
                        }
                        if (counts
                                && token == JsonToken.VALUE_NUMBER_INT
                                && !parser.streamReadContext().inObject()) {
                            tokenIds++;
                        }
                    }
                    case PROPERTY_NAME, VALUE_NULL -> {}
                    case NOT_AVAILABLE, VALUE_EMBEDDED_OBJECT ->
                        throw new IllegalStateException(token + " out of a body in memory");
                }
            }
        }

        /** Looks at a string of an object that may be a picture, a recording or a file. */
        private void part(Part part, String name, @Nullable String holder) throws Malformed {
            int from = at() + 1;
            switch (name) {
                case "type" -> {
                    part.isImage |= EncodedFile.starts(body, from, "input_image");
                    part.isFile |= EncodedFile.starts(body, from, "input_file");
                }
                case "detail" -> {
                    String word = string(from);
                    part.detail = Detail.of(word);
                    if (part.image >= 0
                            && media.get(part.image) instanceof Media.Image(Detail _, int width, int height)) {
                        media.set(part.image, new Media.Image(part.detail, width, height));
                    }
                }
                case "image_url" -> image(part, from);
                case "url" -> {
                    if ("image_url".equals(holder)) {
                        image(part, from);
                    }
                }
                case "file_id", "file_url" -> part.named = true;
                case "file_data" -> {
                    part.told = true;
                    pendingData = from;
                    pendingIsAudio = false;
                }
                case "data" -> {
                    if ("input_audio".equals(holder)) {
                        pendingData = from;
                        pendingIsAudio = true;
                    }
                }
                default -> throw new IllegalStateException(name);
            }
        }

        /** A short word in quotes; empty for a longer one. */
        private String string(int from) {
            int to = from;
            while (to < body.length() && body.at(to) != '"') {
                if (++to - from > 16) {
                    return "";
                }
            }
            return body.slice(from, to).utf8();
        }

        private void image(Part part, int from) throws Malformed {
            EncodedFile.Size size = EncodedFile.starts(body, from, "data:")
                    ? EncodedFile.picture(body, from)
                    : EncodedFile.Size.UNKNOWN;
            part.told = true;
            part.image = media.size();
            add(new Media.Image(part.detail, size.width(), size.height()));
        }

        /** An object ends: what it only names is told, too. */
        private void end(Part part, @Nullable String holder) throws Malformed {
            if (part.named && !part.told) {
                if (part.isImage) {
                    add(new Media.Image(part.detail, 0, 0));
                } else if (part.isFile || "file".equals(holder)) {
                    add(new Media.File(0, true));
                }
            }
        }

        private void add(Media one) throws Malformed {
            if (media.size() == MAX_MEDIA) {
                throw new Malformed(
                        "The body has more than " + MAX_MEDIA + " pictures, recordings and files.",
                        path(),
                        "array_above_max_length");
            }
            media.add(one);
        }

        /** The file or recording in base64 that ends before {@code to}. */
        private void data(int to) throws Malformed {
            int from = pendingData;
            pendingData = -1;
            int start = Math.max(from, EncodedFile.start(body, from));
            int end = to;
            while (end > start && body.at(end - 1) == '=') {
                end--;
            }
            long bytes = Math.max(0, end - start) * 3L / 4;
            if (pendingIsAudio) {
                add(new Media.Audio(bytes, EncodedFile.bytesPerSecond(body, from)));
            } else {
                boolean plain = EncodedFile.starts(body, from, "data:text/")
                        || EncodedFile.starts(body, from, "data:application/json");
                add(new Media.File(bytes, !plain));
            }
        }

        /** Notes a tool that runs at the provider; these three kinds run at the client. */
        private void tool(String type) {
            boolean client = type.equals("function") || type.equals("custom") || type.equals("local_shell");
            tools |= client;
            if (!client && hostedTools.size() < MAX_TOOLS) {
                hostedTools.add(type.length() > Endpoints.MAX_ID ? type.substring(0, Endpoints.MAX_ID) : type);
            }
        }

        /** Whether nothing stands in the container that begins at hand. */
        private boolean isEmptyContainer() {
            int i = at() + 1;
            while (i < body.length() && body.at(i) <= ' ' && body.at(i) >= 0) {
                i++;
            }
            return i < body.length() && (body.at(i) == ']' || body.at(i) == '}');
        }

        /** Counts the string at hand as text, unless it is a data URL. Where it ends is known at the next token. */
        private void text() {
            int from = at() + 1;
            boolean data = from + 5 < body.length()
                    && body.at(from) == 'd'
                    && body.at(from + 1) == 'a'
                    && body.at(from + 2) == 't'
                    && body.at(from + 3) == 'a'
                    && body.at(from + 4) == ':';
            if (!data) {
                pendingText = from;
            }
        }

        private JsonToken next() throws Malformed {
            JsonToken token = parser.nextToken();
            if (pendingText >= 0) {
                int to = quoteBefore(token, pendingText);
                textBytes += to - pendingText - Utf8.escapeBytes(body, pendingText, to);
                pendingText = -1;
            }
            if (pendingData >= 0) {
                data(quoteBefore(token, pendingData));
            }
            return token;
        }

        /** Where the string ends that began at {@code from} and stands before the token at hand. */
        private int quoteBefore(@Nullable JsonToken token, int from) {
            int to = token == null ? body.length() : at();
            do {
                to--;
            } while (to > from && body.at(to) != '"');
            return to;
        }

        private int at() {
            return (int) parser.currentTokenLocation().getByteOffset();
        }

        private int behind() {
            return (int) parser.currentLocation().getByteOffset();
        }

        private String refer(ObjectKind kind) throws Malformed {
            Reference named = new Reference(path(), id(), kind);
            add(named);
            speaks |= kind == ObjectKind.AUDIO;
            return named.id();
        }

        private void add(Reference reference) throws Malformed {
            if (references.size() == MAX_REFERENCES) {
                throw new Malformed(
                        "The body names more than " + MAX_REFERENCES + " objects by their ids.",
                        reference.param(),
                        "array_above_max_length");
            }
            references.add(reference);
        }

        /** The string at hand; one that is too long for an id is cut, and names nothing. */
        private String id() {
            String id = parser.getString();
            return id.length() > Endpoints.MAX_ID ? id.substring(0, Endpoints.MAX_ID) : id;
        }

        private String path() {
            StringBuilder out = new StringBuilder();
            path(parser.streamReadContext(), out);
            return out.toString();
        }

        private static void path(TokenStreamContext context, StringBuilder out) {
            TokenStreamContext parent = context.getParent();
            if (parent == null) {
                return;
            }
            path(parent, out);
            if (context.inArray()) {
                out.append('[').append(context.getCurrentIndex()).append(']');
            } else if (context.currentName() != null) {
                out.append(out.isEmpty() ? "" : ".").append(context.currentName());
            }
        }

        private void once(@Nullable Member before, String param, int key) throws Malformed {
            if (before != null) {
                throw new Malformed(
                        "'" + param + "' stands twice in the body, the second time at " + place(key)
                                + "; once was expected.",
                        param,
                        "duplicate_parameter");
            }
        }

        private String string(String key, JsonToken type, int from) throws Malformed {
            if (type != JsonToken.VALUE_STRING) {
                throw wrongType(from, key, "a string", type);
            }
            return parser.getString();
        }

        private boolean bool(String key, JsonToken type, int from) throws Malformed {
            if (type != JsonToken.VALUE_TRUE && type != JsonToken.VALUE_FALSE) {
                throw wrongType(from, key, "a boolean", type);
            }
            return type == JsonToken.VALUE_TRUE;
        }

        private long integer(String key, JsonToken type, int from, long min, long max) throws Malformed {
            if (type != JsonToken.VALUE_NUMBER_INT) {
                throw wrongType(from, key, "an integer", type);
            }
            boolean fits = parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
            long value = fits ? parser.getLongValue() : body.at(from) == '-' ? Long.MIN_VALUE : Long.MAX_VALUE;
            if (value < min) {
                throw outOfRange(from, key, "at least " + min, "integer_below_min_value");
            }
            if (value > max || !fits) {
                throw outOfRange(from, key, "at most " + max, "integer_above_max_value");
            }
            return value;
        }

        private void decimal(String key, JsonToken type, int from, int min, int max) throws Malformed {
            if (type != JsonToken.VALUE_NUMBER_INT && type != JsonToken.VALUE_NUMBER_FLOAT) {
                throw wrongType(from, key, "a number", type);
            }
            double value = parser.getDoubleValue();
            if (value < min) {
                throw outOfRange(from, key, "at least " + min, "decimal_below_min_value");
            }
            if (!(value <= max)) {
                throw outOfRange(from, key, "at most " + max, "decimal_above_max_value");
            }
        }

        private void expectObject(String key, boolean isObject, JsonToken type, int from) throws Malformed {
            if (!isObject) {
                throw wrongType(from, key, "an object", type);
            }
        }

        private void expectArray(String key, boolean isObject, JsonToken type, int from) throws Malformed {
            if (isObject) {
                throw wrongType(from, key, "an array", type);
            }
        }

        private Malformed outOfRange(int from, String key, String expected, String code) {
            return new Malformed(
                    "'" + key + "' at " + place(from) + " is out of range: " + expected + " was expected.", key, code);
        }

        private Malformed wrongType(int from, String key, String expected, JsonToken type) {
            return wrongType(from, "'" + key + "'", key, expected, type);
        }

        private Malformed wrongType(int from, String what, @Nullable String param, String expected, JsonToken type) {
            return new Malformed(
                    what + " at " + place(from) + " is " + Kinds.of(type) + ": " + expected + " was expected.",
                    param,
                    "invalid_type");
        }
    }

    /**
     * An item of a conversation while it is read. Some items hold all that they are; of others the provider keeps the
     * substance, and finds it by the item's id: those are references.
     */
    private static final class Item {
        /** More than one only where a body says it twice. */
        final List<Reference> ids = new ArrayList<>(1);

        private String type = "";
        private boolean reference;
        private boolean substance;
        private boolean sealed;
        private boolean result;

        void type(String name) {
            type = name;
            reference |= name.equals("item_reference");
        }

        /** It has a member that is neither null nor empty. */
        void holds(String member) {
            switch (member) {
                case "status", "role", "phase", "type", "id" -> {}
                case "encrypted_content" -> sealed = true;
                case "result", "results", "outputs" -> result = true;
                default -> substance = true;
            }
        }

        boolean refers() {
            if (reference) {
                return true;
            }
            return switch (type) {
                case "reasoning" -> !sealed;
                case "image_generation_call", "file_search_call", "code_interpreter_call" -> !result;
                case "web_search_call" -> true;
                default -> !substance && !sealed && !result;
            };
        }
    }

    /** An object of a prompt that may be a picture, a recording or a file, while it is read. */
    private static final class Part {
        private Detail detail = Detail.AUTO;

        /** Where its picture stands among the media; -1: nowhere yet. */
        private int image = -1;

        private boolean isImage;
        private boolean isFile;
        private boolean named;
        private boolean told;
    }

    private static final class Kinds {
        static String of(JsonToken type) {
            return switch (type) {
                case START_OBJECT, END_OBJECT -> "an object";
                case START_ARRAY, END_ARRAY -> "an array";
                case VALUE_STRING, PROPERTY_NAME -> "a string";
                case VALUE_NUMBER_INT -> "an integer";
                case VALUE_NUMBER_FLOAT -> "a decimal number";
                case VALUE_TRUE, VALUE_FALSE -> "a boolean";
                case VALUE_NULL -> "null";
                case NOT_AVAILABLE, VALUE_EMBEDDED_OBJECT -> "something else";
            };
        }
    }

    /** Which member this endpoint's requests have under a name, null for one that is not read. */
    private @Nullable Name name(String key) {
        Kind kind = endpoint.kind();
        boolean chat = kind == Kind.CHAT;
        boolean responses = kind == Kind.RESPONSES;
        boolean generates = chat || responses || kind == Kind.COMPLETIONS;
        return switch (key) {
            case "model" -> endpoint.model() == Endpoint.ModelIn.NONE ? null : Name.MODEL;
            case "stream" -> generates || kind == Kind.IMAGES ? Name.STREAM : null;
            case "stream_options" -> generates ? Name.STREAM_OPTIONS : null;
            case "stream_format" -> kind == Kind.SPEECH ? Name.STREAM_FORMAT : null;
            case "store" -> chat || responses ? Name.STORE : null;
            case "background" -> responses ? Name.BACKGROUND : null;
            case "n" -> chat || kind == Kind.COMPLETIONS || kind == Kind.IMAGES ? Name.N : null;
            case "max_tokens" -> generates ? Name.MAX_TOKENS : null;
            case "max_completion_tokens" -> chat || responses ? Name.MAX_COMPLETION_TOKENS : null;
            case "max_output_tokens" -> responses ? Name.MAX_OUTPUT_TOKENS : null;
            case "temperature" -> generates ? Name.TEMPERATURE : null;
            case "top_p" -> generates ? Name.TOP_P : null;
            case "logprobs" -> generates ? Name.LOGPROBS : null;
            case "top_logprobs" -> generates ? Name.TOP_LOGPROBS : null;
            case "presence_penalty" -> generates ? Name.PRESENCE_PENALTY : null;
            case "frequency_penalty" -> generates ? Name.FREQUENCY_PENALTY : null;
            case "logit_bias" -> generates ? Name.LOGIT_BIAS : null;
            case "response_format" -> chat || responses ? Name.RESPONSE_FORMAT : null;
            case "text" -> responses ? Name.TEXT : null;
            case "reasoning" -> responses ? Name.REASONING : null;
            case "reasoning_effort" -> chat || responses ? Name.REASONING_EFFORT : null;
            case "service_tier" -> generates ? Name.SERVICE_TIER : null;
            case "safety_identifier" -> chat || responses ? Name.SAFETY_IDENTIFIER : null;
            case "prompt_cache_key" -> chat || responses ? Name.PROMPT_CACHE_KEY : null;
            case "user" -> endpoint.model() == Endpoint.ModelIn.NONE ? null : Name.USER;
            case "web_search_options" -> chat ? Name.WEB_SEARCH_OPTIONS : null;
            case "messages" -> chat ? Name.MESSAGES : null;
            case "input" -> Name.INPUT;
            case "items" -> kind == Kind.PLAIN ? Name.ITEMS : null;
            case "prompt" -> Name.PROMPT;
            case "instructions" -> Name.INSTRUCTIONS;
            case "tools" -> Name.TOOLS;
            case "functions" -> chat ? Name.FUNCTIONS : null;
            case "previous_response_id" -> Name.PREVIOUS_RESPONSE_ID;
            case "conversation" -> Name.CONVERSATION;
            default -> null;
        };
    }

    /** What a string under this name names, null for nothing. */
    static @Nullable ObjectKind reference(String key) {
        return switch (key) {
            case "file_id", "input_file_id" -> ObjectKind.FILE;
            case "previous_response_id", "comparison_response_id" -> ObjectKind.RESPONSE;
            case "conversation" -> ObjectKind.CONVERSATION;
            case "vector_store_id" -> ObjectKind.VECTOR_STORE;
            case "container", "container_id" -> ObjectKind.CONTAINER;
            default -> null;
        };
    }

    /** What the strings of an array under this name name, null for nothing. */
    static @Nullable ObjectKind references(String key) {
        return switch (key) {
            case "file_ids" -> ObjectKind.FILE;
            case "part_ids" -> ObjectKind.UPLOAD_PART;
            case "vector_store_ids" -> ObjectKind.VECTOR_STORE;
            default -> null;
        };
    }

    /** Whether what stands under this name is the caller's own, and names nothing of the API's. */
    private static boolean opaque(String key) {
        return switch (key) {
            case "metadata",
                    "client_metadata",
                    "parameters",
                    "schema",
                    "input_schema",
                    "output_schema",
                    "arguments",
                    "headers",
                    "attributes",
                    "logit_bias" -> true;
            default -> false;
        };
    }

    /** Whether a string under this name, which begins at {@code from}, tells of a picture, a recording or a file. */
    private boolean tellsOfPart(String key, int from) {
        return switch (key) {
            case "type" ->
                EncodedFile.starts(body, from, "input_image") || EncodedFile.starts(body, from, "input_file");
            case "detail", "image_url", "url", "file_id", "file_url", "file_data", "data" -> true;
            default -> false;
        };
    }

    /** Whether a string under this name is text that a model reads. */
    private static boolean isText(String key) {
        return switch (key) {
            case "type",
                    "role",
                    "id",
                    "call_id",
                    "tool_call_id",
                    "status",
                    "detail",
                    "format",
                    "phase",
                    "filename",
                    "url",
                    "image_url",
                    "file_url",
                    "data",
                    "file_data",
                    "b64_json",
                    "encrypted_content",
                    "result",
                    "namespace",
                    "mode",
                    "ttl",
                    "signature" -> false;
            default -> true;
        };
    }
}
