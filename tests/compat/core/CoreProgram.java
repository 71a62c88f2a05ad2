// SPDX-License-Identifier: Apache-2.0
// A user's program: compiled against Python4J 1.0.0-M2.1, run on ours. It names every public member of
// the core at least once, so that one that is missing or has another type fails to link here.

import java.io.Closeable;
import java.io.File;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import org.bytedeco.cpython.PyObject;
import org.nd4j.common.primitives.Pair;
import org.nd4j.python4j.GILLock;
import org.nd4j.python4j.InitializingPythonInterpreter;
import org.nd4j.python4j.NoneType;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonConstants;
import org.nd4j.python4j.PythonContextManager;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonInterpreter;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonProcess;
import org.nd4j.python4j.PythonType;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;
import org.nd4j.python4j.PythonVariables;
import org.nd4j.python4j.UncheckedPythonInterpreter;

@SuppressWarnings({"rawtypes", "unchecked"})
public final class CoreProgram {
    private static int passed;
    private static int failed;

    private interface Part {
        void run() throws Exception;
    }

    public static void main(String[] arguments) {
        part("constants", CoreProgram::constants);
        part("execution", CoreProgram::execution);
        part("types", CoreProgram::types);
        part("a type of its own", CoreProgram::ownType);
        part("objects", CoreProgram::objects);
        part("builtins", CoreProgram::builtins);
        part("contexts", CoreProgram::contexts);
        part("garbage collection", CoreProgram::garbageCollection);
        part("threads", CoreProgram::threads);
        part("interpreters", CoreProgram::interpreters);
        part("errors", CoreProgram::errors);
        part("processes", CoreProgram::processes);
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    private static void part(String name, Part part) {
        try {
            part.run();
        } catch (Throwable e) {
            failed++;
            System.out.println("FAILED " + name + ": " + e);
            e.printStackTrace(System.out);
        }
    }

    private static void equal(Object expected, Object actual) {
        if (Objects.equals(expected, actual)) {
            passed++;
        } else {
            failed++;
            StackTraceElement caller = new Throwable().getStackTrace()[1];
            System.out.println("FAILED " + caller + ": expected " + expected + " but was " + actual);
        }
    }

    private static PythonException fails(Part call) throws Exception {
        try {
            call.run();
        } catch (PythonException e) {
            passed++;
            return e;
        }
        failed++;
        System.out.println("FAILED " + new Throwable().getStackTrace()[1] + ": no exception");
        return new PythonException("none");
    }

    private static void constants() {
        equal("org.eclipse.python4j.path", PythonConstants.DEFAULT_PYTHON_PATH_PROPERTY);
        PythonConstants.setDefaultPythonPath("");
        PythonConstants.setInitializePython(true);
        PythonConstants.setReleaseGilAutomatically(true);
        PythonConstants.setCreateNpyViaPython(false);
        PythonConstants.setJavacppPythonAppendType(PythonExecutioner.JavaCppPathType.valueOf("BEFORE"));
        equal("", PythonConstants.defaultPythonPath());
        equal(true, PythonConstants.initializePython());
        equal(true, PythonConstants.releaseGilAutomatically());
        equal(false, PythonConstants.createNpyViaPython());
        equal(PythonExecutioner.JavaCppPathType.BEFORE, PythonConstants.javaCppPythonAppendType());
        equal(3, PythonExecutioner.JavaCppPathType.values().length);
    }

    private static void execution() throws Exception {
        PythonExecutioner.init();
        PythonGIL.setMainThreadState();
        try (PythonGIL gil = PythonGIL.lock()) {
            equal(true, PythonGIL.locked());
            PythonGIL.assertThreadSafe();
            PythonExecutioner.exec("x = 42");
            PythonExecutioner.simpleExec("y = x + 1");
            equal(43L, PythonExecutioner.getVariable("y", PythonTypes.INT).getValue());
            PythonExecutioner.setVariable("z", PythonExecutioner.getVariable("y"));

            PythonVariable<Long> in = new PythonVariable<>("a", PythonTypes.INT, 20);
            PythonVariable<String> out = new PythonVariable<>("b", PythonTypes.STR);
            PythonExecutioner.exec("b = str(a * 2)", Collections.singletonList(in), Collections.singletonList(out));
            equal("40", out.getValue());
            equal("b", out.getName());
            out.setName("c");
            out.setValue("text");
            equal(PythonTypes.STR, out.getType());
            PythonExecutioner.setVariables(out);
            PythonExecutioner.setVariables(Collections.<PythonVariable>singletonList(in));
            equal("text", out.getPythonObject().toString());
            PythonVariable<Long> z = new PythonVariable<>("z", PythonTypes.INT);
            PythonExecutioner.getVariables(z);
            PythonExecutioner.getVariables(Collections.<PythonVariable>singletonList(z));
            equal(43L, z.getValue());
            equal(new PythonVariable<>("z", PythonTypes.INT, 43), z);
            equal(new PythonVariable<>("z", PythonTypes.INT, 43).hashCode(), z.hashCode());
            equal(true, z.toString().startsWith("PythonVariable(name=z"));
            z.setType("float");

            List<PythonVariable> all = PythonExecutioner.getAllVariables();
            equal(true, all.size() >= 5);
            PythonVariables same = PythonExecutioner.execAndReturnAllVariables("d = 1.5");
            equal(1.5, same.get("d").getValue());
            same = PythonExecutioner.execAndReturnAllVariables("e = f", Collections.singletonList(
                    new PythonVariable<>("f", PythonTypes.BOOL, true)));
            equal(true, same.get("e").getValue());
            PythonVariables own = new PythonVariables(in);
            own.add("g", PythonTypes.LIST, Arrays.asList(1, 2));
            equal(2, new PythonVariables((List<PythonVariable>) own).size());
        }
        equal(false, PythonGIL.locked());
    }

    private static void types() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            Map<String, Object> values = new HashMap<>();
            values.put("str", "s");
            values.put("int", 1L);
            values.put("float", 2.5);
            values.put("bool", true);
            values.put("list", Arrays.asList(1L, "x"));
            values.put("dict", Collections.singletonMap("k", 1L));
            for (Map.Entry<String, Object> value : values.entrySet()) {
                PythonType<Object> type = PythonTypes.get(value.getKey());
                equal(value.getKey(), type.getName());
                equal(type, PythonTypes.getPythonTypeForJavaObject(value.getValue()));
                equal(true, type.accepts(value.getValue()));
                PythonObject there = type.toPython(type.adapt(value.getValue()));
                equal(value.getValue(), type.toJava(there));
                equal(type, PythonTypes.getPythonTypeForPythonObject(PythonTypes.convert(value.getValue())));
                equal(null, type.pythonType());
                equal(0, type.packages().length);
                type.init();
            }
            byte[] bytes = PythonTypes.BYTES.toJava(PythonTypes.BYTES.toPython(new byte[] {1, -1}));
            equal(true, Arrays.equals(new byte[] {1, -1}, bytes));
            equal(1L, PythonTypes.DICT.toJava(PythonTypes.convert(Collections.singletonMap("k", 1))).get("k"));
            equal("a", PythonTypes.LIST.toJava(PythonTypes.convert(new String[] {"a"})).get(0));
            equal(2.5, PythonTypes.FLOAT.adapt(2.5f));
            equal(true, PythonTypes.get().size() >= 8);
            NoneType none = new NoneType();
            Void nothing = none.toJava(none.toPython(null));
            equal(null, nothing);
            equal(true, none.accepts(null));
        }
    }

    /** As a user wrote it for M2.1. */
    public static final class Version extends PythonType<Runtime.Version> {
        public Version() {
            super("version", Runtime.Version.class);
        }

        @Override
        public Runtime.Version toJava(PythonObject pythonObject) {
            return Runtime.Version.parse(pythonObject.toString());
        }

        @Override
        public PythonObject toPython(Runtime.Version javaObject) {
            return PythonTypes.STR.toPython(javaObject.toString());
        }

        @Override
        public File[] packages() {
            return new File[0];
        }
    }

    private static void ownType() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            Version type = new Version();
            PythonVariable<Runtime.Version> v = new PythonVariable<>("v", type, Runtime.Version.parse("11.0.2"));
            PythonExecutioner.exec("v = v.replace('11', '17')", Collections.singletonList(v), Collections.singletonList(v));
            equal(17, v.getValue().feature());
            equal(false, type.accepts("x"));
            equal("x", ((PythonType) type).adapt("x"));
            Plain plain = new Plain();
            equal("x", ((PythonType) plain).adapt("x"));
            equal(null, plain.adapt(null));
            equal("x", ((PythonType) new NoneType()).adapt("x"));
            equal(true, plain.equals(new Plain()));
            equal(false, plain.equals(new Plain() {}));
            equal(5, new PythonVariable<>("p", plain, 5).getValue());
        }
    }

    /** What it overrides nowhere is as PythonType has it. */
    private static class Plain extends PythonType<Integer> {
        Plain() {
            super("int", int.class);
        }

        @Override
        public Integer toJava(PythonObject object) {
            return object.toInt();
        }

        @Override
        public PythonObject toPython(Integer value) {
            return PythonTypes.convert(value);
        }
    }

    private static void objects() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonObject list = new PythonObject((Object) Arrays.asList(1, 2, 3));
            equal("[1, 2, 3]", list.toString());
            equal(false, list.isNone());
            equal(2, list.get(1).toInt());
            equal(3L, list.attr("__len__").call().toLong());
            list.set(new PythonObject((Object) 0), new PythonObject((Object) 9));
            equal(Arrays.asList(9L, 2L, 3L), list.toList());
            PythonObject dict = new PythonObject((Object) Collections.singletonMap("k", 1.5));
            equal(1.5, dict.get("k").toDouble());
            equal(1.5f, dict.get(new PythonObject((Object) "k")).toFloat());
            equal(Collections.singletonMap("k", 1.5), dict.toMap());
            equal(true, dict.toBoolean());

            PythonObject seven = new PythonObject((Object) 7);
            PythonObject two = new PythonObject((Object) 2);
            equal("9 5 14 3.5 3 7", seven.add(two) + " " + seven.sub(two) + " " + seven.mul(two) + " "
                    + seven.trueDiv(two) + " " + seven.floorDiv(two) + " " + seven.abs());
            equal("1", seven.mod(two).toString());
            list.addi(new PythonObject((Object) Arrays.asList(4)));
            list.muli(two);
            equal(8, list.toList().size());
            seven.subi(two);
            seven.trueDivi(two);
            seven.floorDivi(two);
            PythonExecutioner.exec("class M:\n    def __matmul__(self, o): return 'mm'\n"
                    + "    def __imatmul__(self, o): return self\nm = M()");
            PythonObject m = PythonExecutioner.getVariable("m");
            equal("mm", m.matMul(two).toString());
            m.matMuli(two);

            PythonExecutioner.exec("def f(*a, **k): return [list(a), k]");
            PythonObject f = PythonExecutioner.getVariable("f");
            equal("[[1, 'x'], {}]", f.call(1, "x").toString());
            equal("[[1], {}]", f.callWithArgs(Arrays.asList(1)).toString());
            equal("[[], {'q': 1}]", f.callWithKwargs(Collections.singletonMap("q", 1)).toString());
            equal("[[1], {'q': 1}]", f.callWithArgsAndKwargs(Arrays.asList(1), Collections.singletonMap("q", 1)).toString());
            PythonObject args = Python.eval("(1,)");
            PythonObject kwargs = Python.eval("{'q': 1}");
            equal("[[1], {}]", f.callWithArgs(args).toString());
            equal("[[], {'q': 1}]", f.callWithKwargs(kwargs).toString());
            equal("[[1], {'q': 1}]", f.callWithArgsAndKwargs(args, kwargs).toString());

            PyObject there = list.getNativePythonObject();
            equal(true, there != null && there.address() != 0);
            equal(list.toString(), new PythonObject(there, false).toString());
            equal(true, new PythonObject((PyObject) null).isNone());
            list.del();
            equal(true, list.isNone());
        }
    }

    private static void builtins() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            equal(2.0, Python.importModule("math").attr("sqrt").call(4).toDouble());
            PythonObject text = new PythonObject((Object) "ab");
            PythonObject one = new PythonObject((Object) 1);
            equal(2, Python.len(text).toInt());
            equal(true, Python.callable(Python.attr("len")));
            equal("ab", Python.str(text).toString());
            equal("1.0", Python.float_(one).toString());
            equal("True", Python.bool(one).toString());
            equal("1", Python.int_(one).toString());
            equal("['a', 'b']", Python.list(text).toString());
            equal("{}", Python.dict(Python.dict()).toString());
            equal("{1}", Python.set(Python.eval("[1]")).toString());
            equal("bytearray(b'\\x01')", Python.bytearray(Python.eval("[1]")).toString());
            equal("b'\\x01'", Python.bytes(Python.eval("[1]")).toString());
            equal(true, Python.memoryview(Python.eval("b'x'")).toString().startsWith("<memory at"));
            equal("(1,)", Python.tuple(Python.eval("[1]")).toString());
            equal("ab", Python.Exception(text).toString());
            PythonObject[] empty = {
                Python.str(), Python.float_(), Python.bool(), Python.int_(), Python.list(), Python.dict(), Python.set(),
                Python.bytearray(), Python.bytes(), Python.tuple(), Python.Exception(),
            };
            PythonObject[] types = {
                Python.strType(), Python.floatType(), Python.boolType(), Python.intType(), Python.listType(), Python.dictType(),
                Python.setType(), Python.bytearrayType(), Python.bytesType(), Python.tupleType(), Python.ExceptionType(),
            };
            for (int i = 0; i < types.length; i++) {
                equal(true, Python.isinstance(empty[i], types[i]));
                equal(types[i].toString(), Python.type(empty[i]).toString());
            }
            equal("<class 'memoryview'>", Python.memoryviewType().toString());
            equal(true, Python.None().isNone());
            equal(true, Python.True().toBoolean());
            equal(false, Python.False().toBoolean());
            equal("builtins", Python.builtins().attr("__name__").toString());
            equal("dict", Python.type(Python.globals()).attr("__name__").toString());
            Python.exec("p = 1");
            PythonVariable<Long> q = new PythonVariable<>("q", PythonTypes.INT);
            Python.exec("q = p + 1", null, Collections.singletonList(q));
            equal(2L, q.getValue());
            Python.setContext("builtins_program");
            equal("builtins_program", Python.getCurrentContext());
            Python.resetContext();
            Python.setContext("main");
            Python.deleteContext("builtins_program");
        }
    }

    private static void contexts() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonContextManager.addContext("one");
            equal(true, PythonContextManager.hasContext("one"));
            PythonContextManager.setContext("one");
            PythonExecutioner.exec("secret = 1");
            try (Closeable context = new PythonContextManager.Context("two")) {
                equal("two", PythonContextManager.getCurrentContext());
                equal(true, PythonExecutioner.getVariable("secret").isNone());
            }
            try (PythonContextManager.Context temporary = new PythonContextManager.Context()) {
                PythonExecutioner.exec("gone = 1");
            }
            equal("one", PythonContextManager.getCurrentContext());
            PythonContextManager.reset();
            PythonContextManager.setMainContext();
            PythonContextManager.deleteContext("one");
            PythonContextManager.deleteNonMainContexts();
            equal(1, new PythonContextManager().getContexts().length);
        }
    }

    private static void garbageCollection() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonObject kept;
            PythonObject free;
            PythonObject outside = Python.eval("[0]");
            try (PythonGC gc = PythonGC.watch()) {
                equal(true, PythonGC.isWatching());
                kept = Python.eval("[1]");
                PythonGC.keep(kept);
                PythonGC.register(outside);
                try (Closeable paused = PythonGC.pause()) {
                    equal(false, PythonGC.isWatching());
                    free = Python.eval("[2]");
                }
                PythonGC.pause();
                PythonGC.resume();
            }
            equal("[1] [2]", kept + " " + free);
            fails(outside::toString);

            PythonObject element;
            PythonObject value;
            PythonObject attribute;
            PythonObject globals;
            try (PythonGC gc = PythonGC.watch()) {
                PythonObject list = Python.eval("['element', {'key': 'value'}]");
                PythonGC.keep(list);
                element = list.get(0);
                PythonObject dict = list.get(1);
                value = dict.get("key");
                attribute = list.attr("__class__");
                globals = Python.globals();
            }
            equal("element value <class 'list'>", element + " " + value + " " + attribute);
            equal(true, globals.toString().startsWith("{"));
            try (PythonGC outer = PythonGC.watch()) {
                PythonObject object = Python.eval("[3]");
                try (PythonGC inner = PythonGC.watch()) {
                    PythonGC.register(object);
                }
                equal("[3]", object.toString());
            }
        }
    }

    private static void threads() throws Exception {
        Thread[] threads = new Thread[4];
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("n = 0");
        }
        for (int i = 0; i < threads.length; i++) {
            threads[i] = new Thread(() -> {
                for (int j = 0; j < 100; j++) {
                    try (PythonGIL gil = PythonGIL.lock()) {
                        PythonExecutioner.exec("n += 1");
                    }
                }
            });
            threads[i].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        Lock lock = new GILLock();
        lock.lock();
        equal("400", Python.eval("n").toString());
        lock.unlock();
        lock.lockInterruptibly();
        lock.unlock();
        equal(true, lock.tryLock());
        lock.unlock();
        equal(true, lock.tryLock(1, TimeUnit.SECONDS));
        lock.unlock();
        try {
            lock.newCondition();
            equal("no conditions", "one");
        } catch (UnsupportedOperationException e) {
            passed++;
        }
    }

    private static void interpreters() {
        InitializingPythonInterpreter.maybeInit();
        UncheckedPythonInterpreter.getInstance().init();
        for (PythonInterpreter python : new PythonInterpreter[] {
            InitializingPythonInterpreter.getInstance(), UncheckedPythonInterpreter.getInstance(), new InitializingPythonInterpreter(),
        }) {
            python.set("a", 5);
            python.exec("b = a + 1");
            equal(6L, python.get("b", true));
            equal(6L, python.getCachedJava("b"));
            Pair<PythonObject, Object> both = python.getCachedPythonJava("b");
            equal(6L, both.getSecond());
            GILLock lock = python.gilLock();
            lock.lock();
            equal("6", String.valueOf(python.getCachedPython("b")));
            lock.unlock();
        }
        try (PythonGIL gil = PythonGIL.lock()) {
            equal(true, UncheckedPythonInterpreter.getInstance().newNone().isNone());
        }
    }

    private static void errors() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            equal("ZeroDivisionError: division by zero", fails(() -> PythonExecutioner.exec("1 / 0")).getMessage());
            equal("m", new PythonException("m", new Error()).getMessage());
            equal("java.lang.Error: e", new PythonException(new Error("e")).getMessage());
            equal("ValueError: v", new PythonException(Python.eval("ValueError('v')")).getMessage());
            RuntimeException unchecked = new PythonException("m");
            equal("m", unchecked.getMessage());
        }
    }

    private static void processes() throws Exception {
        equal("hello\n", PythonProcess.runAndReturn("-c", "print('hello')"));
        PythonProcess.run("-c", "pass");
        equal(true, PythonProcess.isPackageInstalled("pip"));
        equal(true, PythonProcess.getPackageVersion("pip").length() > 0);
        fails(() -> PythonProcess.pipInstall("./no/such/package.whl"));
        fails(() -> PythonProcess.pipInstall("", "1"));
        fails(() -> PythonProcess.pipInstallFromRequirementsTxt("no/such/requirements.txt"));
        fails(() -> PythonProcess.pipInstallFromSetupScript("no/such/setup.py", false));
        fails(() -> PythonProcess.pipInstallFromGit(""));
        fails(() -> PythonProcess.pipUninstall(""));
    }
}
