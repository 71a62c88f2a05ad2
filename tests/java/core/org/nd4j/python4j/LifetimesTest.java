// SPDX-License-Identifier: Apache-2.0
// What holds on to objects of the other side: for as long as it is needed, and no longer.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.nd4j.python4j.internal.jni.Handles;

@ExtendWith(InPython.class)
class LifetimesTest {

    /** How many more handles and objects of the class Big there are after a hundred times. */
    private static void leavesNothing(Runnable body) throws Exception {
        PythonExecutioner.exec("import decimal, gc\nclass Big: pass\nodd = decimal.Decimal('1E+99999999999')");
        int before = settled();
        for (int i = 0; i < 100; i++) {
            body.run();
        }
        int after = before + 1;
        for (int i = 0; i < 50 && after > before; i++) {
            System.gc();
            Thread.sleep(20);
            after = settled();
        }
        assertTrue(after <= before, after + " handles, before " + before);
        PythonExecutioner.exec("l = o = p = r = deep = None\nn = sum(type(x) is Big for x in gc.get_objects())");
        assertEquals("0", Expect.text("n"));
    }

    private static int settled() {
        PythonExecutioner.exec("pass"); // frees what Java forgot
        return Handles.count();
    }

    @Test
    void repliesThatCannotBeReadToTheirEndGiveEverythingBack() throws Exception {
        PythonVariables lists = new PythonVariables(new PythonVariable<>("l", PythonTypes.LIST), new PythonVariable<>("p", PythonTypes.LIST));
        for (String values : List.of("l = [odd, Big()]; p = []", "l = [odd]; p = [Big()]", "l = [Big(), odd]; p = [[Big()]]",
                "l = [odd, 'x' * 100000, b'y' * 100000]; p = ['z' * 100000]", "l = [odd, {'k': Big()}, (Big(),)]; p = []",
                "q = []\nfor i in range(2000): q = [q]\nl = [Big(), q, Big()]; p = []\nq = None")) {
            leavesNothing(() -> assertThrows(PythonException.class, () -> PythonExecutioner.exec(values, null, lists)));
        }
        leavesNothing(() -> assertThrows(PythonException.class, () -> Python.eval("[odd, Big()]").toList()));
        PythonExecutioner.setVariable("r", Python.reference(new java.util.ArrayList<>(List.of(1))));
        leavesNothing(() -> assertThrows(PythonException.class, () -> Python.eval("[odd, globals().get('r'), Big()]").toList()));
        leavesNothing(() -> {
            PythonExecutioner.setVariable("cb", Python.function((args, named) -> null));
            PythonExecutioner.exec("deep = []\nfor i in range(2000): deep = [deep]");
            assertThrows(PythonException.class, () -> PythonExecutioner.exec("cb(deep, Big(), k=Big())"));
            assertThrows(PythonException.class, () -> PythonExecutioner.exec("cb(Big(), k=[deep, Big()])"));
        });
    }

    @Test
    void aVariableThatCannotBeReadIsLeftOutAndTheOthersAreThere() throws Exception {
        PythonExecutioner.exec("import decimal\na = 1\nd = {'k': [decimal.Decimal('1E+99999999999'), 'x' * 100000]}\nb = 'x'\n"
                + "e = {(1, 2), range(1, 3)}\nf = []; f.append(f)\nc = [1.5]");
        List<String> names = java.util.stream.Stream.of(PythonExecutioner.getAllVariables().getVariables())
                .filter("abcdef"::contains).collect(Collectors.toList());
        assertEquals(List.of("a", "b", "c"), names);
    }

    @Test
    void aResultForAFrameThatItsOwnCallClosedIsGivenBack() throws Exception {
        PythonGC[] frame = new PythonGC[1];
        Runnable close = () -> frame[0].close();
        PythonExecutioner.setVariable("close", Python.function(close));
        PythonExecutioner.exec("def f():\n    close()\n    return Big()");
        leavesNothing(() -> {
            frame[0] = PythonGC.watch();
            PythonObject gone = Python.eval("f()");
            assertTrue(assertThrows(PythonException.class, gone::toString).getMessage().startsWith("The Python object is gone"));
        });
        leavesNothing(() -> {
            PythonObject f = Python.eval("f");
            frame[0] = PythonGC.watch();
            f.call();
            f.del();
        });
        leavesNothing(() -> {
            frame[0] = PythonGC.watch();
            PythonExecutioner.exec("o = f()");
            PythonExecutioner.getVariable("o");
        });
    }

    @Test
    void anObjectStaysForItsOwnCallAlthoughNobodyUsesItAfterwards() throws Exception {
        // Compiled code, in which a variable ends with its last use.
        String out = ChildJvm.output("objectsStayForTheirOwnCalls", "-Xcomp", "-XX:CompileCommand=quiet",
                "-XX:CompileCommand=compileonly,org.nd4j.python4j.*::*");
        assertEquals("false\nValueError: x\nab\nfalse\nfalse\nfalse\n5", out);
    }

    /** What Java cannot take for want of memory is given back as well. */
    @Test
    void aReplyForWhichJavaHasNoRoomIsGivenBack() throws Exception {
        assertEquals("OutOfMemoryError\n0", ChildJvm.output("aReplyIsTooLarge", "-Xmx48m"));
    }
}
