/**
 * How frames and answers get from one process to another: inboxes and outboxes over Aeron, slots in
 * shared memory, doorbells, and process liveness. This package knows nothing of what is computed.
 *
 * <p>Uses: topology, wire, linux, config.
 */
package io.framepipeline.common.transport;
