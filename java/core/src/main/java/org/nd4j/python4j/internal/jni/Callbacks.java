// SPDX-License-Identifier: Apache-2.0
// The Java objects that Python holds: functions that Python can call and exceptions that pass through Python,
// each with a key. The native half is callback.rs, keys.rs and host.rs; Native.upcall is the only entry.
package org.nd4j.python4j.internal.jni;

import java.nio.charset.StandardCharsets;
import java.lang.ref.WeakReference;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;

/** The table of Java objects that Python objects refer to. */
public final class Callbacks {

    /**
     * A Java object that Python holds and calls. It runs without the GIL, on any thread, including threads that Python
     * created.
     */
    public interface Function {
        /** @param arguments a list of positional arguments and a map of named ones, null for none */
        Object call(List<?> arguments, Map<?, ?> named) throws Throwable;

        /** The same with one argument or two, ints or a text. @param second null if there is one alone */
        default Object few(Object first, Object second) throws Throwable {
            return call(arguments(first, second), null);
        }

        /** Whether the function itself finishes the conversion of its arguments, see {@link PackReader}. */
        default boolean raw() {
            return false;
        }

        /** Whether all its arguments are passed as {@link PythonObject}s. */
        default boolean objects() {
            return false;
        }

        /**
         * The function itself, if it is a {@link LongUnaryOperator} or, of two arguments, a {@link LongBinaryOperator}; null
         * for every other function.
         */
        default Object ofLongs(int count) {
            return null;
        }

        /** One of {@link #OPERATIONS} by its number. Only the last one has a name, and may have a {@link Place} as its result. */
        default Object operation(int operation, String name) throws Throwable {
            return call(arguments(OPERATIONS[operation], name), null);
        }

        /** The name that Python shows. */
        default String name() {
            return "java";
        }

        /** The Java object that is returned when the function is passed back to Java. */
        default Object object() {
            return this;
        }
    }

    /** An object that is notified on any thread when Python has dropped it. The method must not wait. */
    public interface Dropped {
        void dropped();
    }

    /** Makes Python raise an exception of a builtin class. */
    public static final class Raise extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final String pythonClass;

