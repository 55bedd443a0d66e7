/**
 * Watches a pipeline by its figures in shared memory. {@code Monitor} looks, {@code ConsoleServer}
 * serves the page of the live view, and {@code PipelineText} makes lines of text.
 *
 * <p>Uses: common.
 */
package io.framepipeline.console;
