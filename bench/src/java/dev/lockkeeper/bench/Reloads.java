package dev.lockkeeper.bench;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Gives a running gateway one configuration and another in turns, and makes it read each: by a thread of its own, until it is
 * closed. The counts may be read once it is.
 */
final class Reloads implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final int SHOWN = 300;

    private final Path file;
    private final List<String> turns;
    private final HttpRequest ask;
    private final long everyNanos;
    private final Thread thread;
    private final AtomicReference<@Nullable String> failure = new AtomicReference<>();
    private volatile boolean closed;
    private final AtomicLong asked = new AtomicLong();
    private final AtomicLong followed = new AtomicLong();

    private Reloads(Path file, List<String> turns, HttpRequest ask, Duration every) {
        this.file = file;
        this.turns = turns;
        this.ask = ask;
        this.everyNanos = every.toNanos();
        this.thread = Thread.ofPlatform().daemon().name("reloads").unstarted(this::run);
    }

    /**
     * Begins.
     *
     * @param folder where the gateway was started, see {@link Lockkeeper#start}
     * @param turns texts of the file, without {@code data}; the gateway runs by the last one
     * @param every time from one reload to the next
     */
    static Reloads start(Lockkeeper gateway, Path folder, List<String> turns, Duration every) throws IOException {
        Path data = folder.resolve("data");
        HttpRequest ask = HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + gateway.adminPort() + "/admin/v1/reload"))
                .header(
                        "authorization",
                        "Bearer "
                                + Files.readString(data.resolve("admin-token")).strip())
                .timeout(PATIENCE)
                .POST(HttpRequest.BodyPublishers.noBody())
                .build();
        List<String> whole =
                turns.stream().map(each -> each + "data: " + data + "\n").toList();
        Reloads reloads = new Reloads(folder.resolve("lockkeeper.yaml"), whole, ask, every);
        reloads.thread.start();
        return reloads;
    }

    private void run() {
        try (HttpClient http = HttpClient.newHttpClient()) {
            long next = System.nanoTime();
            while (!closed) {
                Path made = file.resolveSibling("next.yaml");
                Files.writeString(made, turns.get((int) (asked.get() % turns.size())));
                Files.move(made, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
                HttpResponse<String> answer = http.send(ask, HttpResponse.BodyHandlers.ofString());
                asked.incrementAndGet();
                if (answer.statusCode() == 200 && answer.body().contains("\"changed\"")) {
                    followed.incrementAndGet();
                } else {
                    failure.compareAndSet(
                            null,
                            answer.statusCode() + " "
                                    + answer.body()
                                            .substring(
                                                    0,
                                                    Math.min(
                                                            SHOWN, answer.body().length())));
                }
                next += everyNanos;
                Pause.until(next);
            }
        } catch (IOException failed) {
            asked.incrementAndGet();
            failure.compareAndSet(null, failed.toString());
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }

    /** Reloads that were asked for. */
    long asked() {
        return asked.get();
    }

    /** Those that were put into effect. */
    long followed() {
        return followed.get();
    }

    /** What the first other answer was; empty if there was none. */
    String failure() {
        String first = failure.get();
        return first == null ? "" : first;
    }

    @Override
    public void close() {
        closed = true;
        try {
            boolean _ = thread.join(PATIENCE);
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }
}
