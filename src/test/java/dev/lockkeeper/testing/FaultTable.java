package dev.lockkeeper.testing;

import dev.lockkeeper.dialect.openai.Prefill;
import dev.lockkeeper.routing.Policy;
import dev.lockkeeper.testing.ScriptedUpstream.Script;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The table of faults: how a first provider misbehaves, and what a caller has of it, by the usual policy and with a second
 * provider behind. Each call goes over real sockets through a whole gateway, to simulators or to sockets that misbehave byte
 * for byte.
 */
public final class FaultTable implements AutoCloseable {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final String WELL = "gpt-4o";
    private static final int OUTAGE_CALLS = 20;

    /** Calls at the same time: most of them wait. */
    private static final int TOGETHER = 24;

    /** Tokens of an answer under an outage, and milliseconds between them: such calls are under way when it begins. */
    private static final String UNHURRIED = "gpt-4o+tokens(30)+pace(15ms)";

    /**
     * How long things are waited for.
     *
     * @param firstToken before a stream's first token, where there is another target
     * @param firstByte before an answer's head
     * @param idle between two pieces of an answer
     * @param outage how long the provider of the outage is out
     */
    public record Size(Duration firstToken, Duration firstByte, Duration idle, Duration outage) {
        /** As the gateway has it where nothing is configured; an outage of a minute. */
        public static final Size USUAL =
                new Size(Duration.ofSeconds(10), Duration.ofSeconds(60), Duration.ofSeconds(60), Duration.ofMinutes(1));

        /** For tests. */
        public static final Size SHORT =
                new Size(Duration.ofSeconds(2), Duration.ofSeconds(4), Duration.ofSeconds(4), Duration.ofSeconds(4));
    }

    /** What is asked for. */
    public enum Asks {
        CHAT("chat", "/v1/chat/completions", false),
        CHAT_STREAM("chat, stream", "/v1/chat/completions", true),
        RESPONSE("response", "/v1/responses", false),
        RESPONSE_STREAM("response, stream", "/v1/responses", true);

        private final String words;
        private final String path;
        private final boolean stream;

        Asks(String words, String path, boolean stream) {
            this.words = words;
            this.path = path;
            this.stream = stream;
        }

        @Override
        public String toString() {
            return words;
        }

        boolean chat() {
            return path.endsWith("completions");
        }
    }

    /** What a caller had in the end. */
    public enum Got {
        /** One answer, whole, of one provider. */
        WHOLE("the whole answer"),
        /** One answer, whole, that the second provider went on with. */
        JOINED("the whole answer, gone on with"),
        /** An error with a status. */
        REFUSED("an error with a status"),
        /** A part, and an error event that says so. */
        ENDED("a part, and an error event"),
        /** Something that is none of these: never to be. */
        WRONG("WRONG");

        private final String words;

        Got(String words) {
            this.words = words;
        }

        @Override
        public String toString() {
            return words;
        }
    }

    private static final List<Asks> ALL = List.of(Asks.CHAT, Asks.CHAT_STREAM, Asks.RESPONSE, Asks.RESPONSE_STREAM);
    private static final List<Asks> WHOLES = List.of(Asks.CHAT, Asks.RESPONSE);
    private static final List<Asks> STREAMS = List.of(Asks.CHAT_STREAM, Asks.RESPONSE_STREAM);
    private static final List<Asks> CHATS = List.of(Asks.CHAT, Asks.CHAT_STREAM);

    /** Who stands at a place: a simulator that is asked for a model with mishaps, or a bare socket. */
    private sealed interface Side {
        record Simulated(String model) implements Side {}

        record Raw(Script script) implements Side {}
    }

