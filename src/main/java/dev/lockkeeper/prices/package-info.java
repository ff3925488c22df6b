/** What a call costs: prices by provider, model and day, exact to the nano-dollar. Immutable values; any thread. */
@NullMarked
package dev.lockkeeper.prices;

import org.jspecify.annotations.NullMarked;
