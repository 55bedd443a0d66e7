/**
 * The stages and their order, and how many instances of each there are.
 *
 * <p>Uses: wire.
 */
package io.framepipeline.common.topology;
