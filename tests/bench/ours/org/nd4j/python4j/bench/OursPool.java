// SPDX-License-Identifier: Apache-2.0
// The rows `pool.*` of this build.
package org.nd4j.python4j.bench;

import java.util.List;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;
import org.nd4j.python4j.pool.PythonPool;

/** A {@link PythonPool}. */
final class OursPool implements Pool {

    private final PythonPool pool;
    private final PythonVariable<Long> x = new PythonVariable<>("x", PythonTypes.INT, 0L);
    private final PythonVariable<Long> y = new PythonVariable<>("y", PythonTypes.INT, 0L);
    private final PythonVariable<Long> z = new PythonVariable<>("z", PythonTypes.INT);
    private PythonPool.Session session; // of arrays

    OursPool(PythonPool pool) {
        this.pool = pool;
    }

    @Override
    public Object exec(String text) {
        pool.exec(text);
        return null;
    }

    @Override
    public long ints(long a, long b) {
        x.setValue(a);
        y.setValue(b);
        pool.exec("z = x + y", List.of(x, y), List.of(z));
        return z.getValue();
    }

    @Override
    public Object echo(byte[] bytes) {
        PythonVariable<byte[]> t = new PythonVariable<>("t", PythonTypes.BYTES);
        pool.exec("t = s", List.of(new PythonVariable<>("s", PythonTypes.BYTES, bytes)), List.of(t));
        return t.getValue();
    }

    @Override
    public Peer.Step arraySum(int length) {
        PythonBuffer array = PythonBuffer.shared(PythonBuffer.Type.FLOAT64, length);
        OursPeer.fill(array.asByteBuffer().asDoubleBuffer());
        return () -> pool.call("lambda a: float(a.sum())", array);
    }

    @Override
    public Peer.Step arrayMade(int length) {
        if (session == null) {
            session = pool.session();
        }
        session.exec("a = numpy.full(" + length + ", 0.5)");
        return () -> {
            try (PythonBuffer array = (PythonBuffer) session.call("lambda: a")) {
                return array.asByteBuffer().asDoubleBuffer().get(0);
            }
        };
    }

    @Override
    public Peer.Step oneMore() {
        PythonPool.Session one = pool.session();
        return () -> {
            one.discard();
            return null;
        };
    }

    @Override
    public void close() {
        pool.close();
    }
}
