// SPDX-License-Identifier: Apache-2.0
// A user's program that hands arrays to numpy and back: compiled against Python4J 1.0.0-M2.1, run on ours.

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonType;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;
import org.nd4j.python4j.numpy.NumpyArray;

public final class NumpyProgram {
    private static int passed;
    private static int failed;

    public static void main(String[] arguments) {
        try {
            run();
        } catch (Throwable e) {
            failed++;
            e.printStackTrace(System.out);
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    private static void equal(Object expected, Object actual) {
        if (expected.equals(actual)) {
            passed++;
        } else {
            failed++;
            System.out.println("FAILED " + new Throwable().getStackTrace()[1] + ": expected " + expected + " but was " + actual);
        }
    }

    private static void run() {
        equal("org.eclipse.python4j.numpyimport", NumpyArray.IMPORT_NUMPY_ARRAY);
        equal("org.eclipse.python4j.numpyimport", NumpyArray.ADD_JAVACPP_NUMPY_TO_PATH);
        equal("true", NumpyArray.DEFAULT_IMPORT_NUMPY_ARRAY);
        equal("true", NumpyArray.DEFAULT_ADD_JAVACPP_NUMPY_TO_PATH);
        try (PythonGIL gil = PythonGIL.lock();
                PythonGC gc = PythonGC.watch()) {
            NumpyArray.INSTANCE.init();
            equal(true, NumpyArray.INSTANCE.packages() != null);
            INDArray x = Nd4j.createFromArray(new double[][] {{1, 2}, {3, 4}});
            PythonVariable<INDArray> in = new PythonVariable<>("x", NumpyArray.INSTANCE, x);
            PythonVariable<INDArray> out = new PythonVariable<>("y", NumpyArray.INSTANCE);
            PythonExecutioner.exec("import numpy as np\ny = x @ x\nx[0, 0] = 10", Collections.singletonList(in),
                    Collections.singletonList(out));
            equal(Nd4j.createFromArray(new double[][] {{7, 10}, {15, 22}}), out.getValue());
            equal(10.0, x.getDouble(0, 0)); // the memory is shared
            PythonType<INDArray> type = PythonTypes.get("numpy.ndarray");
            equal(type, new NumpyArray());
            equal(true, type.accepts(x));
            equal(x, type.adapt(x));
            PythonObject there = type.toPython(x);
            equal(x, type.toJava(there));
            equal(type, PythonTypes.getPythonTypeForJavaObject(x));
            equal(type, PythonTypes.getPythonTypeForPythonObject(there));
            List<?> list = PythonTypes.convert(Arrays.asList(x, 1)).toList();
            equal(x, list.get(0));
            equal(Nd4j.createFromArray(0f, 1f, 2f),
                    PythonExecutioner.execAndReturnAllVariables("z = np.arange(3, dtype='float32')").get("z").getValue());
        }
    }
}
