// SPDX-License-Identifier: Apache-2.0
// Arrays of ND4J and numpy for Leaks. Of use only where both are in the class path.
package org.nd4j.python4j;

import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.python4j.numpy.NumpyArray;

final class ArrayLeaks {
    private ArrayLeaks() {}

    static void add() {
        Leaks.inFrame("arrays", () -> {
            PythonExecutioner.setVariable("array", PythonTypes.convert(Nd4j.createFromArray(1f, 2f)));
            PythonExecutioner.exec("back = array + 1");
            PythonExecutioner.getVariable("back", NumpyArray.INSTANCE).getValue();
        });
        Leaks.inFrame("arrays of numpy alone", () -> {
            PythonExecutioner.setVariable("mine", PythonBuffer.of(new double[] {1, 2}).toNumpy());
            PythonExecutioner.exec("result = mine + 1");
            PythonBuffer.ofNumpy(Python.eval("result")).close();
        });
    }
}
