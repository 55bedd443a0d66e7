/**
 * All that is Linux and that Java has nothing for: system calls, futexes, processors, scheduling,
 * locks that tell who is alive, and files that are this user's alone.
 *
 * <p>Uses: config.
 */
package io.framepipeline.common.linux;
