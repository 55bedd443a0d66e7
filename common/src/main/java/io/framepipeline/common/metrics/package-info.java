/**
 * The figures of an instance, in shared memory, and how Prometheus sees them.
 *
 * <p>Uses: topology, wire, config.
 */
package io.framepipeline.common.metrics;
