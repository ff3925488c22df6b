package dev.lockkeeper;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Objects;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the operating system tells this process by signals. Any thread may call.
 *
 * <p>The JDK has no supported way to hear a signal but {@code sun.misc.Signal} in the module {@code jdk.unsupported} (JEP 260
 * keeps it until there is a replacement). It is reached by reflection, because the compiler's warning about that class can't
 * be turned off, and here a warning is an error. A runtime image must contain {@code jdk.unsupported}; Netty needs it too.
 */
final class Signals {
    private static final Logger LOG = LoggerFactory.getLogger(Signals.class);

    private Signals() {}

    /**
     * Runs a handler each time a signal comes, in place of what the JVM would do (for HUP, INT and TERM: exit).
     *
     * <p>Each signal has a daemon thread of its own, named {@code signal-} and the signal, so that the JVM's signal thread
     * never waits. Runs of one handler follow each other. Signals that come while it runs make one more run, not several:
     * the operating system merges signals in the same way. A handler that throws is logged, and is called again the next
     * time. The last handler of a signal wins.
     *
     * @param name without {@code SIG}: {@code HUP}, {@code INT}, {@code TERM}
     * @return false where this system has no such signal, or the JVM keeps it for itself (as with {@code -Xrs}); then
     *     nothing has changed
     */
    static boolean on(String name, Runnable handler) {
        BlockingQueue<String> pending = new ArrayBlockingQueue<>(1);
        if (!install(name, () -> pending.offer(name))) {
            return false;
        }
        Thread.ofPlatform().daemon().name("signal-" + name).start(() -> serve(pending, handler));
        return true;
    }

    private static void serve(BlockingQueue<String> pending, Runnable handler) {
        while (true) {
            String name;
            try {
                name = pending.take();
            } catch (InterruptedException stopped) {
                return;
            }
            try {
                handler.run();
            } catch (RuntimeException | Error failed) {
                LOG.error("What SIG{} is to do failed", name, failed);
            }
        }
    }

    /** {@code sun.misc.Signal.handle(new Signal(name), signal -> come.run())}. */
    private static boolean install(String name, Runnable come) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object listening = Proxy.newProxyInstance(
                    Signals.class.getClassLoader(),
                    new Class<?>[] {handler},
                    (_, method, arguments) -> called(method.getName(), arguments, name, come));
            Method handle = signal.getMethod("handle", signal, handler);
            handle.invoke(null, signal.getConstructor(String.class).newInstance(name), listening);
            return true;
        } catch (InvocationTargetException refused) {
            LOG.warn("SIG{} can't be listened to: {}", name, String.valueOf(refused.getCause()));
            return false;
        } catch (ReflectiveOperationException missing) {
            LOG.warn("SIG{} can't be listened to: this runtime has no module jdk.unsupported", name);
            return false;
        }
    }

    /** What a {@code SignalHandler} is asked: mostly to handle a signal, rarely what any object is asked. */
    private static @Nullable Object called(String method, Object[] arguments, String signal, Runnable come) {
        return switch (method) {
            case "handle" -> {
                come.run();
                yield null;
            }
            case "equals" -> Objects.hashCode(arguments[0]) == signal.hashCode();
            case "hashCode" -> signal.hashCode();
            default -> "handler of SIG" + signal;
        };
    }
}
