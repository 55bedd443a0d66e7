/**
 * The stages that compute. They take batches, apply a kernel, and pass on results or answers, so
 * that no frame is lost.
 *
 * <p>Uses: everything else here.
 */
package io.framepipeline.common.delivery;
