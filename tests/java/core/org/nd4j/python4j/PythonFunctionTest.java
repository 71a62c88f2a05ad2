// SPDX-License-Identifier: Apache-2.0
// Java functions in Python's hands: which interfaces, which arguments, what comes back, who may call.
// Objects by reference: PythonReferenceTest.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntBinaryOperator;
import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.nd4j.python4j.internal.start.NativeLoader;
import org.nd4j.python4j.internal.jni.Callbacks;

@ExtendWith(InPython.class)
class PythonFunctionTest {

    private static void set(String name, PythonObject value) {
        PythonExecutioner.setVariable(name, value);
    }

    private static String text(String expression) {
        return Expect.text(expression);
    }

    @FunctionalInterface
    interface Weighing {
        String weigh(int grams, float factor, List<Integer> parts, TimeUnit unit, Map<String, Duration> times);
    }

    @FunctionalInterface
    interface Handler {
        String handle(PythonObject event, Function<Long, Long> twice, Object... rest);
    }

    /** Two functional interfaces: only by name. */
    static final class Both implements Runnable, Supplier<String> {
        @Override
        public void run() {}

        @Override
        public String get() {
            return "got";
        }
    }

    /** Two operators on longs: as which one it is handed over decides what it takes. */
    static final class Operators implements LongUnaryOperator, LongBinaryOperator {
        @Override
        public long applyAsLong(long x) {
            return -x;
        }

        @Override
        public long applyAsLong(long x, long y) {
            return x * y;
        }
    }

    /** From Java 18 on reflection loses that exception. */
    @Test
    void aLambdaOfOtherTypesSaysWhatItCannotTake() {
        Function<java.util.UUID, Object> own = id -> id.version();
        set("f", Python.function(own));
        String message = assertThrows(ClassCastException.class, () -> PythonExecutioner.exec("f('text')")).getMessage();
        assertTrue(message.contains("java.lang.String"), message);
    }

    @Test
    void intsThatNeedNoPackingAreTheSameAsOthers() {
        set("negated", Python.function(LongUnaryOperator.class, new Operators()));
        set("product", Python.function(LongBinaryOperator.class, new Operators()));
        PythonFunction given = (arguments, named) -> arguments + " " + named;
        set("given", Python.function(given));
        assertEquals("(-7, 9223372036854775807, -9223372036854775808)",
                text("(negated(7), negated(-2**63 + 1), product(2**62, -2))"));
        assertEquals("[1] {}, [1, 2] {}, [true] {}, [9223372036854775808] {}, [1, 2.5] {}, [1, 2, 3] {}, [1] {x=2}",
                Python.eval("', '.join([given(1), given(1, 2), given(True), given(2**63), given(1, 2.5), given(1, 2, 3), given(1, x=2)])")
                        .toString());
        set("lowest", Python.function((LongUnaryOperator) x -> Long.MIN_VALUE));
        set("nothing", Python.function((PythonFunction) (arguments, named) -> null));
        assertEquals("(-9223372036854775808, None)", text("(lowest(1), nothing(1))"));
        for (String wrong : Arrays.asList("negated(2**63)", "negated(1, 2)", "product(1)", "negated('1')")) {
            PythonException refused = assertThrows(PythonException.class, () -> Python.eval(wrong), wrong);
            assertEquals("TypeError", refused.getPythonClass(), wrong);
        }
        set("fails", Python.function((LongUnaryOperator) x -> {
            throw new IllegalStateException("no " + x);
        }));
        assertEquals("no 7", assertThrows(IllegalStateException.class, () -> Python.eval("fails(7)")).getMessage());
        set("again", Python.function((LongUnaryOperator) x -> x == 0 ? 0 : 1 + Python.eval("again(" + (x - 1) + ")").toLong()));
        assertEquals("20", text("again(20)"), "calls within calls");
    }

