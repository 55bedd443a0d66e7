/**
 * What a stage computes: the interfaces of kernels, and how they come to use vectors.
 *
 * <p>Uses: nothing else of this project.
 */
package io.framepipeline.common.kernel;
