/** What the operator wrote, checked: file and environment become one Settings record, or all mistakes at once. Runs once at start and at each reload. */
@NullMarked
package dev.lockkeeper.settings;

import org.jspecify.annotations.NullMarked;
