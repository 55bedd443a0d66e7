/**
 * The middle stage: a kernel and its {@code main}. A stage of one's own begins as a copy of it.
 *
 * <p>Uses: common.
 */
package io.framepipeline.reciprocal;
