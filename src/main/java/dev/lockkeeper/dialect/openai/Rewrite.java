package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.dialect.openai.Endpoint.Kind;
import dev.lockkeeper.dialect.openai.RequestScan.Member;
import dev.lockkeeper.dialect.openai.RequestScan.Name;
import dev.lockkeeper.units.Bytes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonToken;

/** Makes a request's body ready for an upstream by splicing: what is not edited stays as the client wrote it. Any thread. */
public final class Rewrite {
    /** No limit of the gateway's own. */
    public static final long UNLIMITED = -1;

    private static final Name[] SAMPLING = {Name.TEMPERATURE, Name.TOP_P, Name.LOGPROBS, Name.TOP_LOGPROBS};
    private static final Name[] PENALTIES = {Name.PRESENCE_PENALTY, Name.FREQUENCY_PENALTY, Name.LOGIT_BIAS};
    private static final Name[] END_USERS = {Name.SAFETY_IDENTIFIER, Name.USER};
    private static final Bytes INCLUDE = Bytes.utf8("\"include_usage\":true");
    private static final Bytes OPTIONS = Bytes.utf8("{\"include_usage\":true}");
    private static final Bytes MORE_OPTIONS = Bytes.utf8(",\"stream_options\":{\"include_usage\":true}");
    private static final Bytes TRUE = Bytes.utf8("true");
    private static final Bytes COMMA = Bytes.utf8(",");
    private static final Bytes CLOSE = Bytes.utf8("}");
    private static final Bytes SCHEMA = Bytes.utf8("{\"type\":\"json_schema\"");
    private static final Bytes FORMAT = Bytes.utf8("\"format\":");
    private static final Bytes ASSISTANT = Bytes.utf8("{\"role\":\"assistant\",\"content\":");
    private static final Bytes USER = Bytes.utf8("},{\"role\":\"user\",\"content\":");
    private static final Bytes PREFIX = Bytes.utf8(",\"prefix\":true");
    private static final Bytes OPEN_USER = Bytes.utf8("[{\"role\":\"user\",\"content\":");
    private static final Bytes CLOSE_MESSAGE = Bytes.utf8("},");
    private static final Bytes CONTINUE_FINAL =
            Bytes.utf8(",\"continue_final_message\":true,\"add_generation_prompt\":false");
    private static final Bytes EFFORT = Bytes.utf8("\"effort\":");

    /** Bytes to put in place of others; where both ends are one, before the byte there. */
    private record Edit(int from, int to, List<Bytes> by) {}

    private final Bytes body;
    private final RequestScan scan;
    private final List<Edit> edits = new ArrayList<>(4);
    private final List<Member> removed = new ArrayList<>(0);
    private final List<String> warnings = new ArrayList<>(0);

    private Rewrite(Bytes body, RequestScan scan) {
        this.body = body;
        this.scan = scan;
    }

    /**
     * What is wanted of a body.
     *
     * @param upstreamModel what the upstream calls the model; stands where the client's name for it stood, and nowhere
     *     when the client named none
     * @param refusals what the upstream would refuse
     * @param askUsage whether to ask for usage where a chat or a completion is streamed
     * @param mostOutput tokens of one answer at most, written over a larger limit; {@link #UNLIMITED}: as asked
     * @param endUser stands where the client said who is behind it; null: as said
     * @param resume what the answer is to go on with; null: it begins
     */
    public record Wish(
            String upstreamModel,
            Refusals refusals,
            boolean askUsage,
            long mostOutput,
            @Nullable String endUser,
            @Nullable Resume resume) {
        /** A wish for an answer that begins. */
        public Wish(
                String upstreamModel, Refusals refusals, boolean askUsage, long mostOutput, @Nullable String endUser) {
            this(upstreamModel, refusals, askUsage, mostOutput, endUser, null);
        }

        /** The same for an answer that goes on with another one. */
        public Wish resuming(@Nullable Resume with) {
            return new Wish(upstreamModel, refusals, askUsage, mostOutput, endUser, with);
        }
    }

