/**
 * What calls with an idempotency key were answered, kept for their repeats: encrypted, bounded, and for a while. Any thread;
 * what waits for the database completes on a virtual thread.
 */
@NullMarked
package dev.lockkeeper.repeats;

import org.jspecify.annotations.NullMarked;
