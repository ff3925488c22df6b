package dev.lockkeeper.bench;

import dev.lockkeeper.access.Access;
import dev.lockkeeper.access.Actor;
import dev.lockkeeper.access.KeyKind;
import dev.lockkeeper.access.KeyTerms;
import dev.lockkeeper.access.Keys;
import dev.lockkeeper.access.Presented;
import dev.lockkeeper.access.Tenants;
import dev.lockkeeper.db.Database;
import dev.lockkeeper.db.DatabaseUnavailable;
import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Endpoints;
import dev.lockkeeper.dialect.openai.Malformed;
import dev.lockkeeper.dialect.openai.MultipartPeek;
import dev.lockkeeper.dialect.openai.Refusals;
import dev.lockkeeper.dialect.openai.RequestScan;
import dev.lockkeeper.dialect.openai.Rewrite;
import dev.lockkeeper.dialect.openai.Rewritten;
import dev.lockkeeper.dialect.openai.StreamTap;
import dev.lockkeeper.dialect.openai.Taps;
import dev.lockkeeper.dialect.openai.UnaryTap;
import dev.lockkeeper.http.SseSplitter;
import dev.lockkeeper.routing.Candidate;
import dev.lockkeeper.routing.Flags;
import dev.lockkeeper.routing.Health;
import dev.lockkeeper.routing.Model;
import dev.lockkeeper.routing.Plan;
import dev.lockkeeper.routing.Pulse;
import dev.lockkeeper.routing.Router;
import dev.lockkeeper.routing.Slot;
import dev.lockkeeper.routing.Target;
import dev.lockkeeper.routing.Traits;
import dev.lockkeeper.routing.Turn;
import dev.lockkeeper.settings.Loaded;
import dev.lockkeeper.settings.Overrides;
import dev.lockkeeper.settings.SettingsLoader;
import dev.lockkeeper.units.Bytes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** The pure parts of a call's way, each alone: JMH's, run by {@link Micro}. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class PureParts {
    private static final int EVENTS = 100;
    private static final int MAX_EVENT = 16 << 20;

    private final Health health = new Health(System::nanoTime);
    private final Candidate candidate = new Candidate(new Target("openai", "gpt-5.5"), "");
    private final Endpoint chat = Endpoints.of("POST", "/v1/chat/completions");
    private final Endpoint responses = Endpoints.of("POST", "/v1/responses");
    private final Bytes answer = Bytes.utf8(CheapUpstream.ANSWER);
    private final Bytes chatEvents = Bytes.utf8(CheapUpstream.CHUNK.repeat(EVENTS));
    private final Bytes responsesEvents = Bytes.utf8(
            ("event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":17,"
                            + "\"item_id\":\"msg_68a0000000000000000000000000000000000000000000\",\"output_index\":0,"
                            + "\"content_index\":0,\"delta\":\" water\",\"logprobs\":[],\"obfuscation\":\"aZ3x81kQ\"}\n\n")
                    .repeat(EVENTS));
    private final Bytes small = Bytes.utf8(Run.body("bench", "How does a canal lock work? ".repeat(20), true));
    private final Bytes large =
            Bytes.utf8(Run.body("bench", "The keeper of the lock opened the upper paddles. ".repeat(9_000), false));
    private final RequestScan smallScan = scan(small);
    private final Bytes form =
            Bytes.utf8("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"tone.wav\"\r\n"
                    + "Content-Type: audio/wav\r\n\r\n" + "0123456789abcdef".repeat(4_096)
                    + "\r\n--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--b--\r\n");
    private final Database database = database();
    private final Keys keys = Access.open(database, Clock.systemUTC(), new SecureRandom(), System::nanoTime)
            .keys();
    private final String key = keys.create(
                    Actor.folder("bench"), "bench", Tenants.DEFAULT_PROJECT, KeyKind.LIVE, KeyTerms.FREE)
            .text();

    private final Model plain = model("models: {m: p}");
    private final Model tiers = model("""
            models:
              m:
                cases:
                  - {name: critical, when: {complexity: critical}, targets: [p/pro]}
                  - {name: complex, when: {complexity: complex}, targets: [p/flagship]}
                  - {name: new, share: 5%, targets: [p/new]}
                  - {name: rest, targets: [[p/gpt-5.4-mini, q/b, {target: q/c, weight: 3}], q/d]}
            """);
    private final Router router =
            new Router(Pulse.NONE, Flags.NONE, () -> ThreadLocalRandom.current().nextLong());
    private final Traits routed = new Traits(
            500,
            200,
            true,
            true,
            false,
            false,
            false,
            false,
            "",
            "",
            "",
            Traits.Complexity.ROUTINE,
            "",
            "",
            "org_default",
            "proj_default",
            "default",
            "key_1",
            false,
            "",
            "",
            "",
            "",
            Set.of(),
            "",
            "chat");

    private static Model model(String models) {
        try {
            Path file = Files.createTempFile("lockkeeper-jmh", ".yaml");
            Files.writeString(file, """
                    providers:
                      p: {base-url: https://p.example.com/v1, auth: none}
                      q: {base-url: https://q.example.com/v1, auth: none}
                    """ + models);
            Loaded loaded = SettingsLoader.load(file, Map.of(), Overrides.NONE);
            Files.delete(file);
            return Objects.requireNonNull(
                    ((Loaded.Good) loaded).settings().offered().find("m"));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private RequestScan scan(Bytes body) {
        try {
            return RequestScan.of(body, chat);
        } catch (Malformed bad) {
            throw new IllegalStateException(bad);
        }
    }

    private static Database database() {
        try {
            return Database.open(Files.createTempDirectory("lockkeeper-jmh"));
        } catch (IOException | DatabaseUnavailable failed) {
            throw new IllegalStateException(failed);
        }
    }

    /** Closes what was opened. */
    @TearDown
    public void close() {
        database.close();
    }

    /** Hears events and counts their bytes. */
    private static final class Counting implements SseSplitter.Sink {
        private final @Nullable StreamTap tap;
        private long bytes;

        Counting(@Nullable StreamTap tap) {
            this.tap = tap;
        }

        @Override
        public void event(Bytes raw, @Nullable String name, Bytes data) {
            if (tap == null) {
                bytes += data.length();
            } else {
                tap.event(name, data);
                bytes += tap.outgoing(raw).length();
            }
        }

        @Override
        public void comment(Bytes raw) {
            bytes += raw.length();
        }

        @Override
        public void tooLong() {
            throw new IllegalStateException("too long");
        }
    }

    /** Feeds a stream in pieces of one event each, as they come from a socket. */
    private static long fed(Bytes events, @Nullable StreamTap tap) {
        SseSplitter splitter = new SseSplitter(MAX_EVENT);
        Counting sink = new Counting(tap);
        int length = events.length() / EVENTS;
        for (int i = 0; i < EVENTS; i++) {
            splitter.feed(new Bytes(events.array(), events.offset() + i * length, length), sink);
        }
        return sink.bytes;
    }

    /** A chunk of a chat stream through the splitter alone. */
    @Benchmark
    @OperationsPerInvocation(EVENTS)
    public long splitter() {
        return fed(chatEvents, null);
    }

    /** The same, and through its tap. */
    @Benchmark
    @OperationsPerInvocation(EVENTS)
    public long chatTap() {
        return fed(chatEvents, Taps.stream(chat, smallScan));
    }

    /** A text delta of a Responses stream through the splitter and its tap. */
    @Benchmark
    @OperationsPerInvocation(EVENTS)
    public long responsesTap() {
        return fed(responsesEvents, Taps.stream(responses, RequestScan.none(responses)));
    }

    /** A chat completion of 1 KB through its tap. */
    @Benchmark
    public UnaryTap unaryTap() {
        UnaryTap tap = Taps.unary(chat);
        tap.piece(answer);
        tap.end();
        return tap;
    }

    /** Reading a request of 0.8 KB. */
    @Benchmark
    public RequestScan scanSmall() {
        return scan(small);
    }

    /** Reading a request of 450 KB. */
    @Benchmark
    public RequestScan scanLarge() {
        return scan(large);
    }

    /** Replacing its model and asking for usage. */
    @Benchmark
    public Rewritten rewrite() {
        return Rewrite.of(
                small, smallScan, chat, new Rewrite.Wish("gpt-4o", Refusals.NONE, true, Rewrite.UNLIMITED, null));
    }

    /** Finding the model behind a file of 64 KiB in a form. */
    @Benchmark
    public MultipartPeek multipartPeek() throws Malformed {
        MultipartPeek peek = MultipartPeek.of("multipart/form-data; boundary=b");
        peek.feed(form);
        peek.end();
        return peek;
    }

    /** Finding out who presents a key. */
    @Benchmark
    public Presented findKey() {
        return keys.find(key, "127.0.0.1");
    }

    /** Choosing for a model with one target. */
    @Benchmark
    public Plan routeOne() {
        return router.plan(plain, routed, 0);
    }

    /** Choosing among four cases, one of them a share, for the last of them: three targets by weight, one behind them. */
    @Benchmark
    public Plan routeCases() {
        return router.plan(tiers, routed, 0);
    }

    /** An attempt's way past the health of its candidate: in, first token, out. */
    @Benchmark
    public Turn health() {
        Turn turn = health.enter(candidate);
        if (turn instanceof Slot slot) {
            slot.firstToken(System.nanoTime());
            slot.ended(Slot.Ending.ANSWERED, System.nanoTime());
        }
        return turn;
    }
}
