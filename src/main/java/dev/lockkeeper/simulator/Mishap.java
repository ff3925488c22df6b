package dev.lockkeeper.simulator;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A way in which the simulator misbehaves. Written {@code name(arguments)}, several joined by {@code +}; arguments are
 * parted by commas, each by its place or as {@code name=value}; durations are {@code 250ms}, {@code 2s}, sizes
 * {@code 100}, {@code 64KiB}, {@code 10MiB}. {@code toString()} gives back what {@link #parse} read.
 *
 * <p>"After N events" counts server-sent events of a stream. A unary answer counts as one event and is broken in its
 * middle, unless N is 0: then nothing of its body comes.
 */
public sealed interface Mishap {
    /** The longest that anything stalls or waits. */
    Duration LONGEST = Duration.ofMinutes(10);

    /** The most bytes that one oversized event has. */
    int LARGEST = 256 << 20;

    /**
     * {@code status(503,retry-after=2,retry-after-ms=1500,should-retry=false,code=slow_down,type=server_error,message=…)}:
     * an error in the envelope instead of an answer.
     *
     * @param status HTTP status, 400 to 599
     * @param retryAfter the header's value as it is: seconds or an HTTP date; null for none
     * @param retryAfterMs the header {@code retry-after-ms}; null for none
     * @param shouldRetry the header {@code x-should-retry}; null for none
     * @param code the envelope's code; null for the one that goes with the status
     * @param type the envelope's type; null for the one that goes with the status
     * @param message the envelope's message; null for the one that goes with the status
     */
    record Status(
            int status,
            @Nullable String retryAfter,
            @Nullable Long retryAfterMs,
            @Nullable Boolean shouldRetry,
            @Nullable String code,
            @Nullable String type,
            @Nullable String message)
            implements Mishap {
        public Status {
            if (status < 400 || status > 599) {
                throw new IllegalArgumentException("status: " + status + " (expected: 400 to 599)");
            }
        }

        @Override
        public String toString() {
            StringBuilder text = new StringBuilder("status(").append(status);
            part(text, "retry-after", retryAfter);
            part(text, "retry-after-ms", retryAfterMs);
            part(text, "should-retry", shouldRetry);
            part(text, "code", code);
            part(text, "type", type);
            part(text, "message", message);
            return text.append(')').toString();
        }

        private static void part(StringBuilder text, String name, @Nullable Object value) {
            if (value != null) {
                text.append(',').append(name).append('=').append(value);
            }
        }
    }

    /**
     * {@code html(502)}: a proxy's error page instead of JSON.
     *
     * @param status HTTP status
     */
    record Html(int status) implements Mishap {
        @Override
        public String toString() {
            return "html(" + status + ")";
        }
    }

    /**
     * {@code stall(3,2s)}: after so many events nothing comes for a while, then it goes on.
     *
     * @param events how many come before
     * @param pause how long nothing comes
     */
    record Stall(int events, Duration pause) implements Mishap {
        @Override
        public String toString() {
            return "stall(" + events + "," + pause.toMillis() + "ms)";
        }
    }

    /** {@code silence}: the request is taken and never answered, not even with a head. */
    record Silence() implements Mishap {
        @Override
        public String toString() {
            return "silence";
        }
    }

    /**
     * {@code first(500ms)}: the head and the first byte come late.
     *
     * @param pause how late
     */
    record SlowFirstByte(Duration pause) implements Mishap {
        @Override
        public String toString() {
            return "first(" + pause.toMillis() + "ms)";
        }
    }

    /**
     * {@code cut(3)}: the connection ends (FIN) after so many events.
     *
     * @param events how many come before
     */
    record CutAfterEvents(int events) implements Mishap {
        @Override
        public String toString() {
            return "cut(" + events + ")";
        }
    }

    /**
     * {@code cut(bytes=100)}: the connection ends (FIN) after so many bytes of the body.
     *
     * @param bytes how many come before
     */
    record CutAfterBytes(int bytes) implements Mishap {
        @Override
        public String toString() {
            return "cut(bytes=" + bytes + ")";
        }
    }

    /**
     * {@code reset(3)}: the connection is reset (RST) after so many events; 0 resets it before the head.
     *
     * @param events how many come before
     */
    record Reset(int events) implements Mishap {
        @Override
        public String toString() {
            return "reset(" + events + ")";
        }
    }

    /**
     * {@code eof(3)}: the answer ends in good HTTP order after so many events, as if it were whole.
     *
     * @param events how many come before
     */
    record EofAfterEvents(int events) implements Mishap {
        @Override
        public String toString() {
            return "eof(" + events + ")";
        }
    }

    /**
     * {@code split(1)}: the body comes in pieces of so many bytes, whatever stands there.
     *
     * @param bytes length of a piece, at least 1
     */
    record SplitEvery(int bytes) implements Mishap {
        public SplitEvery {
            if (bytes < 1) {
                throw new IllegalArgumentException("split: " + bytes + " (expected: at least 1 byte)");
            }
        }

        @Override
        public String toString() {
            return "split(" + bytes + ")";
        }
    }

    /**
     * {@code garbage(2)}: after so many events one comes that is not JSON; a unary body is not JSON at all.
     *
     * @param events how many come before
     */
    record Garbage(int events) implements Mishap {
        @Override
        public String toString() {
            return "garbage(" + events + ")";
        }
    }

    /**
     * {@code error(2)} or {@code error(2,rate_limit_exceeded)}: after so many events the dialect's error event comes and
     * the stream ends; a unary call gets a 500.
     *
     * @param events how many come before
     * @param code the error's code
     */
    record ErrorEvent(int events, String code) implements Mishap {
        @Override
        public String toString() {
            return "error(" + events + "," + code + ")";
        }
    }

    /** {@code failed(2)}: a Responses stream ends in {@code response.failed}; elsewhere as {@link ErrorEvent}. */
    record Failed(int events) implements Mishap {
        @Override
        public String toString() {
            return "failed(" + events + ")";
        }
    }

    /** {@code no-done}: a chat stream ends after its finish reason without {@code [DONE]}. */
    record NoDone() implements Mishap {
        @Override
        public String toString() {
            return "no-done";
        }
    }

    /** {@code no-finish}: the stream ends in good HTTP order without finish reason or terminal event, usage or {@code [DONE]}. */
    record NoFinish() implements Mishap {
        @Override
        public String toString() {
            return "no-finish";
        }
    }

    /** {@code no-usage}: the answer tells no usage. */
    record NoUsage() implements Mishap {
        @Override
        public String toString() {
            return "no-usage";
        }
    }

    /**
     * {@code oversize(2,10MiB)}: after so many events one comes that is that large; a unary body is that large.
     *
     * @param events how many come before
     * @param bytes about how many bytes
     */
    record Oversize(int events, int bytes) implements Mishap {
        @Override
        public String toString() {
            return "oversize(" + events + "," + bytes + ")";
        }
    }

    /** {@code no-end}: all of the body comes, but HTTP's end of it never does and the connection stays open. */
    record NoEnd() implements Mishap {
        @Override
        public String toString() {
            return "no-end";
        }
    }

    /**
     * {@code times(2,status(503))} or {@code times(2,tag,status(503))}: the first calls with this text misbehave, the
     * later ones do not. Calls are told apart by this mishap's whole text, so that a tag of one's own starts a count of
     * one's own.
     *
     * @param times how many calls misbehave
     * @param tag tells counts apart; empty for none
     * @param mishap what they do
     */
    record Times(int times, String tag, Mishap mishap) implements Mishap {
        @Override
        public String toString() {
            return "times(" + times + "," + (tag.isEmpty() ? "" : tag + ",") + mishap + ")";
        }
    }

    /**
     * Reads one mishap.
     *
     * @throws IllegalArgumentException with a message that names what is wrong and what is expected
     */
    static Mishap parse(String text) {
        Term term = Term.parse(text.strip());
        Mishap mishap = of(term);
        if (mishap == null) {
            throw new IllegalArgumentException(
                    "mishap: " + term.name() + " (expected one of " + String.join(", ", NAMES) + ")");
        }
        return mishap;
    }

    /** What a mishap may be called. */
    List<String> NAMES = List.of(
            "status",
            "html",
            "stall",
            "silence",
            "first",
            "cut",
            "reset",
            "eof",
            "split",
            "garbage",
            "error",
            "failed",
            "no-done",
            "no-finish",
            "no-usage",
            "oversize",
            "no-end",
            "times");

    private static @Nullable Mishap of(Term term) {
        return switch (term.name()) {
            case "status" -> {
                term.only("status", "retry-after", "retry-after-ms", "should-retry", "code", "type", "message");
                String millis = term.named("retry-after-ms");
                String should = term.named("should-retry");
                yield new Status(
                        term.number(0, "status", 500),
                        term.named("retry-after"),
                        millis == null ? null : (Long) Term.millis(millis),
                        should == null ? null : (Boolean) should.equals("true"),
                        term.named("code"),
                        term.named("type"),
                        term.named("message"));
            }
            case "html" -> new Html(term.only("status").number(0, "status", 502));
            case "stall" ->
                new Stall(
                        term.only("events", "pause").number(0, "events", 1),
                        term.duration(1, "pause", Duration.ofSeconds(2)));
            case "silence" -> {
                term.only();
                yield new Silence();
            }
            case "first" -> new SlowFirstByte(term.only("pause").duration(0, "pause", Duration.ofSeconds(1)));
            case "cut" -> {
                term.only("events", "bytes");
                yield term.named("bytes") != null
                        ? new CutAfterBytes(term.size(9, "bytes", 0))
                        : new CutAfterEvents(term.number(0, "events", 1));
            }
            case "reset" -> new Reset(term.only("events").number(0, "events", 1));
            case "eof" -> new EofAfterEvents(term.only("events").number(0, "events", 1));
            case "split" -> new SplitEvery(term.only("bytes").size(0, "bytes", 1));
            case "garbage" -> new Garbage(term.only("events").number(0, "events", 1));
            case "error" ->
                new ErrorEvent(term.only("events", "code").number(0, "events", 1), term.at(1, "code", "server_error"));
            case "failed" -> new Failed(term.only("events").number(0, "events", 2));
            case "no-done" -> {
                term.only();
                yield new NoDone();
            }
            case "no-finish" -> {
                term.only();
                yield new NoFinish();
            }
            case "no-usage" -> {
                term.only();
                yield new NoUsage();
            }
            case "oversize" ->
                new Oversize(term.only("events", "bytes").number(0, "events", 1), term.size(1, "bytes", 10 << 20));
            case "no-end" -> {
                term.only();
                yield new NoEnd();
            }
            case "times" -> {
                List<String> parts = term.arguments();
                if (parts.size() != 2 && parts.size() != 3) {
                    throw new IllegalArgumentException(
                            "times takes (count,mishap) or (count,tag,mishap), found " + parts.size() + " arguments");
                }
                yield new Times(
                        term.number(0, "times", 1),
                        parts.size() == 3 ? parts.get(1).strip() : "",
                        parse(parts.getLast()));
            }
            default -> null;
        };
    }

    /** Reads several, joined by {@code +}; an empty text is none. */
    static List<Mishap> parseAll(String text) {
        List<Mishap> all = new ArrayList<>();
        for (String each : Term.split(text, '+')) {
            if (!each.isBlank()) {
                all.add(parse(each));
            }
        }
        return List.copyOf(all);
    }
}