        public Raise(String pythonClass, String text) {
            super(text, null, false, false);
            this.pythonClass = pythonClass;
        }
    }

    private static final int VALUE = 0;
    public static final int THROWN = 1;
    private static final int RAISED = 2;
    private static final int RAISE = 3;
    private static final int METHOD = 4;
    private static final int FIELD = 5;

    /** Above that in a key stands the number of the host: Python calls the host that made the key (host.rs). */
    private static final int HOST_SHIFT = 44;

    /** The key that asks for the name of the thread, no function's; with a name, what class that names. */
    private static final long THREAD_NAME = 0;

    /** The most characters of a text that crosses by itself, as in callback.rs. */
    private static final int SHORT_TEXT = 64;

    /** As in callback.rs. */
    private static final String[] OPERATIONS = {"next", "length", "hash", "member"};
    public static final int NEXT = 0;
    public static final int MEMBER = 3;

    private static final AtomicLong KEYS = new AtomicLong();
    private static final Map<Long, Object> HELD = new ConcurrentHashMap<>();

    /**
     * What was asked for last, at the place that the key's last bits name: a function is called again and again, and its key as
     * an object was more than half of what a callback allocates. Python has what is asked for, so it cannot be dropped meanwhile.
     */
    private static final Held[] RECENT = new Held[64];

    /** Other threads may see it without a lock, as its fields are final. */
    private static final class Held {
        final long key;
        final Object object;

        Held(long key, Object object) {
            this.key = key;
            this.object = object;
        }
    }

    /**
     * The objects in a thread's last answer. They are kept because Python reads the answer after the call that created
     * it is over.
     */
    private static final class Answer {
        final Thread thread = Thread.currentThread();
        List<PythonObject> objects;
        byte[] packed; // what answer() takes
        Place place;
    }

    // Weakly, since a server's threads outlive an application and its class loader. The list has them strongly.
    private static final ThreadLocal<WeakReference<Answer>> ANSWER = new ThreadLocal<>();
    private static final List<Answer> ANSWERS = new ArrayList<>(); // guarded by itself

    /** The names of an exception class and of its superclasses. They are stored with the class. */
    private static final ClassValue<String> CLASSES = new ClassValue<>() {
        @Override
        protected String computeValue(Class<?> type) {
            return type == Throwable.class ? type.getName() : type.getName() + " " + computeValue(type.getSuperclass());
        }
    };

    static {
        // The JDK's first use of a ClassValue initializes classes: with no stack or memory left, in a callback that
        // overflows, that would fail, and for good.
        CLASSES.get(Throwable.class);
    }

    private Callbacks() {}

    /** A Python callable for a function; Python holds the function as long as it holds the callable. */
    public static PythonObject callable(Function function) {
        try (PythonGIL turn = Access.get().enter()) {
            long key = hold(function);
            long frame = Access.get().frame();
            return Access.get().object(Native.callbackFunction(key, function.name(), function.objects(), frame), frame);
        }
    }

    /** A function on its way to Python: as a callable, or as an object of a class in proxies.py that calls it. */
    public static class Given {
        private final Function function;
        private final String className;
        private final Throwable exception;

        /** @param className null for a callable */
        public Given(Function function, String className) {
            this(function, className, null);
        }

        private Given(Function function, String className, Throwable exception) {
            this.function = function;
            this.className = className;
            this.exception = exception;
        }

        /** An exception, as an object that Python can raise and ask for the members that the function has. */
        public static Given exception(Function function, Throwable exception) {
            return new Given(function, null, exception);
        }

        /** Needs a turn. */
        public Pack.Fresh fresh() {
            long key = hold(function);
            if (exception != null) {
                return new Pack.Fresh(Native.callbackException(key, CLASSES.get(exception.getClass()), text(exception), 0));
            }
            return new Pack.Fresh(className == null
                    ? Native.callbackFunction(key, function.name(), function.objects(), 0)
                    : Native.callbackReference(key, className, 0));
        }
    }

    /** A method of a reference, which Python keeps with the reference. */
    public static final class Method extends Given {
        public Method(Function function) {
            super(function, null);
        }
    }

    /** A field that Python reads where it is, see field.rs. */
    public static final class Place {
        private final Object object;
        private final Field field;

        private Place(Object object, Field field) {
            this.object = object;
            this.field = field;
        }

        /** The place of a field that can be read; null if it is no number or boolean of an object. */
        public static Place of(Object object, Field field) {
            boolean fits = field.getType().isPrimitive() && field.getType() != char.class && !Modifier.isStatic(field.getModifiers());
            return fits && field.canAccess(object) ? new Place(object, field) : null;
        }

        /** The letter of the type in descriptors. */
        private byte kind() {
            return (byte) Array.newInstance(field.getType(), 0).getClass().getName().charAt(1);
        }
    }

    /** Whether this class loader's copy of the library made the key. */
    static boolean isOwn(long key) {
        return key >>> HOST_SHIFT == Native.root << HOST_SHIFT >>> HOST_SHIFT;
    }

    /**
     * The function of a key; for an exception, the function for its members. The result is null if Python has dropped
     * it or the key is invalid.
     */
    static Function function(long key) {
        Object held = held(key);
        return held instanceof Throwable ? (Function) Access.get().ofThrown((Throwable) held) : (Function) held;
    }

    private static Object held(long key) {
        Held recent = RECENT[place(key)];
        if (recent != null && recent.key == key) {
            return recent.object;
        }
        Object object = HELD.get(key);
        if (object != null) {
            RECENT[place(key)] = new Held(key, object);
        }
        return object;
    }

    private static int place(long key) {
        return (int) key & RECENT.length - 1;
    }

    private static Object drop(long key) {
        Object dropped = HELD.remove(key);
        Held recent = RECENT[place(key)];
        if (recent != null && recent.key == key) {
            RECENT[place(key)] = null;
        }
        return dropped;
    }

    /** The exception with a key; null if Python has dropped it. */
    public static Throwable thrown(long key) {
        Object held = HELD.get(key);
        Object object = held instanceof Function ? ((Function) held).object() : held;
        return object instanceof Throwable ? (Throwable) object : null;
    }

    /** The number of Java objects that Python holds. */
    public static int count() {
        return HELD.size();
    }

    /** Creates a key for an object that is not a callable in Python. The key is removed when Python has dropped it. */
    public static long hold(Object object) {
        long key = Native.root << HOST_SHIFT | KEYS.incrementAndGet();
        HELD.put(key, object);
        return key;
    }

    /** Executes a call from Python. Without arguments it means that Python has dropped the key. */
    public static byte[] upcall(long key, byte[] arguments) {
        if (arguments == null) {
            Object dropped = drop(key);
            if (dropped instanceof Dropped) {
                ((Dropped) dropped).dropped();
            }
            return null;
        }
        if (key == THREAD_NAME && arguments.length > 0) {
            return new byte[] {classKind(new String(arguments, StandardCharsets.UTF_8))};
        } else if (key == THREAD_NAME) {
            Thread thread = Thread.currentThread();
            String name = thread.getName().isEmpty() ? thread.toString() : thread.getName(); // virtual threads have none
            return name.getBytes(StandardCharsets.UTF_8);
        }
        try (Access.Visit visit = Access.get().visit()) {
            Object result = null;
            Throwable thrown = null;
            try {
                PackReader reader = new PackReader(arguments, Native.root);
                int left = 2;
                Function function;
                Object args;
                Object named;
                try {
                    function = function(key);
                    left = 1; // of a value that cannot be read the reader gives back all by itself
                    args = reader.value();
                    left = 0;
                    named = reader.value();
                } catch (RuntimeException | Error e) {
                    reader.forget(left); // nothing of it stays in Python
                    throw e;
                }
                if (!function.raw()) {
                    args = reader.finishOrKeep(args);
                    named = reader.finishOrKeep(named);
                }
                result = function.call((List<?>) args, (Map<?, ?>) named);
            } catch (Throwable e) {
                thrown = e;
            }
            return packed(visit, result, thrown);
        }
    }

    private static byte[] packed(Function method) {
        Pack reply = Pack.take();
        try {
            return reply.u8(METHOD).key(hold(method)).u8(method.objects() ? 1 : 0).text(method.name()).copy();
        } finally {
            reply.giveBack();
        }
    }

    private static byte[] packed(Access.Visit visit, Object result, Throwable thrown) {
        Pack reply = Pack.take();
        try {
            Throwable refused = thrown;
            if (refused == null) {
                try {
                    reply.u8(VALUE).wide().value(result).handles();
                } catch (Throwable e) {
                    reply.clear();
                    refused = e;
                }
            }
            if (refused != null) {
                refuse(reply, visit.thrown(refused), null);
            }
            if (reply.lends()) {
                answer().objects = reply.lent();
            }
            return reply.handOver();
        } finally {
            reply.giveBack();
        }
    }

    /** Executes a call from Python with one or two ints. If the result is {@code Long.MIN_VALUE}, {@link #takeAnswer} is asked. */
    static long upcallLongs(long key, int count, long a, long b) {
        try (Access.Visit visit = Access.get().visit()) {
            Object result = null;
            Throwable thrown = null;
            try {
                Function function = function(key);
                Object longs = function.ofLongs(count);
                if (longs == null) {
                    result = function.few(a, count > 1 ? (Object) b : null);
                } else {
                    long value = count == 1 ? ((LongUnaryOperator) longs).applyAsLong(a) : ((LongBinaryOperator) longs).applyAsLong(a, b);
                    if (value != Long.MIN_VALUE) {
                        return value;
                    }
                    result = value;
                }
            } catch (Throwable e) {
                thrown = e;
            }
            return word(visit, result, thrown);
        }
    }

    /** The same of an operation of {@code ByReference} that callback.rs has a number for. Only the last one has a name. */
    static long upcallOperation(long key, int operation, String name) {
        try (Access.Visit visit = Access.get().visit()) {
            Object result = null;
            Throwable thrown = null;
            try {
                result = function(key).operation(operation, name);
            } catch (Throwable e) {
                thrown = e;
            }
            return word(visit, result, thrown);
        }
    }

    /** The same with a short ASCII text. If the result is null, {@link #takeAnswer} is asked. */
    static String upcallText(long key, String text) {
        try (Access.Visit visit = Access.get().visit()) {
            Object result = null;
            Throwable thrown = null;
            try {
                result = function(key).few(text, null);
            } catch (Throwable e) {
                thrown = e;
            }
            if (thrown == null && isShortAscii(result)) {
                return (String) result;
            }
            answer().packed = packed(visit, result, thrown);
            return null;
        }
    }

    private static List<Object> arguments(Object first, Object second) {
        List<Object> arguments = new ArrayList<>(2);
        arguments.add(first);
        if (second != null) {
            arguments.add(second);
        }
        return arguments;
    }

    private static long word(Access.Visit visit, Object result, Throwable thrown) {
        if (thrown == null && (result instanceof Long && (Long) result != Long.MIN_VALUE || result instanceof Integer)) {
            return ((Number) result).longValue();
        }
        Answer answer = answer();
        if (result instanceof Place) {
            answer.place = (Place) result;
            answer.packed = new byte[] {FIELD, answer.place.kind()};
        } else {
            answer.packed = result instanceof Method ? packed(((Given) result).function) : packed(visit, result, thrown);
        }
        return Long.MIN_VALUE;
    }

    /** The object and the field of this thread's last answer, if that is a place. */
    static Object[] takePlace() {
        Answer answer = answer();
        Place place = answer.place;
        answer.place = null;
        return new Object[] {place.object, place.field};
    }

    /** The packed answer of this thread's last call, if that could not return its result; null if it could. */
    static byte[] takeAnswer() {
        Answer answer = answer();
        byte[] packed = answer.packed;
        answer.packed = null;
        return packed;
    }

    /** Whether it is a text that host.rs has room for, and that is the same in JNI's UTF-8. */
    private static boolean isShortAscii(Object value) {
        if (!(value instanceof String) || ((String) value).length() > SHORT_TEXT) {
            return false;
        }
        String text = (String) value;
        for (int i = 0; i < text.length(); i++) {
            if ((text.charAt(i) - 1 & 0xFFFF) >= 0x7F) {
                return false;
            }
        }
        return true;
    }

    /**
     * What a name is: 0 for no class, 1 for one that is no exception, 2 for one of exceptions. Asked are the class loaders of this
     * library, of the thread and the program, and of everything that Python holds of Java.
     */
    private static byte classKind(String name) {
        Set<ClassLoader> loaders = new HashSet<>(Arrays.asList(Callbacks.class.getClassLoader(),
                Thread.currentThread().getContextClassLoader(), ClassLoader.getSystemClassLoader()));
        for (Object held : HELD.values()) {
            Object object = held instanceof Function ? ((Function) held).object() : held;
            loaders.add((object instanceof Class ? (Class<?>) object : object.getClass()).getClassLoader());
        }
        byte kind = 0;
        for (ClassLoader loader : loaders) {
            try {
                boolean thrown = Throwable.class.isAssignableFrom(Class.forName(name, false, loader));
                kind = thrown ? 2 : kind == 0 ? 1 : kind;
            } catch (ClassNotFoundException | LinkageError e) { // not in this one
            }
        }
        return kind;
    }

    private static Answer answer() {
        WeakReference<Answer> held = ANSWER.get();
        if (held == null) {
            Answer answer = new Answer();
            held = new WeakReference<>(answer);
            ANSWER.set(held);
            synchronized (ANSWERS) {
                if (Integer.bitCount(ANSWERS.size()) == 1) { // whenever there are twice as many
                    ANSWERS.removeIf(other -> !other.thread.isAlive());
                }
                ANSWERS.add(answer);
            }
            return answer;
        }
        return held.get();
    }

    /** Writes the value of an answer to another process. */
    public static void answer(Pack reply, Object value) {
        reply.u8(VALUE).value(value).handles();
    }

    /** Writes the answer for a function that threw an exception; it goes to another process if there is a peer. */
    public static void refuse(Pack reply, Throwable e, Pack.Peer peer) {
        if (e instanceof Raise) {
            reply.u8(RAISE).text(((Raise) e).pythonClass).text(e.getMessage());
            return;
        }
        PythonObject raised = e instanceof PythonException ? ((PythonException) e).getPythonObject() : null;
        if (peer == null && raised != null && Access.get().exists(raised)) {
            reply.u8(RAISED).value(raised);
            return;
        }
        reply.u8(THROWN).key(peer == null ? hold(e) : peer.hold(e)).text(CLASSES.get(e.getClass())).text(text(e));
    }

    private static String text(Throwable e) {
        try {
            return e.getMessage() == null ? "" : e.getMessage();
        } catch (RuntimeException inner) {
            return "";
        }
    }
}
