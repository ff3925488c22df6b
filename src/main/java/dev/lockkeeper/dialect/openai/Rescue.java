package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.dialect.openai.Endpoint.Kind;
import dev.lockkeeper.dialect.openai.RequestScan.Member;
import dev.lockkeeper.dialect.openai.RequestScan.Name;
import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What is to be known when a stream breaks after a part of it was delivered. In the order of things:
 *
 * <ol>
 *   <li>{@link StreamTap#delivered} of the tap that read the stream tells what the client has.
 *   <li>{@link #ways} tells how the next target may be asked to go on; none: the stream ends in
 *       {@link StreamTap#brokenEnding}.
 *   <li>{@link Rewrite#of} makes the request, with {@link #resume} in its wish.
 *   <li>{@link Continuation#of} takes the place of the tap for that target's answer: the events that it passes go on with
 *       the client's stream. {@link Continuation#mismatch} tells that this way failed; what the client has is still what
 *       {@link Continuation#delivered} tells, and the next way may be tried, or the next target.
 *   <li>{@link #comment} marks the stream before its end.
 * </ol>
 *
 * <p>Any thread.
 */
public final class Rescue {
    /** Responses are refused below this limit. */
    private static final int LEAST_RESPONSE = 16;

    /** Bytes of a refusal that are read. */
    private static final int REFUSAL = 16 << 10;

    private static final List<String> PREFILL_WORDS = List.of(
            "prefix",
            "prefill",
            "continue_final_message",
            "add_generation_prompt",
            "last role",
            "last message",
            "final message",
            "must end with a user",
            "assistant message");

    private Rescue() {}

    /**
     * How an answer may be gone on with.
     *
     * @param order the ways that are sound, the surest first; empty: none is
     * @param why why none is, a sentence without anything of prompt or answer; empty where there is one
     */
    public record Ways(List<Way> order, String why) {
        public Ways {
            order = List.copyOf(order);
        }

        private static Ways none(String why) {
            return new Ways(List.of(), why);
        }
    }

    /**
     * How a target may be asked to go on.
     *
     * @param delivered what the client has
     * @param scan of the client's request
     * @param body the client's request
     * @param prefill what the target takes
     */
    public static Ways ways(Delivered delivered, RequestScan scan, Bytes body, Prefill prefill) {
        if (delivered.nothing()) {
            return new Ways(List.of(Way.AGAIN), "");
        }
        if (delivered.unsound != null) {
            return Ways.none(delivered.unsound);
        }
        if (scan.choices() != 1) {
            return Ways.none("Several answers were asked for at once.");
        }
        if (scan.background()) {
            return Ways.none("It runs in the background, and its provider may still go on with it.");
        }
        Member conversation = scan.member(Name.CONVERSATION);
        if (conversation != null && !conversation.isNull()) {
            return Ways.none("The conversation at its provider may hold it already.");
        }
        if (delivered.text.isEmpty()) {
            return new Ways(List.of(Way.AGAIN), "");
        }
        Member logprobs = scan.member(Name.LOGPROBS);
        Member top = scan.member(Name.TOP_LOGPROBS);
        if ((logprobs != null && !logprobs.isNull() && !logprobs.isFalse()) || (top != null && !top.isNull())) {
            return Ways.none("The probabilities of its tokens were asked for, and another model's are others.");
        }
        List<Way> order = new ArrayList<>(3);
        boolean whole = delivered.response != null && delivered.response.textDone();
        if (schema(scan, body) || whole) {
            // Whoever goes on with half a JSON text has to know that it does, and a text that is whole has nothing
            // behind it.
            return new Ways(List.of(Way.AGAIN), "");
        }
        Prompt prompt = Prompt.of(body);
        boolean answers = !prompt.endsWithAssistant;
        if (delivered.kind == Kind.CHAT
                && answers
                && delivered.text.length() >= Joint.SHORTEST_PREFILL
                && (prefill == Prefill.PREFIX || (prefill == Prefill.CONTINUE_FINAL_MESSAGE && !prompt.saysHow))) {
            order.add(Way.PREFILL);
        }
        order.add(Way.AGAIN);
        Member input = scan.member(delivered.kind == Kind.CHAT ? Name.MESSAGES : Name.INPUT);
        if (answers && input != null && !input.isNull()) {
            order.add(Way.QUOTED);
        }
        return new Ways(order, "");
    }

    /**
     * What the request to the target has to say, for {@link Rewrite.Wish#resume}; null where it is the client's own.
     *
     * @param spentTokens about how many tokens were delivered
     */
    public static @Nullable Resume resume(Delivered delivered, Way way, Prefill prefill, long spentTokens) {
        return way == Way.AGAIN ? null : new Resume(way, prefill, delivered.text, spentTokens);
    }

    /**
     * Whether a target's refusal is of the prefilled message rather than of the request: the next way may be tried with it.
     * Where it isn't, the refusal of a rescue is still nothing that the client has asked for: the stream ends as it broke.
     *
     * @param status of the refusal
     * @param body of the refusal
     */
    public static boolean refusesPrefill(int status, Bytes body) {
        if (status != 400 && status != 422) {
            return false;
        }
        String said = body.slice(0, Math.min(body.length(), REFUSAL)).utf8().toLowerCase(Locale.ROOT);
        return PREFILL_WORDS.stream().anyMatch(said::contains);
    }

    /**
     * The comment that marks a stream that was gone on with, as it stands before the stream's end.
     *
     * @param characters delivered when it broke
     * @param by who went on, {@code provider/model}
     */
    public static Bytes comment(int characters, String by) {
        StringBuilder out = new StringBuilder(80).append(": lockkeeper rescued after ");
        out.append(characters).append(characters == 1 ? " character by " : " characters by ");
        by.chars().filter(c -> c >= ' ' && c != 0x7f).forEach(c -> out.append((char) c));
        return Bytes.of(out.append("\n\n").toString().getBytes(StandardCharsets.UTF_8));
    }

    /** The output limit of a request that goes on with an answer. */
    static long left(long asked, Resume resume, Kind kind) {
        return Math.max(kind == Kind.RESPONSES ? LEAST_RESPONSE : 1, asked - Math.max(0, resume.spentTokens()));
    }

    /** What is said to a model that has to go on with a quoted text. */
    static String instruction(String text) {
        return "Your last message was cut off. Go on with it from exactly where it stopped. Begin by repeating its very last"
                + " words, letter by letter, and go on directly from them. Its very last words are:\n\n"
                + Joint.anchor(text)
                + "\n\nRepeat nothing else, and add no apology, no comment and no heading.";
    }

    private static boolean schema(RequestScan scan, Bytes body) {
        return tells(scan.member(Name.RESPONSE_FORMAT), body) || tells(scan.textFormatAt(), body);
    }

    /** Whether a format is another one than plain text. */
    private static boolean tells(@Nullable Member format, Bytes body) {
        if (format == null || format.isNull()) {
            return false;
        }
        FormatType type = new FormatType();
        JsonWalk walk = new JsonWalk(FormatType.PATHS, type);
        return !(walk.feed(body.slice(format.from(), format.to())) && type.is("text"));
    }

    private static final class FormatType extends Strings {
        static final JsonWalk.Paths PATHS = JsonWalk.Paths.of("type");
    }

    /** Gathers the string that is being told. */
    private static class Strings implements JsonWalk.Visitor {
        private static final int BOUND = 64;
        private final byte[] bytes = new byte[BOUND];
        private int length;

        boolean is(String word) {
            return new String(bytes, 0, length, StandardCharsets.UTF_8).equals(word);
        }

        @Override
        public void string(int path) {
            length = 0;
        }

        @Override
        public void piece(int path, byte[] array, int from, int to) {
            int room = Math.min(to - from, BOUND - length);
            System.arraycopy(array, from, bytes, length, room);
            length += room;
        }
    }

    /** How a prompt ends, and whether it says itself how it is to be gone on with. */
    private static final class Prompt extends Strings {
        private static final int CONTINUE = 4;
        private static final int ADD = 5;
        private static final JsonWalk.Paths PATHS = JsonWalk.Paths.of(
                "messages[]",
                "messages[].role",
                "input[]",
                "input[].role",
                "continue_final_message",
                "add_generation_prompt");

        private boolean endsWithAssistant;
        private boolean saysHow;

        static Prompt of(Bytes body) {
            Prompt prompt = new Prompt();
            new JsonWalk(PATHS, prompt).feed(body);
            return prompt;
        }

        @Override
        public void open(int path, boolean isObject) {
            endsWithAssistant = false;
        }

        @Override
        public void stringEnd(int path) {
            endsWithAssistant = is("assistant");
        }

        @Override
        public void literal(int path, char letter) {
            saysHow |= path == CONTINUE || path == ADD;
        }
    }
}
