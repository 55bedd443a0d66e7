/**
 * The stages that compute: they take batches, apply a kernel, and pass results or answers on, so
 * that nothing is lost.
 *
 * <p>Uses: everything else here.
 */
package io.framepipeline.common.delivery;
