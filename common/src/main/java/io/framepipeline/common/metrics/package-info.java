/**
 * The figures of an instance, in shared memory, and how Prometheus sees them.
 *
 * <p>Uses: http, topology, wire, linux, config.
 */
package io.framepipeline.common.metrics;