    /**
     * How a provider misbehaves, and what is expected.
     *
     * @param name the fault in words
     * @param remark what of the settings is not the usual; empty: nothing
     * @param atFirst attempts at the first target
     * @param atSecond attempts at the second
     * @param got what the caller has
     * @param silent whether the first attempt is given up at the first token's limit
     */
    public record Row(
            String name,
            String remark,
            List<Asks> asks,
            int atFirst,
            int atSecond,
            Got got,
            boolean silent,
            Side first,
            Side second,
            Prefill prefill,
            Policy policy) {
        private Row second(Side other) {
            return new Row(name, remark, asks, atFirst, atSecond, got, silent, first, other, prefill, policy);
        }

        private Row waits() {
            return new Row(name, remark, asks, atFirst, atSecond, got, true, first, second, prefill, policy);
        }

        private Row prefilled() {
            return new Row(name, remark, asks, atFirst, atSecond, got, silent, first, second, Prefill.PREFIX, policy);
        }

        private Row policy(String told, Policy other) {
            return new Row(name, told, asks, atFirst, atSecond, got, silent, first, second, prefill, other);
        }
    }

    /**
     * What was seen of one call.
     *
     * @param gapMillis between the end of an attempt and the beginning of the next
     * @param silenceMillis how long the first attempt was under way
     * @param millis from the question to the last byte
     * @param told how an error or a mark in a stream put it; empty where nothing is to be told
     */
    public record Seen(
            Row row,
            Asks asked,
            int atFirst,
            int atSecond,
            List<Long> gapMillis,
            long silenceMillis,
            long millis,
            Got got,
            String told) {
        /** Whether that is what the row has. */
        public boolean expected() {
            return got == row.got() && atFirst == row.atFirst() && atSecond == row.atSecond();
        }
    }

    /**
     * What was seen of an outage.
     *
     * @param whole calls whose answer was whole, of all
     * @param atFirst attempts at the first target while it was out
     * @param atSecond attempts at the second
     * @param longestMillis the slowest call
     * @param backMillis from the outage's end to the first whole answer of the first target, as far as calls came; -1: none
     * @param wrong what calls got that were not whole
     */
    public record Outage(
            int calls, int whole, int atFirst, int atSecond, long longestMillis, long backMillis, List<String> wrong) {}

    private static Row row(String name, List<Asks> asks, int atFirst, int atSecond, Got got, Side first) {
        return new Row(
                name,
                "",
                asks,
                atFirst,
                atSecond,
                got,
                false,
                first,
                new Side.Simulated(WELL),
                Prefill.NONE,
                Policy.USUAL);
    }

    /** A simulator; {@code mishaps} are joined by +, and {@code #} in them stands for a word of the call's own. */
    private static Side sim(String mishaps) {
        return new Side.Simulated(WELL + "+" + mishaps);
    }

    private static Side raw(Script script) {
        return new Side.Raw(script);
    }

    private static final String TOO_LONG =
            "status(400,code=context_length_exceeded,type=invalid_request_error,message=too many tokens)";
    private static final String FILTERED =
            "status(400,code=content_filter,type=invalid_request_error,message=filtered)";

    private static Policy elsewhereOnPolicy() {
        Policy usual = Policy.USUAL;
        return new Policy(
                usual.attempts(),
                usual.firstWait(),
                usual.longestWait(),
                usual.retryTotal(),
                true,
                null,
                null,
                false,
                null,
                usual.brokenStream(),
                false);
    }

