// SPDX-License-Identifier: Apache-2.0
// Starts Python: which Python is used, where its libraries are, and how they are loaded. It also lists what a
// warm start must not use, because each of these costs more time than all of our own code there.
/**
 * Starts Python in a process where it does not run yet.
 *
 * <p>A warm start is one that finds the note of an earlier one ({@link org.nd4j.python4j.internal.start.StartNote}).
 * All that runs from the first call of a program to the end of its first statement is on its path: the classes of
 * this package but {@code Unpacker} and {@code Embedded}, {@code PythonGIL}, {@code PythonExecutioner}, {@code Turn},
 * {@code Stopper}, {@code Monitor}, {@code Pack}, {@code Handles} and {@code Native}. There the following is not used,
 * because the first use in a process is what costs. The times are the shortest of 15 processes, with JDK 17 and
 * with JDK 25, where all of our start takes about 20 ms; the classes are those that the JVM loads for it.
 *
 * <table>
 * <caption>What the first use in a process costs</caption>
 * <tr><th>not used</th><th>JDK 17, ms</th><th>JDK 25, ms</th><th>classes</th><th>used instead</th></tr>
 * <tr><td>a lambda or method reference</td><td>1.8</td><td>0.8</td><td>19</td>
 *     <td>a nested or anonymous class</td></tr>
 * <tr><td>{@code VarHandle} of a field, {@code AtomicReference}</td><td>0.7</td><td>0.7</td><td>10</td>
 *     <td>{@code AtomicReferenceFieldUpdater} (0.2 ms)</td></tr>
 * <tr><td>{@code VarHandle} over a {@code byte[]}</td><td>2.4</td><td>0.8</td><td>33</td>
 *     <td>shifts</td></tr>
 * <tr><td>{@code MethodHandle}</td><td>1.2</td><td>0.7</td><td>4</td>
 *     <td>an ordinary call, where there is one</td></tr>
 * <tr><td>concatenation by {@code invokedynamic}</td><td>15</td><td>3</td><td>25</td>
 *     <td>{@code -XDstringConcat=inline} in build.gradle</td></tr>
 * <tr><td>a stream</td><td>2.7</td><td>1.9</td><td>65</td>
 *     <td>a loop</td></tr>
 * <tr><td>a regular expression</td><td>0.2</td><td>0.2</td><td>20</td>
 *     <td>{@code indexOf}</td></tr>
 * <tr><td>{@code ServiceLoader}</td><td>3.2</td><td>2.8</td><td>76</td>
 *     <td>what the note says of registered types</td></tr>
 * <tr><td>{@code Files.readAllBytes}</td><td>1.6</td><td>1.0</td><td>43</td>
 *     <td>{@code FileInputStream} (0.1 ms)</td></tr>
 * <tr><td>SLF4J with its binding that logs nothing</td><td>7</td><td>8</td><td>73</td>
 *     <td>{@code NativeLoader.progress}, called when there is something to say</td></tr>
 * </table>
 *
 * <p>A class of our own costs 0.1 to 0.3 ms to find in the jar, to read and to verify. So what is needed rarely is in a
 * class of its own, which the start does not load, and {@link org.nd4j.python4j.internal.start.WarmUp} loads on a second
 * thread what is needed soon. {@code NativeLoaderTest} counts the classes of a warm start and names some that may not
 * be among them.
 */
package org.nd4j.python4j.internal.start;
