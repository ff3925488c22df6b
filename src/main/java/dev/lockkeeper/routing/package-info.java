/** Which targets can serve a model, in which order. Immutable values; any thread. */
@NullMarked
package dev.lockkeeper.routing;

import org.jspecify.annotations.NullMarked;