    private static List<Row> rows(Size size) {
        long late = size.firstToken().toMillis() * 2;
        List<Row> rows = new ArrayList<>();
        rows.add(row("nothing", ALL, 1, 0, Got.WHOLE, new Side.Simulated(WELL)));
        rows.add(row("429 once, without `Retry-After`", ALL, 2, 0, Got.WHOLE, sim("times(1,#,status(429))")));
        rows.add(row("429 once, `Retry-After: 1`", ALL, 2, 0, Got.WHOLE, sim("times(1,#,status(429,retry-after=1))")));
        rows.add(row("429 for ever, without `Retry-After`", CHATS, 3, 1, Got.WHOLE, sim("status(429)")));
        rows.add(row("429, `Retry-After: 20`", ALL, 1, 1, Got.WHOLE, sim("status(429,retry-after=20)")));
        rows.add(row("500 once", ALL, 2, 0, Got.WHOLE, sim("times(1,#,status(500))")));
        rows.add(row("503 for ever", ALL, 3, 1, Got.WHOLE, sim("status(503)")));
        rows.add(row("a proxy's page, 502, for ever", CHATS, 3, 1, Got.WHOLE, sim("html(502)")));
        rows.add(row("reset before the head, once", ALL, 2, 0, Got.WHOLE, sim("times(1,#,reset(0))")));
        rows.add(row(
                "reset before the head, for ever",
                ALL,
                3,
                1,
                Got.WHOLE,
                raw((_, conversation) -> conversation.reset())));
        rows.add(row("bytes that are no HTTP", CHATS, 3, 1, Got.WHOLE, raw((_, conversation) -> {
            conversation.send("220 mail.example ESMTP\r\n");
            conversation.close();
        })));
        rows.add(row("half a head, then cut", CHATS, 3, 1, Got.WHOLE, raw((_, conversation) -> {
            conversation.send("HTTP/1.1 200 OK\r\ncontent-ty");
            conversation.close();
        })));
        rows.add(
                row("accepted and silent", STREAMS, 1, 1, Got.WHOLE, raw((_, conversation) -> conversation.awaitGone()))
                        .waits());
        rows.add(row("accepted and silent", WHOLES, 1, 1, Got.WHOLE, sim("silence")));
        rows.add(row("a head, then silent", STREAMS, 1, 1, Got.WHOLE, raw((_, conversation) -> {
                    conversation.chunkedEvents();
                    conversation.awaitGone();
                }))
                .waits());
        rows.add(row("slow first token: twice the limit", STREAMS, 1, 1, Got.WHOLE, sim("first(" + late + "ms)"))
                .waits());
        rows.add(row("slow first token: half the limit", STREAMS, 1, 0, Got.WHOLE, sim("first(" + late / 4 + "ms)")));
        rows.add(row("cut mid-answer", WHOLES, 3, 1, Got.WHOLE, sim("cut(1)")));
        rows.add(row("cut before any text", List.of(Asks.CHAT_STREAM), 3, 1, Got.WHOLE, sim("cut(1)")));
        rows.add(row("cut before any text", List.of(Asks.RESPONSE_STREAM), 3, 1, Got.WHOLE, sim("cut(3)")));
        rows.add(row("cut early in the text", STREAMS, 1, 1, Got.JOINED, sim("cut(7)")));
        rows.add(row("cut late in the text", STREAMS, 1, 2, Got.JOINED, sim("tokens(60)+cut(50)")));
        rows.add(row("reset late in the text", STREAMS, 1, 2, Got.JOINED, sim("tokens(60)+pace(5ms)+reset(40)")));
        rows.add(row("stall mid-answer", STREAMS, 1, 2, Got.JOINED, sim("stall(20,600s)")));
        rows.add(row("garbage event before any text", STREAMS, 3, 1, Got.WHOLE, sim("garbage(1)")));
        rows.add(row("garbage event mid-answer", STREAMS, 1, 2, Got.JOINED, sim("garbage(20)")));
        rows.add(row("a body that is not JSON", WHOLES, 3, 1, Got.WHOLE, sim("garbage(1)")));
        rows.add(row("error event mid-answer", STREAMS, 1, 2, Got.JOINED, sim("error(20)")));
        rows.add(row(
                "`response.failed` mid-answer", List.of(Asks.RESPONSE_STREAM), 1, 2, Got.JOINED, sim("failed(20)")));
        rows.add(row("no `[DONE]`", List.of(Asks.CHAT_STREAM), 1, 0, Got.WHOLE, sim("no-done")));
        rows.add(row("no finish reason", List.of(Asks.CHAT_STREAM), 1, 2, Got.JOINED, sim("no-finish")));
        rows.add(row("an end of HTTP that never comes", STREAMS, 1, 0, Got.WHOLE, sim("no-end")));
        rows.add(row("context too long, at the first only", ALL, 1, 1, Got.WHOLE, sim(TOO_LONG)));
        rows.add(row("content filter", ALL, 1, 0, Got.REFUSED, sim(FILTERED)));
        rows.add(row("content filter", CHATS, 1, 1, Got.WHOLE, sim(FILTERED))
                .policy("`content-policy: true`", elsewhereOnPolicy()));
        rows.add(row(
                "the gateway's key is refused: 401", CHATS, 1, 1, Got.WHOLE, sim("status(401,code=invalid_api_key)")));
        rows.add(row(
                        "cut mid-answer, fallback takes a begun answer",
                        List.of(Asks.CHAT_STREAM),
                        1,
                        1,
                        Got.JOINED,
                        sim("cut(20)"))
                .second(sim("prefill"))
                .prefilled());
        rows.add(row(
                        "cut mid-answer, fallback rejects prefill",
                        List.of(Asks.CHAT_STREAM),
                        1,
                        3,
                        Got.JOINED,
                        sim("cut(20)"))
                .prefilled());
        rows.add(row("both: 503 for ever", ALL, 3, 3, Got.REFUSED, sim("status(503)"))
                .second(sim("status(503)")));
        rows.add(row("both: 429, `Retry-After: 40`", CHATS, 1, 1, Got.REFUSED, sim("status(429,retry-after=40)"))
                .second(sim("status(429,retry-after=40)")));
        rows.add(row("both: context too long", ALL, 1, 1, Got.REFUSED, sim(TOO_LONG))
                .second(sim(TOO_LONG)));
        rows.add(row("cut mid-answer, the other: 503 once", STREAMS, 1, 3, Got.JOINED, sim("cut(20)"))
                .second(sim("times(1,#,status(503))")));
        rows.add(row("cut mid-answer, the other: 503 for ever", STREAMS, 1, 3, Got.ENDED, sim("cut(20)"))
                .second(sim("status(503)")));
        return rows;
    }

