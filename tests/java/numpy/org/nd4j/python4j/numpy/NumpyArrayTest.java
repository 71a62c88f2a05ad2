// SPDX-License-Identifier: Apache-2.0
// NumpyArray as a type among the others: variables, containers, inference, what it refuses and what it
// copies. Strides are in PatternsTest, lifetimes in LifetimesTest.
package org.nd4j.python4j.numpy;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.nd4j.python4j.numpy.InPython.array;
import static org.nd4j.python4j.numpy.InPython.exec;
import static org.nd4j.python4j.numpy.InPython.failure;
import static org.nd4j.python4j.numpy.InPython.set;
import static org.nd4j.python4j.numpy.InPython.text;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;
import org.nd4j.python4j.PythonVariables;

@ExtendWith(InPython.class)
class NumpyArrayTest {

    private static final String NOT_AN_ARRAY =
            "Object is not a numpy array! Use Python.ndarray() to convert object to a numpy array.";

    private static INDArray doubles(double... values) {
        return Nd4j.create(values);
    }

    // ---- the type ----

    @Test
    @Rule("11.1")
    void theTypeIsFoundByItsName() {
        assertEquals(NumpyArray.INSTANCE, PythonTypes.get("numpy.ndarray"));
        assertNotSame(NumpyArray.INSTANCE, PythonTypes.<INDArray>get("numpy.ndarray"));
        assertEquals("numpy.ndarray", NumpyArray.INSTANCE.getName());
        assertEquals(NumpyArray.INSTANCE, PythonTypes.getPythonTypeForJavaObject(doubles(1)));
        assertEquals(NumpyArray.INSTANCE, PythonTypes.getPythonTypeForPythonObject(Python.eval("np.zeros(1)")));
        NumpyArray.INSTANCE.init();
        NumpyArray.INSTANCE.init();
    }

    @Test
    void itsFolderIsThatOfTheNumpyInUse() {
        for (java.io.File folder : NumpyArray.INSTANCE.packages()) {
            assertTrue(folder.isDirectory());
            assertEquals("True", text("np.__file__.startswith('" + folder + "')"));
        }
        assertTrue(NumpyArray.INSTANCE.packages().length <= 1);
    }

    @Test
    void adaptAndAcceptTakeArraysOnly() {
        INDArray array = doubles(1);
        assertSame(array, NumpyArray.INSTANCE.adapt(array));
        assertTrue(NumpyArray.INSTANCE.accepts(array));
        assertFalse(NumpyArray.INSTANCE.accepts(null));
        assertFalse(NumpyArray.INSTANCE.accepts(new double[1]));
        failure("Cannot cast object of type java.lang.String to INDArray", () -> NumpyArray.INSTANCE.adapt("x"));
        failure("Cannot cast object of type [D to INDArray", () -> NumpyArray.INSTANCE.adapt(new double[1]));
        assertThrows(NullPointerException.class, () -> NumpyArray.INSTANCE.adapt(null));
        assertThrows(NullPointerException.class, () -> NumpyArray.INSTANCE.toPython(null));
    }

    // ---- who sees whose writes ----

    @Test
    @Rule("11.2")
    void whatOneSideWritesTheOtherSees() {
        INDArray sent = Nd4j.zeros(DataType.FLOAT, 2, 3);
        set("v", sent);
        exec("v[1, 2] = 7");
        assertEquals(7, sent.getDouble(1, 2));
        sent.putScalar(0, 1, 5);
        assertEquals("5.0", text("v[0, 1]"));
        exec("v += 1");
        assertEquals(6, sent.getDouble(0, 1));

        exec("w = np.zeros((2, 3), order='F')");
        INDArray got = array("w");
        exec("w[1, 2] = 7");
        assertEquals(7, got.getDouble(1, 2));
        got.putScalar(0, 1, 5);
        assertEquals("5.0", text("w[0, 1]"));
        got.addi(1);
        assertEquals("[[1.0, 6.0, 1.0], [1.0, 1.0, 8.0]]", text("w.tolist()"));
    }

    @Test
    @Rule("11.2")
    void viewsWriteThroughToTheWhole() {
        INDArray whole = Nd4j.zeros(DataType.INT32, 3, 3);
        set("column", whole.getColumn(1));
        exec("column[:] = [1, 2, 3]");
        assertEquals(3, whole.getInt(2, 1));
        set("turned", whole.transpose());
        exec("turned[1, 0] = 9");
        assertEquals(9, whole.getInt(0, 1));

        exec("w = np.zeros((4, 4))");
        INDArray part = array("w[1::2, ::3]");
        part.assign(4);
        assertEquals("[4.0, 0.0, 0.0, 4.0]", text("w[3].tolist()"));
        assertEquals("16.0", text("w.sum()"));
    }

