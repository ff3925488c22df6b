/** What happened, said aloud: one log line, metrics. Called at the end of a call, from its loop; never blocks, never throws. */
@NullMarked
package dev.lockkeeper.observe;

import org.jspecify.annotations.NullMarked;
