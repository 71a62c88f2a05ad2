// SPDX-License-Identifier: Apache-2.0
// A function that is bound once and called many times. Arguments, call and result cross in one native call, and
// a value is not boxed where its Java type is known. PythonObject.call returns an object instead.
package org.nd4j.python4j;

import java.lang.ref.Reference;
import java.util.Objects;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.jni.Operator;
import org.nd4j.python4j.internal.jni.Pack;
import org.nd4j.python4j.internal.jni.PackReader;
import org.nd4j.python4j.internal.monitor.Monitor;
import org.nd4j.python4j.internal.turn.Stopper;

/**
 * A Python function, or any other callable object, that is bound once for many calls.
 *
 * <pre>{@code
 * try (PythonGIL gil = PythonGIL.lock(); PythonCallable power = PythonCallable.of("pow")) {
 *     long kilo = power.callLong(2, 10);
 * }
 * }</pre>
 *
 * <p>It holds a reference to the function of its own, which does not depend on the variable or the {@link PythonGC}
 * frame that the function came from. {@link #close} releases the reference; otherwise it is released some time after
 * this object is unreachable. All methods need a turn of {@link PythonGIL}; any thread may call them. If Python raises
 * an exception, they throw a {@link PythonException} as {@link PythonObject} does.
 */
public final class PythonCallable implements AutoCloseable {

    private static final int FEW = 3; // as many as objectCallFew takes

    private final PythonObject function;

    private PythonCallable(PythonObject function) {
        this.function = function;
    }

    /**
     * Evaluates an expression in the current context to a callable. The expression is usually the name of a function.
     *
     * @throws PythonException if the expression fails, its value cannot be called, or the thread has no turn
     */
    public static PythonCallable of(String expression) {
        try (PythonGIL turn = PythonGIL.enter()) {
            PythonObject value = PythonExecutioner.eval(expression);
            try {
                return of(value);
            } finally {
                value.del();
            }
        }
    }

    /**
     * An object as a callable.
     *
     * @throws PythonException if it cannot be called, or the thread has no turn
     */
    public static PythonCallable of(PythonObject function) {
        try (PythonGIL turn = PythonGIL.enter()) {
            if (!PythonObject.test(Operator.CALLABLE, function)) {
                throw new PythonException("Object is not callable: " + function);
            }
            return new PythonCallable(PythonObject.unframed(function));
        }
    }

    /**
     * Calls the function with any values that {@link Python#of} takes; null is None.
     *
     * @return the result, converted like an element of a list, to the Java type that fits its Python type; null for
     *     None
     * @throws PythonException if the function raises, or an argument or the result has no counterpart in the other
     *     language
     */
    public Object call(Object... arguments) {
        return call(Pack.Wanted.ANY, arguments);
    }

    /**
     * Calls the function and converts the result to a given type.
     *
     * @throws PythonException if the function raises, an argument cannot be converted, or the result is not of that
     *     type
     */
    @SuppressWarnings("unchecked") // a type's converter gives its own Java type
    public <T> T callAs(PythonType<T> type, Object... arguments) {
        Objects.requireNonNull(type);
        Object result = call(type.wanted(), arguments);
        return type.wanted() == Pack.Wanted.OBJECT ? type.toJava((PythonObject) result) : (T) result;
    }

    /**
     * Calls the function with ints as arguments, or without arguments, for an int as its result.
     *
     * @throws PythonException if the function raises, or the result is not an int of at most 64 bits
     */
    public long callLong(long... arguments) {
        int count = arguments.length;
        if (count <= FEW) {
            return few(count, count > 0 ? arguments[0] : 0, count > 1 ? arguments[1] : 0,
                    count > 2 ? arguments[2] : 0, Pack.Wanted.INT);
        }
        Pack pack = Pack.take();
        try {
            pack.u32(arguments.length);
            for (long argument : arguments) {
                pack.integer(argument);
            }
            return word(pack, Pack.Wanted.INT);
        } finally {
            pack.giveBack();
        }
    }

    /**
     * Calls the function with floats as arguments, or without arguments, for a float as its result.
     *
     * @throws PythonException if the function raises, or the result is not a number
     */
    public double callDouble(double... arguments) {
        int count = arguments.length;
        if (count <= FEW) {
            return Double.longBitsToDouble(few(count, bits(count > 0 ? arguments[0] : 0),
                    bits(count > 1 ? arguments[1] : 0), bits(count > 2 ? arguments[2] : 0), Pack.Wanted.FLOAT));
        }
        Pack pack = Pack.take();
        try {
            pack.u32(arguments.length);
            for (double argument : arguments) {
                pack.number(argument);
            }
            return Double.longBitsToDouble(word(pack, Pack.Wanted.FLOAT));
        } finally {
            pack.giveBack();
        }
    }

    /**
     * Calls the function with texts as arguments, or without arguments, and returns {@code str(result)}.
     *
     * @throws PythonException if the function raises
     */
    public String callString(String... arguments) {
        return (String) call(Pack.Wanted.STR, (Object[]) arguments);
    }

    /** Releases the function. A second call does nothing. */
    @Override
    public void close() {
        function.del();
    }

    private Object call(int wanted, Object... arguments) {
        Object[] values = arguments == null ? new Object[1] : arguments; // a null alone is None, as in PythonObject.call
        Pack pack = Pack.take().wide();
        Object event = Monitor.callBegins();
        Stopper.Slot slot = Stopper.slot();
        long outer = slot.begin();
        try (PythonGIL turn = PythonGIL.enter()) {
            pack.u32(values.length);
            for (Object argument : values) {
                pack.value(argument);
            }
            long frame = PythonGC.frame();
            byte[] reply = Native.objectCall(
                    function.handle(), pack.buffer(), pack.length(), wanted, frame, slot.call());
            PackReader reader = pack.reader(reply, frame);
            return wanted == Pack.Wanted.OBJECT ? reader.value() : reader.finish(reader.value());
        } finally {
            slot.end(outer);
            Monitor.callEnds(event, function);
            pack.giveBack();
            Reference.reachabilityFence(this);
        }
    }

    private static long bits(double value) {
        return Double.doubleToRawLongBits(value);
    }

    /** So few arguments need no buffer. */
    private long few(int count, long a, long b, long c, int wanted) {
        Object event = Monitor.callBegins();
        Stopper.Slot slot = Stopper.slot();
        long outer = slot.begin();
        try (PythonGIL turn = PythonGIL.enter()) {
            return Native.objectCallFew(function.handle(), count, a, b, c, wanted, slot.call());
        } finally {
            slot.end(outer);
            Monitor.callEnds(event, function);
            Reference.reachabilityFence(this);
        }
    }

    private long word(Pack pack, int wanted) {
        Object event = Monitor.callBegins();
        Stopper.Slot slot = Stopper.slot();
        long outer = slot.begin();
        try (PythonGIL turn = PythonGIL.enter()) {
            return Native.objectCallWord(function.handle(), pack.buffer(), pack.length(), wanted, slot.call());
        } finally {
            slot.end(outer);
            Monitor.callEnds(event, function);
            Reference.reachabilityFence(this);
        }
    }
}