    @Test
    @Rule("11.12")
    void aReadOnlyArrayIsSharedAllTheSame() {
        exec("v = np.arange(3.0)\nv.flags.writeable = False");
        INDArray got = array("v");
        got.putScalar(0, 9);
        assertEquals("[9.0, 1.0, 2.0]", text("v.tolist()"));
    }

    @Test
    void aReadOnlyMappedFileIsCopied() {
        exec("import tempfile\nf = tempfile.NamedTemporaryFile()\nf.write(bytes(16))\nf.flush()\n"
                + "v = np.memmap(f.name, mode='r', dtype='f8')");
        INDArray got = array("v");
        got.putScalar(0, 1); // would be SIGSEGV
        assertEquals("0.0", text("v[0]"));
    }

    // ---- variables and containers ----

    @Test
    @Rule("11.10")
    void inputsOutputsAndVariables() {
        PythonVariable<INDArray> in = new PythonVariable<>("x", NumpyArray.INSTANCE, doubles(1, 2, 3));
        PythonVariable<INDArray> out = new PythonVariable<>("y", NumpyArray.INSTANCE);
        PythonExecutioner.exec("y = x * 2", List.of(in), List.of(out));
        assertArrayEquals(new double[] {2, 4, 6}, out.getValue().toDoubleVector());
        PythonVariable<INDArray> read = PythonExecutioner.getVariable("y", NumpyArray.INSTANCE);
        assertEquals(out.getValue(), read.getValue());
        PythonVariables all = PythonExecutioner.getAllVariables();
        assertEquals(doubles(1, 2, 3), all.get("x").getValue());
        assertEquals(NumpyArray.INSTANCE, all.get("y").getType());
        PythonExecutioner.setVariable("z", PythonTypes.convert(doubles(4)));
        assertEquals("ndarray", text("type(z).__name__"));
        assertEquals(doubles(1.5, 2.5), NumpyArray.INSTANCE.toJava(new PythonObject(doubles(1.5, 2.5))));
    }

    @Test
    @Rule("11.10")
    void arraysInsideListsAndDicts() {
        INDArray array = doubles(1, 2);
        PythonVariables in = new PythonVariables(
                new PythonVariable<>("l", PythonTypes.LIST, Arrays.asList(1, array, Collections.singletonList(array))),
                new PythonVariable<>("d", PythonTypes.DICT, Collections.singletonMap("k", array)),
                new PythonVariable<>("a", PythonTypes.LIST, new INDArray[] {array, array}));
        PythonExecutioner.exec("l[1][0] = 5\nshared = np.shares_memory(l[1], l[2][0]) and d['k'][0] == a[1][0] == 5", in, null);
        assertEquals("True", text("shared"));
        assertEquals(5, array.getDouble(0));

        exec("out = [1, np.arange(2.0), {'k': np.arange(3), 't': (np.zeros((2, 2)),)}]");
        List<?> out = PythonExecutioner.getVariable("out", PythonTypes.LIST).getValue();
        assertEquals(doubles(0, 1), out.get(1));
        INDArray longs = assertInstanceOf(INDArray.class, ((Map<?, ?>) out.get(2)).get("k"));
        assertEquals(DataType.INT64, longs.dataType());
        longs.putScalar(0, 8);
        assertEquals("8", text("out[2]['k'][0]"));
        assertEquals(2, ((INDArray) ((List<?>) ((Map<?, ?>) out.get(2)).get("t")).get(0)).rank());
        INDArray result = NumpyArray.INSTANCE.toJava(Python.eval("np.add").call(array, 1));
        assertEquals(doubles(6, 3), result);
    }

    @Test
    void scalarsOfNumpyAreNumbers() {
        exec("i, f, h, b, u = np.int32(-3), np.float64(1.5), np.float16(0.5), np.bool_(True), np.uint64(2 ** 63)");
        assertEquals(-3L, PythonExecutioner.getVariable("i", PythonTypes.INT).getValue());
        assertEquals(1.5, PythonExecutioner.getVariable("f", PythonTypes.FLOAT).getValue());
        assertEquals(0.5, PythonExecutioner.getVariable("h", PythonTypes.FLOAT).getValue());
        assertEquals(true, PythonExecutioner.getVariable("b", PythonTypes.BOOL).getValue());
        assertEquals(Arrays.asList(-3L, 1.5, true), Python.eval("[i, f, b]").toList());
        assertThrows(PythonException.class, () -> PythonExecutioner.getVariable("u", PythonTypes.INT));
    }

