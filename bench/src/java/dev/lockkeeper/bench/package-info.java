/**
 * The benchmark and the soak: they start a gateway as an operator would, put load on it from outside, and ask the operating
 * system what it cost. In no jar. Linux only: figures come from {@code /proc}.
 */
@NullMarked
package dev.lockkeeper.bench;

import org.jspecify.annotations.NullMarked;
