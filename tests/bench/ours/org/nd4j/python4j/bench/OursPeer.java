// SPDX-License-Identifier: Apache-2.0
// This build: the API of M2.1 as in Python4jPeer, and what we have beyond it.
package org.nd4j.python4j.bench;

import java.util.List;
import java.util.function.LongUnaryOperator;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonCallable;
import org.nd4j.python4j.PythonCode;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;

/** What M2.1's API cannot say. */
public final class OursPeer extends Python4jPeer {

    @Override
    public Step compiled(String text) {
        PythonCode code = PythonCode.compile(text);
        return () -> {
            code.run();
            return null;
        };
    }

    @Override
    public Ints compiledInts() {
        PythonCode code = PythonCode.compile("z = x + y");
        PythonVariable<Long> x = new PythonVariable<>("x", PythonTypes.INT, 0L);
        PythonVariable<Long> y = new PythonVariable<>("y", PythonTypes.INT, 0L);
        PythonVariable<Long> z = new PythonVariable<>("z", PythonTypes.INT);
        return (a, b) -> {
            x.setValue(a);
            y.setValue(b);
            code.run(List.of(x, y), List.of(z));
            return z.getValue();
        };
    }

    @Override
    public void callback() {
        PythonExecutioner.setVariable("j", Python.function(LongUnaryOperator.class, x -> x));
    }

    @Override
    public long iterate() {
        long sum = 0;
        for (PythonObject element : Python.eval("thousand")) {
            sum += element.toLong();
            element.del();
        }
        return sum;
    }

    @Override
    public void reference(List<Object> list) {
        PythonExecutioner.setVariable("r", Python.reference(list));
    }

    @Override
    public Ints callable() {
        return PythonCallable.of("f")::callLong;
    }
}
