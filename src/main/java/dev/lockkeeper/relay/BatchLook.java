package dev.lockkeeper.relay;

import dev.lockkeeper.dialect.openai.BatchAnswer;
import dev.lockkeeper.dialect.openai.Endpoint;
import dev.lockkeeper.dialect.openai.Endpoints;
import dev.lockkeeper.http.Client.Fetched;
import dev.lockkeeper.http.FaultException;
import dev.lockkeeper.http.Headers;
import dev.lockkeeper.ledger.Bill;
import dev.lockkeeper.ledger.Pending;
import dev.lockkeeper.prices.Price;
import dev.lockkeeper.units.Bytes;
import dev.lockkeeper.units.Usage;
import dev.lockkeeper.upstream.Provider;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;

/**
 * One look at a batch: where it has ended, the usage of each line of its files is added up by model. On its loop; lines are
 * read on a worker.
 */
final class BatchLook implements FileLines.Reader {
    private static final long PATIENCE_MILLIS = 60_000;

    /** Bytes of a batch as its provider tells of it; the mistakes of its input may be among them. */
    private static final int MOST = 4 << 20;

    /** Lines that are told apart, so that one told twice is paid once. OpenAI takes 50,000 in a batch. */
    private static final int MAX_LINES = 200_000;

    private static final Logger LOG = LoggerFactory.getLogger(BatchLook.class);

    private final Later.Thing thing;
    private final Provider provider;
    private final List<Sum> sums = new ArrayList<>();
    private final Deque<String> files = new ArrayDeque<>();

    /** Hashes of what lines are called: a name may be as long as a line. */
    private final Set<Long> seen = new HashSet<>();

    private Endpoint endpoint = Endpoints.of("POST", "/v1/batches");
    private String status = "";
    private long completed;
    private long total;
    private long answered;

    BatchLook(Later.Thing thing, Provider provider) {
        this.thing = thing;
        this.provider = provider;
    }

    /** What the lines of one model have come to. */
    private static final class Sum {
        final Pending pending;
        final @Nullable Price price;
        Usage usage = new Usage.Builder().tier(BatchMoney.TIER).build();
        long cost;

        /** Lines that were answered, and tell no usage. */
        long untold;

        Sum(Pending pending, @Nullable Price price) {
            this.pending = pending;
            this.price = price;
        }
    }

    void begin() {
        for (Pending each : thing.pending()) {
            sums.add(new Sum(
                    each,
                    thing.relay().rules().prices().find(each.provider(), each.upstreamModel(), each.sinceMillis())));
        }
        var _ = thing.relay()
                .clients()
                .on(thing.loop, provider)
                .fetch(
                        "GET",
                        provider.target("/v1/batches/" + thing.id(), null),
                        provider.sign(Headers.empty()),
                        Bytes.EMPTY,
                        MOST,
                        PATIENCE_MILLIS)
                .whenComplete((answer, failure) -> thing.loop.run(() -> thing.guarded(() -> told(answer, failure))));
    }

    private void told(@Nullable Fetched answer, @Nullable Throwable failure) {
        if (answer == null) {
            if (failure instanceof FaultException known) {
                thing.unreached(known.fault());
            } else {
                thing.failed(String.valueOf(failure));
            }
        } else if (thing.readable(answer.status(), answer.body())) {
            JsonNode batch = OwnedList.parsed(answer.body());
            if (batch == null) {
                thing.failed("the answer is not JSON");
            } else {
                read(batch);
            }
        }
    }

    private void read(JsonNode batch) {
        status = batch.path("status").asString("");
        if (!Later.over(status)) {
            thing.unfinished();
            return;
        }
        completed = batch.path("request_counts").path("completed").asLong(0);
        total = batch.path("request_counts").path("total").asLong(0);
        if (Endpoints.match("POST", batch.path("endpoint").asString(""))
                instanceof Endpoints.Match.Found(Endpoint found, var _)) {
            endpoint = found;
        }
        for (String member : List.of("output_file_id", "error_file_id")) {
            String file = batch.path(member).asString("");
            if (!file.isEmpty()) {
                files.add(file);
            }
        }
        next();
    }

