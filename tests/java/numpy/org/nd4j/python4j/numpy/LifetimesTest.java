// SPDX-License-Identifier: Apache-2.0
// When whose memory goes: Java's with the last view of it in Python, numpy's with the last INDArray
// over it. Seen by weak references on both sides and by the size of the process.
package org.nd4j.python4j.numpy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.nd4j.python4j.numpy.InPython.array;
import static org.nd4j.python4j.numpy.InPython.collect;
import static org.nd4j.python4j.numpy.InPython.eventually;
import static org.nd4j.python4j.numpy.InPython.exec;
import static org.nd4j.python4j.numpy.InPython.set;
import static org.nd4j.python4j.numpy.InPython.text;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonObject;

@ExtendWith(InPython.class)
class LifetimesTest {
    private static final Path STATM = Path.of("/proc/self/statm");

    private static boolean alive(String reference) {
        return !text(reference + "() is None").equals("True");
    }

    private static void collectOften() {
        for (int i = 0; i < 5; i++) {
            collect();
        }
    }

    @Test
    @Rule("11.5")
    void javasMemoryStaysAsLongAsAViewOfAViewInPython() {
        INDArray sent = Nd4j.ones(DataType.DOUBLE, 100, 100);
        WeakReference<DataBuffer> memory = new WeakReference<>(sent.data());
        set("v", sent);
        sent = null;
        exec("tail = v[50:].T[::2].reshape(50, 50, 1)[3:]\ndel v");
        collectOften();
        assertNotNull(memory.get());
        assertEquals("2350.0", text("tail.sum()"));
        exec("del tail");
        eventually("Java's memory goes", () -> memory.get() == null);
    }

    @Test
    @Rule("11.5")
    void aViewInJavaKeepsTheWholeForPython() {
        INDArray row = Nd4j.ones(DataType.DOUBLE, 100, 100).getRow(7);
        WeakReference<DataBuffer> whole = new WeakReference<>(row.data().originalDataBuffer());
        set("v", row);
        row = null;
        collectOften();
        assertNotNull(whole.get());
        assertEquals("100.0", text("v.sum()"));
        exec("del v");
        eventually("Java's memory goes", () -> whole.get() == null);
    }

    @Test
    void javasMemoryMayGoOnAThreadOfPython() {
        INDArray sent = Nd4j.ones(DataType.DOUBLE, 1000);
        WeakReference<DataBuffer> memory = new WeakReference<>(sent.data());
        set("v", sent);
        sent = null;
        exec("import threading\nbox = [v]\ndel v\nt = threading.Thread(target=box.clear)\nt.start()\nt.join()");
        eventually("Java's memory goes", () -> memory.get() == null);
    }

    @Test
    @Rule("11.8")
    void numpysMemoryStaysAsLongAsTheArrayOrAViewOfItInJava() {
        exec("v = np.ones((1000, 1000))\nw = weakref.ref(v)");
        INDArray view = array("v").get(NDArrayIndex.interval(10, 20), NDArrayIndex.all()).transpose().getRow(3).reshape(2, 5);
        exec("del v");
        collectOften();
        assertTrue(alive("w"));
        assertEquals(10, view.sumNumber().doubleValue());
        view = null;
        eventually("numpy's memory goes", () -> !alive("w"));
    }

    @Test
    @Rule("11.8")
    void anArrayFromAFrameOutlivesTheFrame() {
        INDArray got;
        try (PythonGC frame = PythonGC.watch()) {
            got = NumpyArray.INSTANCE.toJava(Python.eval("np.full((500, 500), 3.0)"));
        }
        exec("junk = [np.zeros((500, 500)) for _ in range(20)]");
        assertEquals(750_000, got.sumNumber().doubleValue());
    }

    @Test
    void aCopyOfNumpysIsKeptToo() {
        INDArray got = array("np.arange(1000.0)[::-1]");
        collectOften();
        exec("junk = [np.zeros(1000) for _ in range(1000)]");
        assertEquals(499_500, got.sumNumber().doubleValue());
    }

    @Test
    void anArrayThatJavaSeesCannotBeResized() {
        exec("v = np.arange(10.0)");
        INDArray got = array("v");
        String refused = assertThrows(PythonException.class, () -> exec("v.resize(100_000_000)")).getMessage();
        assertTrue(refused.startsWith("ValueError: cannot resize"), refused);
        assertEquals(9, got.getDouble(9));
    }

    @Test
    void memoryGoesRoundAndHome() {
        INDArray sent = Nd4j.ones(DataType.DOUBLE, 1000);
        WeakReference<DataBuffer> memory = new WeakReference<>(sent.data());
        set("v", sent);
        exec("w = weakref.ref(v)");
        INDArray back = array("v");
        exec("del v");
        sent = null;
        collectOften();
        assertTrue(alive("w"));
        assertEquals(1000, back.sumNumber().doubleValue());
        back = null;
        eventually("the array in the middle goes", () -> !alive("w"));
        eventually("Java's memory goes", () -> memory.get() == null);
    }

    /** 16 GB in all: without releases, or without asking the collector, this does not fit. */
    @Test
    void memoryIsFlatOverRoundTripsOfLargeArrays() throws IOException {
        assumeTrue(Files.exists(STATM));
        long before = 0;
        for (int i = 0; i < 1000; i++) {
            if (i == 100) {
                before = resident();
            }
            exec("v = np.ones(1_000_000)");
            assertEquals(1, PythonExecutioner.getVariable("v", NumpyArray.INSTANCE).getValue().getDouble(999_999));
            INDArray sent = Nd4j.createUninitialized(DataType.DOUBLE, 1_000_000);
            sent.putScalar(999_999, i);
            try (PythonGC frame = PythonGC.watch()) {
                set("w", sent);
                assertEquals(i, Python.eval("w[-1]").toDouble());
            }
        }
        long grown = (resident() - before) >> 20;
        assertTrue(grown < 500, "900 round trips of 16 MB left " + grown + " MB");
    }

    @Test
    void memoryIsFlatOverManySmallArrays() throws IOException {
        assumeTrue(Files.exists(STATM));
        long before = 0;
        for (int i = 0; i < 30_000; i++) {
            if (i == 10_000) {
                collect();
                before = resident();
            }
            try (PythonGC frame = PythonGC.watch()) {
                PythonObject array = NumpyArray.INSTANCE.toPython(Nd4j.createUninitialized(DataType.FLOAT, 10));
                NumpyArray.INSTANCE.toJava(array);
            }
        }
        collectOften();
        long grown = (resident() - before) >> 20;
        assertTrue(grown < 100, "20,000 round trips of 40 bytes left " + grown + " MB");
    }

    private static long resident() throws IOException {
        return Long.parseLong(Files.readString(STATM).split(" ")[1]) * 4096;
    }
}