    /**
     * Edits a body.
     *
     * @param scan of the same body
     */
    public static Rewritten of(Bytes body, RequestScan scan, Endpoint endpoint, Wish wish) {
        String upstreamModel = wish.upstreamModel;
        Refusals refusals = wish.refusals;
        Rewrite rewrite = new Rewrite(body, scan);
        Member model = scan.member(Name.MODEL);
        if (model != null && !upstreamModel.equals(scan.model())) {
            rewrite.put(model, Errors.text(upstreamModel));
        }
        Kind kind = endpoint.kind();
        if (wish.askUsage && scan.stream() && (kind == Kind.CHAT || kind == Kind.COMPLETIONS)) {
            rewrite.askUsage();
        }
        if (kind == Kind.CHAT || kind == Kind.RESPONSES) {
            if (refusals.sampling()) {
                rewrite.dropAll(SAMPLING, refusals.why());
            }
            if (refusals.penalties()) {
                rewrite.dropAll(PENALTIES, refusals.why());
            }
        }
        if (kind == Kind.CHAT && refusals.maxTokens()) {
            rewrite.outputLimit("max_completion_tokens", Name.MAX_COMPLETION_TOKENS, Name.MAX_TOKENS);
        }
        if (kind == Kind.RESPONSES && refusals.chatShapes()) {
            rewrite.outputLimit(
                    "max_output_tokens", Name.MAX_OUTPUT_TOKENS, Name.MAX_COMPLETION_TOKENS, Name.MAX_TOKENS);
            rewrite.moveFormat();
            rewrite.moveEffort();
        }
        long mostOutput = wish.mostOutput;
        Resume resume = wish.resume;
        if (resume != null && resume.way() != Way.AGAIN) {
            rewrite.resume(resume, kind);
            if (scan.outputLimit() >= 0) {
                long left = Rescue.left(scan.outputLimit(), resume, kind);
                mostOutput = mostOutput == UNLIMITED ? left : Math.min(mostOutput, left);
            }
        }
        if (mostOutput != UNLIMITED) {
            rewrite.limitOutput(mostOutput, kind, refusals);
        }
        if (wish.endUser != null) {
            rewrite.endUser(Errors.text(wish.endUser));
        }
        return rewrite.spliced();
    }

    /** Puts what was delivered behind the prompt, which stays as it is: caches of prompts know it by its beginning. */
    private void resume(Resume resume, Kind kind) {
        Member prompt = scan.member(kind == Kind.CHAT ? Name.MESSAGES : Name.INPUT);
        if (prompt == null || prompt.isNull()) {
            throw new IllegalStateException("a prompt that no text can follow");
        }
        Bytes text = Errors.text(resume.text());
        List<Bytes> more = new ArrayList<>(6);
        more.add(ASSISTANT);
        more.add(text);
        if (resume.way() == Way.QUOTED) {
            more.add(USER);
            more.add(Errors.text(Rescue.instruction(resume.text())));
        } else if (resume.prefill() == Prefill.PREFIX) {
            more.add(PREFIX);
        }
        more.add(CLOSE);
        if (prompt.type() == JsonToken.VALUE_STRING) {
            int to = stringEnd(prompt.from());
            edits.add(new Edit(prompt.from(), prompt.from(), List.of(OPEN_USER)));
            more.addFirst(CLOSE_MESSAGE);
            more.add(Bytes.utf8("]"));
            edits.add(new Edit(to, to, more));
            return;
        }
        int end = prompt.to() - 1;
        if (body.at(skipSpace(prompt.from() + 1)) != ']') {
            more.addFirst(COMMA);
        }
        edits.add(new Edit(end, end, more));
        if (resume.way() == Way.PREFILL && resume.prefill() == Prefill.CONTINUE_FINAL_MESSAGE) {
            edits.add(new Edit(prompt.to(), prompt.to(), List.of(CONTINUE_FINAL)));
        }
    }

    /** Behind the closing quote of a string. */
    private int stringEnd(int from) {
        int at = from + 1;
        while (body.at(at) != '"') {
            at += body.at(at) == '\\' ? 2 : 1;
        }
        return at + 1;
    }

    /** The members that limit an answer, the one that counts first; none where nothing limits it. */
    static List<Name> outputLimits(Kind kind) {
        return switch (kind) {
            case CHAT -> List.of(Name.MAX_COMPLETION_TOKENS, Name.MAX_TOKENS);
            case RESPONSES -> List.of(Name.MAX_OUTPUT_TOKENS, Name.MAX_COMPLETION_TOKENS, Name.MAX_TOKENS);
            case COMPLETIONS -> List.of(Name.MAX_TOKENS);
            case IMAGES, SPEECH, TRANSCRIPTION, EMBEDDINGS, MODELS, PLAIN -> List.of();
        };
    }

