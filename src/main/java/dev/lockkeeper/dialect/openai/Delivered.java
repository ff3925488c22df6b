package dev.lockkeeper.dialect.openai;

import dev.lockkeeper.units.Bytes;
import org.jspecify.annotations.Nullable;

/**
 * What a client has of a streamed answer at the moment when it breaks, as {@link StreamTap#delivered} tells. A value; what may
 * be done about it {@link Rescue#ways} knows.
 */
public final class Delivered {
    final Endpoint.Kind kind;
    final String text;
    final boolean begun;
    final boolean reasoning;
    final boolean role;
    final Bytes head;
    final @Nullable ResponseState response;
    final @Nullable String unsound;

    private Delivered(
            Endpoint.Kind kind,
            String text,
            boolean begun,
            boolean reasoning,
            boolean role,
            Bytes head,
            @Nullable ResponseState response,
            @Nullable String unsound) {
        this.kind = kind;
        this.text = text;
        this.begun = begun;
        this.reasoning = reasoning;
        this.role = role;
        this.head = head;
        this.response = response;
        this.unsound = unsound;
    }

    /**
     * Of a chat.
     *
     * @param head the first chunk with a choice, empty where none was delivered
     * @param unsound why nobody can go on with it, null where that isn't known
     */
    static Delivered chat(String text, Bytes head, boolean role, boolean reasoning, @Nullable String unsound) {
        return new Delivered(Endpoint.Kind.CHAT, text, head.length() > 0, reasoning, role, head, null, unsound);
    }

    /** Of a response. */
    static Delivered response(ResponseState state) {
        return new Delivered(
                Endpoint.Kind.RESPONSES,
                state.messageText(),
                state.created(),
                state.reasoned(),
                false,
                Bytes.EMPTY,
                state,
                state.unsound());
    }

    /** Of an answer with which nobody can go on. */
    static Delivered unsound(Endpoint.Kind kind, boolean begun, String why) {
        return new Delivered(kind, "", begun, false, false, Bytes.EMPTY, null, why);
    }

    /** Characters of text that the client has. */
    public int characters() {
        return text.length();
    }

    /** Whether nothing of an answer was told yet, so that any other one may stand in its place. */
    public boolean nothing() {
        return !begun;
    }

    /** The number of characters only. */
    @Override
    public String toString() {
        return "Delivered[" + kind + ", " + text.length() + " characters" + (unsound == null ? "" : ", " + unsound)
                + "]";
    }
}
