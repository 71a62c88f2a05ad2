// SPDX-License-Identifier: Apache-2.0
// A program of somebody else's, who knows nothing but the published artifacts. The builds beside it
// compile it, gradle/consumers.gradle runs it and looks at what it prints.
package consumer;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.util.List;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonType;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;
import org.nd4j.python4j.PythonVariables;
import org.nd4j.python4j.numpy.NumpyArray;

final class Consumer {

    private Consumer() {}

    public static void main(String[] args) {
        var numbers = new PythonVariable<>("numbers", PythonTypes.LIST, List.of(1, 2, 39));
        var total = new PythonVariable<>("total", PythonTypes.INT);
        try (PythonGIL gil = PythonGIL.lock(); PythonGC gc = PythonGC.watch()) {
            PythonExecutioner.exec("total = sum(numbers)", new PythonVariables(numbers), new PythonVariables(total));
            System.out.println("sum: " + total.getValue());

            DoubleBuffer doubles = ByteBuffer.allocateDirect(16).order(ByteOrder.nativeOrder()).asDoubleBuffer();
            doubles.put(0, 1.5).put(1, 2.5);
            PythonExecutioner.setVariable("array", PythonBuffer.of(doubles).toNumpy());
            PythonExecutioner.exec("array *= 2");
            System.out.println("numpy: " + doubles.get(0) + " " + doubles.get(1));
        }
        PythonType<?> type = PythonTypes.get("numpy.ndarray");
        System.out.println("type: " + type.getName() + " " + type.equals(NumpyArray.INSTANCE));
    }
}
