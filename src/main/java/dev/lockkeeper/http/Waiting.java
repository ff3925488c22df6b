package dev.lockkeeper.http;

import io.vertx.core.Future;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Waits for what an event loop does, on a thread that is none. */
final class Waiting {
    private Waiting() {}

    /** What the future gives; its failure as the unchecked exception it was or in a {@link CompletionException}. */
    static <T> T forIt(Future<T> future, int time, TimeUnit unit) {
        try {
            return future.toCompletionStage().toCompletableFuture().get(time, unit);
        } catch (ExecutionException e) {
            throw new CompletionException(e.getCause());
        } catch (TimeoutException e) {
            throw new CompletionException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CompletionException(e);
        }
    }
}