    @Test
    @Rule("11.4")
    void onlyExactArraysAreRecognisedOthersCanBeAskedFor() {
        exec("import warnings\nwarnings.simplefilter('ignore')\nm, a = np.matrix([[1.0, 2.0]]), np.ma.array([1.0, 2.0])");
        assertEquals(doubles(1, 2), array("a"));
        assertArrayEquals(new long[] {1, 2}, array("m").shape());
        failure("Unable to find converter for python object of type <class 'numpy.matrix'>",
                () -> PythonTypes.getPythonTypeForPythonObject(Python.eval("m")));
    }

    // ---- what does not cross ----

    @Test
    @Rule({"11.4", "12.30"})
    void whatIsNoArrayIsRefused() {
        for (String expression : Arrays.asList("[1.0, 2.0]", "(1.0,)", "5", "'x'", "None", "np.float64(5)", "memoryview(np.arange(3.0))")) {
            failure(NOT_AN_ARRAY, () -> array(expression));
        }
        String missing = assertThrows(PythonException.class, () -> PythonExecutioner.getVariable("missing", NumpyArray.INSTANCE)).getMessage();
        assertTrue(missing.contains("missing"), missing);
    }

    @Test
    @Rule({"11.3", "12.29"})
    void typesThatNd4jHasNotAreRefusedWithAdvice() {
        String[][] table = {
            {"longdouble", "13", "astype"}, {"complex64", "14", "array.real"}, {"complex128", "15", "array.imag"},
            {"object", "17", "astype(float)"}, {"S3", "18", "astype"}, {"datetime64[s]", "21", "view('int64')"},
            {"timedelta64[s]", "22", "view('int64')"},
        };
        for (String[] row : table) {
            PythonException failure = failure("Unsupported array data type: " + row[1],
                    () -> array("np.zeros((2, 2), dtype='" + row[0] + "')"));
            assertTrue(failure.getCause().getMessage().contains(row[2]), failure.getCause().getMessage());
        }
        exec("r = np.zeros(3, dtype=[('x', 'i4'), ('y', 'f4')])");
        PythonException failure = failure("Unsupported array data type: 20", () -> array("r"));
        assertTrue(failure.getCause().getMessage().contains("array['name']"));
        array("r['y']").assign(2);
        assertEquals("[(0, 2.0), (0, 2.0), (0, 2.0)]", text("r.tolist()"));
        array("np.zeros(2, 'datetime64[s]').view('int64')");
    }

    @Test
    @Rule("12.28")
    void typesThatNumpyHasNotAreRefused() {
        INDArray compressed = Nd4j.getCompressor().compress(Nd4j.zeros(DataType.FLOAT, 10), "GZIP");
        failure("Unsupported dtype: COMPRESSED", () -> NumpyArray.INSTANCE.toPython(compressed));
    }

    // ---- what is copied ----

    @Test
    @Rule("11.3")
    void bfloat16GoesAsACopyInFloat32() {
        INDArray sent = Nd4j.create(new double[] {1, -2.5, 3e38}).castTo(DataType.BFLOAT16);
        set("v", sent);
        assertEquals("float32 [1.0, -2.5]", text("f'{v.dtype} {v[:2].tolist()}'"));
        exec("v[0] = 9");
        assertEquals(1, sent.getDouble(0));
        exec("v2 = v[1:]\ndel v");
        InPython.collect();
        assertEquals("-2.5", text("v2[0]"));
    }

