/** A provider that lives in the process, on a real socket, and misbehaves on demand. Its answers are made on its server's event loops. */
@NullMarked
package dev.lockkeeper.simulator;

import org.jspecify.annotations.NullMarked;
