/** OpenAI's wire format: what a request says, what it must say upstream, what an answer says while it passes. Pure, no I/O; a tap belongs to one call. */
@NullMarked
package dev.lockkeeper.dialect.openai;

import org.jspecify.annotations.NullMarked;
