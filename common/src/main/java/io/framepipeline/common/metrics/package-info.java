/**
 * The figures of an instance, in shared memory, and how Prometheus is shown them.
 *
 * <p>Uses: topology, wire, config.
 */
package io.framepipeline.common.metrics;
