package dev.lockkeeper.bench;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.charset.StandardCharsets;
import java.util.Set;

/**
 * One call of the soak: what is sent, what the client does besides waiting, and how it must end.
 *
 * @param kind names it in the counts
 * @param head request line and fields, without those of the body, each line with its end
 * @param body in ASCII, empty for none
 * @param stream whether the answer is a stream of events
 * @param manner what the client does
 * @param right how it may end
 */
record Ask(String kind, String head, String body, boolean stream, Manner manner, Set<End> right) {
    /** How a call ended, as its client sees it. */
    enum End {
        /** With a whole answer. */
        ANSWERED,
        /** With an error's status and OpenAI's envelope. */
        ERROR,
        /** A stream ended in HTTP's order, with an error event at its end. */
        ERROR_EVENT,
        /** The connection ended before the answer did. */
        BROKEN_OFF,
        /** The client went away, as it meant to. */
        LEFT,
        /** A body or stream that ended in HTTP's order and looks whole, but is none: the worst of all. */
        FALSELY_WHOLE,
        /** There was no connection to be had. */
        UNREACHED,
        /** Nothing came for too long. */
        LOST
    }

    /** What a client does besides waiting. */
    enum Manner {
        WAITS,
        /** Closes its connection while it waits for the head. */
        LEAVES_BEFORE_HEAD,
        /** Closes its connection in the middle of the answer. */
        LEAVES_IN_ANSWER,
        /** Resets its connection in the middle of the answer. */
        RESETS_IN_ANSWER,
        /** Sends half of its body and closes. */
        LEAVES_IN_BODY,
        /** Reads nothing for two seconds in the middle of the answer. */
        DAWDLES
    }

    /** The bytes of the request. */
    ByteBuf encoded(ByteBufAllocator allocator) {
        int sent = manner == Manner.LEAVES_IN_BODY ? body.length() / 2 : body.length();
        String fields = head + (body.isEmpty() ? "" : "Content-Length: " + body.length() + "\r\n") + "\r\n";
        ByteBuf bytes = allocator.buffer(fields.length() + sent);
        bytes.writeCharSequence(fields, StandardCharsets.US_ASCII);
        bytes.writeCharSequence(body.substring(0, sent), StandardCharsets.US_ASCII);
        return bytes;
    }
}
