// SPDX-License-Identifier: Apache-2.0
// Arrays of ND4J and numpy for the threads of Threads. Of use only where both are in the class path.
package org.nd4j.python4j;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.python4j.numpy.NumpyArray;

final class ArraySteps {
    private ArraySteps() {}

    static void add() {
        Nd4j.create(1); // ND4J starts here and not on sixty threads at once
        Threads.inTurn("arrays", random -> {
            float mine = random.nextInt(1000);
            INDArray array = Nd4j.createFromArray(mine, 1, 2);
            PythonExecutioner.setVariable("array", PythonTypes.convert(array));
            PythonExecutioner.exec("array[1] = array[0] + 1\nback = array[::-1].copy()\nempty = array[:0]");
            Threads.check(array.getFloat(1) == mine + 1, "the same memory");
            INDArray back = PythonExecutioner.getVariable("back", NumpyArray.INSTANCE).getValue();
            PythonExecutioner.exec("back[2] += 1\ndel array, back, empty");
            Threads.check(back.getFloat(2) == mine + 1, "it outlives its name");
        });
        Threads.inTurn("arrays of numpy alone", random -> {
            double[] values = {random.nextInt(1000), 2};
            PythonBuffer mine = PythonBuffer.of(values);
            PythonExecutioner.setVariable("n", mine.toNumpy());
            PythonExecutioner.exec("n *= 2\nn2 = n + 1");
            try (PythonBuffer result = PythonBuffer.ofNumpy(Python.eval("n2"))) {
                Threads.check(result.toDoubleArray()[0] == 2 * values[0] + 1, "numpy");
            }
            PythonExecutioner.exec("del n, n2");
        });
    }
}
