// SPDX-License-Identifier: Apache-2.0
// Programs with few small variables cross without a buffer from the third time on, and programs without any by the handle of
// their code. Nobody is to see that: each test does the same several times. PythonExecutionerTest has the rules themselves.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.nd4j.python4j.internal.jni.Handles;

@ExtendWith(InPython.class)
@SuppressWarnings("rawtypes")
class SmallRequestsTest {

    private static final int TIMES = 4;
    private static final List<PythonVariable> NONE = Collections.emptyList();

    private static <T> void echo(PythonType<T> type, Object value, Object expected) {
        for (int i = 0; i < TIMES; i++) {
            PythonVariable<T> in = new PythonVariable<>("in_", type, value);
            PythonVariable<T> out = new PythonVariable<>("out", type);
            PythonExecutioner.exec("out = in_", List.of(in), List.of(out));
            assertEquals(expected, out.getValue());
            PythonExecutioner.setVariables(new PythonVariable<>("alone", type, value));
            assertEquals(expected, PythonExecutioner.getVariable("alone", type).getValue());
        }
    }

    @Test
    void everyValueComesBackAsItIs() {
        for (long value : new long[] {0, 1, -1, 1234567, Long.MIN_VALUE, Long.MAX_VALUE}) {
            echo(PythonTypes.INT, value, value);
        }
        for (double value : new double[] {0.5, -0.0, Double.NaN, Double.NEGATIVE_INFINITY}) {
            echo(PythonTypes.FLOAT, value, value);
        }
        for (String value : new String[] {"", "a", "0123456", "01234567", "012345678", "a\0b", "\u00e4", "\u20ac", "\uD83D\uDE00",
                "\uD800", "x".repeat(63), "x".repeat(64), "x".repeat(65), "\u00e4".repeat(32), "\u00e4".repeat(33)}) {
            echo(PythonTypes.STR, value, value);
        }
        echo(PythonTypes.BOOL, true, true);
        echo(PythonTypes.BOOL, false, false);
        echo(PythonTypes.LIST, List.of(1L, "a"), List.of(1L, "a"));
    }

    @Test
    void valuesOfOtherKindsAreConverted() {
        PythonExecutioner.exec("class I(int):\n  def __str__(self): return 'I'\nclass S(str): pass");
        Object[][] cases = {
            {"x = True", PythonTypes.INT, 1L}, {"x = I(7)", PythonTypes.INT, 7L}, {"x = 7", PythonTypes.FLOAT, 7.0},
            {"x = 7", PythonTypes.STR, "7"}, {"x = I(7)", PythonTypes.STR, "I"}, {"x = S('s')", PythonTypes.STR, "s"},
            {"x = None", PythonTypes.STR, "None"}, {"x = [1]", PythonTypes.STR, "[1]"}, {"x = []", PythonTypes.BOOL, false},
            {"x = 0.0", PythonTypes.BOOL, false}, {"x = (1, 2)", PythonTypes.LIST, List.of(1L, 2L)}};
        for (Object[] one : cases) {
            for (int i = 0; i < TIMES; i++) {
                PythonVariable<?> x = new PythonVariable<>("x", (PythonType<?>) one[1]);
                PythonExecutioner.exec((String) one[0], null, List.of(x));
                assertEquals(one[2], x.getValue(), (String) one[0]);
            }
        }
    }

    @Test
    void severalVariablesOfEachKindCrossTogether() {
        for (int i = 0; i < TIMES; i++) {
            PythonVariable<Long> a = new PythonVariable<>("a", PythonTypes.INT, 3L);
            PythonVariable<Double> b = new PythonVariable<>("b", PythonTypes.FLOAT, 0.5);
            PythonVariable<String> c = new PythonVariable<>("c", PythonTypes.STR, "text of 17 chars.");
            PythonVariable<Boolean> d = new PythonVariable<>("d", PythonTypes.BOOL, true);
            PythonVariable<String> e = new PythonVariable<>("e", PythonTypes.STR);
            PythonVariable<String> f = new PythonVariable<>("f", PythonTypes.STR);
            PythonVariable<Long> g = new PythonVariable<>("g", PythonTypes.INT);
            PythonVariable<Boolean> h = new PythonVariable<>("h", PythonTypes.BOOL);
            PythonExecutioner.exec("e = c; f = str(b); g = a * 2; h = not d", List.of(a, b, c, d), List.of(e, f, g, h));
            assertEquals(Arrays.asList("text of 17 chars.", "0.5", 6L, false),
                    Arrays.asList(e.getValue(), f.getValue(), g.getValue(), h.getValue()));
            PythonVariable<Long> same = new PythonVariable<>("a", PythonTypes.INT, 4L);
            PythonExecutioner.setVariables(a, same);
            assertEquals("4", Expect.text("a"));
        }
    }

