/**
 * Aeron's media driver as a service: its settings, its start in memory that others have filled, and
 * its end.
 *
 * <p>Uses: common.
 */
package io.framepipeline.driver;
