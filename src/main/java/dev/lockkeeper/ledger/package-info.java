/**
 * What was held, spent and left: accounts in memory, a journal that survives the process, books in SQL. Holds are used on
 * event loops and never block; what blocks says so.
 */
@NullMarked
package dev.lockkeeper.ledger;

import org.jspecify.annotations.NullMarked;
