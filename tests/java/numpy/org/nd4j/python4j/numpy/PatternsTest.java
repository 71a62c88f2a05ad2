// SPDX-License-Identifier: Apache-2.0
// Every type, order and pattern of strides, both ways. What is right is computed by numpy from data of
// its own and compared element by element.
package org.nd4j.python4j.numpy;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.nd4j.linalg.indexing.NDArrayIndex.all;
import static org.nd4j.linalg.indexing.NDArrayIndex.interval;
import static org.nd4j.linalg.indexing.NDArrayIndex.point;
import static org.nd4j.python4j.numpy.InPython.array;
import static org.nd4j.python4j.numpy.InPython.exec;
import static org.nd4j.python4j.numpy.InPython.set;
import static org.nd4j.python4j.numpy.InPython.text;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.python4j.Python;

@ExtendWith(InPython.class)
class PatternsTest {

    private static final Map<DataType, String> TYPES = new LinkedHashMap<>();

    static {
        TYPES.put(DataType.BOOL, "bool");
        TYPES.put(DataType.INT8, "int8");
        TYPES.put(DataType.UINT8, "uint8");
        TYPES.put(DataType.INT16, "int16");
        TYPES.put(DataType.UINT16, "uint16");
        TYPES.put(DataType.INT32, "int32");
        TYPES.put(DataType.UINT32, "uint32");
        TYPES.put(DataType.INT64, "int64");
        TYPES.put(DataType.UINT64, "uint64");
        TYPES.put(DataType.FLOAT16, "float16");
        TYPES.put(DataType.FLOAT, "float32");
        TYPES.put(DataType.DOUBLE, "float64");
    }

    /** What ND4J makes of an array of 4 rows and 6 columns, and what numpy calls the same. */
    private static final Map<String, UnaryOperator<INDArray>> FROM_JAVA = new LinkedHashMap<>();

    static {
        FROM_JAVA.put("b", b -> b);
        FROM_JAVA.put("b[1]", b -> b.getRow(1));
        FROM_JAVA.put("b[:, 2]", b -> b.getColumn(2));
        FROM_JAVA.put("b.T", INDArray::transpose);
        FROM_JAVA.put("b[1:3, 2:5]", b -> b.get(interval(1, 3), interval(2, 5)));
        FROM_JAVA.put("b[1:3, 2:5].T", b -> b.get(interval(1, 3), interval(2, 5)).transpose());
        FROM_JAVA.put("b[1:3, 2:5][1]", b -> b.get(interval(1, 3), interval(2, 5)).get(point(1), all()));
        FROM_JAVA.put("b[0:4:2]", b -> b.get(interval(0, 2, 4), all()));
        FROM_JAVA.put("b[2, 1:6:2]", b -> b.get(point(2), interval(1, 2, 6)));
        FROM_JAVA.put("b.reshape(2, 3, 4)", b -> b.reshape(2, 3, 4));
        FROM_JAVA.put("b.reshape(2, 3, 4).transpose(2, 0, 1)", b -> b.reshape(2, 3, 4).permute(2, 0, 1));
        FROM_JAVA.put("b.reshape(1, 4, 1, 6)", b -> b.reshape(1, 4, 1, 6));
        FROM_JAVA.put("b[2, 3]", b -> b.getScalar(2, 3));
    }

    /** numpy's views that ND4J can express. */
    private static final List<String> SHARED = Arrays.asList("b", "b[1]", "b[:, 2]", "b.T", "b[1:3, 2:5]",
            "b[1:3, 2:5].T", "b[::2]", "b[::3, 1::2]", "b[1:, ::2].T", "b.reshape(2, 3, 4).transpose(2, 0, 1)",
            "b.reshape(2, 3, 4)[:, 1]", "np.asfortranarray(b)", "np.asfortranarray(b)[1:, :2]", "b[1:2, 2:3]",
            "b[2, 3:4].reshape(())", "b[None, :, None, :]", "b[:, None, 1]", "b[2:3]", "b[:, 3:4]", "b.ravel()[::-1][23:]");

    /** Those that it cannot. */
    private static final List<String> COPIED = Arrays.asList("b[::-1]", "b[:, ::-1]", "b[::-1, ::-2].T", "b[1, ::-1]",
            "np.broadcast_to(b[0], (3, 6))", "np.broadcast_to(b[2, 3], (2, 2))", "b.astype(b.dtype.newbyteorder())[::2]");

    private static INDArray base(DataType type) {
        return Nd4j.arange(24).castTo(DataType.INT32).fmod(type == DataType.BOOL ? 2 : 100).castTo(type).reshape(4, 6);
    }

    private static String numpyBase(DataType type) {
        return "b = (np.arange(24) % " + (type == DataType.BOOL ? 2 : 100) + ").astype('" + TYPES.get(type) + "').reshape(4, 6)";
    }

    @Test
    @Rule({"11.3", "11.5", "11.6"})
    void everyArrayOfJavaArrivesInPython() {
        TYPES.forEach((type, name) -> {
            exec(numpyBase(type));
            FROM_JAVA.forEach((expression, make) -> {
                INDArray sent = make.apply(base(type));
                String what = name + " " + expression;
                for (INDArray array : Arrays.asList(sent, sent.dup('c'), sent.dup('f'))) {
                    set("got", array);
                    exec("want = np.asarray(" + expression + ")");
                    assertEquals("True", text("type(got) is np.ndarray and got.dtype == want.dtype and got.shape == want.shape"), what);
                    assertEquals("True", text("np.array_equal(got, want)"), () -> what + text("f' {got} {want}'"));
                    assertEquals("True", text("got.flags.writeable and not got.flags.owndata and got.flags.aligned"), what);
                    long address = array.data().addressPointer().address();
                    assertEquals(address, Python.eval("got.ctypes.data").toLong(), what);
                }
            });
        });
    }

