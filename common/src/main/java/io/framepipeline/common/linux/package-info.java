/**
 * Everything that is specific to Linux and missing in Java: system calls, futexes, CPUs,
 * scheduling, locks that tell which processes are alive, and files for this user alone.
 *
 * <p>Uses: config.
 */
package io.framepipeline.common.linux;
