package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import org.jspecify.annotations.Nullable;

/** Reads a stream of chat chunks, or of legacy completions: they differ only in where the text stands. */
final class ChatTap extends ReadingTap {
    /** Bytes of the first chunk, kept for its id and time. */
    static final int HEAD_BOUND = 64 << 10;

    private final int expected;
    private final boolean usageAsked;
    private Bytes last = Bytes.EMPTY;
    private Bytes head = Bytes.EMPTY;
    private int held;
    private long plainFrom = -1;
    private long plainTo;
    private boolean done;
    private boolean failed;
    private boolean holding;

    /**
     * @param expected how many choices the client asked for
     * @param usageAsked whether the client asked for usage
     */
    ChatTap(int expected, boolean usageAsked) {
        super(Endpoint.Kind.CHAT);
        this.expected = expected;
        this.usageAsked = usageAsked;
    }

    @Override
    public Verdict event(@Nullable String name, Bytes data) {
        last = Bytes.EMPTY;
        if (failed || done) {
            return Verdict.DROP;
        }
        if (Marker.isBlank(data)) {
            return Verdict.DROP;
        }
        if (Marker.isDone(data)) {
            if (reading.choicesSeen() == 0) {
                return Verdict.BROKEN;
            }
            done = true;
            return Verdict.HOLD;
        }
        if (!reading.event(data)) {
            return Verdict.BROKEN;
        }
        last = data;
        if (reading.error() || "error".equals(name)) {
            failed = true;
            done = true;
            return Verdict.PASS;
        }
        if (!usageAsked && reading.usageHere() && !reading.choices()) {
            return Verdict.DROP;
        }
        holding |= finished();
        if (holding) {
            return Verdict.HOLD;
        }
        if (reading.choices()) {
            passes(data);
        }
        return Verdict.PASS;
    }

    /** The client will have this chunk, whatever comes next. */
    private void passes(Bytes data) {
        if (head.length() == 0 && data.length() <= HEAD_BOUND) {
            head = Bytes.of(data.toArray());
        }
        held = reading.held();
        plainFrom = reading.plainFrom();
        plainTo = reading.text().counted();
    }

    @Override
    public Delivered delivered() {
        String unsound = unsound();
        String text = unsound != null || plainFrom < 0 ? "" : reading.text().part(plainFrom, plainTo);
        if (text == null) {
            text = "";
            unsound = plainTo > TEXT_BOUND ? Delivering.LONG : Delivering.HALF;
        }
        boolean reasoned = (held & Reading.REASONING) != 0;
        return Delivered.chat(text, head, (held & Reading.ROLE) != 0, reasoned, unsound);
    }

    private @Nullable String unsound() {
        if (head.length() == 0) {
            return plainTo > 0 ? Delivering.LONG : null;
        }
        if ((held & Reading.MORE) != 0) {
            return Delivering.MORE;
        }
        if ((held & Reading.SEALED) != 0) {
            return Delivering.SEALED;
        }
        return (held & Reading.BETWEEN) != 0 ? Delivering.BETWEEN : null;
    }

    @Override
    public Bytes outgoing(Bytes raw) {
        int from = reading.usageNullFrom();
        if (usageAsked || last.length() == 0 || from < 0) {
            return raw;
        }
        return without(raw, last, from, reading.usageNullTo());
    }

    /** Cuts a member of an object out of an event, with one of the commas beside it. */
    @SuppressWarnings("ReferenceEquality") // Whether both are views of one array is the question.
    private static Bytes without(Bytes raw, Bytes data, int memberFrom, int memberTo) {
        int shift = data.offset() - raw.offset();
        if (raw.array() != data.array() || shift < 0 || shift + data.length() > raw.length()) {
            return raw; // Lines were joined: the data is not a part of the raw bytes.
        }
        int from = memberFrom;
        int to = memberTo;
        int next = Marker.skipSpace(data, to);
        if (next < data.length() && data.at(next) == ',') {
            to = Marker.skipSpace(data, next + 1);
        } else {
            while (from > 0 && Marker.isSpace(data.at(from - 1))) {
                from--;
            }
            if (from > 0 && data.at(from - 1) == ',') {
                from--;
            }
        }
        byte[] out = new byte[raw.length() - (to - from)];
        System.arraycopy(raw.array(), raw.offset(), out, 0, shift + from);
        System.arraycopy(raw.array(), raw.offset() + shift + to, out, shift + from, raw.length() - shift - to);
        return Bytes.of(out);
    }

    @Override
    public boolean finished() {
        return !failed && (done || reading.choicesFinished() >= Math.max(expected, reading.choicesSeen()));
    }

    @Override
    public boolean done() {
        return done;
    }

    @Override
    public boolean failed() {
        return failed;
    }

    @Override
    public Bytes closing() {
        return Marker.CLOSING;
    }

    @Override
    public Bytes brokenEnding(String code, String message) {
        StringBuilder out = new StringBuilder(128 + message.length());
        out.append("data: {\"error\":");
        Errors.object(out, message, "server_error", null, code);
        return Bytes.utf8(out.append("}\n\n").toString());
    }
}
