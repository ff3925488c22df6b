package dev.lockkeeper.settings;

import java.nio.file.Path;

/**
 * What the process runs on; some defaults depend on it.
 *
 * @param folder working directory, absolute
 * @param cores processors that the process may use
 * @param heapBytes largest heap
 */
record Machine(Path folder, int cores, long heapBytes) {
    /** The machine of this process. */
    static Machine here() {
        Runtime runtime = Runtime.getRuntime();
        return new Machine(Path.of("").toAbsolutePath(), runtime.availableProcessors(), runtime.maxMemory());
    }
}
