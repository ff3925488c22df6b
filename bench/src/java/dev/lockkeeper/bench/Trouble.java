package dev.lockkeeper.bench;

import static dev.lockkeeper.bench.Ask.End.ANSWERED;
import static dev.lockkeeper.bench.Ask.End.BROKEN_OFF;
import static dev.lockkeeper.bench.Ask.End.ERROR;
import static dev.lockkeeper.bench.Ask.End.ERROR_EVENT;

import dev.lockkeeper.bench.Ask.End;
import java.util.List;
import java.util.Set;

/**
 * A mishap of the simulator, and how a call with it must end. The upstream's waits in the soak are 20 s for the first byte
 * and between pieces, its largest event has 4 MiB.
 *
 * @param simulator as the header {@code x-simulator} says it
 * @param unary the endings that are right where the answer is one body; empty where it is not tried
 * @param stream the endings that are right where the answer is a stream of events
 */
record Trouble(String simulator, Set<End> unary, Set<End> stream) {
    /** A stream that breaks before anything of it was sent is an error with a status, later an error event. */
    private static final Set<End> ERROR_EITHER_WAY = Set.of(ERROR, ERROR_EVENT);

    private static final Set<End> GOOD = Set.of(ANSWERED);
    private static final Set<End> BAD = Set.of(ERROR);

    /** Large bodies have been begun when they break: then the connection's end is all that can be said. */
    private static final Set<End> BAD_OR_CUT = Set.of(ERROR, BROKEN_OFF);

    private static final List<Trouble> ALL = List.of(
            new Trouble("status(503)", BAD, BAD),
            new Trouble("status(429,retry-after=2)", BAD, BAD),
            new Trouble("status(500,code=oops)", BAD, BAD),
            new Trouble("html(502)", BAD, BAD),
            new Trouble("first(500ms)", GOOD, GOOD),
            new Trouble("silence", BAD, BAD),
            new Trouble("stall(1,1s)", GOOD, GOOD),
            new Trouble("stall(3,2s)", GOOD, GOOD),
            // A heartbeat opens the stream meanwhile.
            new Trouble("stall(0,40s)", BAD, ERROR_EITHER_WAY),
            new Trouble("stall(3,40s)", Set.of(), ERROR_EITHER_WAY),
            new Trouble("cut(0)", BAD, BAD),
            new Trouble("cut(1)", BAD_OR_CUT, ERROR_EITHER_WAY),
            new Trouble("cut(3)", Set.of(), ERROR_EITHER_WAY),
            new Trouble("cut(bytes=100)", BAD_OR_CUT, ERROR_EITHER_WAY),
            new Trouble("reset(0)", BAD, BAD),
            new Trouble("reset(1)", BAD_OR_CUT, ERROR_EITHER_WAY),
            new Trouble("reset(3)", Set.of(), ERROR_EITHER_WAY),
            new Trouble("eof(0)", BAD, BAD),
            new Trouble("eof(1)", BAD_OR_CUT, ERROR_EITHER_WAY),
            new Trouble("eof(3)", Set.of(), ERROR_EITHER_WAY),
            new Trouble("split(1)", GOOD, GOOD),
            new Trouble("split(7)", GOOD, GOOD),
            new Trouble("garbage(2)", Set.of(), ERROR_EITHER_WAY),
            new Trouble("error(0,server_error)", BAD, BAD),
            new Trouble("error(2,server_error)", BAD, ERROR_EITHER_WAY),
            new Trouble("failed(2)", BAD, ERROR_EITHER_WAY),
            new Trouble("no-done", GOOD, GOOD),
            new Trouble("no-finish", Set.of(), ERROR_EITHER_WAY),
            new Trouble("no-usage", GOOD, GOOD),
            new Trouble("oversize(1,1MiB)", Set.of(), GOOD),
            new Trouble("oversize(1,5MiB)", Set.of(), ERROR_EITHER_WAY),
            new Trouble("no-end", BAD_OR_CUT, GOOD),
            new Trouble("split(3)+stall(2,500ms)+cut(6)", Set.of(), ERROR_EITHER_WAY));

    /** Those that are tried on streams. */
    static final List<Trouble> OF_STREAMS =
            ALL.stream().filter(each -> !each.stream.isEmpty()).toList();

    /** Those that are tried on answers of one body. */
    static final List<Trouble> OF_BODIES =
            ALL.stream().filter(each -> !each.unary.isEmpty()).toList();
}
