package dev.lockkeeper.http;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks after a server's certificate: reads its files every {@value #LOOK_EVERY_MILLIS} ms and puts a new pair into use.
 * Their content is compared, so that it does not matter how they are replaced: written over, renamed, or behind a link that
 * is turned (as Kubernetes does). A pair that does not belong together, because only one file is written yet, changes
 * nothing. Any thread may ask; one thread looks.
 */
final class Certificates implements AutoCloseable {
    /** How often the files are read. */
    static final long LOOK_EVERY_MILLIS = 1_000;

    private static final Logger LOG = LoggerFactory.getLogger(Certificates.class);

    private final ServerSettings.Tls tls;
    private final Consumer<Identity> use;
    private final CountDownLatch closing = new CountDownLatch(1);
    private volatile Identity current;
    private volatile boolean unusable;

    // Of the thread that looks.
    private @Nullable String lastWhy;

    private Certificates(ServerSettings.Tls tls, Identity first, Consumer<Identity> use) {
        this.tls = tls;
        this.current = first;
        this.use = use;
    }

    /**
     * @param first what is in use
     * @param use puts another into use; throws if that fails
     */
    static Certificates watch(ServerSettings.Tls tls, Identity first, Consumer<Identity> use) {
        Certificates certificates = new Certificates(tls, first, use);
        Thread.ofVirtual().name("certificates").start(certificates::run);
        return certificates;
    }

    private void run() {
        try {
            while (!closing.await(LOOK_EVERY_MILLIS, TimeUnit.MILLISECONDS)) {
                look();
            }
        } catch (InterruptedException e) {
            // Nobody interrupts this thread; if somebody did all the same, the certificate in use stays.
            Thread.currentThread().interrupt();
        }
    }

    private void look() {
        try {
            switch (Identity.read(tls)) {
                case Identity found -> {
                    if (!found.equals(current)) {
                        use.accept(found);
                        current = found;
                        LOG.info("New connections are shown another certificate: {}", found);
                    }
                    lastWhy = null;
                    unusable = false;
                }
                case Identified.Unusable(String why) -> keep(why);
            }
        } catch (RuntimeException e) {
            keep(String.valueOf(e.getMessage()));
        }
    }

    /** Told when it was so at two looks running: between them the second file may have been written. */
    private void keep(String why) {
        if (why.equals(lastWhy) && !unusable) {
            unusable = true;
            LOG.warn("The certificate in use stays ({}), because the new one can't be used: {}", current, why);
        } else if (!why.equals(lastWhy)) {
            unusable = false;
        }
        lastWhy = why;
    }

    /** What new connections are shown. */
    Identity current() {
        return current;
    }

    /** Whether the files hold what can't be used. */
    boolean unusable() {
        return unusable;
    }

    @Override
    public void close() {
        closing.countDown();
    }
}
