/** What stands at /v1: which paths there are, what a browser or a lost client is told, and the way in to the relay. On event loops. */
@NullMarked
package dev.lockkeeper.door;

import org.jspecify.annotations.NullMarked;