    @Test
    @Rule({"11.3", "11.7", "11.9"})
    void everyArrayOfPythonArrivesInJava() {
        TYPES.forEach((type, name) -> {
            exec(numpyBase(type));
            SHARED.forEach(expression -> arrives(type, expression, true));
            COPIED.stream()
                    .filter(expression -> type.width() > 1 || !expression.contains("newbyteorder"))
                    .forEach(expression -> arrives(type, expression, false));
        });
    }

    private static void arrives(DataType type, String expression, boolean shared) {
        exec("v = " + expression + "\nexpected = [float(x) for x in v.ravel().tolist()]\nshape = list(v.shape)");
        INDArray got = array("v");
        String what = type + " " + expression + " " + Arrays.toString(got.stride()) + got.ordering();
        assertEquals(type, got.dataType(), what);
        assertEquals(text("shape"), Arrays.toString(got.shape()), what);
        assertTrue(got.ordering() == 'c' || got.ordering() == 'f', what);
        List<?> table = Python.eval("expected").toList();
        double[] expected = table.stream().mapToDouble(x -> (Double) x).toArray();
        assertArrayEquals(expected, elements(got), what);
        // The same through ND4J's native code, which goes by strides and order.
        assertArrayEquals(expected, elements(got.dup('c')), what + " dup");
        assertArrayEquals(expected, elements(got.dup('f')), what + " dup f");
        assertArrayEquals(expected, elements(got.castTo(DataType.DOUBLE)), what + " cast");
        assertEquals(Arrays.stream(expected).sum(), got.castTo(DataType.DOUBLE).sumNumber().doubleValue(), 1e-9, what + " sum");
        boolean same = got.data().addressPointer().address() == Python.eval("v.ctypes.data").toLong();
        assertEquals(shared, same, what);
        // And back: what went without a copy comes back without one.
        set("back", got);
        assertEquals("True", text("np.array_equal(v, back)"), what + " back");
        assertEquals(shared ? "True" : "False", text("np.shares_memory(v, back)"), what + " back");
    }

    private static double[] elements(INDArray array) {
        double[] elements = new double[(int) array.length()];
        long[] index = new long[array.rank()];
        for (int i = 0; i < elements.length; i++) {
            elements[i] = array.rank() == 0 ? array.getDouble(0) : array.getDouble(index);
            for (int d = index.length - 1; d >= 0 && ++index[d] == array.size(d); d--) {
                index[d] = 0;
            }
        }
        return elements;
    }

    @Test
    @Rule("11.3")
    void theWholeRangeOfATypeArrives() {
        exec("import struct");
        for (String name : Arrays.asList("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")) {
            exec("v = np.array([np.iinfo('" + name + "').min, 0, np.iinfo('" + name + "').max], '" + name + "')");
            set("back", array("v"));
            assertEquals("True", text("np.array_equal(v, back) and np.shares_memory(v, back)"), name);
            if (!name.equals("uint64")) { // beyond Java's long
                assertEquals(text("int(v[2])"), String.valueOf(array("v").getLong(2)), name);
            }
        }
        for (String name : Arrays.asList("float16", "float32", "float64")) {
            exec("f = np.finfo('" + name + "')\nv = np.array([f.min, f.tiny, -0.0, np.inf, np.nan, f.max], '" + name + "')");
            INDArray got = array("v");
            assertEquals(text("float(v[0])"), text(String.valueOf(got.getDouble(0))), name);
            assertEquals(Double.POSITIVE_INFINITY, got.getDouble(3));
            set("back", got);
            assertEquals("True", text("v.tobytes() == back.tobytes()"), name);
        }
    }

    @Test
    @Rule("11.7")
    void anyRankArrives() {
        for (int rank = 0; rank <= 32; rank++) {
            exec("v = np.arange(4.0).reshape([2, 2] + [1] * " + (rank - 2) + ") if " + rank + " > 1 else np.arange(4.0)[:1].reshape([1] * " + rank + ")");
            INDArray got = array("v");
            assertEquals(rank, got.rank());
            set("back", got);
            assertEquals("True", text("back.shape == v.shape and np.array_equal(back, v) and np.shares_memory(v, back)"));
        }
        assertEquals(1023, array("np.arange(1024.0).reshape([2] * 10)").getDouble(1, 1, 1, 1, 1, 1, 1, 1, 1, 1));
        set("v", Nd4j.arange(64).castTo(DataType.DOUBLE).reshape(2, 2, 2, 2, 2, 2));
        assertEquals("(2, 2, 2, 2, 2, 2) 63.0", text("f'{v.shape} {v[1, 1, 1, 1, 1, 1]}'"));
    }

    @Test
    @Rule({"11.6", "11.7"})
    void emptyArraysCross() {
        for (String shape : Arrays.asList("(0,)", "(0, 3)", "(3, 0)", "(2, 0, 4)")) {
            INDArray got = array("np.zeros(" + shape + ", 'f4')");
            assertTrue(got.isEmpty(), shape);
            assertEquals(DataType.FLOAT, got.dataType());
            set("back", got);
            assertEquals(shape + " float32", text("f'{back.shape} {back.dtype}'"));
        }
        assertTrue(array("np.arange(6.0).reshape(2, 3)[:0, ::-1]").isEmpty());
        set("e", Nd4j.empty(DataType.INT64));
        assertEquals("(0,) int64", text("f'{e.shape} {e.dtype}'"));
    }
}