    @Test
    @Rule("11.3")
    void textGoesByCopy() {
        set("v", Nd4j.create(Arrays.asList("a", "bc", "", "x y", "5", "6"), 2, 3));
        assertEquals("[['a', 'bc', ''], ['x y', '5', '6']] U", text("f'{v.tolist()} {v.dtype.kind}'"));
        set("v", Nd4j.create(Arrays.asList("a", "bc", "", "x y", "5", "6"), 2, 3).transpose());
        assertEquals("[['a', 'x y'], ['bc', '5'], ['', '6']]", text("v.tolist()"));
        INDArray got = array("np.array([['é', '\\U0001F40D'], ['', 'plain']])");
        assertEquals(DataType.UTF8, got.dataType());
        assertArrayEquals(new long[] {2, 2}, got.shape());
        assertEquals("é", got.getString(0));
        assertEquals("\uD83D\uDC0D", got.getString(1));
        assertEquals("plain", got.getString(3));
        set("back", got);
        assertEquals("[['é', '\uD83D\uDC0D'], ['', 'plain']]", text("back.tolist()"));
        assertEquals("b", array("np.array(['a', 'b', 'c'])[1:][::-1]").getString(1));
        assertEquals("one", array("np.array('one')").getString(0));
        assertTrue(array("np.array([], 'U1')").isEmpty());
    }

    @Test
    void anArrayInAWorkspaceIsCopied() {
        try (MemoryWorkspace workspace = Nd4j.getWorkspaceManager().getAndActivateWorkspace("test")) {
            INDArray attached = Nd4j.zeros(DataType.DOUBLE, 100);
            assertTrue(attached.isAttached());
            set("v", attached);
            attached.assign(5);
        }
        try (MemoryWorkspace workspace = Nd4j.getWorkspaceManager().getAndActivateWorkspace("test")) {
            Nd4j.zeros(DataType.DOUBLE, 100).assign(7);
        }
        assertEquals("0.0", text("v.sum()"));
    }

    @Test
    void anArrayWithoutElementsIsReadInAWorkspaceToo() {
        try (MemoryWorkspace workspace = Nd4j.getWorkspaceManager().getAndActivateWorkspace("test")) {
            assertArrayEquals(new long[] {0, 3}, array("np.zeros((0, 3))").shape());
            assertTrue(array("np.array([], 'U1')").isEmpty());
        }
    }

    @Test
    void aClosedArrayIsRefused() {
        INDArray closed = Nd4j.zeros(DataType.DOUBLE, 100);
        closed.close();
        failure("The INDArray is closed: its memory is gone. Close it after Python's last use of it.", () -> set("v", closed));
    }

    // ---- without ND4J ----

    @Test
    void directBuffersAreArrays() {
        ByteBuffer bytes = ByteBuffer.allocateDirect(48).order(ByteOrder.nativeOrder());
        PythonExecutioner.setVariable("v", PythonBuffer.of(bytes.asDoubleBuffer(), 2, 3).toNumpy());
        exec("v[1, 2] = 7");
        assertEquals(7, bytes.getDouble(40));
        assertEquals("float64 (2, 3) True", text("f'{v.dtype} {v.shape} {v.flags.c_contiguous}'"));
        PythonExecutioner.setVariable("v", PythonBuffer.of(bytes.asReadOnlyBuffer()).toNumpy());
        failure("ValueError: assignment destination is read-only", () -> exec("v[0] = 1"));
        PythonExecutioner.setVariable("v", PythonBuffer.of(new float[] {1, 2, 3, 4}, 2, 2).toNumpy());
        assertEquals("[[1.0, 2.0], [3.0, 4.0]] float32", text("f'{v.tolist()} {v.dtype}'"));
    }

    @Test
    void arraysAreBuffers() {
        exec("v = np.arange(6, dtype='i4').reshape(2, 3)");
        PythonBuffer buffer = PythonBuffer.ofNumpy(Python.eval("v"));
        assertArrayEquals(new int[] {0, 1, 2, 3, 4, 5}, buffer.toIntArray());
        buffer.asByteBuffer().putInt(0, 9);
        assertEquals("9", text("v[0, 0]"));
        PythonExecutioner.setVariable("same", buffer.toNumpy());
        assertEquals("True", text("same is v"));
        assertEquals("(2, 3)", buffer.toMemoryview().attr("shape").toString());
        assertArrayEquals(new int[] {9, 3, 1, 4, 2, 5}, PythonBuffer.ofNumpy(Python.eval("v.T")).toIntArray());
        assertEquals(9, PythonBuffer.ofNumpy(Python.eval("v.T")).asByteBuffer().getInt(0));
        assertArrayEquals(new short[] {1, 2}, PythonBuffer.view(Python.eval("np.array([1, 2], '>i2')")).toShortArray());
        assertEquals(PythonBuffer.Type.FLOAT16, PythonBuffer.view(Python.eval("np.zeros(2, 'f2')")).type());
        assertThrows(IllegalStateException.class, () -> PythonBuffer.ofNumpy(Python.eval("np.array(['a'])")).asByteBuffer());
    }
}