    private void next() {
        String file = files.poll();
        if (file == null) {
            done();
        } else {
            new FileLines(thing.relay(), thing.loop, provider, file, this, end -> thing.guarded(() -> ended(end)))
                    .begin();
        }
    }

    private void ended(FileLines.End end) {
        switch (end) {
            case FileLines.End.Whole() -> next();
            case FileLines.End.Stopped() -> thing.guess("its files have more than " + MAX_LINES + " lines");
            case FileLines.End.Refused(int answer) when answer == 404 -> thing.missing();
            case FileLines.End.Refused(int answer) -> thing.failed("HTTP " + answer + " for its file");
            case FileLines.End.Unreached(var fault) -> thing.unreached(fault);
            case FileLines.End.Late(boolean _, long millis) -> thing.failed("no file within " + millis + " ms");
            case FileLines.End.LongLine(int number) ->
                thing.guess("line " + number + " of its file is longer than " + FileLines.MAX_LINE + " bytes");
            case FileLines.End.Full(Overload _) -> thing.failed("the gateway has too much to do");
            case FileLines.End.Crashed(Throwable bug) -> {
                LOG.error("the files of {} could not be read", thing.what(), bug);
                thing.guess("its files could not be read");
            }
        }
    }

    @Override
    public boolean line(Bytes text, int number) {
        BatchAnswer answer = BatchAnswer.of(text, endpoint);
        if (answer != null && !answer.id().isEmpty() && !seen.add(hash(answer.id()))) {
            return true; // told twice
        }
        if (seen.size() > MAX_LINES) {
            return false;
        }
        Usage used = answer == null ? null : answer.usage();
        boolean good = answer == null || (answer.status() >= 200 && answer.status() < 300);
        answered += good ? 1 : 0;
        if (used == null && !good) {
            return true;
        }
        Sum sum = sum(answer == null ? null : answer.model());
        if (used == null) {
            sum.untold++;
        } else {
            Usage usage = used.withTier(BatchMoney.TIER);
            sum.usage = sum.usage.plus(usage);
            sum.cost = Math.addExact(sum.cost, sum.price == null ? 0 : sum.price.cost(usage));
        }
        return true;
    }

    /** FNV-1a over the name's characters. */
    private static long hash(String name) {
        long hash = 0xcbf29ce484222325L;
        for (int i = 0; i < name.length(); i++) {
            hash = (hash ^ name.charAt(i)) * 0x100000001b3L;
        }
        return hash;
    }

    /** The hold of a model: a provider tells a name that says more than the one it was asked for. */
    private Sum sum(@Nullable String model) {
        Sum best = sums.getFirst();
        int length = -1;
        for (Sum each : sums) {
            String upstream = each.pending.upstreamModel();
            if (model != null && model.startsWith(upstream) && upstream.length() > length) {
                best = each;
                length = upstream.length();
            }
        }
        return best;
    }

    private void done() {
        if (sums.isEmpty()) {
            thing.unfinished();
            return;
        }
        // What its provider counts as done is billed, whether its line is there or not.
        long missing = Math.max(0, completed - answered);
        sums.getFirst().untold += missing;
        answered += missing;
        boolean all = sums.stream().allMatch(each -> each.untold == 0 && each.price != null);
        thing.done(all, status, pending -> {
            for (Sum each : sums) {
                if (each.pending.equals(pending)) {
                    return bill(each);
                }
            }
            throw new IllegalStateException("a hold of " + thing.what() + " came while it was looked at");
        });
    }

    private Bill bill(Sum sum) {
        Pending pending = sum.pending;
        long held = pending.heldNanos();
        long lines = Math.max(total, answered);
        // Of lines that tell nothing each is taken for its share of what was held.
        long untold = sum.untold == 0 ? 0 : Math.min(held, Math.multiplyExact(Math.ceilDiv(held, lines), sum.untold));
        boolean estimated = sum.untold > 0 || sum.price == null;
        long now = thing.relay().clock().millis();
        return new Bill(
                sum.price == null ? held : Math.addExact(sum.cost, untold),
                sum.usage.toBuilder().estimated(estimated).build(),
                estimated,
                pending.awaited().endpoint(),
                200,
                status,
                pending.sinceMillis(),
                now - pending.sinceMillis());
    }
}