    @Test
    void textsThatNeedNoPackingAreTheSameAsOthers() {
        List<String> seen = new ArrayList<>();
        Function<String, Object> echo = text -> {
            seen.add(text);
            return text;
        };
        set("echo", Python.function(echo));
        String longest = String.join("", Collections.nCopies(64, "a"));
        List<String> texts = Arrays.asList("", "a", "a b", longest, longest + "b", "\0", "a\0b", "\u00e9", "\ud83d\ude00", "\ud83d", "\u007f");
        for (String text : texts) {
            set("given", Python.of(text));
            assertEquals("True", text("echo(given) == given"), text);
        }
        assertEquals(texts, seen);
        set("makes", Python.function((Function<String, Object>) text -> text.isEmpty() ? null : text.length() > 1 ? List.of(text) : text + "\u00e9"));
        assertEquals("(None, ['ab'], 'a\u00e9')", text("(makes(''), makes('ab'), makes('a'))"));
        set("fails", Python.function((Function<String, String>) text -> text.substring(9)));
        assertThrows(StringIndexOutOfBoundsException.class, () -> Python.eval("fails('short')"));
    }

    @Test
    void theInterfacesOfTheJdk() {
        List<Object> seen = new ArrayList<>();
        Function<Long, Long> next = n -> n + 1;
        BiFunction<String, String, String> join = (a, b) -> a + b;
        Supplier<List<Integer>> supply = () -> Arrays.asList(1, 2);
        Consumer<Object> consume = seen::add;
        Predicate<String> empty = String::isEmpty;
        Runnable run = () -> seen.add("ran");
        Callable<String> call = () -> "called";
        Comparator<Long> down = Comparator.reverseOrder();
        set("next_", Python.function(next));
        set("join", Python.function(join));
        set("supply", Python.function(supply));
        set("consume", Python.function(consume));
        set("empty", Python.function(empty));
        set("run", Python.function(run));
        set("call", Python.function(call));
        set("down", Python.function((Object) down));
        assertEquals("42", text("next_(41)"));
        assertEquals("ab", text("join('a', 'b')"));
        assertEquals("[1, 2]", text("supply()"));
        assertEquals("None", text("consume({'a': (1, None)})"));
        assertEquals("None", text("run()"));
        assertEquals(Arrays.asList(Collections.singletonMap("a", Arrays.asList(1L, null)), "ran"), seen);
        assertEquals("True", text("empty('')"));
        assertEquals("called", text("call()"));
        assertEquals("[3, 2, 1]", text("__import__('functools') and sorted([1, 3, 2], key=__import__('functools').cmp_to_key(down))"));
        assertEquals("(True, '<java function apply>', 'apply')", text("(callable(join), repr(join), join.__name__)"));
    }

    @Test
    void aLambdaInPlace() {
        set("most", Python.function(IntBinaryOperator.class, (a, b) -> Math.max(a, b)));
        assertEquals("7", text("most(7, 3)"));
        set("any", Python.function((args, named) -> args + " " + named));
        assertEquals("[1, x] {k=[2.5]}", text("any(1, 'x', k=[2.5])"));
        assertEquals("[] {}", text("any()"));
        set("by_class", Python.function(PythonFunction.class, (args, named) -> args.size()));
        assertEquals("2", text("by_class(1, 2)"));
    }

    @Test
    void argumentsBecomeWhatTheMethodTakes() {
        Weighing weighing = (grams, factor, parts, unit, times) -> {
            Integer first = parts.get(0); // an Integer indeed
            return grams * factor + " " + first + " " + unit + " " + times;
        };
        set("weigh", Python.function(weighing));
        PythonExecutioner.exec("from datetime import timedelta");
        assertEquals("3.0 9 SECONDS {a=PT1.5S}", text("weigh(2, 1.5, (9, 8), 'SECONDS', {'a': timedelta(seconds=1.5)})"));
        assertTrue(Expect.failureWith("TypeError: weigh(): Could not convert value to int: 1.5",
                () -> Python.eval("weigh(1.5, 1, [], 'DAYS', {})")).getPythonClass().equals("TypeError"));
        Expect.failureWith("TypeError: weigh(): Could not convert value to int: 4294967296",
                () -> Python.eval("weigh(2**32, 1, [], 'DAYS', {})"));
        Expect.failureWith("TypeError: weigh() takes 5 arguments, 1 arguments were given", () -> Python.eval("weigh(1)"));
    }

