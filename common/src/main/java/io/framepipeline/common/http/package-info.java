/**
 * A small HTTP server for pages that are only read.
 *
 * <p>Uses: nothing.
 */
package io.framepipeline.common.http;