    @Test
    void anErrorIsTheSameEachTimeAndOutputsKeepTheirValues() {
        PythonVariable<Long> in = new PythonVariable<>("given", PythonTypes.INT, 1L);
        PythonVariable<Long> out = new PythonVariable<>("never_set", PythonTypes.INT, 5L);
        for (long i = 0; i < TIMES; i++) {
            in.setValue(i);
            PythonException raised = assertThrows(PythonException.class,
                    () -> PythonExecutioner.exec("1 / 0", List.of(in), List.of(out)));
            assertEquals("ZeroDivisionError: division by zero", raised.getMessage());
            assertEquals(Long.toString(i), Expect.text("given"));
            PythonException missing = assertThrows(PythonException.class,
                    () -> PythonExecutioner.exec("pass", List.of(in), List.of(out)));
            assertEquals("No variable named 'never_set' in context 'main'.", missing.getMessage());
            assertThrows(PythonException.class, () -> PythonExecutioner.exec("1 / 0"));
            assertEquals("Execution failed, unable to retrieve python exception.",
                    assertThrows(PythonException.class, () -> PythonExecutioner.exec("1 +")).getMessage());
            PythonVariable<Long> builtins = new PythonVariable<>("__builtins__", PythonTypes.INT, 1L);
            assertThrows(PythonException.class, () -> PythonExecutioner.setVariables(builtins));
            assertEquals(5L, out.getValue());
        }
    }

    @Test
    void namesAreThoseOfCode() {
        for (long i = 0; i < TIMES; i++) {
            PythonExecutioner.setVariables(new PythonVariable<>("\u00b5", PythonTypes.INT, i)); // the micro sign
            assertEquals(i, PythonExecutioner.getVariable("\u03bc", PythonTypes.INT).getValue()); // the Greek letter
            // Two names whose hashes are the same, and so their places.
            PythonExecutioner.setVariables(new PythonVariable<>("Aa", PythonTypes.INT, i), new PythonVariable<>("BB", PythonTypes.INT, -i));
            assertEquals(i, PythonExecutioner.getVariable("Aa", PythonTypes.INT).getValue());
            assertEquals(-i, PythonExecutioner.getVariable("BB", PythonTypes.INT).getValue());
        }
    }

    @Test
    void aProgramIsKnownByItsText() {
        for (int i = 0; i < TIMES; i++) {
            PythonExecutioner.exec(new String("Aa_ = 'first'"));
            PythonExecutioner.exec(new String("BB_ = 'first'")); // the same hash
            assertEquals("first first", Expect.text("Aa_ + ' ' + BB_"));
            PythonExecutioner.exec("del Aa_, BB_");
        }
    }

    @Test
    void requestsWithinARequestDoNotDisturbIt() {
        PythonExecutioner.setVariable("inner", Python.function(LongUnaryOperator.class, x -> {
            PythonVariable<Long> in = new PythonVariable<>("a", PythonTypes.INT, x);
            PythonVariable<Long> out = new PythonVariable<>("b", PythonTypes.INT);
            PythonExecutioner.exec("b = a + 1", List.of(in), List.of(out));
            return out.getValue();
        }));
        for (long i = 0; i < TIMES; i++) {
            PythonVariable<Long> c = new PythonVariable<>("c", PythonTypes.INT, i);
            PythonVariable<Long> d = new PythonVariable<>("d", PythonTypes.INT);
            PythonVariable<Long> e = new PythonVariable<>("e", PythonTypes.INT);
            PythonExecutioner.exec("d = inner(c); e = d * 10", List.of(c), List.of(d, e));
            assertEquals(i + 1, d.getValue());
            assertEquals((i + 1) * 10, e.getValue());
        }
    }

    /** A variable whose value comes from Python each time. */
    private static final class Computed extends PythonVariable<Long> {
        private final PythonObject object;

        private Computed(String name, PythonObject object) {
            super(name, PythonTypes.INT, 0L);
            this.object = object;
        }

        @Override
        public Long getValue() {
            if (object != null) {
                try (PythonObject doc = object.attr("__doc__")) { // a text, which takes more room
                    return (long) doc.toString().length();
                }
            }
            PythonVariable<Long> two = new PythonVariable<>("one_more", PythonTypes.INT);
            PythonExecutioner.exec("one_more = 41 + one", List.of(new PythonVariable<>("one", PythonTypes.INT, 1L)), List.of(two));
            return two.getValue();
        }
    }

