// SPDX-License-Identifier: Apache-2.0
// A Python object as Java holds it: a handle, never an address. The file object.rs implements its operations.
// PythonGC and Handles decide when the object is released.
package org.nd4j.python4j;

import java.lang.ref.Reference;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.cpython.PyObject;
import org.nd4j.python4j.internal.convert.Conversion;
import org.nd4j.python4j.internal.convert.Names;
import org.nd4j.python4j.internal.convert.ProxyHandler;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Handles;
import org.nd4j.python4j.internal.jni.Name;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.jni.Operator;
import org.nd4j.python4j.internal.jni.Pack;
import org.nd4j.python4j.internal.jni.PackReader;
import org.nd4j.python4j.internal.jni.Tag;
import org.nd4j.python4j.internal.jni.Told;
import org.nd4j.python4j.internal.start.Bindings;
import org.nd4j.python4j.internal.monitor.Monitor;
import org.nd4j.python4j.internal.turn.Stopper;

/**
 * A Python object.
 *
 * <p>A {@code PythonObject} holds a reference to the object. The reference is released by {@link #del}, by the {@link
 * PythonGC} frame in which it was created, or after Java can no longer reach it. Every use after its frame was closed
 * throws a {@link PythonException}. After {@code del()}, and for a variable that does not exist, it holds no object:
 * {@link #isNone} is true, {@link #toString} returns {@code <NULL>}, and all other methods throw a {@code
 * PythonException}.
 *
 * <p>All methods need a turn of {@link PythonGIL}, unless they say otherwise. If Python raises an exception, they throw
 * a {@code PythonException} with the text {@code TypeName: message}, and no error stays pending in Python. Two {@code
 * PythonObject}s of one Python object are not equal.
 *
 * @see <a href="https://github.com/python4j/python4j/blob/main/docs/glossary.md#handle">handle</a>
 */
public class PythonObject implements AutoCloseable, Iterable<PythonObject> {

    private static final int FEW = 3; // as many as objectCallObjectFew takes

    private long handle; // 0 for no object
    private long frame; // see PythonGC.isNone
    private PythonGC within; // the frame's, if the thread has it open
    boolean kept; // by PythonGC.keep, or read from something that is
    private byte known = Tag.MISSING; // the tag of the value, if that came with the handle: it needs no call
    private long word; // an int, or the bits of a float
    private String text;

    /** Takes over a handle that belongs to a frame, or to none. */
    PythonObject(long handle, long frame) {
        hold(handle, frame);
    }

    /**
     * Wraps an object that a function of JavaCPP returned.
     *
     * @param nativePythonObject the object; null makes no object, see above
     * @param owned whether this object takes over the caller's reference; otherwise it adds its own reference
     * @throws PythonException if the thread has no turn
     */
    public PythonObject(PyObject nativePythonObject, boolean owned) {
        long address = Bindings.address(nativePythonObject);
        if (address != 0) {
            try (PythonGIL turn = PythonGIL.enter()) {
                long current = PythonGC.frame();
                hold(Native.handleAdopt(address, owned, current), current);
            } finally {
                Reference.reachabilityFence(nativePythonObject);
            }
        }
    }

    /**
     * Wraps an object that a function of JavaCPP returned, and takes over the caller's reference, like {@code
     * PythonObject(nativePythonObject, true)}.
     *
     * @param nativePythonObject the object; null makes no object, see above
     * @throws PythonException if the thread has no turn
     */
    public PythonObject(PyObject nativePythonObject) {
        this(nativePythonObject, true);
    }

    /**
     * Converts a Java value to a Python object, see {@link PythonTypes#convert}; null is None.
     *
     * @throws PythonException if the value cannot be converted
     */
    public PythonObject(Object javaObject) {
        try (PythonGIL turn = PythonGIL.enter()) {
            long current = PythonGC.frame();
            hold(operate(Operator.IDENTITY, current, javaObject), current);
        }
    }

    /** The same, with the value that was told of it if `left` of that call was not -1. */
    private PythonObject(long handle, long frame, long left) {
        if (left == -1) {
            hold(handle, frame);
            return;
        }
        known = (byte) Told.tag();
        word = Told.word();
        text = known == Tag.STR ? Told.text() : null;
        if (PythonGC.isNone(frame)) {
            this.handle = handle;
            this.frame = frame;
            Handles.addYoung(this, handle, young());
        } else {
            hold(handle, frame);
        }
    }

