/** The house: the process and what it is built of, floor by floor. */
@NullMarked
package dev.lockkeeper;

import org.jspecify.annotations.NullMarked;
