package dev.lockkeeper.testing;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.lockkeeper.ledger.Balance;
import dev.lockkeeper.ledger.Ledger;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A gateway before one upstream, called {@code upstream}, that bills what a test wrote; and the books of the budget that
 * was made first. The model is gpt-4o: $2.50 for a million tokens of the prompt and $10 for a million of the answer, so a
 * token of the answer costs 10,000 nano-dollars.
 */
public final class PaidGateway implements AutoCloseable {
    public static final String CHAT = "/v1/chat/completions";
    public static final String ASK = "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    public static final String ASK_STREAM =
            "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";

    /** An answer that costs {@link #ANSWER_NANOS}. */
    public static final String ANSWER =
            "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"model\":\"gpt-4o-2024\","
                    + "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"ho\"},\"finish_reason\":\"stop\"}],"
                    + "\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":200,\"total_tokens\":1200}}";

    public static final long ANSWER_NANOS = 1000 * 2_500 + 200 * 10_000;

    /** A stream's pieces behind its text; the same is billed. */
    public static final String FINISH =
            "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

    public static final String USAGE =
            "data: {\"id\":\"chatcmpl-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":200,\"total_tokens\":1200}}\n\n";
    public static final String DONE = "data: [DONE]\n\n";

    private final ScriptedUpstream upstream;
    private final Gateway gateway;

    private PaidGateway(ScriptedUpstream upstream, Gateway gateway) {
        this.upstream = upstream;
        this.gateway = gateway;
    }

    /** Every call is answered by {@link #ANSWER}. */
    public static PaidGateway answering() {
        return answering(plan -> plan);
    }

    /** The same, with more in the gateway's plan. */
    public static PaidGateway answering(UnaryOperator<Gateway.Plan> more) {
        return before((_, conversation) -> conversation.json(200, ANSWER), more);
    }

    /** Every call is answered by a script. */
    public static PaidGateway before(ScriptedUpstream.Script script) {
        return before(script, plan -> plan);
    }

    public static PaidGateway before(ScriptedUpstream.Script script, UnaryOperator<Gateway.Plan> more) {
        ScriptedUpstream upstream = ScriptedUpstream.answering(script);
        return new PaidGateway(
                upstream,
                more.apply(Gateway.plan().provider("upstream", upstream.port())).start());
    }

    /** A piece of a stream's text. */
    public static String chunk(String text) {
        return "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + text
                + "\"},\"finish_reason\":null}]}\n\n";
    }

    public Gateway gateway() {
        return gateway;
    }

    public Ledger ledger() {
        return gateway.house().ledger();
    }

    /** What the upstream was asked. */
    public List<ScriptedUpstream.Request> requests() {
        return upstream.requests();
    }

    public HttpResponse<String> chat(String ask) {
        return gateway.post(CHAT, ask);
    }

    /** A hard budget of so many nano-dollars on the default organization. */
    public void budget(long nanos) {
        gateway.budget(nanos);
    }

    public Balance balance() {
        return gateway.balance();
    }

    /** See {@link Gateway#booked}. */
    public void booked(long nanos) {
        gateway.booked(nanos);
    }

    /** The same where only bounds are known. */
    public void bookedBetween(long least, long most) {
        await().atMost(10, SECONDS).untilAsserted(() -> {
            Balance now = balance();
            assertThat(now.heldNanos()).isZero();
            assertThat(now.spentNanos()).isBetween(least, most);
            assertThat(now.overrunNanos()).isZero();
        });
    }

    @Override
    public void close() {
        gateway.close();
        upstream.close();
    }
}
