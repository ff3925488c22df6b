/** What an operator sees and changes: the admin HTTP API and the commands. Virtual threads, straight code. */
@NullMarked
package dev.lockkeeper.admin;

import org.jspecify.annotations.NullMarked;