    /** What Java gave up without a turn goes at the next call, where a finalizer may call Java, and that Python. */
    @Test
    void requestsOfFinalizersDoNotDisturbIt() throws Exception {
        List<Long> finalized = new ArrayList<>();
        PythonExecutioner.setVariable("j", Python.function(Runnable.class, () -> {
            PythonVariable<Long> sum = new PythonVariable<>("sum", PythonTypes.INT);
            PythonExecutioner.exec("sum = p + q", List.of(new PythonVariable<>("p", PythonTypes.INT, 1L),
                    new PythonVariable<>("q", PythonTypes.INT, 2L)), List.of(sum));
            finalized.add(sum.getValue() + Python.eval("7").toLong());
        }));
        PythonExecutioner.exec("class D:\n  def __del__(self): j()");
        for (int i = 0; i < TIMES; i++) {
            PythonObject object = Python.eval("D()");
            OtherThread.call(() -> {
                object.close();
                return null;
            });
            echo(PythonTypes.STR, "a text", "a text");
        }
        assertEquals(Collections.nCopies(TIMES, 10L), finalized);
    }

    @Test
    void aVariableMayUsePythonForItsValue() {
        for (int i = 0; i < TIMES; i++) {
            PythonVariable<Long> first = new PythonVariable<>("first", PythonTypes.INT, 1L);
            PythonVariable<Long> sum = new PythonVariable<>("sum_", PythonTypes.INT);
            PythonExecutioner.exec("sum_ = first + computed", List.of(first, new Computed("computed", null)), List.of(sum));
            assertEquals(43L, sum.getValue());
            PythonExecutioner.exec("def text(): 'The text.'");
            try (PythonObject text = PythonExecutioner.getVariable("text")) {
                PythonExecutioner.exec("sum_ = first + computed", List.of(first, new Computed("computed", text)), List.of(sum));
            }
            assertEquals(10L, sum.getValue());
        }
    }

    @Test
    void whatIsKeptForTheNextTimeIsNoObjectOfTheProgram() {
        keepSomething(); // what other tests kept may make room for it, and is then forgotten
        int before = PythonGIL.monitor().getHandles();
        keepSomething();
        assertTrue(PythonGIL.monitor().getHandles() <= before, "what other tests forgot may have gone");
    }

    private static void keepSomething() {
        for (int i = 0; i < TIMES; i++) {
            PythonVariable<Long> out = new PythonVariable<>("not_counted", PythonTypes.INT);
            PythonExecutioner.exec("not_counted = 1234567", null, List.of(out));
            PythonExecutioner.exec("not_counted += 1");
            try (PythonObject object = PythonExecutioner.getVariable("not_counted")) {
                object.attr("real").del();
            }
        }
    }

    @Test
    void aForgottenValueIsReleasedLikeAllOthers() throws InterruptedException {
        PythonExecutioner.exec("value = 1234567");
        PythonExecutioner.getVariable("value").del();
        int before = Handles.count();
        PythonObject object = PythonExecutioner.getVariable("value").attr("real");
        assertEquals(1234567, object.toLong());
        object = null;
        for (int i = 0; i < 500 && Handles.count() > before; i++) {
            System.gc();
            Thread.sleep(10);
            PythonExecutioner.exec("value = 1234567"); // whoever enters gives back what was forgotten
        }
        assertTrue(Handles.count() <= before);
    }

    @Test
    void nothingIsAskedForIsFine() {
        for (int i = 0; i < TIMES; i++) {
            PythonExecutioner.setVariables(new ArrayList<>());
            PythonExecutioner.exec("nothing = None", NONE, null);
            PythonExecutioner.setVariables(new PythonVariable<>("nothing", PythonTypes.INT));
            assertEquals("None", Expect.text("nothing"));
            assertNull(PythonExecutioner.getVariable("nothing").toJava(Object.class));
        }
    }

    @Test
    void contextsAndBlocksHaveTheirOwnVariables() throws Exception {
        List<PythonVariable> in = List.of(new PythonVariable<>("mine", PythonTypes.INT, 1L));
        for (int i = 0; i < TIMES; i++) {
            PythonExecutioner.exec("mine += 1", in, NONE);
            PythonContextManager.setContext("other");
            assertThrows(PythonException.class, () -> PythonExecutioner.getVariable("mine", PythonTypes.INT));
            PythonExecutioner.exec("where = 'other'");
            PythonContextManager.setMainContext();
            assertEquals(2L, PythonExecutioner.getVariable("mine", PythonTypes.INT).getValue());
            PythonExecutioner.exec("where = 'main'");
        }
        try (PythonGIL lent = PythonGIL.lend()) {
            OtherThread.call(() -> {
                try (PythonGIL block = PythonGIL.lockShared()) {
                    for (int i = 0; i < TIMES; i++) {
                        PythonExecutioner.exec("where = 'block'");
                        PythonVariable<String> where = new PythonVariable<>("where", PythonTypes.STR);
                        PythonExecutioner.exec("pass", in, List.of(where));
                        assertEquals("block", where.getValue());
                    }
                }
                return null;
            });
        }
        assertEquals("main", Expect.text("where"));
    }
}