    /** A row as it is asked: its own providers, so that none is judged by another's faults. */
    private static final class Place {
        final Row row;
        final Asks asked;
        final WatchedWay first;
        final WatchedWay second;
        final String model;

        Place(Row row, Asks asked, WatchedWay first, WatchedWay second, String model) {
            this.row = row;
            this.asked = asked;
            this.first = first;
            this.second = second;
            this.model = model;
        }
    }

    private final Size size;
    private final List<AutoCloseable> open = new ArrayList<>();
    private final List<Place> places = new ArrayList<>();
    private final WatchedWay outageFirst;
    private final WatchedWay outageSecond;
    private final SimulatedProvider one = opened(SimulatedProvider.seeded(1));
    private final SimulatedProvider two = opened(SimulatedProvider.seeded(2));
    private final Gateway gateway;

    /** Starts the gateway and the providers of all rows. */
    public FaultTable(Size size) {
        this.size = size;
        Gateway.Plan plan = Gateway.plan().timeouts(size.firstByte(), size.idle(), Duration.ofMinutes(5));
        for (Row row : rows(size)) {
            for (Asks asked : row.asks()) {
                place(plan, row, asked);
            }
        }
        outageFirst = opened(new WatchedWay(one.port()));
        outageSecond = opened(new WatchedWay(two.port()));
        Policy policy = sized(Policy.USUAL);
        plan.provider("out", outageFirst.port())
                .provider("beside", outageSecond.port())
                .model("outage", policy, "out/" + UNHURRIED, "beside/" + UNHURRIED);
        gateway = opened(plan.start());
    }

    private <T extends AutoCloseable> T opened(T made) {
        open.add(made);
        return made;
    }

    private void place(Gateway.Plan plan, Row row, Asks asked) {
        String id = "r" + places.size();
        WatchedWay first = opened(new WatchedWay(port(row.first(), one)));
        WatchedWay second = opened(new WatchedWay(port(row.second(), two)));
        plan.provider(id + "-first", first.port())
                .provider(id + "-second", second.port())
                .prefill(row.prefill())
                .model(
                        id,
                        sized(row.policy()),
                        id + "-first/" + model(row.first(), id),
                        id + "-second/" + model(row.second(), id));
        places.add(new Place(row, asked, first, second, id));
    }

    private int port(Side side, SimulatedProvider simulator) {
        return switch (side) {
            case Side.Simulated(String _) -> simulator.port();
            case Side.Raw(Script script) ->
                opened(ScriptedUpstream.answering(script)).port();
        };
    }

    private static String model(Side side, String id) {
        return switch (side) {
            case Side.Simulated(String model) -> model.replace("#", id);
            case Side.Raw(Script _) -> WELL;
        };
    }