    @Test
    void aMethodThatTakesObjectsAndFunctionsGetsThem() {
        AtomicReference<PythonObject> kept = new AtomicReference<>();
        Handler handler = (event, twice, rest) -> {
            kept.set(event);
            try (PythonGIL gil = PythonGIL.lock()) {
                return event.attr("name") + " " + twice.apply(21L) + " " + rest.length;
            }
        };
        set("handle", Python.function(handler));
        PythonExecutioner.exec("class Event:\n    name = 'click'\nevent = Event()");
        assertEquals("click 42 0", text("handle(event, lambda n: n * 2)"));
        assertEquals("click 42 2", text("handle(event, lambda n: n * 2, 'a', [1])"));
        set("again", kept.get());
        assertEquals("True", text("again is event"));
    }

    @Test
    void namedArguments() {
        BiFunction<Object, Map<String, Object>, Object> nothing = (a, named) -> a + " " + named;
        set("erased", Python.function(nothing)); // its type arguments are not known at run time
        Expect.failureWith("TypeError", () -> Python.eval("erased(1, x=2)"));
        set("f", Python.function(WithNames.class, (a, named) -> a + " " + named));
        assertEquals("1 {x=2}", text("f(1, x=2)"));
        assertEquals("1 {y=3}", text("f(1, {'y': 3})"));
        Expect.failureWith("TypeError", () -> Python.eval("f(x=2)"));
    }

    interface WithNames {
        Object call(long first, Map<String, Object> named);
    }

    @Test
    void whatIsNotOneFunctionIsRefused() {
        Expect.failureWith("implements no functional interface", () -> Python.function((Object) "text"));
        Expect.failureWith("implements no functional interface", () -> Python.function(new ArrayList<>()));
        Expect.failureWith("implements several functional interfaces", () -> Python.function(new Both()));
        Expect.failureWith("is no functional interface", () -> Python.function(List.class, new ArrayList<>()));
        set("get", Python.function(Supplier.class, new Both()));
        assertEquals("got", text("get()"));
    }

    @Test
    void aFunctionThatComesBackIsTheSameObject() {
        Function<Long, Long> f = n -> n;
        PythonFunction g = (args, named) -> null;
        set("f", Python.function(f));
        set("g", Python.function(g));
        List<Object> seen = new ArrayList<>();
        set("see", Python.function((args, named) -> seen.add(args)));
        PythonExecutioner.exec("see(f, [g], {'f': f})");
        List<?> args = (List<?>) seen.get(0);
        assertSame(f, args.get(0));
        assertSame(g, ((List<?>) args.get(1)).get(0));
        assertSame(f, ((Map<?, ?>) args.get(2)).get("f"));
        PythonExecutioner.exec("both = [f, g]");
        List<?> both = (List<?>) PythonExecutioner.getVariable("both", PythonTypes.LIST).getValue();
        assertSame(f, both.get(0));
        assertSame(g, both.get(1));
    }

    @Test
    void exceptionsCrossBothWays() throws Exception {
        java.io.IOException io = new java.io.IOException("disk");
        set("fails", Python.function(Callable.class, () -> {
            throw io;
        }));
        PythonExecutioner.exec("try:\n    fails()\nexcept Exception as e:\n    said = str(e), e.java_class\n    del e");
        assertEquals("('java.io.IOException: disk', 'java.io.IOException')", text("said"));
        assertSame(io, assertThrows(Throwable.class, () -> PythonExecutioner.exec("fails()")));
        set("passes", Python.function(Callable.class, () -> Python.eval("{}['k']")));
        PythonExecutioner.exec("try:\n    passes()\nexcept KeyError as e:\n    said = e.args");
        assertEquals("('k',)", text("said"));
        Expect.failure("KeyError: 'k'", () -> PythonExecutioner.exec("passes()"));
    }

