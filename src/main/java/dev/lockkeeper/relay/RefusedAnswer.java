package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.Errors;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.relay.Call.Learnt;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.upstream.Failure;
import dev.lockkeeper.upstream.Provider;
import java.io.ByteArrayOutputStream;
import java.util.List;

/**
 * An upstream's answer with another status than 2xx. Its status and body are the client's to see, word for word, when they
 * speak OpenAI's envelope; JSON that says in a sentence what is wrong keeps its status and its sentence; all else (a proxy's page, a redirect, a refusal of the gateway's own key) is told in ours.
 */
final class RefusedAnswer implements Answering {
    private static final int MAX_BODY = 64 << 10;

    /** What an upstream, or a proxy before it, says of trying again holds whatever its body looks like. */
    private static final List<String> RETRY = List.of("retry-after", "retry-after-ms", "x-should-retry");

    private final Call call;
    private final Attempt attempt;
    private final Provider provider;
    private final int status;
    private final Headers upstream;
    private final ByteArrayOutputStream body = new ByteArrayOutputStream();
    private boolean tooLong;

    RefusedAnswer(Call call, Attempt attempt, Provider provider, int status, Headers upstream) {
        this.call = call;
        this.attempt = attempt;
        this.provider = provider;
        this.status = status;
        this.upstream = upstream;
    }

    @Override
    public void piece(Bytes piece) {
        if (body.size() + piece.length() > MAX_BODY) {
            tooLong = true;
        } else if (!tooLong) {
            body.write(piece.array(), piece.offset(), piece.length());
        }
    }

    @Override
    public void end() {
        Bytes said = Bytes.of(body.toByteArray());
        call.serving.failed(
                attempt, Failure.of(status, upstream, tooLong ? Bytes.EMPTY : said), null, () -> tell(said));
    }

    private void tell(Bytes said) {
        if (status == 401 || status == 403) {
            call.refuse(new Refusal.BadCredentials(provider.name(), status));
        } else if (status < 400) {
            call.refuse(new Refusal.Unusable(provider.name(), status, "a status that this gateway does not follow"));
        } else if (tooLong || !Errors.isEnvelope(said)) {
            String sentence = tooLong ? null : UpstreamError.sentence(said);
            if (sentence == null) {
                unreadable("a body that is not an error of OpenAI's API");
            } else {
                passOn(Errors.envelope(
                        sentence,
                        status == 429 ? "rate_limit_error" : status < 500 ? "invalid_request_error" : "server_error",
                        null,
                        "upstream_error"));
            }
        } else {
            passOn(said);
        }
    }

    /** Tells the client what the upstream said, under the upstream's own status. */
    private void passOn(Bytes said) {
        Headers headers = call.headers(provider, upstream);
        headers.set("content-type", "application/json");
        String code = UpstreamError.code(said);
        if (status == 429 && code.equals("insufficient_quota")) {
            // Money doesn't come back by trying again, and official clients would try.
            headers.set("x-should-retry", "false");
        }
        call.answer(status, headers, said);
        call.refusedUpstream(code, status >= 500 || status == 429);
    }

    @Override
    public void broke(Failure why, Refusal said) {
        Failure told = why.kind() == Failure.Kind.OURS ? why : Failure.of(status, upstream, Bytes.EMPTY);
        call.serving.failed(attempt, told, null, () -> {
            if (said instanceof Refusal.Stopping || said instanceof Refusal.DeadlinePassed) {
                call.refuse(said);
            } else {
                unreadable("an error whose body broke off");
            }
        });
    }

    @Override
    public boolean begun() {
        return false;
    }

    private void unreadable(String what) {
        for (String field : RETRY) {
            String told = upstream.get(field);
            if (told != null) {
                call.exchange.also(field, told);
            }
        }
        call.refuse(new Refusal.Unusable(provider.name(), status, what));
    }

    @Override
    public void tick(long nowNanos, long silentNanos) {}

    @Override
    public boolean ending() {
        return false;
    }

    @Override
    public Learnt learnt() {
        return Learnt.NOTHING;
    }
}