    /** Writes a limit over each larger one; where there is none, one of the name that every server of this endpoint knows. */
    private void limitOutput(long most, Kind kind, Refusals refusals) {
        List<Name> names = outputLimits(kind);
        if (names.isEmpty() || (scan.outputLimit() >= 0 && scan.outputLimit() <= most)) {
            return;
        }
        Bytes value = Bytes.utf8(Long.toString(most));
        boolean said = false;
        for (Name name : names) {
            Member member = scan.member(name);
            if (member != null && !member.isNull() && !removed.contains(member)) {
                said = true;
                if (scan.outputLimit(name) > most) {
                    put(member, value);
                    warnings.add("lowered " + name.member() + " to " + most + " (what is set aside for it)");
                }
            }
        }
        if (said) {
            return;
        }
        Name name = kind == Kind.CHAT && !refusals.maxTokens() ? Name.MAX_TOKENS : names.getFirst();
        Member empty = scan.member(name);
        Member model = scan.member(Name.MODEL);
        if (empty != null && !removed.contains(empty)) {
            put(empty, value);
        } else if (model != null) {
            edits.add(new Edit(model.to(), model.to(), List.of(Bytes.utf8(",\"" + name.member() + "\":" + most))));
        } else {
            return;
        }
        warnings.add("limited the answer to " + most + " tokens (what is set aside for it)");
    }

    private void endUser(Bytes value) {
        for (Name name : END_USERS) {
            Member member = scan.member(name);
            if (member != null && !member.isNull()) {
                put(member, value);
            }
        }
    }

    private void askUsage() {
        Member stream = scan.member(Name.STREAM);
        Member options = scan.member(Name.STREAM_OPTIONS);
        Member include = scan.includeUsageAt();
        if (options == null) {
            if (stream != null) {
                edits.add(new Edit(stream.to(), stream.to(), List.of(MORE_OPTIONS)));
            }
        } else if (options.isNull()) {
            put(options, OPTIONS);
        } else if (include == null) {
            insert(options, List.of(INCLUDE));
        } else if (!Boolean.TRUE.equals(scan.includeUsage())) {
            put(include, TRUE);
        }
    }

    private void dropAll(Name[] names, String why) {
        for (Name name : names) {
            Member member = scan.member(name);
            // Null and false say what leaving it out says.
            if (member != null && !member.isNull() && !member.isFalse()) {
                drop(member, name, why);
            }
        }
    }

    /** Gives an output limit the name that is wanted; of several, the first that says something stays. */
    private void outputLimit(String wanted, Name wantedName, Name... others) {
        Member stays = scan.member(wantedName);
        boolean taken = stays != null && !stays.isNull();
        String holder = wanted;
        for (Name other : others) {
            Member member = scan.member(other);
            if (member == null) {
                continue;
            }
            if (member.isNull()) {
                drop(member, other, "null");
            } else if (taken) {
                drop(member, other, holder + " is there");
            } else {
                if (stays != null) {
                    removed.add(stays);
                }
                rename(member, wanted);
                warnings.add("renamed " + other.member() + " to " + wanted);
                taken = true;
                holder = other.member();
            }
        }
    }

    /** {@code response_format}, as a chat has it, becomes {@code text.format}. */
    private void moveFormat() {
        Member old = scan.member(Name.RESPONSE_FORMAT);
        if (old == null) {
            return;
        }
        if (old.isNull()) {
            drop(old, Name.RESPONSE_FORMAT, "null");
            return;
        }
        List<Bytes> member = new ArrayList<>(List.of(FORMAT));
        member.addAll(format(old));
        move(old, Name.RESPONSE_FORMAT, Name.TEXT, "text", scan.textFormatAt(), member);
    }

    /** {@code reasoning_effort}, as a chat has it, becomes {@code reasoning.effort}. */
    private void moveEffort() {
        Member old = scan.member(Name.REASONING_EFFORT);
        if (old == null) {
            return;
        }
        if (old.isNull()) {
            drop(old, Name.REASONING_EFFORT, "null");
            return;
        }
        List<Bytes> member = List.of(EFFORT, body.slice(old.from(), old.to()));
        move(old, Name.REASONING_EFFORT, Name.REASONING, "reasoning", scan.reasoningEffortAt(), member);
    }

