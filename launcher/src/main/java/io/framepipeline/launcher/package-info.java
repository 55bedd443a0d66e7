/**
 * {@code ./pipeline}: the commands that run, scale and show a pipeline on one machine. A class
 * whose name ends in {@code Command} is a command. {@code Supervisor} keeps the processes of a run
 * going; {@code RunDirectory} and {@code RunFiles} are what other commands find it by.
 *
 * <p>Uses: common, console, and the services that it starts.
 */
package io.framepipeline.launcher;
