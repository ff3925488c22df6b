/** Server, client, server-sent events and deadlines: the only room that knows Vert.x. What belongs to a loop is used on that loop's thread only. */
@NullMarked
package dev.lockkeeper.http;

import org.jspecify.annotations.NullMarked;