    @Test
    void anyThreadMayCall() {
        AtomicInteger sum = new AtomicInteger();
        set("add", Python.function(Consumer.class, n -> sum.addAndGet(((Long) n).intValue())));
        PythonExecutioner.exec("import threading\n"
                + "threads = [threading.Thread(target=lambda: [add(1) for _ in range(100)]) for _ in range(8)]\n"
                + "for t in threads: t.start()\nfor t in threads: t.join()");
        assertEquals(800, sum.get());
    }

    @Test
    void javaAndPythonCallEachOtherFiftyDeep() {
        AtomicInteger deepest = new AtomicInteger();
        set("down", Python.function(Function.class, n -> {
            deepest.accumulateAndGet(((Long) n).intValue(), Math::max);
            return (Long) n < 50 ? Python.eval("down(" + ((Long) n + 1) + ")") : n;
        }));
        assertEquals("50", text("down(1)"));
        assertEquals(50, deepest.get());
    }

    @Test
    void functionsAreValuesForPythonOf() {
        Function<Long, Long> twice = n -> 2 * n;
        set("table", Python.of(Collections.singletonMap("twice", twice)));
        assertEquals("8", text("table['twice'](4)"));
        assertSame(twice, assertInstanceOf(Map.class, Python.eval("table").toJava(Object.class)).get("twice"));
    }

    @Test
    void weakReferencesAndAttributesDoNotHurt() {
        try (PythonObject f = Python.function((args, named) -> null)) {
            set("f", f);
        }
        PythonExecutioner.exec("import weakref, inspect\nr = weakref.ref(f)\nassert r() is f\n"
                + "table = {f: 1}\nassert table[f] == 1\ntry:\n    f.x = 1\nexcept AttributeError:\n    pass\n"
                + "try:\n    type(f)()\nexcept TypeError:\n    pass\ndel f, table\nassert r() is None");
    }

    @Test
    void nothingIsHeldThatPythonHasDropped() {
        PythonExecutioner.exec("pass");
        PythonReferenceTest.settle();
        int before = Callbacks.count();
        for (int i = 0; i < 100; i++) {
            try (PythonObject f = Python.function((args, named) -> args)) {
                set("f", f);
                PythonExecutioner.exec("f(f, lambda: f)");
            }
        }
        PythonExecutioner.exec("del f");
        PythonReferenceTest.settle();
        assertTrue(Callbacks.count() <= before + 1, Callbacks.count() + " after " + before);
    }

    @Test
    void aFunctionThatWasCalledIsCollectedOncePythonHasDroppedIt() throws Exception {
        WeakReference<Object> gone = called();
        PythonExecutioner.exec("del f");
        for (int i = 0; i < 200 && gone.get() != null; i++) {
            System.gc();
            Thread.sleep(10);
            PythonExecutioner.exec("pass"); // gives back what Java has forgotten
        }
        assertNull(gone.get());
    }

    private static WeakReference<Object> called() {
        long[] calls = {0};
        LongUnaryOperator function = x -> x + calls[0]++;
        try (PythonObject f = Python.function(LongUnaryOperator.class, function)) {
            set("f", f);
        }
        PythonExecutioner.exec("assert [f(1), f(1), f(1)] == [1, 2, 3]");
        return new WeakReference<>(function);
    }

    @Test
    void aCallThatTheJvmItselfFailsSaysWhy() throws Exception {
        String[] heard = ChildJvm.output("callsBackInVain", "-Xmx64m").split("\n");
        assertEquals("java.lang.OutOfMemoryError: Java heap space", heard[0]);
        if (!NativeLoader.platform().equals("linux-x86_64")) { // elsewhere the smallest stack is enough
            assertEquals("[]", heard[1]);
        } else {
            assertTrue(heard[1].contains("could not attach this thread") && heard[1].contains("threading.stack_size"), heard[1]);
        }
    }
}