    /**
     * Moves a member into an object beside it.
     *
     * @param home where it goes
     * @param there the member of that object which it becomes, when there is one already
     * @param member name, colon and value, as they stand in that object
     */
    private void move(Member old, Name name, Name home, String homeName, @Nullable Member there, List<Bytes> member) {
        String path = homeName + (home == Name.TEXT ? ".format" : ".effort");
        Member object = scan.member(home);
        if (there != null && !there.isNull()) {
            drop(old, name, path + " is there");
            return;
        }
        warnings.add("moved " + name.member() + " to " + path);
        if (object == null) {
            List<Bytes> whole = new ArrayList<>();
            whole.add(Bytes.utf8("\"" + homeName + "\":{"));
            whole.addAll(member);
            whole.add(CLOSE);
            edits.add(new Edit(old.key(), old.to(), whole));
            return;
        }
        removed.add(old);
        if (object.isNull()) {
            List<Bytes> whole = new ArrayList<>();
            whole.add(Bytes.utf8("{"));
            whole.addAll(member);
            whole.add(CLOSE);
            edits.add(new Edit(object.from(), object.to(), whole));
        } else if (there == null) {
            insert(object, member);
        } else {
            edits.add(new Edit(there.key(), there.to(), member));
        }
    }

    /** A chat's {@code response_format} as a response has it: flat. */
    private List<Bytes> format(Member old) {
        Member nested = scan.jsonSchemaAt();
        String type = scan.responseFormatType();
        if (nested == null || (type != null && !type.equals("json_schema"))) {
            return List.of(body.slice(old.from(), old.to()));
        }
        int from = skipSpace(nested.from() + 1);
        int to = nested.to() - 1;
        return from >= to ? List.of(SCHEMA, CLOSE) : List.of(SCHEMA, COMMA, body.slice(from, to), CLOSE);
    }

    private void put(Member member, Bytes value) {
        edits.add(new Edit(member.from(), member.to(), List.of(value)));
    }

    /** Puts a member in front of an object's others. */
    private void insert(Member object, List<Bytes> member) {
        int at = object.from() + 1;
        List<Bytes> by = new ArrayList<>(member);
        if (body.at(skipSpace(at)) != '}') {
            by.add(COMMA);
        }
        edits.add(new Edit(at, at, by));
    }

    private void rename(Member member, String name) {
        int to = member.key() + 1;
        while (body.at(to) != '"') {
            to += body.at(to) == '\\' ? 2 : 1;
        }
        edits.add(new Edit(member.key(), to + 1, List.of(Bytes.utf8("\"" + name + "\""))));
    }

    private void drop(Member member, Name name, String why) {
        removed.add(member);
        warnings.add("dropped " + name.member() + " (" + why + ")");
    }

    private Rewritten spliced() {
        cutRemoved();
        edits.sort(Comparator.comparingInt(Edit::from).thenComparingInt(Edit::to));
        List<Bytes> pieces = new ArrayList<>(edits.size() * 2 + 1);
        long length = 0;
        int at = 0;
        for (Edit edit : edits) {
            if (edit.from > at) {
                pieces.add(body.slice(at, edit.from));
                length += edit.from - at;
            }
            for (Bytes piece : edit.by) {
                pieces.add(piece);
                length += piece.length();
            }
            at = edit.to;
        }
        if (at < body.length()) {
            pieces.add(body.slice(at, body.length()));
            length += body.length() - at;
        }
        return new Rewritten(pieces, length, warnings);
    }

    /** Removed members go with the comma behind them; those at the object's end with the one before them. */
    private void cutRemoved() {
        removed.sort(Comparator.comparingInt(Member::key));
        int end = Integer.MAX_VALUE;
        for (int i = removed.size() - 1; i >= 0; i--) {
            Member member = removed.get(i);
            int behind = skipSpace(member.to());
            boolean last = body.at(behind) == '}' || behind == end;
            if (!last) {
                edits.add(new Edit(member.key(), skipSpace(behind + 1), List.of()));
                continue;
            }
            int from = member.key() - 1;
            while (isSpace(body.at(from))) {
                from--;
            }
            if (body.at(from) == ',') {
                end = from;
            } else {
                from++;
            }
            edits.add(new Edit(from, member.to(), List.of()));
        }
    }

    private int skipSpace(int from) {
        int at = from;
        while (isSpace(body.at(at))) {
            at++;
        }
        return at;
    }

    private static boolean isSpace(byte b) {
        return b == ' ' || b == '\t' || b == '\r' || b == '\n';
    }
}
