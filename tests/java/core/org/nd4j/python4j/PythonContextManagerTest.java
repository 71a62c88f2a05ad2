// SPDX-License-Identifier: Apache-2.0
// Named contexts: what each keeps to itself, what all share, and what happens to the objects of one
// that goes.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(InPython.class)
class PythonContextManagerTest {

    private static boolean has(String name) {
        return Expect.truth("'" + name + "' in globals()");
    }

    private static Set<String> contexts() {
        return new TreeSet<>(Arrays.asList(new PythonContextManager().getContexts()));
    }

    private static void in(String context, String... lines) {
        PythonContextManager.setContext(context);
        PythonExecutioner.exec(String.join("\n", lines));
    }

    @Test
    @Rule({"6.1", "13.10"})
    void eachContextHasItsOwnNames() {
        in("a", "x = 1");
        in("b", "seen = 'x' in globals()", "x = 2");
        assertEquals("False", Expect.text("seen"));
        in("a", "x += 10");
        assertEquals("11", Expect.text("x"));
        PythonContextManager.setContext("b");
        assertEquals("2", Expect.text("x"));
        PythonContextManager.setMainContext();
        assertFalse(has("x"));
    }

    @Test
    @Rule("6.1")
    void codeOfEveryContextRunsInMain() {
        for (String context : Arrays.asList("a", "b", "main")) {
            in(context, "import sys", "ok = __name__ == '__main__' and sys.modules['__main__'].__dict__ is globals()");
            assertEquals("True", Expect.text("ok"), context);
        }
    }

    @Test
    @Rule("6.2")
    void theCurrentContextIsMainAtFirstAndOneForAllThreads() throws Exception {
        assertEquals("main", PythonContextManager.getCurrentContext());
        assertEquals(Set.of("main"), contexts());
        PythonContextManager.setContext("here");
        assertEquals("here", OtherThread.call(PythonContextManager::getCurrentContext));
    }

    @Test
    @Rule("6.3")
    void addMakesAContextWithoutSwitching() {
        assertFalse(PythonContextManager.hasContext("new1"));
        PythonContextManager.addContext("new1");
        assertTrue(PythonContextManager.hasContext("new1"));
        assertEquals("main", PythonContextManager.getCurrentContext());
        PythonContextManager.addContext("new1");
        assertEquals(Set.of("main", "new1"), contexts());
        assertTrue(PythonContextManager.hasContext("main"));
    }

    @Test
    @Rule("6.3")
    void setMakesAContextThatIsNotThere() {
        PythonContextManager.setContext("new2");
        assertTrue(PythonContextManager.hasContext("new2"));
        assertEquals("new2", PythonContextManager.getCurrentContext());
        PythonContextManager.setContext("new2");
        assertEquals("new2", PythonContextManager.getCurrentContext());
        PythonContextManager.setMainContext();
        assertEquals("main", PythonContextManager.getCurrentContext());
    }

    @ParameterizedTest
    @Rule("6.4")
    @ValueSource(strings = {
        "c1", "c_1", "_c", "c__1", "__c", "c__", "__c__", "class", "None", "print", "__main__", "collapsed",
        "x__collapsed__y", "A",
    })
    void letterDigitsAndUnderscoresMakeAName(String name) {
        in(name, "v = 1");
        PythonContextManager.setMainContext();
        assertFalse(has("v"));
        PythonContextManager.setContext(name);
        assertEquals("1", Expect.text("v"));
        assertEquals("main", main());
    }

    private static String main() {
        PythonContextManager.setMainContext();
        return PythonContextManager.getCurrentContext();
    }

    @ParameterizedTest
    @Rule({"6.4", "12.24"})
    @ValueSource(strings = {"1c", "a b", "", "a-b", "a.b", "\u00e9", "a\nb", "a\0b", " a"})
    void otherNamesAreRefusedAndNothingChanges(String name) {
        in("here", "v = 1");
        String refusal = "Invalid context name: " + name;
        Expect.failure(refusal, () -> PythonContextManager.setContext(name));
        Expect.failure(refusal, () -> PythonContextManager.addContext(name));
        Expect.failure(refusal, () -> new PythonContextManager.Context(name));
        assertEquals("here", PythonContextManager.getCurrentContext());
        assertEquals(Set.of("here", "main"), contexts());
        assertFalse(PythonContextManager.hasContext(name));
        assertEquals("1", Expect.text("v"));
    }

