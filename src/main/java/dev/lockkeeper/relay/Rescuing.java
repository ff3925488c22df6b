package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.Continuation;
import dev.lockkeeper.dialect.openai.Delivered;
import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Prefill;
import dev.lockkeeper.dialect.openai.RequestScan;
import dev.lockkeeper.dialect.openai.Rescue;
import dev.lockkeeper.dialect.openai.Resume;
import dev.lockkeeper.dialect.openai.StreamTap;
import dev.lockkeeper.dialect.openai.Way;
import dev.lockkeeper.units.Bytes;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A stream that broke after a part of it was delivered, and is gone on with: what the client has, and in which way the next
 * candidate is asked. On the call's loop only.
 */
final class Rescuing {
    private final Endpoint endpoint;
    private final RequestScan asked;
    private final Bytes body;
    private Delivered delivered;

    /** Ends the stream where nobody can go on with it. */
    private Runnable tell;

    private @Nullable Placed at;
    private Prefill prefill = Prefill.NONE;
    private List<Way> ways = List.of();

    /**
     * @param asked what the client's request says
     * @param body that request
     * @param tell ends the stream as one that broke off
     */
    Rescuing(Endpoint endpoint, RequestScan asked, Bytes body, Delivered delivered, Runnable tell) {
        this.endpoint = endpoint;
        this.asked = asked;
        this.body = body;
        this.delivered = delivered;
        this.tell = tell;
    }

    /** The stream that goes on has broken, too. */
    void broke(Delivered now, Runnable telling) {
        delivered = now;
        tell = telling;
        at = null;
    }

    /** Characters of text that the client has. */
    int characters() {
        return delivered.characters();
    }

    void tell() {
        tell.run();
    }

    /** Chooses how a candidate is asked; returns why it can't be, null where it can. */
    @Nullable String ask(Placed candidate, Prefill takes) {
        if (candidate.equals(at)) {
            return null;
        }
        Rescue.Ways found = Rescue.ways(delivered, asked, body, takes);
        at = candidate;
        prefill = takes;
        ways = found.order();
        return ways.isEmpty() ? found.why() : null;
    }

    /** The way in which the candidate was asked has failed; whether there is another one. */
    boolean otherWay() {
        ways = ways.isEmpty() ? ways : ways.subList(1, ways.size());
        return !ways.isEmpty();
    }

    /** What the request to the candidate has to say; null where it is the client's own. */
    @Nullable Resume resume() {
        return Rescue.resume(delivered, ways.getFirst(), prefill, spentTokens());
    }

    private long spentTokens() {
        return TokenCounter.reckoned(delivered.characters());
    }

    /** Reads the candidate's answer as one that goes on. */
    StreamTap tap() {
        Way way = ways.getFirst();
        long spent = spentTokens();
        // Whoever was given the text has not written it: the client is told the tokens of the whole answer.
        return Continuation.of(
                delivered,
                way,
                endpoint,
                asked,
                way == Way.AGAIN
                        ? null
                        : used -> used.toBuilder()
                                .textOutput(used.textOutput() + spent)
                                .build());
    }
}
