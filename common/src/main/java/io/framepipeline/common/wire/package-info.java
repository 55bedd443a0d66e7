/**
 * What travels between processes: the messages, the sizes of frames, and the check of what arrives.
 *
 * <p>Uses: nothing else of this project.
 */
package io.framepipeline.common.wire;
