// SPDX-License-Identifier: Apache-2.0
// Java's exceptions in Python: caught by class, with their members, raised by Python code, and the same objects outside.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.internal.jni.Callbacks;

@ExtendWith(InPython.class)
class JavaExceptionTest {

    private static void run(String... lines) {
        PythonExecutioner.exec(String.join("\n", lines));
    }

    private static void check(String... assertions) {
        for (String assertion : assertions) {
            assertTrue(Expect.truth(assertion), assertion);
        }
    }

    private static void throwing(String name, Exception exception) {
        PythonExecutioner.setVariable(name, Python.function(Callable.class, () -> {
            throw exception;
        }));
    }

    public static class Coded extends RuntimeException {
        private static final long serialVersionUID = 1L;
        public final int code;

        public Coded(String message, int code) {
            super(message);
            this.code = code;
        }

        public int getCode() {
            return code;
        }
    }

    @Test
    void itIsImportedAndCaught() {
        IOException io = new IOException("disk", new IllegalStateException("inner"));
        throwing("fails", io);
        run("from python4j import JavaException", "try:", "    fails()", "except JavaException as e:", "    caught = e");
        check("caught.java_class == 'java.io.IOException' and str(caught) == 'java.io.IOException: disk'",
                "caught.throwable.message == 'disk' and caught.throwable.getMessage() == 'disk' and caught.message == 'disk'",
                "caught.throwable.cause.java_class == 'java.lang.IllegalStateException' and caught.cause.cause is None",
                "caught.stack_trace[0].class_name.startswith('" + JavaExceptionTest.class.getName() + "')",
                "isinstance(caught, Exception) and JavaException.__module__ == 'python4j'", "not hasattr(caught, 'getClass') and not hasattr(caught, 'code')");
        assertSame(io, Python.eval("caught").toJava(Object.class));
        assertSame(io, Python.eval("caught.throwable").toJava(IOException.class));
        assertSame(io.getCause(), Python.eval("[caught.cause]").toList().get(0));
        List<Object> seen = new ArrayList<>();
        PythonExecutioner.setVariable("see", Python.function((args, named) -> seen.addAll(args)));
        run("see(caught)");
        assertSame(io, seen.get(0));
    }

    /** A class of an application is known by what Python holds of that application, or once it has been thrown. */
    @Test
    void aClassOfAnotherLoaderIsKnownByItsObjects(@TempDir Path folder) throws Exception {
        try (URLClassLoader loader = Compiled.classes(folder, "package made; public class Refused extends RuntimeException implements java.util.function.Supplier<Object> {"
                + " private static final long serialVersionUID = 1L; public Object get() { throw this; } public static class Other extends Refused {} }")) {
            run("from python4j import JavaException");
            Expect.failureWith("LookupError", () -> Python.eval("JavaException['made.Refused$Other']"));
            Object supplier = loader.loadClass("made.Refused").getConstructor().newInstance();
            PythonExecutioner.setVariable("fails", Python.function((args, named) -> ((java.util.function.Supplier<?>) supplier).get()));
            run("try:", "    fails()", "except JavaException['made.Refused'] as e:", "    known = JavaException['made.Refused$Other']");
            check("issubclass(known, JavaException) and not isinstance(e if 'e' in globals() else None, known)");
            run("del fails");
        }
    }

