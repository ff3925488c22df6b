package dev.lockkeeper.observe;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import ch.qos.logback.core.spi.ContextAwareBase;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sets up the process's own messages: on standard error, as text at level {@code info} until {@link #apply} says
 * otherwise. Found by Logback as a service, so that no XML is read at start.
 */
public final class Logging extends ContextAwareBase implements Configurator {
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
        root.addAppender(appender);
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
