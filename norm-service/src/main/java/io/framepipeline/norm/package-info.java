/**
 * The last stage: a kernel and its {@code main}.
 *
 * <p>Uses: common.
 */
package io.framepipeline.norm;
