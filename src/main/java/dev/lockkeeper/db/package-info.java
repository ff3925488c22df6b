/** Opens the database, SQLite or PostgreSQL, and brings its schema up to date. Blocks: never on an event loop. */
@NullMarked
package dev.lockkeeper.db;

import org.jspecify.annotations.NullMarked;