    @ParameterizedTest
    @NullSource
    @Rule("6.4")
    void aNullNameIsANullPointerException(String name) {
        assertThrows(NullPointerException.class, () -> PythonContextManager.setContext(name));
        assertThrows(NullPointerException.class, () -> PythonContextManager.addContext(name));
        assertEquals("main", PythonContextManager.getCurrentContext());
    }

    @Test
    @Rule("6.4")
    void namesWithUnderscoresDoNotCollide() {
        in("ab", "v = 1");
        in("ab_c", "v = 2");
        in("a", "v = 3", "b_v = 4", "__collapsed__ab__v = 5");
        PythonContextManager.setContext("ab");
        assertEquals("1", Expect.text("v"));
        PythonContextManager.setContext("ab_c");
        assertEquals("2", Expect.text("v"));
        PythonContextManager.deleteContext("ab");
        assertEquals("2", Expect.text("v"));
        PythonContextManager.setContext("a");
        assertEquals("3 4 5", Expect.text("f'{v} {b_v} {__collapsed__ab__v}'"));
    }

    @Test
    @Rule("6.5")
    void aNamedContextIsLeftAtCloseAndStays() {
        PythonExecutioner.exec("outer = 1");
        try (PythonContextManager.Context context = new PythonContextManager.Context("named")) {
            assertEquals("named", PythonContextManager.getCurrentContext());
            assertFalse(has("outer"));
            PythonExecutioner.exec("inner = 2");
        }
        assertEquals("main", PythonContextManager.getCurrentContext());
        assertTrue(has("outer"));
        assertFalse(has("inner"));
        try (PythonContextManager.Context context = new PythonContextManager.Context("named")) {
            assertEquals("2", Expect.text("inner"));
        }
    }

    @Test
    @Rule("6.5")
    void aTemporaryContextIsDeletedAtClose() {
        String name;
        try (PythonContextManager.Context context = new PythonContextManager.Context()) {
            name = PythonContextManager.getCurrentContext();
            assertTrue(name.matches("temp_[0-9a-f]{8}(_[0-9a-f]{4}){3}_[0-9a-f]{12}"), name);
            PythonExecutioner.exec("gone = 1");
        }
        assertEquals("main", PythonContextManager.getCurrentContext());
        assertFalse(PythonContextManager.hasContext(name));
        assertFalse(has("gone"));
    }

    @Test
    @Rule("6.5")
    void contextsNestAndReturnAfterAnException() {
        try (PythonContextManager.Context a = new PythonContextManager.Context("a")) {
            try (PythonContextManager.Context b = new PythonContextManager.Context("b")) {
                try (PythonContextManager.Context again = new PythonContextManager.Context("b")) {
                    assertEquals("b", PythonContextManager.getCurrentContext());
                }
                assertEquals("b", PythonContextManager.getCurrentContext());
            }
            assertEquals("a", PythonContextManager.getCurrentContext());
        }
        assertThrows(PythonException.class, () -> {
            try (PythonContextManager.Context c = new PythonContextManager.Context("c")) {
                PythonExecutioner.exec("1 / 0");
            }
        });
        assertEquals("main", PythonContextManager.getCurrentContext());
    }

    @Test
    @Rule("6.5")
    void closingTwiceIsHarmless() {
        PythonContextManager.Context temporary = new PythonContextManager.Context();
        temporary.close();
        PythonContextManager.setContext("after");
        assertDoesNotThrow(temporary::close);
        assertEquals("after", PythonContextManager.getCurrentContext());
    }

