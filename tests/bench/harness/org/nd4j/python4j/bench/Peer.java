// SPDX-License-Identifier: Apache-2.0
// What a library that is measured has to be able to do. One subclass for each of them; what is
// measured with these, and under which name, stands in Rows.
package org.nd4j.python4j.bench;

import java.util.List;
import java.util.function.LongUnaryOperator;
import java.util.function.ToIntFunction;

/**
 * One way from Java to Python. What a library has no counterpart of stays as it is here and throws
 * {@link NotOffered}; the table leaves it empty.
 *
 * <p>All calls come from the thread that called {@link #open}, except those of {@link #once}.
 */
public abstract class Peer {

    /** Defines what the rows call: a function, an object with an attribute and a method, a list. */
    protected static final String DEFINITIONS = String.join(
            "\n",
            "def f(a, b):",
            "    return a + b",
            "def p(x):",
            "    return x",
            "class Thing:",
            "    def __init__(self):",
            "        self.x = 7",
            "        self.y = 0.5",
            "        self.s = '0123456789'",
            "    def m(self):",
            "        return 7",
            "o = Thing()",
            "l = [1, 2, 7]",
            "mixed = [0.5, '0123456789']",
            "point = {'x': 7, 'y': 0.5, 's': '0123456789'}",
            "thousand = list(range(1000, 2000))",
            "");

    /** For a library without a receiver of lines, for {@link #printing}: {@code receive} is a function of Java. */
    protected static final String LINES = String.join(
            "\n",
            "import sys",
            "class Lines:",
            "    text = ''",
            "    def write(self, text):",
            "        self.text += text",
            "        if text.endswith('\\n'):",
            "            receive(self.text)",
            "            self.text = ''",
            "        return len(text)",
            "    def flush(self):",
            "        pass",
            "sys.stdout = Lines()",
            "");

    /** What Python has by reference in some rows. */
    public static final class Counter {
        public final long value = 7;

        public long add(long more) {
            return value + more;
        }
    }

    /** What the dict {@code point} says, for a library that knows no records. */
    protected static final class Point {
        final long x;
        final double y;
        final String s;

        protected Point(long x, double y, String s) {
            this.x = x;
            this.y = y;
            this.s = s;
        }
    }

    /** A function of Java's that takes what it gets. */
    @FunctionalInterface
    public interface Variadic {
        Object call(Object... arguments);
    }

    /** The library has nothing of the kind. */
    public static final class NotOffered extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** A step that is timed; its result is consumed. */
    @FunctionalInterface
    public interface Step {
        Object run() throws Exception;
    }

    /** The peer of that class. */
    public static Peer of(String className) throws ReflectiveOperationException {
        return (Peer) Class.forName(className).getDeclaredConstructor().newInstance();
    }

    /** Starts Python, enters it for good and runs {@link #DEFINITIONS}. */
    public abstract void open() throws Exception;

    /** In place of {@link #open}, for rows that are timed outside Python. */
    public void prepare() throws Exception {}

    /** Leaves Python. */
    public abstract void close() throws Exception;

    /** Enters and leaves once more, when nobody else wants to; {@link #open} was not called. */
    public Object lock() throws Exception {
        throw new NotOffered();
    }

    /** So many coroutines that return at once, submitted from outside, to their results. */
    public Step asyncSubmit(int count) throws Exception {
        throw new NotOffered();
    }

    /** A coroutine that awaits futures that are done, so many. */
    public Step asyncAwait(int count) throws Exception {
        throw new NotOffered();
    }

    /** So many ints of an asynchronous generator. */
    public Step asyncItems(int count) throws Exception {
        throw new NotOffered();
    }

    /** So many waits of 100 ms at once. */
    public Step asyncWaits(int count) throws Exception {
        throw new NotOffered();
    }

    /** So many processes with Python, in each of which a text has run; {@link #open} was not called. */
    Pool pool(int processes, String text) throws Exception {
        throw new NotOffered();
    }

    /** The same without any process at first, each of which is forked if there is a text. */
    Pool growing(String text) throws Exception {
        throw new NotOffered();
    }

    /** One process, which is replaced after each call. */
    Pool renewed() throws Exception {
        throw new NotOffered();
    }

    /** From any thread, which is outside Python: enters, runs a text, leaves. */
    public void once(String text) throws Exception {
        throw new NotOffered();
    }

    /** A function of the array of doubles that it is given, defined by a text: in two other processes, or in this one. */
    ToIntFunction<double[]> model(String environment, String text, String function, boolean here) throws Exception {
        throw new NotOffered();
    }

    /** Runs a text. */
    public Object exec(String text) throws Exception {
        throw new NotOffered();
    }

    /** Runs a text that was not run before. */
    public Object execNew(String text) throws Exception {
        return exec(text);
    }

    /** Ready to run a text many times, if the library has more for that than {@link #exec}. */
    public Step compiled(String text) throws Exception {
        throw new NotOffered();
    }

    /** Sets x and y, runs {@code z = x + y}, reads z. */
    public long ints(long x, long y) throws Exception {
        throw new NotOffered();
    }

    /** The same with what {@link #compiled} uses. */
    public Ints compiledInts() throws Exception {
        throw new NotOffered();
    }

    /** A sum. */
    @FunctionalInterface
    public interface Ints {
        long sum(long x, long y) throws Exception;
    }

