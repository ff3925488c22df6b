/** Who the providers are, how they are reached and signed for, and what their models refuse. Immutable values; any thread. */
@NullMarked
package dev.lockkeeper.upstream;

import org.jspecify.annotations.NullMarked;