    @Test
    @Rule("6.6")
    void resetEmptiesTheCurrentContextOnly() {
        in("a", "x = 1", "__r__ = 2", "_p = 3");
        in("b", "x = 2");
        PythonContextManager.setContext("a");
        PythonContextManager.reset();
        assertEquals("a", PythonContextManager.getCurrentContext());
        assertFalse(has("x") || has("__r__") || has("_p"));
        PythonExecutioner.exec("n = len([1, 2])\nimport math\nr = math.sqrt(4)");
        assertEquals("2 2.0 __main__", Expect.text("f'{n} {r} {__name__}'"));
        PythonContextManager.setContext("b");
        assertEquals("2", Expect.text("x"));
    }

    @Test
    @Rule({"6.7", "12.25"})
    void deleteTakesTheVariablesWithIt() {
        in("a", "x = 1");
        PythonContextManager.setMainContext();
        PythonContextManager.deleteContext("a");
        assertFalse(PythonContextManager.hasContext("a"));
        PythonContextManager.setContext("a");
        assertFalse(has("x"));
        assertDoesNotThrow(() -> PythonContextManager.deleteContext("nope"));
        Expect.failure("Cannot delete current context!", () -> PythonContextManager.deleteContext("a"));
        assertEquals("a", PythonContextManager.getCurrentContext());
        assertTrue(PythonContextManager.hasContext("a"));
    }

    @Test
    @Rule("6.7")
    void mainCanBeDeletedFromElsewhereAndComesBackEmpty() {
        in("main", "x = 1");
        Expect.failure("Cannot delete current context!", () -> PythonContextManager.deleteContext("main"));
        PythonContextManager.setContext("other");
        PythonContextManager.deleteContext("main");
        assertFalse(PythonContextManager.hasContext("main"));
        PythonContextManager.setMainContext();
        assertTrue(PythonContextManager.hasContext("main"));
        assertFalse(has("x"));
        PythonExecutioner.exec("y = len('ab')");
        assertEquals("2", Expect.text("y"));
    }

    @Test
    @Rule({"6.6", "6.7"})
    void objectsOfADeletedOrEmptiedContextAreFreedEvenIfAFunctionIsKept() {
        in("keeper", "pass");
        PythonObject keeper = Python.globals();
        for (boolean delete : new boolean[] {true, false}) {
            in("a", "import weakref", "class C: pass", "c = C()", "def f(): return c", "ref = weakref.ref(c)");
            keeper.set(PythonTypes.convert("f"), PythonExecutioner.getVariable("f"));
            keeper.set(PythonTypes.convert("ref"), PythonExecutioner.getVariable("ref"));
            if (delete) {
                PythonContextManager.setContext("keeper");
                PythonContextManager.deleteContext("a");
            } else {
                PythonContextManager.reset();
                PythonContextManager.setContext("keeper");
            }
            PythonExecutioner.exec("import gc; gc.collect()");
            assertEquals("None", Expect.text("ref()"));
            Expect.failure("NameError: name 'c' is not defined", () -> PythonExecutioner.exec("f()"));
        }
    }

    @Test
    @Rule("6.8")
    void deleteNonMainContextsGoesToMainAndDeletesTheRest() {
        in("main", "x = 1");
        in("a", "x = 2");
        in("b", "x = 3");
        PythonContextManager.deleteNonMainContexts();
        assertEquals("main", PythonContextManager.getCurrentContext());
        assertEquals(Set.of("main"), contexts());
        assertEquals("1", Expect.text("x"));
    }

    @Test
    @Rule("6.9")
    void namesWithTwoUnderscoresBelongToTheirContext() {
        in("a", "_p = __q = __r__ = 1");
        PythonContextManager.setContext("b");
        assertFalse(has("_p") || has("__q") || has("__r__"));
        PythonContextManager.setContext("a");
        assertTrue(has("_p") && has("__q") && has("__r__"));
    }

    @Test
    @Rule("6.10")
    void importsArePerContextAndModulesAreShared() {
        in("a", "import colorsys", "colorsys.mark = 'by a'");
        in("b", "seen = 'colorsys' in globals()", "import sys", "there = 'colorsys' in sys.modules", "import colorsys");
        assertEquals("False True by a", Expect.text("f'{seen} {there} {colorsys.mark}'"));
        PythonContextManager.deleteContext("a");
        assertEquals("by a", Expect.text("sys.modules['colorsys'].mark"));
        PythonExecutioner.exec("del sys.modules['colorsys']");
    }

