/** Carries one call to an upstream and its answer back; the only room that knows the order of things. A call lives on one event loop. */
@NullMarked
package dev.lockkeeper.relay;

import org.jspecify.annotations.NullMarked;
