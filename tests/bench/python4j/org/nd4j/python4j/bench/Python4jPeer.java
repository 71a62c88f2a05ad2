// SPDX-License-Identifier: Apache-2.0
// Python4J's API, with nothing in it that 1.0.0-M2.1 has not: compiled once against M2.1's jar, and
// run with that jar as one peer and with ours as another one.
package org.nd4j.python4j.bench;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.nd4j.python4j.PythonContextManager;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonType;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;

/** The API of M2.1, on any jar that has it. */
@SuppressWarnings("rawtypes")
public class Python4jPeer extends Peer {

    private final PythonVariable<Long> x = new PythonVariable<>("x", PythonTypes.INT, 0L);
    private final PythonVariable<Long> y = new PythonVariable<>("y", PythonTypes.INT, 0L);
    private final PythonVariable<Long> z = new PythonVariable<>("z", PythonTypes.INT);
    private final List<PythonVariable> xAndY = List.of(x, y);
    private final List<PythonVariable> justZ = List.of(z);

    private PythonGIL turn;
    private PythonObject f;
    private PythonObject o;
    private PythonObject l;
    private PythonObject mixed;
    private PythonObject thousand;

    @Override
    public void open() {
        turn = PythonGIL.lock();
        PythonExecutioner.exec(DEFINITIONS);
        f = PythonExecutioner.getVariable("f");
        o = PythonExecutioner.getVariable("o");
        l = PythonExecutioner.getVariable("l");
        mixed = PythonExecutioner.getVariable("mixed");
        thousand = PythonExecutioner.getVariable("thousand");
    }

    @Override
    public void close() {
        turn.close();
    }

    @Override
    public Object lock() {
        PythonGIL gil = PythonGIL.lock();
        gil.close();
        return gil;
    }

    @Override
    public Object exec(String text) {
        PythonExecutioner.exec(text);
        return null;
    }

    @Override
    public long ints(long a, long b) {
        x.setValue(a);
        y.setValue(b);
        PythonExecutioner.exec("z = x + y", xAndY, justZ);
        return z.getValue();
    }

    @Override
    public Object echo(Object value) {
        if (value instanceof String) {
            return echo(PythonTypes.STR, (String) value);
        }
        return echo(PythonTypes.BYTES, (byte[]) value);
    }

    private static <T> T echo(PythonType<T> type, T value) {
        PythonVariable<T> t = new PythonVariable<>("t", type);
        PythonExecutioner.exec("t = s",
                Collections.singletonList(new PythonVariable<>("s", type, value)), Collections.singletonList(t));
        return t.getValue();
    }

    @Override
    public Object put(Object value) {
        PythonExecutioner.setVariables(value instanceof Map
                ? new PythonVariable<>("v", PythonTypes.DICT, value)
                : new PythonVariable<>("v", PythonTypes.LIST, value));
        return null;
    }

    @Override
    public Object get(Class<?> type) {
        PythonType<?> wanted = type == Map.class ? PythonTypes.DICT : PythonTypes.LIST;
        return PythonExecutioner.getVariable("v", wanted).getValue();
    }

    @Override
    public long call(long a, long b) {
        return taken(f.call(a, b));
    }

    @Override
    public long attribute() {
        return taken(o.attr("x"));
    }

    @Override
    public long item() {
        return taken(l.get(2));
    }

    @Override
    public double attributeDouble() {
        return takenDouble(o.attr("y"));
    }

    @Override
    public String attributeText() {
        return takenText(o.attr("s"));
    }

    @Override
    public double itemDouble() {
        return takenDouble(mixed.get(0));
    }

    @Override
    public String itemText() {
        return takenText(mixed.get(1));
    }

    private static double takenDouble(PythonObject number) {
        double value = number.toDouble();
        number.del();
        return value;
    }

    private static String takenText(PythonObject text) {
        String value = text.toString();
        text.del();
        return value;
    }

    @Override
    public long iterate() {
        long sum = 0;
        for (int i = 0; i < 1000; i++) {
            sum += taken(thousand.get(i));
        }
        return sum;
    }

    @Override
    public String pattern(String text) {
        try (PythonGC frame = PythonGC.watch()) {
            PythonExecutioner.setVariables(new PythonVariable<>("s", PythonTypes.STR, text));
            PythonExecutioner.exec("t = s");
            return PythonExecutioner.getVariable("t", PythonTypes.STR).getValue();
        }
    }

    @Override
    public String patternOutside(String text) {
        try (PythonGIL gil = PythonGIL.lock(); PythonGC frame = PythonGC.watch()) {
            return echo(PythonTypes.STR, text);
        }
    }

    @Override
    public long method() {
        PythonObject method = o.attr("m");
        long result = taken(method.call());
        method.del();
        return result;
    }

    private static long taken(PythonObject number) {
        long value = number.toLong();
        number.del();
        return value;
    }

    @Override
    public Exception error(String text) {
        try {
            PythonExecutioner.exec(text);
            throw new IllegalStateException("nothing was raised");
        } catch (PythonException e) {
            return e;
        }
    }

    @Override
    public Object context(String name) {
        PythonContextManager.setContext(name);
        return null;
    }

    @Override
    public Object object(boolean framed) {
        if (!framed) {
            return new PythonObject("text");
        }
        try (PythonGC frame = PythonGC.watch()) {
            return new PythonObject("text");
        }
    }

    @Override
    public Object array(int length) {
        return Arrays.make(length);
    }

    @Override
    public Object putArray(Object array) {
        PythonExecutioner.setVariables(Arrays.variable(array));
        return null;
    }

    @Override
    public Object getArray() {
        return PythonExecutioner.getVariable("v", Arrays.TYPE).getValue();
    }

    @Override
    public Step arrayAlone() {
        return Arrays.alone();
    }

    @Override
    public void once() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("x = 1");
        }
    }

    @Override
    public void once(String text) {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec(text);
        }
    }

    /** ND4J and numpy, which are on the class path of the array rows only. */
    private static final class Arrays {
        static final PythonType<org.nd4j.linalg.api.ndarray.INDArray> TYPE =
                org.nd4j.python4j.numpy.NumpyArray.INSTANCE;

        static Object make(int length) {
            return org.nd4j.linalg.factory.Nd4j.zeros(org.nd4j.linalg.api.buffer.DataType.DOUBLE, length);
        }

        static PythonVariable variable(Object array) {
            return new PythonVariable<>("v", TYPE, array);
        }

        /** An INDArray over memory that is there, the least that taking an array over needs. */
        static Step alone() {
            org.bytedeco.javacpp.DoublePointer memory = new org.bytedeco.javacpp.DoublePointer(1_000);
            return () -> org.nd4j.linalg.factory.Nd4j.create(
                    org.nd4j.linalg.factory.Nd4j.createBuffer(
                            memory, 1_000, org.nd4j.linalg.api.buffer.DataType.DOUBLE),
                    1_000);
        }
    }

    /** From nothing to the first statement done. */
    public static final class First {
        private First() {}

        public static void main(String[] arguments) {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("x = 1");
                Start.done();
            }
        }
    }
}