    private byte young() {
        return known == Tag.MISSING ? Handles.YOUNG_OBJECT : Handles.YOUNG_VALUE;
    }

    /** What a call that makes an object gives back; -1 for a thread that others may come before, so that it has no value told. */
    private static long left() {
        return PythonGIL.isKept() ? Handles.takeLeft() : -1;
    }

    /** Whether its value is known to be of that kind. The thread has the turn, and the object is not gone. */
    private boolean knows(int tag) {
        return known == tag && handle != 0 && PythonGIL.isMine() && PythonGIL.isReady()
                && (PythonGC.isNone(frame) || within != null && within.isOpen());
    }

    private void hold(long handle, long frame) {
        this.handle = handle;
        this.frame = frame;
        boolean none = PythonGC.isNone(frame);
        this.within = none ? null : PythonGC.frame(frame);
        if (none && handle != 0) {
            Handles.Late.add(this, handle);
        }
    }

    /**
     * JavaCPP's view of the object, for the functions of {@code org.bytedeco.cpython.global.python}. It is valid as
     * long as this {@code PythonObject} holds the object, and has no reference of its own.
     *
     * @return the view; null if this holds no object
     * @throws PythonException if the object was released, or the thread has no turn
     */
    public PyObject getNativePythonObject() {
        if (handle == 0) {
            return null;
        }
        try (PythonGIL turn = PythonGIL.enter()) {
            return Bindings.pyObject(Native.handleAddress(handle));
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** Python's {@code str(object)}; {@code <NULL>} for no object. */
    @Override
    public String toString() {
        if (handle == 0) {
            return "<NULL>";
        }
        return knows(Tag.STR) ? text : (String) convert(Pack.Wanted.STR);
    }

    /** Whether this is None or holds no object. This method needs a turn only if this holds an object. */
    public boolean isNone() {
        if (handle == 0) {
            return true;
        }
        try (PythonGIL turn = PythonGIL.enter()) {
            return knows(Tag.NONE) || Handles.isNone(handle);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** Releases the object now. Afterwards this holds no object. A second call does nothing. */
    public void del() {
        if (handle == 0) {
            return;
        }
        try (PythonGIL turn = PythonGIL.enter()) {
            cancelLate();
            try {
                if (known == Tag.MISSING || !PythonGIL.isKept() || !Handles.leave(handle)) {
                    Native.handleDrop(handle);
                }
            } catch (PythonException e) { // a panic of ours
                hold(handle, frame);
                throw e;
            }
            handle = 0;
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /**
     * Calls the object.
     *
     * @param args a list or tuple with the arguments; null for none
     */
    public PythonObject callWithArgs(PythonObject args) {
        return callWith(args, null);
    }

    /**
     * Calls the object.
     *
     * @param kwargs a dict with the arguments by name; null for none
     */
    public PythonObject callWithKwargs(PythonObject kwargs) {
        return callWith(null, kwargs);
    }

    /**
     * Calls the object.
     *
     * @param args a list or tuple with the arguments; null for none
     * @param kwargs a dict with the arguments by name; null for none
     */
    public PythonObject callWithArgsAndKwargs(PythonObject args, PythonObject kwargs) {
        return callWith(args, kwargs);
    }

    /** Calls the object with values as {@link Python#of} takes them; null is None. */
    public PythonObject call(Object... args) {
        try (PythonGIL turn = PythonGIL.enter()) {
            long current = PythonGC.frame();
            long left = left();
            return new PythonObject(called(current, args == null ? new Object[1] : args, left), current, left);
        }
    }

    /** Calls the object with values as {@link Python#of} takes them; a list that is null means no arguments. */
    @SuppressWarnings("rawtypes")
    public PythonObject callWithArgs(List args) {
        return callWith(args, null);
    }

    /** Calls the object with named values as {@link Python#of} takes them; a map that is null means no arguments. */
    @SuppressWarnings("rawtypes")
    public PythonObject callWithKwargs(Map kwargs) {
        return callWith(null, Names.asInPython(kwargs));
    }

    /**
     * Calls the object with positional and named values as {@link Python#of} takes them; a list or map that is null
     * means no arguments of that kind.
     */
    @SuppressWarnings("rawtypes")
    public PythonObject callWithArgsAndKwargs(List args, Map kwargs) {
        return callWith(args, Names.asInPython(kwargs));
    }

    private PythonObject callWith(Object args, Object kwargs) {
        return apply(Operator.CALL, this, args == null ? Collections.emptyList() : args, kwargs);
    }

    /** Python's {@code object.name}. */
    public PythonObject attr(String attr) {
        Objects.requireNonNull(attr);
        Stopper.Slot slot = Stopper.slot();
        long outer = slot.begin();
        try (PythonGIL turn = PythonGIL.enter()) {
            long object = handle();
            Name name = Name.ofAttribute(attr);
            PythonGC current = PythonGC.frameOf(this);
            long left = left();
            long part = Native.objectAttribute(object, name.handle(), PythonGC.id(current), slot.call(), left);
            Reference.reachabilityFence(name);
            return part(part, current, left);
        } finally {
            slot.end(outer);
            Reference.reachabilityFence(this);
        }
    }

    /**
     * The value of an {@code int}, or of what Python takes as one.
     *
     * @throws PythonException if the object is not an integer, or has more than 32 bits
     */
    public int toInt() {
        long value = toLong();
        if (value != (int) value) {
            throw new PythonException("Could not convert value to int: " + value);
        }
        return (int) value;
    }

    /**
     * The value of an {@code int}, or of what Python takes as one.
     *
     * @throws PythonException if the object is not an integer, or has more than 64 bits
     */
    public long toLong() {
        return knows(Tag.INT) ? word : word(Pack.Wanted.INT);
    }

    /** The value of a number, rounded to a {@code float}. */
    public float toFloat() {
        return (float) toDouble();
    }

    /** The value of a number. */
    public double toDouble() {
        return Double.longBitsToDouble(knows(Tag.FLOAT) ? word : word(Pack.Wanted.FLOAT));
    }

    /** Python's truth value of the object. */
    public boolean toBoolean() {
        return knows(Tag.TRUE) || !knows(Tag.FALSE) && (Boolean) convert(Pack.Wanted.BOOL);
    }

    /** The elements of any sequence, converted as by {@link PythonTypes#LIST}. */
    @SuppressWarnings("rawtypes")
    public List toList() {
        return PythonTypes.LIST.toJava(this);
    }

    /**
     * The elements, each converted as {@link #toJava(Class)} does.
     *
     * <pre>{@code
     * List<Order> orders = PythonExecutioner.getVariable("orders").toList(Order.class);
     * }</pre>
     *
     * @throws PythonException {@code Could not convert value to TYPE: TEXT}
     */
    public <T> List<T> toList(Class<T> element) {
        return toJava(Conversion.generic(List.class, Objects.requireNonNull(element)));
    }

    /** The entries of a dict, converted as by {@link PythonTypes#DICT}. */
    @SuppressWarnings("rawtypes")
    public Map toMap() {
        return PythonTypes.DICT.toJava(this);
    }

    /** Python's {@code object[key]}. */
    public PythonObject get(int key) {
        Stopper.Slot slot = Stopper.slot();
        long outer = slot.begin();
        try (PythonGIL turn = PythonGIL.enter()) {
            PythonGC current = PythonGC.frameOf(this);
            long left = left();
            return part(Native.objectItem(handle(), key, PythonGC.id(current), slot.call(), left), current, left);
        } finally {
            slot.end(outer);
            Reference.reachabilityFence(this);
        }
    }

    /** Python's {@code object[key]}. */
    public PythonObject get(String key) {
        return item(Objects.requireNonNull(key));
    }

    /** Python's {@code object[key]}. */
    public PythonObject get(PythonObject key) {
        return item(Objects.requireNonNull(key));
    }

    /** Python's {@code object[key] = value}. */
    public void set(PythonObject key, PythonObject value) {
        applied(Operator.SET_ITEM, this, Objects.requireNonNull(key), Objects.requireNonNull(value));
    }

    /** Python's {@code abs(a)}. */
    public PythonObject abs() {
        return apply(Operator.ABS, this);
    }

    /** Python's {@code a + b}. */
    public PythonObject add(PythonObject pythonObject) {
        return apply(Operator.ADD, this, Objects.requireNonNull(pythonObject));
    }

    /** Python's {@code a - b}. */
    public PythonObject sub(PythonObject pythonObject) {
        return apply(Operator.SUB, this, Objects.requireNonNull(pythonObject));
    }

    /** Python's {@code a % b}. */
    public PythonObject mod(PythonObject pythonObject) {
        return apply(Operator.MOD, this, Objects.requireNonNull(pythonObject));
    }

    /** Python's {@code a * b}. */
    public PythonObject mul(PythonObject pythonObject) {
        return apply(Operator.MUL, this, Objects.requireNonNull(pythonObject));
    }

    /** Python's {@code a / b}. */
    public PythonObject trueDiv(PythonObject pythonObject) {
        return apply(Operator.TRUE_DIV, this, Objects.requireNonNull(pythonObject));
    }

    /** Python's {@code a // b}. */
    public PythonObject floorDiv(PythonObject pythonObject) {
        return apply(Operator.FLOOR_DIV, this, Objects.requireNonNull(pythonObject));
    }

    /** Python's {@code a @ b}. */
    public PythonObject matMul(PythonObject pythonObject) {
        return apply(Operator.MAT_MUL, this, Objects.requireNonNull(pythonObject));
    }

    /** Changes a mutable object by {@code a += b}. An immutable object does not change. */
    public void addi(PythonObject pythonObject) {
        applied(Operator.IADD, this, Objects.requireNonNull(pythonObject));
    }

    /** Changes a mutable object by {@code a -= b}. An immutable object does not change. */
    public void subi(PythonObject pythonObject) {
        applied(Operator.ISUB, this, Objects.requireNonNull(pythonObject));
    }

    /** Changes a mutable object by {@code a *= b}. An immutable object does not change. */
    public void muli(PythonObject pythonObject) {
        applied(Operator.IMUL, this, Objects.requireNonNull(pythonObject));
    }

    /** Changes a mutable object by {@code a /= b}. An immutable object does not change. */
    public void trueDivi(PythonObject pythonObject) {
        applied(Operator.ITRUE_DIV, this, Objects.requireNonNull(pythonObject));
    }

    /** Changes a mutable object by {@code a //= b}. An immutable object does not change. */
    public void floorDivi(PythonObject pythonObject) {
        applied(Operator.IFLOOR_DIV, this, Objects.requireNonNull(pythonObject));
    }

    /** Changes a mutable object by {@code a @= b}. An immutable object does not change. */
    public void matMuli(PythonObject pythonObject) {
        applied(Operator.IMAT_MUL, this, Objects.requireNonNull(pythonObject));
    }

    // ---- as Java types ----

    /**
     * Converts the object to a value of a Java class. Supported are numbers (exactly, or the conversion fails), text,
     * enums by name, {@code java.time} from {@code datetime}, {@code UUID}, {@code Path}, {@link java.util.Optional}
     * (None is empty), arrays, collections and maps. Records are converted from dicts, from named tuples, and from
     * objects with attributes of their components' names. For any other interface the result is a proxy, see {@link
     * #asInterface}. If Python has a Java object by reference, the result is that Java object. For {@code Object} the
     * Python type decides, and an object without a counterpart stays a {@code PythonObject}.
     *
     * <pre>{@code
     * try (PythonGIL gil = PythonGIL.lock()) {
     *     PythonExecutioner.exec("import datetime\nday = datetime.date(2024, 2, 29)");
     *     LocalDate day = PythonExecutioner.getVariable("day").toJava(LocalDate.class);
     *     int[] squares = Python.eval("[n * n for n in range(4)]").toJava(int[].class);
     * }
     * }</pre>
     *
     * @throws PythonException {@code Could not convert value to TYPE: TEXT}
     */
    @SuppressWarnings("unchecked") // a class of primitives has no values of its own
    public <T> T toJava(Class<T> type) {
        return (T) toJava((Type) type);
    }

    /**
     * Converts the object to a type with type arguments, for example {@code Map<String, LocalDate>}. The elements are
     * converted to these types, too.
     *
     * <pre>{@code
     * Map<String, LocalDate> days = object.toJava(new PythonTypeToken<Map<String, LocalDate>>() {});
     * }</pre>
     *
     * @throws PythonException {@code Could not convert value to TYPE: TEXT}
     */
    public <T> T toJava(PythonTypeToken<T> type) {
        return toJava(type.type());
    }

    /**
     * Converts the object to a type with type arguments that reflection returned.
     *
     * <pre>{@code
     * interface Prices { Map<String, BigDecimal> byName(); }
     *
     * Type type = Prices.class.getMethod("byName").getGenericReturnType();
     * Map<String, BigDecimal> prices = object.toJava(type);
     * }</pre>
     *
     * @throws PythonException {@code Could not convert value to TYPE: TEXT}
     */
    @SuppressWarnings("unchecked") // the caller names both
    public <T> T toJava(Type type) {
        try (PythonGIL turn = PythonGIL.enter()) {
            return (T) Conversion.PLAIN.convert(this, Objects.requireNonNull(type));
        }
    }

    /**
     * Creates a Java object that implements an interface. Its methods call the attributes of this object that have the
     * same name, or the same name in {@code snake_case} or {@code camelCase}. If the attribute is not callable, its
     * value is returned. If there is no attribute of that name, {@code getName}, {@code isName} and {@code setName}
     * read and write the attribute {@code name}. If the interface has only one method, and there is no such attribute,
     * this object itself is called. A default method runs if Python has no attribute for it.
     *
     * <p>For {@code List}, {@code Set}, {@code Map}, {@code Collection}, {@code Iterable} and {@code Iterator}, and for
     * interfaces that extend these, the result is a view, which reads and changes the Python object itself.
     *
     * <p>Arguments may be all values that {@link Python#of} takes. Results are converted as by {@link #toJava}, with
     * the type arguments of the method's result type. The proxy has its own reference to the object, so it still works
     * after this {@code PythonObject} was deleted or its frame was closed. Any thread can use the proxy. If the thread
     * has no turn of {@link PythonGIL}, each call waits for a turn and holds it for the duration of the call. The same
     * applies to each step of an iteration over a result of type {@code Iterator} or {@code Stream}. A proxy that is
     * passed to Python becomes the Python object again. Two proxies of one object are equal. If Python has a Java
     * object by reference, and this object implements the interface, the result is that Java object.
     *
     * <pre>{@code
     * interface Calculator {
     *     double addAll(List<Double> values);
     *     default double addBoth(double a, double b) { return addAll(Arrays.asList(a, b)); }
     * }
     *
     * Calculator calculator;
     * try (PythonGIL gil = PythonGIL.lock()) {
     *     PythonExecutioner.exec("class Calculator:\n    def add_all(self, values): return sum(values)");
     *     calculator = Python.eval("Calculator()").asInterface(Calculator.class);
     * }
     * System.out.println(calculator.addBoth(1, 2)); // 3.0
     * }</pre>
     *
     * @throws PythonException if the class is not an interface
     * @see <a href="https://github.com/python4j/python4j/blob/main/docs/glossary.md#proxy">proxy</a>
     */
    public <T> T asInterface(Class<T> type) {
        if (!type.isInterface()) {
            throw new PythonException(type.getName() + " is not an interface.");
        }
        try (PythonGIL turn = PythonGIL.enter()) {
            Callbacks.Function own = own();
            Object java = own == null ? null : own.object();
            return type.cast(type.isInstance(java) ? java : ProxyHandler.of(this, type));
        }
    }

    /**
     * The elements, as a {@code for} loop in Python iterates over them. Each element is a new {@code PythonObject}.
     *
     * <pre>{@code
     * for (PythonObject line : Python.eval("['a', 'b']")) {
     *     System.out.println(line);
     * }
     * }</pre>
     *
     * @throws PythonException if the object is not iterable ({@code TypeError: 'int' object is not iterable}). The
     *     methods {@code next} and {@code hasNext} need a turn, too, and throw the exceptions that Python raises there
     */
    @Override
    public Iterator<PythonObject> iterator() {
        PythonObject python = read("iterate", this);
        return new Iterator<PythonObject>() {
            private PythonObject next;
            private boolean over;

            @Override
            public boolean hasNext() {
                if (next == null && !over) {
                    next = step(python);
                    if (next == null) {
                        over = true;
                        python.del();
                    }
                }
                return next != null;
            }

            @Override
            public PythonObject next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                PythonObject element = next;
                next = null;
                return element;
            }
        };
    }

    /**
     * Releases the object like {@link #del}, for try-with-resources. If the thread has no turn, the object is freed
     * when some thread enters Python the next time.
     *
     * <pre>{@code
     * try (PythonObject big = Python.eval("list(range(1_000_000))")) {
     *     System.out.println(Python.len(big));
     * }
     * }</pre>
     */
    @Override
    public void close() {
        if (handle == 0 || PythonGIL.isHeld()) {
            del();
            return;
        }
        cancelLate();
        Native.handleDropLater(handle);
        handle = 0;
        Reference.reachabilityFence(this);
    }

    // ---- for this package ----

    private static final Map<String, Map<String, PythonObject>> TOOLS = new ConcurrentHashMap<>(); // by file and name

    /** A function of proxies.py. Needs a turn. */
    static PythonObject tool(String name) {
        return tool("proxies", name);
    }

    /** A function of one of our own Python files. Needs a turn. */
    static PythonObject tool(String file, String name) {
        Map<String, PythonObject> tools = TOOLS.get(file);
        if (tools == null) {
            TOOLS.putIfAbsent(file, new ConcurrentHashMap<>());
            tools = TOOLS.get(file);
        }
        PythonObject tool = tools.get(name);
        if (tool == null) {
            // Not computeIfAbsent, which would wait for the GIL with a lock held.
            tool = new PythonObject(operate(Operator.TOOL, Native.root, file, name), Native.root);
            tools.put(name, tool);
        }
        return tool;
    }

    /** {@link #call} for a result that is to be packed at once. */
    long callFresh(Object... args) {
        try (PythonGIL turn = PythonGIL.enter()) {
            return called(0, args, -1);
        }
    }

    /** The same for a result as a value of the kind asked for, unfinished, in one crossing. */
    Object callRaw(int wanted, List<?> args) {
        Pack pack = Pack.take().wide();
        Object event = Monitor.callBegins();
        Stopper.Slot slot = Stopper.slot();
        long outer = slot.begin();
        try (PythonGIL turn = PythonGIL.enter()) {
            pack.u32(args.size());
            for (Object arg : args) {
                pack.value(arg);
            }
            long current = PythonGC.frame();
            byte[] reply = Native.objectCall(handle(), pack.buffer(), pack.length(), wanted, current, slot.call());
            return pack.reader(reply, current).value();
        } finally {
            slot.end(outer);
            Monitor.callEnds(event, this);
            pack.giveBack();
            Reference.reachabilityFence(this);
        }
    }

    /** The same of a plan of proxies.py with few ints. The thread has the GIL between its calls, too. */
    Object invokeFew(int wanted, Object[] ints) {
        Stopper.Slot slot = Stopper.slot();
        long outer = slot.begin();
        try {
            long current = PythonGC.frame();
            long result = Native.objectInvokeFew(handle(), ints.length, number(ints, 0), number(ints, 1), number(ints, 2), 0, slot.call());
            if (result == 0) {
                return wanted == Pack.Wanted.NONE ? null : Told.value();
            }
            try {
                return new PackReader(Native.objectConvert(result, wanted, current, slot.call()), current).value();
            } finally {
                Native.handleDrop(result);
            }
        } finally {
            slot.end(outer);
            Reference.reachabilityFence(this);
        }
    }

    private long called(long frame, Object[] args, long left) {
        if (areFewInts(args)) {
            return called(frame, left, args.length, number(args, 0), number(args, 1), number(args, 2));
        }
        Pack pack = Pack.take().wide();
        Object event = Monitor.callBegins();
        Stopper.Slot slot = Stopper.slot();
        long outer = slot.begin();
        try {
            pack.u32(args.length);
            for (Object arg : args) {
                pack.value(arg);
            }
            return Native.objectCallObject(handle(), pack.buffer(), pack.length(), frame, slot.call(), left);
        } finally {
            slot.end(outer);
            Monitor.callEnds(event, this);
            pack.giveBack();
            Reference.reachabilityFence(this);
        }
    }

    private static long number(Object[] ints, int index) {
        return index < ints.length ? ((Number) ints[index]).longValue() : 0;
    }

    static boolean areFewInts(Object[] args) {
        if (args.length > FEW) {
            return false;
        }
        for (Object arg : args) {
            if (!(arg instanceof Long || arg instanceof Integer)) {
                return false;
            }
        }
        return true;
    }

    /** So few ints need no buffer. */
    private long called(long frame, long left, int count, long a, long b, long c) {
        Object event = Monitor.callBegins();
        Stopper.Slot slot = Stopper.slot();
        long outer = slot.begin();
        try {
            return Native.objectCallObjectFew(handle(), count, a, b, c, frame, slot.call(), left);
        } finally {
            slot.end(outer);
            Monitor.callEnds(event, this);
            Reference.reachabilityFence(this);
        }
    }

    /** Any value that {@link Python#of} takes. */
    static PythonObject wide(Object value) {
        return apply(Operator.IDENTITY, value);
    }

    /** An operator's result. */
    static PythonObject apply(int operator, Object... operands) {
        try (PythonGIL turn = PythonGIL.enter()) {
            long current = PythonGC.frame();
            long left = left();
            return new PythonObject(operate(operator, current, operands, true, left), current, left);
        }
    }

    /** The same object, held by itself and in no frame. */
    static PythonObject unframed(PythonObject object) {
        return new PythonObject(operate(Operator.IDENTITY, Native.root, object), Native.root);
    }

    /** What a function of proxies.py reads from this object. */
    private PythonObject read(String tool, Object... arguments) {
        try (PythonGIL turn = PythonGIL.enter()) {
            PythonGC current = PythonGC.frameOf(this);
            long left = left();
            return part(tool(tool).called(PythonGC.id(current), arguments, left), current, left);
        }
    }

    /** What an iterator over this object has next, null at its end. */
    private PythonObject step(PythonObject iterator) {
        Stopper.Slot slot = Stopper.slot();
        long outer = slot.begin();
        try (PythonGIL turn = PythonGIL.enter()) {
            PythonGC current = PythonGC.frameOf(this);
            long left = left();
            long next = Native.objectNext(iterator.handle(), PythonGC.id(current), slot.call(), left);
            return next == 0 ? null : part(next, current, left);
        } finally {
            slot.end(outer);
            Reference.reachabilityFence(iterator);
        }
    }

    private PythonObject item(Object key) {
        try (PythonGIL turn = PythonGIL.enter()) {
            PythonGC current = PythonGC.frameOf(this);
            long left = left();
            return part(operate(Operator.ITEM, PythonGC.id(current), new Object[] {this, key}, false, left), current, left);
        }
    }

    /** What was read from this object, in a frame of {@link PythonGC#frameOf}. */
    private PythonObject part(long part, PythonGC current, long left) {
        PythonObject object = new PythonObject(part, PythonGC.id(current), left);
        PythonGC.note(current, this, object);
        return object;
    }

    /** An operator that is applied for what it does, not for its result. */
    private static void applied(int operator, Object... operands) {
        try (PythonGIL turn = PythonGIL.enter()) {
            Native.handleDrop(operate(operator, 0, operands));
        }
    }

    /** An operator whose result is a bool. */
    static boolean test(int operator, Object... operands) {
        try (PythonGIL turn = PythonGIL.enter()) {
            return Handles.takeTruth(operate(operator, 0, operands));
        }
    }

    private static long operate(int operator, long frame, Object... operands) {
        return operate(operator, frame, operands, false, -1);
    }

    private static long operate(int operator, long frame, Object[] operands, boolean wide, long left) {
        Pack pack = Pack.take();
        Stopper.Slot slot = Stopper.slot();
        long outer = slot.begin();
        try {
            pack.u32(operands.length);
            if (wide) {
                pack.wide();
            }
            for (Object operand : operands) {
                pack.value(operand);
            }
            return Native.objectOperate(operator, pack.buffer(), pack.length(), frame, slot.call(), left);
        } finally {
            slot.end(outer);
            pack.giveBack();
        }
    }

    /** The object as a Java value of the kind asked for, one of {@link Pack.Wanted}. */
    Object convert(int wanted) {
        try (PythonGIL turn = PythonGIL.enter()) {
            PackReader reader = reader(wanted);
            return reader.finish(reader.value());
        }
    }

    /** The same, unfinished, see {@link PackReader}. */
    Object convertRaw(int wanted) {
        try (PythonGIL turn = PythonGIL.enter()) {
            return reader(wanted).value();
        }
    }

    /** What it is in Java, if this class loader's copy of the library gave it to Python; else null. */
    Callbacks.Function own() {
        Object own = convertRaw(Pack.Wanted.JAVA);
        return own instanceof Callbacks.Function ? (Callbacks.Function) own : null;
    }

    /**
     * The values of this dict by names, each of which may have several: the first that is there counts. The result is null if this is
     * no dict, or not all of them are small values; then it is to be read as a whole.
     */
    Object[] values(List<List<String>> names) {
        if (!PythonGIL.isKept()) {
            return null;
        }
        List<Name> held = new ArrayList<>(); // until the call is over
        long[][] handles = new long[names.size()][];
        for (int i = 0; i < handles.length; i++) {
            handles[i] = new long[names.get(i).size()];
            for (int j = 0; j < handles[i].length; j++) {
                Name name = Name.ofAttribute(names.get(i).get(j));
                held.add(name);
                handles[i][j] = name.handle();
            }
        }
        Stopper.Slot slot = Stopper.slot();
        long outer = slot.begin();
        try {
            boolean told = Told.named(handle(), handles) && Native.objectValues(slot.call());
            return told ? Told.values(handles.length) : null;
        } finally {
            slot.end(outer);
            Reference.reachabilityFence(held);
            Reference.reachabilityFence(this);
        }
    }

    /**
     * As its type has it, unfinished; an object of a type without a packed form is one again.
     *
     * @param numbers the primitives that lists of numbers are read into arrays of, where that is the same; null for none
     */
    Object read(Class<?> numbers) {
        try (PythonGIL turn = PythonGIL.enter()) {
            return reader(Pack.Wanted.ANY).numbers(numbers).value();
        }
    }

    private PackReader reader(int wanted) {
        Stopper.Slot slot = Stopper.slot();
        long outer = slot.begin();
        try {
            long current = PythonGC.frame();
            return new PackReader(Native.objectConvert(handle(), wanted, current, slot.call()), current);
        } finally {
            slot.end(outer);
            Reference.reachabilityFence(this);
        }
    }

    private long word(int wanted) {
        Stopper.Slot slot = Stopper.slot();
        long outer = slot.begin();
        try (PythonGIL turn = PythonGIL.enter()) {
            return Native.objectConvertWord(handle(), wanted, slot.call());
        } finally {
            slot.end(outer);
            Reference.reachabilityFence(this);
        }
    }

    /** The handle. Needs no turn. */
    long handle() {
        if (handle == 0) {
            throw new PythonException("The Python object is <NULL>: its variable does not exist or it was deleted.");
        }
        return handle;
    }

    /** Whether this is an object. Needs no turn. */
    boolean exists() {
        return handle != 0;
    }

    /** The frame that it is in. Needs no turn. */
    long frame() {
        return frame;
    }

    /** Puts it into another frame, or out of all. Needs no turn. */
    void move(long to) {
        if (handle == 0 || frame == to) {
            return;
        }
        cancelLate();
        try {
            if (PythonGIL.isHeld()) {
                Native.handleMove(handle, to);
            } else {
                Native.handleMoveLater(handle, to);
            }
        } catch (PythonException e) {
            hold(handle, frame);
            throw e;
        }
        hold(handle, to);
    }

    private void cancelLate() {
        if (PythonGC.isNone(frame) && !(PythonGIL.isKept() && Handles.cancelYoung(this, young()))) {
            Handles.Late.cancel(handle);
        }
    }
}
