package dev.lockkeeper.bench;

/** Waiting, in straight code. */
final class Pause {
    private Pause() {}

    /** Waits so long. */
    static void millis(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("stopped", stopped);
        }
    }

    /** Waits until a moment of {@link System#nanoTime}. */
    static void until(long nanos) {
        long left = nanos - System.nanoTime();
        if (left > 0) {
            millis((left + 999_999) / 1_000_000);
        }
    }
}
