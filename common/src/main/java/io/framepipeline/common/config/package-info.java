/**
 * What every program shares before it knows what it does: settings and exit codes.
 *
 * <p>Uses: nothing else of this project.
 */
package io.framepipeline.common.config;
