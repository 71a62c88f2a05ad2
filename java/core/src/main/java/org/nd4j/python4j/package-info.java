// SPDX-License-Identifier: Apache-2.0
// The description of the public package, for the Javadoc. The hidden packages under internal have their own.

/**
 * CPython inside a Java program. Java passes values and code to Python, Python runs in the same process, and Java reads
 * the results.
 *
 * <pre>{@code
 * try (PythonGIL gil = PythonGIL.lock()) {
 *     PythonExecutioner.exec("print('hello from', __name__)");
 * }
 * }</pre>
 *
 * <table>
 * <caption>Where to begin</caption>
 * <tr><th>task</th><th>class</th></tr>
 * <tr><td>enter Python</td><td>{@link org.nd4j.python4j.PythonGIL}: {@code lock()} acquires an exclusive lock, a turn</td></tr>
 * <tr><td>run code, with inputs and outputs</td><td>{@link org.nd4j.python4j.PythonExecutioner},
 *     {@link org.nd4j.python4j.PythonVariable}, {@link org.nd4j.python4j.PythonTypes}</td></tr>
 * <tr><td>run the same code or function often</td><td>{@link org.nd4j.python4j.PythonCode},
 *     {@link org.nd4j.python4j.PythonCallable}</td></tr>
 * <tr><td>work with Python objects</td><td>{@link org.nd4j.python4j.PythonObject}, {@link org.nd4j.python4j.Python};
 *     {@link org.nd4j.python4j.PythonGC} frees them</td></tr>
 * <tr><td>keep names apart</td><td>{@link org.nd4j.python4j.PythonContextManager}</td></tr>
 * <tr><td>limit how long calls may take</td><td>{@link org.nd4j.python4j.PythonDeadline},
 *     {@link org.nd4j.python4j.PythonTimeout}</td></tr>
 * <tr><td>have Python call Java</td><td>{@link org.nd4j.python4j.Python#function(Object)},
 *     {@link org.nd4j.python4j.Python#reference(Object)}, {@link org.nd4j.python4j.PythonExposure}</td></tr>
 * <tr><td>share memory</td><td>{@link org.nd4j.python4j.PythonBuffer}, {@code NumpyArray} of {@code python4j-numpy}</td></tr>
 * <tr><td>have packages</td><td>{@link org.nd4j.python4j.PythonEnvironment}</td></tr>
 * <tr><td>run Python in a process of its own</td><td>{@link org.nd4j.python4j.PythonProcess}</td></tr>
 * <tr><td>receive output and log records</td><td>{@link org.nd4j.python4j.PythonOutput}</td></tr>
 * <tr><td>handle errors</td><td>{@link org.nd4j.python4j.PythonException}</td></tr>
 * <tr><td>see who has the turn</td><td>{@link org.nd4j.python4j.PythonGILMXBean}, {@link org.nd4j.python4j.PythonWatchdog}</td></tr>
 * </table>
 *
 * <p>The <a href="https://github.com/python4j/python4j/blob/main/docs/README.md">documentation</a> has programs for each of
 * these, and a <a href="https://github.com/python4j/python4j/blob/main/docs/glossary.md">glossary</a> explains the terms that
 * the descriptions use: turn, block, frame, context, handle, reference, exposure, proxy.
 */
package org.nd4j.python4j;