    @Test
    void caughtByTheNameOfAClassOrOfOneItExtends() {
        throwing("fails", new FileNotFoundException("gone"));
        run("from python4j import JavaException", "def by(*names):", "    try:", "        fails()",
                "    except tuple(JavaException[name] for name in names) as e:", "        return names[0]", "    except JavaException:", "        return 'other'");
        for (String name : List.of("java.io.FileNotFoundException", "java.io.IOException", "java.lang.Exception", "java.lang.Throwable")) {
            assertEquals(name, Expect.text("by('" + name + "')"));
        }
        assertEquals("other", Expect.text("by('java.lang.RuntimeException')"));
        assertEquals("java.lang.Error", Expect.text("by('java.lang.Error', 'java.io.IOException')"));
        check("JavaException['java.io.IOException'] is JavaException['java.io.IOException']", "issubclass(JavaException['java.lang.Error'], JavaException)",
                "JavaException['" + Coded.class.getName() + "'] is JavaException['" + Coded.class.getName() + "']");
        Expect.failureWith("LookupError: no class loader that Python's objects of Java come from has a class no.such.Class",
                () -> Python.eval("JavaException['no.such.Class']"));
        Expect.failureWith("LookupError", () -> Python.eval("JavaException['']"));
        Expect.failureWith("TypeError: java.lang.String is no class of exceptions in Java", () -> Python.eval("JavaException['java.lang.String']"));
        Expect.failureWith("TypeError: the name of a Java class is expected, not 5", () -> Python.eval("JavaException[5]"));
        Expect.failureWith("TypeError: a JavaException is made of an exception of Java's", () -> Python.eval("JavaException('x')"));
        assertThrows(FileNotFoundException.class, () -> run("try:", "    fails()", "except JavaException['java.lang.Error']:", "    pass"));
    }

    @Test
    void pythonCodeRaisesJavasExceptions() {
        IllegalStateException state = new IllegalStateException("no");
        PythonExecutioner.setVariable("boom", Python.reference(state));
        assertSame(state, assertThrows(IllegalStateException.class, () -> run("raise boom")));
        run("try:", "    raise boom", "except Exception as e:", "    kept = e.throwable");
        assertSame(state, assertThrows(IllegalStateException.class, () -> run("raise kept")));
        assertSame(state, Python.eval("boom").toJava(IllegalStateException.class));
        PythonExecutioner.setVariable("Coded", Python.reference(Coded.class, PythonExposure.none().allow(Coded.class)));
        Coded coded = assertThrows(Coded.class, () -> run("raise Coded('text', 7) from ValueError('why')"));
        assertEquals(7, coded.code);
        run("from python4j import JavaException", "try:", "    raise Coded('text', 8)", "except JavaException['" + Coded.class.getName() + "'] as e:", "    said = e.code, e.getCode(), str(e)");
        assertEquals("(8, 8, '" + Coded.class.getName() + ": text')", Expect.text("said"));
        PythonException chained = Expect.failureWith("ValueError: outer", () -> run("raise ValueError('outer') from boom"));
        assertSame(state, chained.getCause());
        PythonExecutioner.setVariable("l", Python.reference(List.of(state)));
        assertSame(state, assertThrows(IllegalStateException.class, () -> run("raise l[0]")));
    }

    @Test
    void copiesAndPickles() {
        PythonExecutioner.setVariable("e", Python.reference(new IOException("x")));
        run("import copy, pickle, traceback");
        check("copy.copy(e) is e and copy.deepcopy([e])[0] is e", "traceback.format_exception_only(type(e), e) == ['python4j.JavaException: java.io.IOException: x\\n']");
        Expect.failureWith("TypeError: a Java exception cannot be pickled", () -> Python.eval("pickle.dumps(e)"));
    }

    @Test
    void aModuleOfThatNameIsTheProgramsOwn(@TempDir Path folder) throws Exception {
        Files.writeString(folder.resolve("python4j.py"), "mine = 5\n");
        run("import sys", "before = sys.modules.pop('python4j', None)", "sys.path.insert(0, r'" + folder + "')", "import python4j", "found = python4j.mine",
                "sys.path.pop(0)", "del sys.modules['python4j']", "from python4j import JavaException");
        assertEquals("5", Expect.text("found"));
    }

    @Test
    void nothingIsHeldThatPythonHasDropped() {
        run("pass");
        PythonReferenceTest.settle();
        int before = Callbacks.count();
        for (int i = 0; i < 50; i++) {
            PythonExecutioner.setVariable("e", Python.reference(new IOException("x")));
            run("try:", "    raise e", "except Exception as caught:", "    m = caught.message", "del e");
        }
        PythonReferenceTest.settle();
        assertEquals(before, Callbacks.count());
    }
}
