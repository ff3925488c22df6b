package dev.lockkeeper.fuzz;

import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Endpoints;
import dev.lockkeeper.dialect.openai.RequestScan;
import dev.lockkeeper.dialect.openai.StreamTap;
import dev.lockkeeper.dialect.openai.StreamTap.Verdict;
import dev.lockkeeper.dialect.openai.Taps;
import dev.lockkeeper.http.SseSplitter;
import dev.lockkeeper.units.Bytes;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A streamed answer of an upstream that sends anything: no tap fails, what passes is JSON and says what it said, and what
 * the gateway adds is one event.
 */
public final class TapTarget {
    private static final List<Endpoint> ENDPOINTS = List.of(
            Endpoints.of("POST", "/v1/chat/completions"),
            Endpoints.of("POST", "/v1/responses"),
            Endpoints.of("POST", "/v1/completions"),
            Endpoints.of("POST", "/v1/images/generations"),
            Endpoints.of("POST", "/v1/audio/speech"),
            Endpoints.of("POST", "/v1/audio/transcriptions"));

    private static final int BOUND = 1 << 20;

    private TapTarget() {}

    /** What Jazzer calls. */
    public static void fuzzerTestOneInput(byte[] data) {
        Input input = new Input(data);
        Endpoint endpoint = ENDPOINTS.get(input.choice(ENDPOINTS.size()));
        StreamTap tap = Taps.stream(endpoint, RequestScan.none(endpoint));
        new SseSplitter(BOUND).feed(input.rest(), new Relay(tap, endpoint));
        tap.usage();
        tap.objectId();
        tap.alsoMade();
        tap.model();
        tap.serviceTier();
        tap.finish();
        Input.check(tap.textBytes() >= 0, "text bytes " + tap.textBytes());
        Input.check(tap.text().length() <= StreamTap.TEXT_BOUND, "more text than is kept");
        String message = "a \"message\"\r\n\r\nwith " + tap.finish() + tap.text();
        events(tap.closing());
        Input.check(events(tap.brokenEnding("upstream_reset", message)) == 1, "the error is not one event");
        events(tap.afterError("upstream_reset", message));
    }

    /** How many events an addition of the gateway's holds. */
    private static int events(Bytes added) {
        List<String> events = new ArrayList<>();
        SseSplitter splitter = new SseSplitter(BOUND);
        splitter.feed(added, new SseSplitter.Sink() {
            @Override
            public void event(Bytes raw, @Nullable String name, Bytes data) {
                events.add(data.utf8());
                Input.check(
                        data.utf8().equals("[DONE]") || Given.treeOfNamesOnce(data) != null,
                        "not JSON: " + data.utf8());
            }

            @Override
            public void comment(Bytes raw) {
                throw new AssertionError("a comment: " + raw.utf8());
            }

            @Override
            public void tooLong() {
                throw new AssertionError("too long");
            }
        });
        Input.check(!splitter.inside(), "an unfinished event");
        return events.size();
    }

    /** Hands events to a tap as long as the relay would. */
    private static final class Relay implements SseSplitter.Sink {
        private final StreamTap tap;
        /** Whether a stream that says it failed is complete with that. */
        private final boolean failureEnds;

        private boolean over;

        Relay(StreamTap tap, Endpoint endpoint) {
            this.tap = tap;
            this.failureEnds = endpoint.kind() == Endpoint.Kind.RESPONSES;
        }

        @Override
        public void event(Bytes raw, @Nullable String name, Bytes data) {
            if (over) {
                return;
            }
            Verdict verdict = tap.event(name, data);
            JsonNode tree = Given.tree(data);
            if (verdict == Verdict.PASS || verdict == Verdict.HOLD) {
                Bytes out = tap.outgoing(raw);
                if (!out.equals(raw)) {
                    cut(tree, out);
                }
            }
            over = verdict == Verdict.BROKEN || tap.done();
            Input.check(failureEnds || !tap.failed() || !tap.finished(), "failed, and whole");
        }

        /** What passes otherwise than it came lacks its {@code usage: null} and nothing else. */
        private static void cut(@Nullable JsonNode before, Bytes out) {
            SseSplitter splitter = new SseSplitter(BOUND);
            SseSplitter.Sink sink = new SseSplitter.Sink() {
                @Override
                public void event(Bytes raw, @Nullable String name, Bytes data) {
                    if (before instanceof ObjectNode object && Given.isUtf8(data)) {
                        object.remove("usage");
                        JsonNode after = Given.tree(data);
                        if (after instanceof ObjectNode left) {
                            left.remove("usage");
                        }
                        Input.check(after != null, "no JSON any more: " + data.utf8());
                        Input.same(object, after, "more than usage was cut");
                    }
                }

                @Override
                public void comment(Bytes raw) {
                    // The second half of a line break that the event before it had begun.
                    Input.check(raw.utf8().isBlank(), "no event any more: " + raw.utf8());
                }

                @Override
                public void tooLong() {
                    throw new AssertionError("longer than it came");
                }
            };
            // A byte order mark means something only where a stream begins, which is not here.
            splitter.feed(Bytes.of("\n".getBytes(StandardCharsets.UTF_8)), sink);
            splitter.feed(out, sink);
        }

        @Override
        public void comment(Bytes raw) {
            // passes
        }

        @Override
        public void tooLong() {
            over = true;
        }
    }
}
