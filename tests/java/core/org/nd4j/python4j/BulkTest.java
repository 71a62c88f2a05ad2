// SPDX-License-Identifier: Apache-2.0
// Large texts and bytes, which cross by themselves: exact wherever they stand, and nothing of them stays.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.python4j.internal.jni.Handles;
import org.nd4j.python4j.internal.jni.Pack;
import org.nd4j.python4j.internal.jni.Tag;

class BulkTest {

    private static final int LARGE = (1 << 14) + 1;
    private static final int AT_ONCE = 1 << 20;

    private PythonGIL gil;

    @BeforeEach
    void lock() {
        gil = PythonGIL.lock();
    }

    @AfterEach
    void unlock() {
        gil.close();
    }

    /** Around the size from which on a text is large, and around that of a piece. */
    static List<String> texts() {
        List<String> texts = new ArrayList<>();
        Random random = new Random(3);
        for (int length : new int[] {LARGE - 1, LARGE, 2 * LARGE, 100_003}) {
            for (int limit : new int[] {0x80, 0x100, 0x800, 0xD800, 0x10000}) {
                char[] chars = new char[length];
                for (int i = 0; i < length; i++) {
                    chars[i] = (char) random.nextInt(limit); // lone surrogates and pairs among them
                }
                texts.add(new String(chars));
            }
            texts.add("ascii but for the last one".repeat(length).substring(0, length) + "\u00ff");
            texts.add("\ud83d\ude00".repeat(length));
            texts.add("a\ud83d\ude00".repeat(length) + "\ud83d");
        }
        // Those with pairs are looked at and written a million units at once.
        texts.add("\u4e2d".repeat(AT_ONCE - 1) + "\ud83d\ude00" + "\u4e2d".repeat(AT_ONCE));
        texts.add("a\ud83d\ude00".repeat(AT_ONCE));
        return texts;
    }

    private static Object echo(Object value) {
        PythonVariable<?> y = new PythonVariable<>("y", PythonTypes.get(value instanceof String ? "str"
                : value instanceof byte[] ? "bytes" : value instanceof List ? "list" : "dict"));
        PythonExecutioner.setVariable("x", Python.of(value));
        PythonExecutioner.exec("y = x", null, List.of(y));
        return y.getValue();
    }

    @Test
    void textIsExact() {
        for (String text : texts()) {
            // Java takes a String with two bytes for each character for another one than the same with one.
            assertTrue(text.equals(echo(text)), () -> "a text of " + text.length());
        }
    }

    @Test
    void pythonSeesWhatItIs() {
        PythonExecutioner.setVariable("x", Python.of("caf\u00e9 ".repeat(LARGE)));
        assertTrue(Python.eval("x == 'caf\\u00e9 ' * " + LARGE + " and {x: 1}['caf\\u00e9 ' * " + LARGE + "] == 1").toBoolean());
        PythonExecutioner.setVariable("x", Python.of("\ud83d\ude00\ud83d".repeat(LARGE)));
        assertTrue(Python.eval("x == '\\U0001f600\\ud83d' * " + LARGE).toBoolean());
        assertEquals("\u4e2d".repeat(LARGE) + "\ud83d\ude00", Python.eval("'\\u4e2d' * " + LARGE + " + '\\U0001f600'").toString());
    }

    @Test
    void bytesAreExact() {
        for (int length : new int[] {LARGE - 1, LARGE, 1_000_003}) {
            byte[] bytes = new byte[length];
            new Random(length).nextBytes(bytes);
            assertArrayEquals(bytes, (byte[]) echo(bytes));
        }
    }

    @Test
    void theyStandInListsAndDicts() {
        String text = "x".repeat(LARGE);
        String wide = "\u4e2d".repeat(LARGE);
        assertEquals(List.of(text, 1L, List.of(wide, text), "short"), echo(List.of(text, 1L, List.of(wide, text), "short")));
        assertEquals(Map.of(text, wide, "k", 2L), echo(Map.of(text, wide, "k", 2L)));
        List<?> bytes = (List<?>) echo(List.of(new byte[LARGE], new byte[1]));
        assertEquals(LARGE, ((byte[]) bytes.get(0)).length);
    }

    @Test
    void everyWayThereAndBackTakesThem() {
        String text = "\u00e9".repeat(LARGE);
        PythonExecutioner.exec("def f(t): return t + '!'\nclass C:\n    def __str__(self): return '\\u00e9' * " + LARGE);
        try (PythonCallable f = PythonCallable.of("f")) {
            assertEquals(text + "!", f.callString(text));
        }
        assertEquals(text + "!", Python.eval("f").call(text).toString());
        assertEquals(text, Python.eval("C()").toString());
        PythonExecutioner.setVariable("j", Python.function(UnaryOperator.class, t -> t + "?"));
        assertEquals(text + "!?", Python.eval("j(f('\\u00e9' * " + LARGE + "))").toString());
        PythonException e = assertThrows(PythonException.class, () -> PythonExecutioner.exec("raise ValueError('\\u00e9' * " + LARGE + ")"));
        assertEquals("ValueError: " + text, e.getMessage());
    }

