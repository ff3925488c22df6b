package dev.lockkeeper.observe;

import dev.lockkeeper.http.Network;
import dev.lockkeeper.relay.CallReport;
import dev.lockkeeper.relay.FailedAttempt;
import dev.lockkeeper.relay.Watcher;
import dev.lockkeeper.units.Usage;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.StreamWriteFeature;
import tools.jackson.core.json.JsonFactory;

/**
 * One line of JSON per call. {@link #ended} may be called from any thread and never waits: it hands the report to a
 * bounded queue, and one thread turns reports into lines and writes them. When the queue is full, or the output takes
 * no more, lines are lost, counted, and the loss is told as a warning.
 *
 * <p>The thread gathers for {@value #GATHER_MILLIS} ms before it writes: an event loop wakes it at most once in that
 * time, since a wake-up costs more than the line.
 */
public final class CallLog implements Watcher, AutoCloseable {
    /** How many reports may wait to be written. */
    static final int QUEUE = 16_384;

    /** How long reports are gathered before they are written together. */
    static final int GATHER_MILLIS = 20;

    /** How often a loss is told at most. */
    static final Duration WARN_EVERY = Duration.ofSeconds(30);

    /** Characters of a value a client chose that get into a line. */
    static final int VALUE_BOUND = 256;

    private static final int BATCH = 1_024;
    private static final Duration CLOSE_WITHIN = Duration.ofSeconds(3);
    private static final Logger LOG = LoggerFactory.getLogger(CallLog.class);
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern(
                    "uuuu-MM-dd'T'HH:mm:ss.SSS'Z'", Locale.ROOT)
            .withZone(ZoneOffset.UTC);
    private static final JsonFactory JSON = JsonFactory.builder()
            .rootValueSeparator("\n")
            .disable(StreamWriteFeature.AUTO_CLOSE_TARGET)
            .disable(StreamWriteFeature.FLUSH_PASSED_TO_STREAM)
            .build();

    /** Put into the queue to wake the writer when the log is closed. */
    private static final Object END = new Object();

    // Holds reports, and END.
    private final BlockingQueue<Object> queue;
    private final OutputStream output;
    private final LongSupplier nanos;
    private volatile LogSettings.Client shown;
    private final LongAdder lost = new LongAdder();
    private final CountDownLatch closing = new CountDownLatch(1);
    private final Thread writer;

    // Of the writer's thread only.
    private long lostTold;
    private long nextWarningNanos;

    private CallLog(OutputStream output, LongSupplier nanos, LogSettings.Client shown, int queue) {
        this.queue = new ArrayBlockingQueue<>(queue);
        this.output = output;
        this.nanos = nanos;
        this.nextWarningNanos = nanos.getAsLong();
        this.shown = shown;
        this.writer = Thread.ofPlatform().name("call-log").daemon().unstarted(this::run);
    }

    /**
     * Starts a log.
     *
     * @param output where lines go; buffered here, flushed after each batch, not closed
     * @param nanos tells time that passes, as {@link System#nanoTime()} does: not the clock on the wall, which may jump
     * @param shown how much of a client's address is told
     */
    public static CallLog start(OutputStream output, LongSupplier nanos, LogSettings.Client shown) {
        return start(output, nanos, shown, QUEUE);
    }

    static CallLog start(OutputStream output, LongSupplier nanos, LogSettings.Client shown, int queue) {
        CallLog log = new CallLog(output, nanos, shown, queue);
        log.writer.start();
        return log;
    }

    /** Changes how much of a client's address is told, in lines from now on. Any thread. */
    public void show(LogSettings.Client less) {
        shown = less;
    }

    @Override
    public void ended(CallReport report) {
        if (closing.getCount() == 0 || !queue.offer(report)) {
            lost.increment();
        }
    }

    /** How many lines were lost since the start. Any thread. */
    public long lost() {
        return lost.sum();
    }

