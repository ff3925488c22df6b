package dev.lockkeeper;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The wish that this process may stop, told by SIGTERM or SIGINT (Ctrl-C). The first signal is a wish; a second one, of
 * either kind, ends the process at once, with the exit code that the signal would have given it (143 or 130) and whatever
 * is queued lost. Any thread.
 */
final class Stop {
    private static final int TERMINATED = 143;
    private static final int INTERRUPTED = 130;
    private static final int SAY_MILLIS = 200;

    private final CountDownLatch told = new CountDownLatch(1);
    private final AtomicBoolean once = new AtomicBoolean();
    private final Shell shell;

    private Stop(Shell shell) {
        this.shell = shell;
    }

    /**
     * Listens from now on. Where signals can't be listened to (the JVM was started with {@code -Xrs}), they end the process
     * as they always do.
     */
    static Stop listen(Shell shell) {
        Stop stop = new Stop(shell);
        boolean _ = Signals.on("TERM", () -> stop.signalled("SIGTERM", TERMINATED));
        boolean _ = Signals.on("INT", () -> stop.signalled("SIGINT", INTERRUPTED));
        return stop;
    }

    private void signalled(String name, int code) {
        if (once.compareAndSet(false, true)) {
            told.countDown();
            say(name + ": stopping. Once more ends it at once.");
        } else {
            say(name + " again: ended at once.");
            // Not System.exit: its hooks could hang, and a second signal is for what hangs.
            Runtime.getRuntime().halt(code);
        }
    }

    /** Says something, but waits only a moment for it: standard error may be a pipe that nobody reads. */
    private void say(String text) {
        try {
            Thread.ofPlatform()
                    .daemon()
                    .name("stop-said")
                    .start(() -> shell.err().println(text))
                    .join(SAY_MILLIS);
        } catch (InterruptedException hurried) {
            Thread.currentThread().interrupt();
        }
    }

    /** The same wish, told otherwise than by a signal of its own. */
    void wish(String why) {
        if (once.compareAndSet(false, true)) {
            say(why + ": stopping.");
            told.countDown();
        }
    }

    /** Waits for the first signal. */
    void await() throws InterruptedException {
        told.await();
    }
}
