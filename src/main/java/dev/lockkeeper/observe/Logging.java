package dev.lockkeeper.observe;

import ch.qos.logback.classic.AsyncAppender;
import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import ch.qos.logback.core.spi.ContextAwareBase;
import java.util.Locale;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sets up the process's own messages: on standard error, as text at level {@code info} until {@link #apply} or
 * {@link #serve} says otherwise. Found by Logback as a service, so that no XML is read at start.
 *
 * <p>A command writes its messages as they come. A server hands them to a thread of their own: standard error may be a
 * pipe that nobody reads, and an event loop that waited for it would hold up all its calls.
 */
public final class Logging extends ContextAwareBase implements Configurator {
    /** Messages that may wait to be written; the writer has as many again in its hands. */
    static final int QUEUE = 4_096;

    /** How long the end waits for what is still to be written. */
    static final int FLUSH_MILLIS = 1_000;

    private static final String HANDED = "handed";
    private static final LongAdder LOST = new LongAdder();

    private static volatile boolean serving;

    private static final LogSettings AT_FIRST = new LogSettings(true, "text", "info", LogSettings.Client.ADDRESS);

    /** For Logback's service loader. */
    public Logging() {}

    @Override
    public ExecutionStatus configure(LoggerContext context) {
        set(context, AT_FIRST);
        return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
    }

    /** Puts settings into force, for the whole process. */
    public static void apply(LogSettings settings) {
        if (LoggerFactory.getILoggerFactory() instanceof LoggerContext context) {
            set(context, settings);
        }
    }

    /**
     * The same for a server, from now on: nobody who says something waits for it to be written. {@link #flush} comes last.
     */
    public static void serve(LogSettings settings) {
        serving = true;
        apply(settings);
    }

    /** Ends a server's messages: waits for what is still to be written, at most {@value #FLUSH_MILLIS} ms. */
    public static void flush() {
        serving = false;
        if (LoggerFactory.getILoggerFactory() instanceof LoggerContext context
                && context.getLogger(Logger.ROOT_LOGGER_NAME).getAppender(HANDED) instanceof Handed handed) {
            handed.stop();
        }
    }

    /** How many messages were lost since the start, because what takes them was too slow. */
    public static long lost() {
        return LOST.sum();
    }

    private static Appender<ILoggingEvent> handed(LoggerContext context, Appender<ILoggingEvent> to) {
        Handed handed = new Handed();
        handed.setContext(context);
        handed.setName(HANDED);
        handed.setQueueSize(QUEUE);
        handed.setDiscardingThreshold(0);
        handed.setNeverBlock(true);
        handed.setMaxFlushTime(FLUSH_MILLIS);
        handed.addAppender(to);
        handed.start();
        return handed;
    }

    /** Hands messages over, and counts those for which there is no room. */
    private static final class Handed extends AsyncAppender {
        @Override
        protected void append(ILoggingEvent event) {
            if (getRemainingCapacity() == 0) {
                LOST.increment();
            }
            super.append(event);
        }
    }

    private static void set(LoggerContext context, LogSettings settings) {
        Level level = Level.toLevel(settings.level(), Level.INFO);
        ConsoleAppender<ILoggingEvent> appender = new ConsoleAppender<>();
        appender.setContext(context);
        appender.setName("stderr");
        appender.setTarget("System.err");
        appender.setEncoder(settings.format().toLowerCase(Locale.ROOT).equals("json") ? json(context) : text(context));
        appender.start();

        ch.qos.logback.classic.Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
        root.detachAndStopAllAppenders();
        root.addAppender(serving ? handed(context, appender) : appender);
        // Libraries are heard from warnings on: at debug they would tell of every connection and statement.
        root.setLevel(level.isGreaterOrEqual(Level.WARN) ? level : Level.WARN);
        context.getLogger("dev.lockkeeper").setLevel(level);
    }

    private static Encoder<ILoggingEvent> text(LoggerContext context) {
        PatternLayoutEncoder encoder = new PatternLayoutEncoder();
        encoder.setContext(context);
        // A line break inside a message would let whoever chose a part of it forge a line.
        encoder.setPattern(
                "%d{yyyy-MM-dd'T'HH:mm:ss.SSS'Z',UTC} %-5level %logger{0}: %replace(%msg){'[\\r\\n]+', ' | '}%n%ex");
        encoder.start();
        return encoder;
    }

    private static Encoder<ILoggingEvent> json(LoggerContext context) {
        JsonEncoder encoder = new JsonEncoder();
        encoder.setContext(context);
        encoder.setWithSequenceNumber(false);
        encoder.setWithNanoseconds(false);
        encoder.setWithContext(false);
        encoder.setWithMarkers(false);
        encoder.setWithMDC(false);
        encoder.setWithMessage(false);
        encoder.setWithFormattedMessage(true);
        encoder.setWithArguments(false);
        encoder.start();
        return encoder;
    }
}