    @Test
    void onlyTheirHandlesAreInTheBuffer() {
        for (Object value : List.of("x".repeat(LARGE), "\u4e2d".repeat(LARGE), new byte[LARGE])) {
            Pack pack = Pack.take();
            try {
                pack.value(value);
                assertEquals(9, pack.length());
                assertEquals(Tag.LARGE, pack.buffer()[0]);
            } finally {
                pack.giveBack();
            }
        }
    }

    @Test
    void nothingOfThemStays() throws InterruptedException {
        String text = "x".repeat(LARGE);
        PythonExecutioner.exec("from decimal import Decimal");
        PythonExecutioner.setVariable("j", Python.function(Supplier.class, () -> Map.of(List.of(1), 1, "k", text)));
        echo(text);
        int before = Handles.count();
        for (int i = 0; i < 100; i++) {
            echo(List.of(text, new byte[LARGE]));
            // What cannot be packed to its end, what is refused after it, and what is never read.
            Object cyclic = Arrays.asList(text, new Object());
            assertThrows(PythonException.class, () -> Python.of(cyclic));
            assertThrows(PythonException.class, () -> PythonExecutioner.exec("y = x + 1",
                    List.of(new PythonVariable<>("x", PythonTypes.STR, text)), null));
            assertThrows(PythonException.class, () -> PythonExecutioner.exec("y = x",
                    List.of(new PythonVariable<>("__builtins__", PythonTypes.STR, "b"), new PythonVariable<>("x", PythonTypes.STR, text)), null));
            PythonVariable<String> y = new PythonVariable<>("y", PythonTypes.STR);
            PythonVariable<Long> z = new PythonVariable<>("z", PythonTypes.INT);
            assertThrows(PythonException.class, () -> PythonExecutioner.exec("y, z = x, x",
                    List.of(new PythonVariable<>("x", PythonTypes.STR, text)), List.of(y, z)));
            // A reply and an answer that cannot be read to their end, and a variable that is left out.
            assertThrows(PythonException.class,
                    () -> Python.eval("[Decimal('1E+9999999999'), [1, (x, 2.5)], 'x' * 20000]").toList());
            assertThrows(PythonException.class, () -> PythonExecutioner.exec("raise SystemExit(['x' * 20000, Decimal('NaN')])"));
            assertThrows(PythonException.class, () -> PythonExecutioner.exec("j()"));
            PythonExecutioner.exec("left_out = ['x' * 20000, Decimal('NaN')]");
            PythonExecutioner.getAllVariables();
        }
        // Objects and exceptions that Java has forgotten go when its collector has found them.
        long deadline = System.nanoTime() + 20_000_000_000L;
        do {
            System.gc();
            Thread.sleep(10);
            PythonExecutioner.exec("x = y = z = left_out = None");
        } while (Handles.count() > before && System.nanoTime() < deadline);
        assertTrue(Handles.count() <= before, () -> Handles.count() + " objects, before " + before);
    }

    /** Without compact Strings Java has two bytes for each character, and JNI's own functions have to do. */
    @Test
    void textIsExactInAJvmWithoutCompactStrings() throws Exception {
        Launch.Result result = Launch.of(Plain.class).checked().option("-XX:-CompactStrings").run();
        assertEquals("exact", result.out.trim(), result::toString);
    }

    /** While a text is read or written in its place no collector may move it: each has its own way to see to that. */
    @ParameterizedTest
    @ValueSource(strings = {"Serial", "Parallel", "G1"})
    void textIsExactWhileMemoryIsCollected(String collector) throws Exception {
        Launch.Result result = Launch.of(Collected.class).option("-XX:+Use" + collector + "GC").option("-Xmx96m").run();
        assertEquals("exact", result.out.trim(), result::toString);
    }

    static final class Collected {
        private Collected() {}

        public static void main(String[] arguments) {
            Thread garbage = new Thread(() -> {
                Object[] some = new Object[1 << 10];
                for (int i = 0; true; i++) {
                    some[i & some.length - 1] = new byte[1 << 13];
                }
            });
            garbage.setUncaughtExceptionHandler((thread, e) -> Runtime.getRuntime().halt(1));
            garbage.setDaemon(true);
            garbage.start();
            try (PythonGIL gil = PythonGIL.lock()) {
                long end = System.nanoTime() + 1_000_000_000L;
                for (int i = 0; System.nanoTime() < end; i++) {
                    String text = (i + "\ud83d\ude00").repeat(LARGE + i);
                    if (!text.equals(echo(text))) {
                        throw new AssertionError("a text of " + text.length());
                    }
                }
            }
            if (collections() == 0) {
                throw new AssertionError("no memory was collected");
            }
            System.out.println("exact");
        }

        private static long collections() {
            return ManagementFactory.getGarbageCollectorMXBeans().stream().mapToLong(GarbageCollectorMXBean::getCollectionCount).sum();
        }
    }

    static final class Plain {
        private Plain() {}

        public static void main(String[] arguments) {
            try (PythonGIL gil = PythonGIL.lock()) {
                for (String text : texts()) {
                    if (!text.equals(echo(text))) {
                        throw new AssertionError("a text of " + text.length());
                    }
                }
            }
            System.out.println("exact");
        }
    }
}
