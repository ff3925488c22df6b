/**
 * What happened, said aloud: one log line, metrics, alerts. What is called at the end of a call, from its loop, never blocks
 * and never throws; alerts have a thread of their own.
 */
@NullMarked
package dev.lockkeeper.observe;

import org.jspecify.annotations.NullMarked;