    @Test
    @Rule("6.11")
    void functionsAndClassesKeepTheGlobalsTheyWereDefinedWith() {
        in("a", "g = 10", "def fn(): return g", "class C:", "    def m(self): return g + 1", "c = C()");
        PythonObject fn = PythonExecutioner.getVariable("fn");
        PythonObject c = PythonExecutioner.getVariable("c");
        in("b", "g = 20");
        assertEquals(10, fn.call().toInt());
        assertEquals(11, c.attr("m").call().toInt());
        PythonExecutioner.setVariable("fn", fn);
        PythonExecutioner.exec("r = fn()");
        assertEquals("10", Expect.text("r"));
    }

    @Test
    @Rule("6.11")
    void aThreadOfOneContextGoesOnWhileAnotherIsCurrent() {
        in(
                "a",
                "import threading",
                "g, done = 1, threading.Event()",
                "go = threading.Event()",
                "def work():",
                "    global g",
                "    go.wait()",
                "    g += 1",
                "    import math",
                "    done.set()",
                "t = threading.Thread(target=work)",
                "t.start()");
        PythonObject go = PythonExecutioner.getVariable("go");
        PythonObject t = PythonExecutioner.getVariable("t");
        in("b", "g = 'of b'");
        go.attr("set").call();
        t.attr("join").call();
        assertEquals("of b", Expect.text("g"));
        PythonContextManager.setContext("a");
        assertEquals("2", Expect.text("g"));
    }

    @Test
    @Rule("6.12")
    void namesOfOtherContextsAreNotShown() {
        in("a", "x = 1");
        PythonContextManager.setContext("b");
        assertEquals("[]", Expect.text("[k for k in globals() if 'collapsed' in k or k == 'x']"));
        assertTrue(PythonExecutioner.getAllVariables().isEmpty());
    }

    @Test
    void picklingAClassWorksWhileItsContextIsCurrent() {
        in(
                "a",
                "import pickle",
                "class Point:",
                "    def __init__(self, x): self.x = x",
                "data = pickle.dumps(Point(5))",
                "back = pickle.loads(data).x");
        assertEquals("5", Expect.text("back"));
        PythonObject data = PythonExecutioner.getVariable("data");
        in("b", "import pickle");
        PythonExecutioner.setVariable("data", data);
        Expect.failureWith("AttributeError: ", () -> PythonExecutioner.exec("pickle.loads(data)"));
        PythonContextManager.setContext("a");
        PythonExecutioner.exec("back = pickle.loads(data).x + 1");
        assertEquals("6", Expect.text("back"));
    }

    @Test
    void builtinsArePerContextWhereACodeReplacesThem() {
        in("a", "print = 5");
        in("b", "ok = callable(print)");
        assertEquals("True", Expect.text("ok"));
    }

    @Test
    void switchingCostsTheSameHoweverManyNamesThereAre() {
        in("many", "globals().update({f'n{i}': i for i in range(50_000)})");
        in("few", "x = 1");
        long few = switches("few", "main");
        long many = switches("many", "few");
        assertTrue(many < 20 * few + 50_000_000, "few: " + few + " ns, many: " + many + " ns");
    }

    private static long switches(String one, String other) {
        long best = Long.MAX_VALUE;
        for (int round = 0; round < 5; round++) {
            long start = System.nanoTime();
            for (int i = 0; i < 100; i++) {
                PythonContextManager.setContext(one);
                PythonContextManager.setContext(other);
            }
            best = Math.min(best, System.nanoTime() - start);
        }
        return best;
    }

    @Test
    @Rule("5.8")
    void pythonDelegates() {
        Python.setContext("p");
        assertEquals("p", Python.getCurrentContext());
        Python.exec("x = 1");
        Python.resetContext();
        assertFalse(has("x"));
        Python.setContext("main");
        Python.deleteContext("p");
        assertFalse(PythonContextManager.hasContext("p"));
    }
}
