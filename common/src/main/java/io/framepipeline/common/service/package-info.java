/**
 * What the main of every service does around its stage: the duty cycle, the connection to the media
 * driver, signals, and the settings that all services have.
 *
 * <p>Uses: metrics, transport, topology, wire, linux, config.
 */
package io.framepipeline.common.service;
