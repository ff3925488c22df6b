/**
 * May they come in now: requests, tokens and concurrent calls within limits, and how many tokens a call will take.
 * Entering, leaving and estimating may be done from any thread and never block; changes block and belong on a virtual
 * thread. Where nodes share limits, each lets in what its share says.
 */
@NullMarked
package dev.lockkeeper.limits;

import org.jspecify.annotations.NullMarked;