    private Policy sized(Policy policy) {
        return new Policy(
                policy.attempts(),
                policy.firstWait(),
                policy.longestWait(),
                policy.retryTotal(),
                policy.elsewhereOnPolicy(),
                policy.deadline(),
                size.firstToken(),
                policy.firstTokenOff(),
                policy.hedge(),
                policy.brokenStream(),
                policy.wholeOnly());
    }

    /** Asks row by row, one after the other. */
    public List<Seen> oneByOne() {
        return places.stream().map(this::see).toList();
    }

    /** Asks several rows at the same time, once one call has gone through. */
    public List<Seen> together() throws InterruptedException, ExecutionException {
        ask("outage", Asks.CHAT_STREAM);
        try (ExecutorService each = Executors.newFixedThreadPool(TOGETHER)) {
            List<Future<Seen>> asked = new ArrayList<>();
            for (Place place : places) {
                asked.add(each.submit(() -> see(place)));
            }
            List<Seen> seen = new ArrayList<>();
            for (Future<Seen> answer : asked) {
                seen.add(answer.get());
            }
            return seen;
        }
    }

    private HttpResponse<String> ask(String model, Asks asked) {
        String question = asked.chat()
                ? "\"messages\":[{\"role\":\"user\",\"content\":\"Tell me about locks\"}]"
                : "\"input\":\"Tell me about locks\"";
        return gateway.send(gateway.request(asked.path)
                .timeout(Duration.ofMinutes(4))
                .header("content-type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(
                        "{\"model\":\"" + model + "\",\"stream\":" + asked.stream + "," + question + "}")));
    }

    private Seen see(Place place) {
        long began = System.nanoTime();
        HttpResponse<String> answer = ask(place.model, place.asked);
        long millis = (System.nanoTime() - began) / 1_000_000;
        List<WatchedWay.Passage> first = List.copyOf(place.first.passages());
        List<WatchedWay.Passage> second = List.copyOf(place.second.passages());
        List<WatchedWay.Passage> all = Stream.concat(first.stream(), second.stream())
                .sorted(Comparator.comparingLong(each -> each.beganNanos))
                .toList();
        List<Long> gaps = new ArrayList<>();
        for (int i = 1; i < all.size(); i++) {
            long gap = all.get(i).beganNanos - all.get(i - 1).endedNanos();
            gaps.add(Math.max(0, gap) / 1_000_000);
        }
        long silence = first.isEmpty() ? 0 : (first.getFirst().endedNanos() - first.getFirst().beganNanos) / 1_000_000;
        Read read = read(answer, place.asked);
        return new Seen(
                place.row, place.asked, first.size(), second.size(), gaps, silence, millis, read.got, read.told);
    }

    // ---- what a caller makes of an answer ----

    private record Read(Got got, String told) {}

    private static Read read(HttpResponse<String> answer, Asks asked) {
        String body = answer.body();
        try {
            if (answer.statusCode() != 200) {
                JsonNode error = JSON.readTree(body).path("error");
                String code = error.path("code").asString("");
                return error.path("message").asString("").isEmpty()
                        ? new Read(Got.WRONG, body)
                        : new Read(Got.REFUSED, answer.statusCode() + " " + code);
            }
            if (!asked.stream) {
                return whole(JSON.readTree(body), asked);
            }
            String failure = failure(body);
            if (failure != null) {
                return new Read(Got.ENDED, failure);
            }
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            if (asked.chat()) {
                StrictStream.ChatSaid said = StrictStream.chat(bytes);
                return said.finish().equals("stop") ? streamed(said.text(), said.comments()) : wrong(body);
            }
            StrictStream.ResponseSaid said = StrictStream.response(bytes);
            return said.response().path("status").asString("").equals("completed")
                    ? streamed(said.text(), said.comments())
                    : wrong(body);
        } catch (RuntimeException | AssertionError unreadable) {
            return wrong(unreadable + "\n" + body);
        }
    }

    private static Read whole(JsonNode json, Asks asked) {
        boolean finished = asked.chat()
                ? json.at("/choices/0/finish_reason").asString("").equals("stop")
                        && !json.at("/choices/0/message/content").asString("").isEmpty()
                : json.path("status").asString("").equals("completed");
        return finished ? new Read(Got.WHOLE, "") : wrong(json.toString());
    }

    private static Read wrong(String what) {
        return new Read(Got.WRONG, what);
    }

    private static Read streamed(String text, List<String> comments) {
        if (text.isEmpty()) {
            return wrong("no text");
        }
        return comments.stream()
                .filter(each -> each.startsWith("lockkeeper rescued after"))
                .findFirst()
                .map(each -> new Read(Got.JOINED, each.replaceAll(".*after (\\d+ characters).*", "after $1")))
                .orElseGet(() -> new Read(Got.WHOLE, ""));
    }

    /** The code of the error that a stream ended in; null for none. */
    private static @Nullable String failure(String body) {
        for (String line : body.split("\n", -1)) {
            if (line.startsWith("data: {")) {
                JsonNode data = JSON.readTree(line.substring(6));
                JsonNode error = data.has("error") && data.path("error").isObject()
                        ? data.path("error")
                        : data.path("response").path("error");
                if (error.isObject()) {
                    return error.path("code").asString("");
                }
            }
        }
        return null;
    }

    // ---- an outage ----

    /** Has the first provider of two be out for a while, with calls before, across and after; every second one is no stream. */
    public Outage outage() throws InterruptedException, ExecutionException {
        long outNanos = size.outage().toNanos();
        long stepNanos = outNanos * 4 / 3 / OUTAGE_CALLS;
        long began = System.nanoTime();
        try (ScriptedUpstream out = ScriptedUpstream.answering(
                        (_, conversation) -> conversation.json(503, "{\"error\":{\"message\":\"out\"}}"));
                ExecutorService each = Executors.newVirtualThreadPerTaskExecutor()) {
            long outFrom = began + 2 * stepNanos + 200_000_000L;
            Future<?> outage = each.submit(() -> {
                await(outFrom);
                outageFirst.lead(out.port());
                await(outFrom + outNanos);
                outageFirst.lead(one.port());
            });
            List<Future<Passed>> calls = new ArrayList<>();
            for (int i = 0; i < OUTAGE_CALLS; i++) {
                Asks asked = ALL.get((i + 1) % ALL.size());
                long at = began + i * stepNanos;
                calls.add(each.submit(() -> {
                    await(at);
                    long asks = System.nanoTime();
                    HttpResponse<String> answer = ask("outage", asked);
                    long now = System.nanoTime();
                    String by =
                            answer.headers().firstValue("x-lockkeeper-target").orElse("");
                    return new Passed((now - asks) / 1_000_000, now, by.startsWith("out/"), read(answer, asked));
                }));
            }
            outage.get();
            List<Passed> passed = new ArrayList<>();
            for (Future<Passed> call : calls) {
                passed.add(call.get());
            }
            return told(passed, outFrom + outNanos, out.requests().size());
        }
    }

    private record Passed(long millis, long overNanos, boolean byFirst, Read read) {
        boolean whole() {
            return read.got == Got.WHOLE || read.got == Got.JOINED;
        }
    }

    private Outage told(List<Passed> passed, long outUntil, int atFirst) {
        long back = passed.stream()
                .filter(each -> each.byFirst && each.whole() && each.overNanos > outUntil)
                .mapToLong(each -> (each.overNanos - outUntil) / 1_000_000)
                .min()
                .orElse(-1);
        return new Outage(
                passed.size(),
                (int) passed.stream().filter(Passed::whole).count(),
                atFirst,
                outageSecond.passages().size(),
                passed.stream().mapToLong(Passed::millis).max().orElse(0),
                back,
                passed.stream()
                        .filter(each -> !each.whole())
                        .map(each -> each.read.got + " " + each.read.told)
                        .toList());
    }

    private static void await(long untilNanos) {
        for (long left = untilNanos - System.nanoTime(); left > 0; left = untilNanos - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    @Override
    public void close() {
        for (AutoCloseable each : open.reversed()) {
            try {
                each.close();
            } catch (Exception failed) {
                throw new IllegalStateException(failed);
            }
        }
    }
}
