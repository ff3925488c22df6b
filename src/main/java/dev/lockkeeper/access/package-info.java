/** Who is calling: organizations, projects, keys. Look-ups are in memory and may be made from any thread; changes block and belong on a virtual thread. */
@NullMarked
package dev.lockkeeper.access;

import org.jspecify.annotations.NullMarked;
