// SPDX-License-Identifier: Apache-2.0
// JEP, built from PyPI against the embedded CPython. Where JEP hands a Java object over by
// reference, a line of Python makes it Python's own, as the row wants it.
package org.nd4j.python4j.bench;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.util.List;
import java.util.Map;
import java.util.function.LongUnaryOperator;
import jep.DirectNDArray;
import jep.Interpreter;
import jep.JepException;
import jep.NDArray;
import jep.SharedInterpreter;
import jep.python.PyCallable;
import jep.python.PyObject;

/** JEP 4.3. */
public final class JepPeer extends Peer {

    private final ThreadLocal<Interpreter> ofThread = new ThreadLocal<>();
    private Interpreter python;
    private PyCallable f;
    private PyObject o;
    private PyObject l;

    @Override
    public void open() {
        python = new SharedInterpreter();
        python.exec(DEFINITIONS);
        f = python.getValue("f", PyCallable.class);
        o = python.getValue("o", PyObject.class);
        l = python.getValue("l", PyObject.class);
    }

    @Override
    public void close() {
        f.close();
        o.close();
        l.close();
        python.close();
    }

    @Override
    public Object exec(String text) {
        python.exec(text);
        return null;
    }

    @Override
    public long ints(long x, long y) {
        python.set("x", x);
        python.set("y", y);
        python.exec("z = x + y");
        return python.getValue("z", Long.class);
    }

    @Override
    public Object echo(Object value) {
        if (value instanceof byte[]) {
            // JEP wraps a byte[]; bytes() of the wrapper makes it Python's, byte[].class Java's own again.
            python.set("s", value);
            python.exec("t = bytes(s)");
            return python.getValue("t", byte[].class);
        }
        python.set("s", value);
        python.exec("t = s");
        return python.getValue("t", String.class);
    }

    @Override
    public Object put(Object value) {
        python.set("v", value);
        if (value instanceof Map) {
            python.exec("v = {k: v[k] for k in v}");
        } else if (!((List<?>) value).isEmpty() && ((List<?>) value).get(0) instanceof Map) {
            python.exec("v = [{k: d[k] for k in d} for d in v]");
        } else {
            python.exec("v = list(v)");
        }
        return null;
    }

    @Override
    public Object get(Class<?> type) {
        return python.getValue("v", type);
    }

    @Override
    public long call(long a, long b) {
        return f.callAs(Long.class, a, b);
    }

    @Override
    public long attribute() {
        return o.getAttr("x", Long.class);
    }

    @Override
    public long item() {
        return python.getValue("l[2]", Long.class); // a PyObject has no items
    }

    @Override
    public double attributeDouble() {
        return o.getAttr("y", Double.class);
    }

    @Override
    public String attributeText() {
        return o.getAttr("s", String.class);
    }

    @Override
    public double itemDouble() {
        return python.getValue("mixed[0]", Double.class);
    }

    @Override
    public String itemText() {
        return python.getValue("mixed[1]", String.class);
    }

    @Override
    public long iterate() {
        long sum = 0;
        for (Object element : python.getValue("thousand", List.class)) { // a PyObject has no iterator
            sum += (Long) element;
        }
        return sum;
    }

    @Override
    public void reference(List<Object> list) {
        python.set("r", list);
    }

    /** An interpreter cannot be left and entered again: it is made once. */
    @Override
    public String patternOutside(String text) {
        if (python == null) {
            open();
        }
        return (String) echo(text);
    }

    @Override
    public long method() {
        try (PyCallable m = o.getAttr("m", PyCallable.class)) {
            return m.callAs(Long.class);
        }
    }

    @Override
    public Exception error(String text) {
        try {
            python.exec(text);
            throw new IllegalStateException("nothing was raised");
        } catch (JepException e) {
            return e;
        }
    }

    @Override
    public void callback() {
        LongUnaryOperator function = x -> x;
        python.set("j", function);
    }

    @Override
    public Object object(boolean framed) {
        python.set("w", "text");
        PyObject object = python.getValue("o", PyObject.class);
        if (framed) {
            object.close();
        }
        return object;
    }

    @Override
    public Object array(int length) {
        DoubleBuffer memory = ByteBuffer.allocateDirect(8 * length).order(ByteOrder.nativeOrder()).asDoubleBuffer();
        return new DirectNDArray<>(memory, length);
    }

    @Override
    public Object putArray(Object array) {
        python.set("v", array);
        return null;
    }

    @Override
    public Step arraySum(int length) {
        DoubleBuffer memory = ByteBuffer.allocateDirect(Double.BYTES * length).order(ByteOrder.nativeOrder()).asDoubleBuffer();
        for (int i = 0; i < length; i++) {
            memory.put(i, 1);
        }
        python.exec("import numpy");
        return () -> {
            python.set("v", new DirectNDArray<>(memory, length));
            python.exec("s = float(v.sum())");
            return python.getValue("s", Double.class);
        };
    }

    /** In this process, as JEP has no other one. */
    @Override
    Pool pool(int processes, String text) {
        if (processes > 1) {
            throw new NotOffered();
        }
        open();
        return new Pool() {
            @Override
            public Object exec(String code) {
                return JepPeer.this.exec(code);
            }

            @Override
            public long ints(long x, long y) {
                return JepPeer.this.ints(x, y);
            }

            @Override
            public Object echo(byte[] bytes) {
                return JepPeer.this.echo(bytes);
            }

            @Override
            public void close() {
                JepPeer.this.close();
            }
        };
    }

    @Override
    public Object getArray() {
        return python.getValue("v", NDArray.class);
    }

    @Override
    public void enterThread() {
        ofThread.set(new SharedInterpreter());
    }

    @Override
    public void once() {
        ofThread.get().exec("x = 1");
    }

    @Override
    public void leaveThread() {
        ofThread.get().close();
    }

    /** From nothing to the first statement done. */
    public static final class First {
        private First() {}

        public static void main(String[] arguments) {
            try (Interpreter python = new SharedInterpreter()) {
                python.exec("x = 1");
                Start.done();
            }
        }
    }
}