    /** Writes what waits, within {@code 3 s}, and ends. Later reports are lost. */
    @Override
    public void close() {
        closing.countDown();
        // A full queue needs no waking. No interrupt: it would close an output that is a channel.
        boolean _ = queue.offer(END);
        try {
            if (!writer.join(CLOSE_WITHIN)) {
                LOG.warn("the call log's output takes nothing: {} lines were not written", queue.size());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        List<Object> batch = new ArrayList<>(BATCH);
        boolean open = true;
        while (open || !queue.isEmpty()) {
            open = open && gather(batch);
            queue.drainTo(batch, BATCH - batch.size());
            if (!batch.isEmpty()) {
                write(batch);
                batch.clear();
            }
            tellLoss();
        }
    }

    /** Waits for a first report and for its company; false when the log is being closed. */
    private boolean gather(List<Object> batch) {
        try {
            Object first = queue.poll(WARN_EVERY.toMillis(), TimeUnit.MILLISECONDS);
            if (first != null) {
                batch.add(first);
                return queue.size() >= BATCH || !closing.await(GATHER_MILLIS, TimeUnit.MILLISECONDS);
            }
            return closing.getCount() > 0;
        } catch (InterruptedException e) {
            // Nobody interrupts this thread; if somebody did all the same, what waits is written and the log ends.
            return false;
        }
    }

    private void write(List<Object> batch) {
        if (batch.stream().noneMatch(CallReport.class::isInstance)) {
            return;
        }
        try {
            LineBuffer lines = new LineBuffer();
            try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), lines)) {
                for (Object each : batch) {
                    if (each instanceof CallReport call) {
                        line(json, call);
                    }
                }
            }
            lines.write('\n');
            lines.writeTo(output);
            output.flush();
        } catch (IOException | RuntimeException | Error e) {
            // A full disk or a closed pipe must not end the log: the loss is counted, the next batch is tried again.
            lost.add(batch.size());
        }
    }

    private void tellLoss() {
        long now = lost.sum();
        long time = nanos.getAsLong();
        if (now > lostTold && time - nextWarningNanos >= 0) {
            LOG.warn(
                    "{} lines of the call log were lost ({} since the start): its output is too slow or takes nothing",
                    now - lostTold,
                    now);
            lostTold = now;
            nextWarningNanos = time + WARN_EVERY.toNanos();
        }
    }

    private void line(JsonGenerator json, CallReport call) {
        json.writeStartObject();
        json.writeStringProperty("time", TIME.format(Instant.ofEpochMilli(call.epochMillis())));
        json.writeStringProperty("request_id", call.requestId());
        text(json, "key", call.keyId());
        text(json, "project", call.project());
        text(
                json,
                "client",
                switch (shown) {
                    case ADDRESS -> call.client();
                    case NETWORK -> Network.coarse(call.client());
                    case NONE -> "";
                });
        json.writeStringProperty("method", bounded(call.method()));
        text(json, "endpoint", call.endpoint());
        text(json, "model", call.model());
        text(json, "provider", call.provider());
        text(json, "upstream_model", call.upstreamModel());
        json.writeNumberProperty("status", call.status());
        json.writeStringProperty("outcome", Labels.of(call.outcome()));
        text(json, "error", call.errorCode());
        text(json, "finish", call.finish());
        json.writeBooleanProperty("stream", call.streamed());
        if (call.firstByteNanos() < 0) {
            json.writeNullProperty("first_byte_ms");
        } else {
            json.writeNumberProperty("first_byte_ms", millis(call.firstByteNanos()));
        }
        json.writeNumberProperty("total_ms", millis(call.totalNanos()));
        json.writeNumberProperty("own_us", TimeUnit.NANOSECONDS.toMicros(call.ownNanos()));
        tokens(json, call.usage());
        cost(json, call.costNanos());
        json.writeNumberProperty("bytes_in", call.bytesIn());
        json.writeNumberProperty("bytes_out", call.bytesOut());
        json.writeNumberProperty("warnings", call.warnings());
        if (!call.failedAttempts().isEmpty()) {
            failed(json, call.failedAttempts());
        }
        if (call.resumes() > 0) {
            json.writeNumberProperty("resumes", call.resumes());
        }
        if (!call.resumeOf().isEmpty()) {
            json.writeStringProperty("resume_of", call.resumeOf());
        }
        json.writeEndObject();
    }

    /** Decimals of a nano-dollar. */
    private static final int DOLLAR_DECIMALS = 9;

    private static void cost(JsonGenerator json, long nanos) {
        if (nanos == CallReport.NO_COST) {
            json.writeNullProperty("cost_usd");
        } else {
            json.writeName("cost_usd");
            json.writeNumber(BigDecimal.valueOf(nanos, DOLLAR_DECIMALS));
        }
    }

    private static void failed(JsonGenerator json, List<FailedAttempt> attempts) {
        json.writeName("failed_attempts");
        json.writeStartArray();
        for (FailedAttempt each : attempts) {
            json.writeStartObject();
            text(json, "provider", each.provider());
            text(json, "upstream_model", each.upstreamModel());
            text(json, "key", each.key());
            json.writeStringProperty("failure", each.failure());
            text(json, "code", each.code());
            json.writeNumberProperty("delivered", each.delivered());
            json.writeNumberProperty("ms", millis(each.nanos()));
            cost(json, each.costNanos());
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void tokens(JsonGenerator json, @Nullable Usage usage) {
        if (usage == null) {
            json.writeNullProperty("input_tokens");
            json.writeNullProperty("cached_tokens");
            json.writeNullProperty("output_tokens");
            json.writeNullProperty("reasoning_tokens");
            json.writeNullProperty("estimated");
            return;
        }
        json.writeNumberProperty("input_tokens", usage.input());
        json.writeNumberProperty("cached_tokens", usage.cached());
        json.writeNumberProperty("output_tokens", usage.output());
        json.writeNumberProperty("reasoning_tokens", usage.reasoningOutput());
        json.writeBooleanProperty("estimated", usage.estimated());
    }

    private static void text(JsonGenerator json, String name, String value) {
        if (value.isEmpty()) {
            json.writeNullProperty(name);
        } else {
            json.writeStringProperty(name, bounded(value));
        }
    }

    private static String bounded(String value) {
        if (value.length() <= VALUE_BOUND) {
            return value;
        }
        int end = Character.isHighSurrogate(value.charAt(VALUE_BOUND - 1)) ? VALUE_BOUND - 1 : VALUE_BOUND;
        return value.substring(0, end) + "…";
    }

    /** Milliseconds with three digits after the point. */
    private static double millis(long nanos) {
        return TimeUnit.NANOSECONDS.toMicros(nanos) / 1_000.0;
    }

    /** A batch of lines on their way to the output: one write, so that lines of two processes on one pipe mix less. */
    private static final class LineBuffer extends java.io.ByteArrayOutputStream {
        LineBuffer() {
            super(64 << 10);
        }
    }
}
