// SPDX-License-Identifier: Apache-2.0
// A Java function that receives all arguments of a call from Python. The class Functional handles all other
// functional interfaces.
package org.nd4j.python4j;

import java.util.List;
import java.util.Map;

/**
 * A Java function that Python can call with any positional and named arguments, see {@link Python#function}.
 *
 * <pre>{@code
 * try (PythonGIL gil = PythonGIL.lock()) {
 *     PythonFunction greet = (args, named) -> "hello " + args.get(0) + named.getOrDefault("mark", ".");
 *     PythonExecutioner.setVariable("greet", Python.function(greet));
 *     System.out.println(Python.eval("greet('Python', mark='!')")); // hello Python!
 * }
 * }</pre>
 */
@FunctionalInterface
public interface PythonFunction {

    /**
     * Python calls this method, without the GIL, on the thread on which the Python code runs; this may be a thread that
     * Python created. The method may call Python again. An exception that it throws becomes a {@code
     * python4j.JavaException} in Python. If no Python code catches it, the same Java exception is thrown again in Java.
     *
     * @param args the positional arguments, converted like the elements of a list; objects of types without a converter
     *     are {@link PythonObject}s
     * @param named the named arguments; empty if there are none
     * @return any value that {@link Python#of} takes
     */
    Object call(List<?> args, Map<?, ?> named) throws Exception;
}
