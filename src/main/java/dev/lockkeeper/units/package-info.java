/** Numbers and names that can't be confused. Immutable; any thread. */
@NullMarked
package dev.lockkeeper.units;

import org.jspecify.annotations.NullMarked;