    /** Sets s, runs {@code t = s}, reads t. */
    public Object echo(Object value) throws Exception {
        throw new NotOffered();
    }

    /** Sets v to a value that is Python's own through and through. */
    public Object put(Object value) throws Exception {
        throw new NotOffered();
    }

    /** Reads v as a value that is Java's own through and through. */
    public Object get(Class<?> type) throws Exception {
        throw new NotOffered();
    }

    /** Calls f as an object with two ints; the result as a long. */
    public long call(long a, long b) throws Exception {
        throw new NotOffered();
    }

    /** The same with what the library has for calling one function many times. */
    public Ints callable() throws Exception {
        throw new NotOffered();
    }

    /** Reads o.x as a long. */
    public long attribute() throws Exception {
        throw new NotOffered();
    }

    /** Reads l[2] as a long. */
    public long item() throws Exception {
        throw new NotOffered();
    }

    /** Reads o.y. */
    public double attributeDouble() throws Exception {
        throw new NotOffered();
    }

    /** Reads o.s. */
    public String attributeText() throws Exception {
        throw new NotOffered();
    }

    /** Reads mixed[0]. */
    public double itemDouble() throws Exception {
        throw new NotOffered();
    }

    /** Reads mixed[1]. */
    public String itemText() throws Exception {
        throw new NotOffered();
    }

    /** Sums up the list thousand, element by element. */
    public long iterate() throws Exception {
        throw new NotOffered();
    }

    /** Makes a list of Java's known to Python as {@code r}, in place. */
    public void reference(List<Object> list) throws Exception {
        throw new NotOffered();
    }

    /** Runs through {@code r}. */
    public Object walk() throws Exception {
        return exec("for e in r: pass");
    }

    /** Makes an object of Java's known to Python as {@code q}, in place. */
    public void referTo(Counter counter) throws Exception {
        throw new NotOffered();
    }

    public Object referenceAttribute() throws Exception {
        return exec("x = q.value");
    }

    public Object referenceMethod() throws Exception {
        return exec("x = q.add(1)");
    }

    /** The Python function p as a Java interface. */
    public LongUnaryOperator proxy() throws Exception {
        throw new NotOffered();
    }

    /** Reads the dict point as an object with three fields. */
    public Object record() throws Exception {
        throw new NotOffered();
    }

    /** Reads the variable v, a list of ints, as a long[]. */
    public Object longArray() throws Exception {
        throw new NotOffered();
    }

    /** Reads the variable v, a dict, as a map of which the types of keys and values are looked at. */
    public Object typedMap() throws Exception {
        throw new NotOffered();
    }

    /** From now on a line that Python prints goes to a receiver in Java. */
    public void printing() throws Exception {
        throw new NotOffered();
    }

    /** What the documentation shows: as {@link #echo}, by single calls, with what is made in between given back. */
    public String pattern(String text) throws Exception {
        return (String) echo(text);
    }

    /** The same from outside Python, in one call; {@link #open} was not called. */
    public String patternOutside(String text) throws Exception {
        throw new NotOffered();
    }

    /** Calls o.m(); the result as a long. */
    public long method() throws Exception {
        throw new NotOffered();
    }

    /** Runs a text that raises; the exception as Java has it. */
    public Exception error(String text) throws Exception {
        throw new NotOffered();
    }

    /** Makes a Java function of one int known to Python as {@code j}, for a text to call. */
    public void callback() throws Exception {
        throw new NotOffered();
    }

    /** The same with a function from text to text. */
    public void callbackText() throws Exception {
        throw new NotOffered();
    }

    /** The same with one that takes any arguments. */
    public void callbackAny() throws Exception {
        throw new NotOffered();
    }

    /** Makes another namespace current. */
    public Object context(String name) throws Exception {
        throw new NotOffered();
    }

    /** Makes an object of Python's and forgets it, in a frame that ends or without one. */
    public Object object(boolean framed) throws Exception {
        throw new NotOffered();
    }

    /** An array of doubles made in Java, for {@link #putArray}. */
    public Object array(int length) throws Exception {
        throw new NotOffered();
    }

    /** Hands an array over as v. */
    public Object putArray(Object array) throws Exception {
        throw new NotOffered();
    }

    /** An array of so many doubles, filled by Java, which Python sums up in each step. */
    public Step arraySum(int length) throws Exception {
        throw new NotOffered();
    }

    /** Takes v, a numpy array, over. */
    public Object getArray() throws Exception {
        throw new NotOffered();
    }

    /** What the library that arrays come from takes to make one of memory that is there, without Python. */
    public Step arrayAlone() throws Exception {
        throw new NotOffered();
    }

    /** What is done with a table of so many rows, see {@link Rows}. */
    public Step table(String what, int rows) throws Exception {
        throw new NotOffered();
    }

    /** From any thread, which is outside Python: enters, runs {@code x = 1}, leaves. */
    public void once() throws Exception {
        throw new NotOffered();
    }

    /** Called by each thread that calls {@link #once}, before and after. */
    public void enterThread() throws Exception {}

    public void leaveThread() throws Exception {}

    /** A list of values, for subclasses that have to make one. */
    protected static List<Object> listOf(Object... values) {
        return java.util.Arrays.asList(values);
    }
}
