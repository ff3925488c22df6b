package dev.lockkeeper.relay;

import dev.lockkeeper.limits.FairQueue;
import dev.lockkeeper.limits.Limits;
import dev.lockkeeper.limits.Subject;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Calls that wait for a provider whose limit is used up, one queue for each such provider. Any thread. Who gets a turn has
 * to take what is free before its callback returns: the next one's turn is decided by what is left then.
 */
final class Turns {
    private final Limits limits;

    /** As many as there are providers with a queue in the configurations that this process has seen. */
    private final ConcurrentHashMap<String, FairQueue> queues = new ConcurrentHashMap<>();

    Turns(Limits limits) {
        this.limits = limits;
    }

    /** Whether somebody waits for a provider already. */
    boolean crowded(String provider) {
        FairQueue queue = queues.get(provider);
        return queue != null && queue.waiting() > 0;
    }

    /**
     * Waits for a turn; null where too many do. See {@link FairQueue#offer}. How long a call waits at most is what the
     * configuration said when the first of those that wait now came.
     */
    synchronized FairQueue.@Nullable Ticket await(
            String provider, FairSettings settings, String organization, BooleanSupplier onTurn, Runnable onTimeout) {
        long patience = settings.patience().toMillis();
        FairQueue queue = queues.get(provider);
        if (queue == null || (queue.waitMillis() != patience && queue.waiting() == 0)) {
            queue = new FairQueue(FairQueue.MAX_WAITING, FairQueue.MAX_WAITING_EACH, patience);
            queues.put(provider, queue);
        }
        return queue.offer(organization, settings.weight(organization), 1, System.nanoTime(), onTurn, onTimeout);
    }

    /** Gives turns as long as the provider's limits leave room, after ending the wait of those who waited too long. */
    void serve(String provider, long nowNanos) {
        FairQueue queue = queues.get(provider);
        if (queue == null || queue.waiting() == 0) {
            return;
        }
        queue.tick(nowNanos);
        Subject subject = new Subject(Subject.Kind.PROVIDER, provider);
        boolean served = true;
        while (served && limits.leavesRoom(subject)) {
            served = queue.serve();
        }
    }
}
