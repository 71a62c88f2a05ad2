// SPDX-License-Identifier: Apache-2.0
// A Java function that receives all arguments of a call from Python. The class Functional handles all other
// functional interfaces.
package org.nd4j.python4j;

import java.util.List;
import java.util.Map;

/**
 * A Java function that Python calls with any positional and named arguments, see {@link Python#function}.
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
     * Called without the GIL, on whatever thread Python calls from, its own threads included. It may call
     * Python again. What it throws is a {@code python4j.JavaException} in Python, and the same Java object again if
     * no Python code catches it.
     *
     * @param args the positional arguments, converted as elements of a list are; objects of types without a
     *     converter are {@link PythonObject}s
     * @param named the named ones; empty if there are none
     * @return anything that {@link Python#of} takes
     */
    Object call(List<?> args, Map<?, ?> named) throws Exception;
}
