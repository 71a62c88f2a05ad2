// SPDX-License-Identifier: Apache-2.0
// The list of variables, and its methods for each type, which newer examples of the library use.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(InPython.class)
@SuppressWarnings("rawtypes") // PythonVariable is raw in the signatures
class PythonVariablesTest {

    @Test
    @Rule("3.6")
    void addAppendsAlsoANameThatIsThere() {
        PythonVariables all = new PythonVariables();
        assertTrue(all.isEmpty());
        assertTrue(all.add("a", PythonTypes.INT, 5));
        assertTrue(all.add("a", PythonTypes.INT, 6));
        assertEquals(2, all.size());
        assertEquals(5L, all.get("a").getValue());
        assertNull(all.get("zz"));
        Expect.failure("Invalid identifier: bad name", () -> all.add("bad name", PythonTypes.INT, 1));
        assertEquals(2, all.size());
    }

    @Test
    @Rule("3.6")
    void itIsAnArrayList() {
        PythonVariable<String> q = new PythonVariable<>("q", PythonTypes.STR, "s");
        ArrayList<PythonVariable> list = new PythonVariables(List.of(q));
        assertEquals(List.of(q), list);
        assertEquals(List.of(q, q), new PythonVariables(q, q));
        assertEquals("[" + q + "]", list.toString());
        assertEquals(q, list.get(0));
        PythonVariables copy = new PythonVariables(list);
        copy.add("more", PythonTypes.INT, 1);
        assertEquals(1, list.size());
    }

    @Test
    @Rule("3.6")
    void itServesAsInputsAndOutputs() {
        PythonVariables inputs = new PythonVariables();
        inputs.add("x", PythonTypes.INT, 2);
        inputs.add("y", PythonTypes.FLOAT, 0.5);
        PythonVariables outputs = new PythonVariables(new PythonVariable<>("z", PythonTypes.FLOAT));
        PythonExecutioner.exec("z = x * y", inputs, outputs);
        assertEquals(1.0, outputs.get("z").getValue());
    }

    @Test
    void thereAreMethodsForEachType() {
        PythonVariables inputs = new PythonVariables();
        inputs.addInt("i", 1);
        inputs.addFloat("f", 2.5);
        inputs.addStr("s", "text");
        inputs.addBool("b", true);
        inputs.addList("l", List.of(1, 2));
        inputs.addDict("d", Map.of("k", 1));
        inputs.addBytes("y", new byte[] {1, 2});
        PythonVariables outputs = new PythonVariables();
        outputs.addInt("i");
        outputs.addFloat("f");
        outputs.addStr("s");
        outputs.addBool("b");
        outputs.addList("l");
        outputs.addDict("d");
        outputs.addBytes("y");
        assertNull(outputs.get("i").getValue());
        PythonExecutioner.exec(
                "i += 1; f *= 2; s = s.upper(); b = not b; l.append(3); d['m'] = 2; y += b'x'", inputs, outputs);
        assertEquals(2L, outputs.getIntValue("i"));
        assertEquals(5.0, outputs.getFloatValue("f"));
        assertEquals("TEXT", outputs.getStrValue("s"));
        assertEquals(false, outputs.getBoolValue("b"));
        assertEquals(List.of(1L, 2L, 3L), outputs.getListValue("l"));
        assertEquals(Map.of("k", 1L, "m", 2L), outputs.getDictValue("d"));
        assertArrayEquals(new byte[] {1, 2, 'x'}, outputs.getBytesValue("y"));
        assertArrayEquals(new String[] {"i", "f", "s", "b", "l", "d", "y"}, outputs.getVariables());
    }

    @Test
    void anObjectIsPassedAsItIs() {
        PythonObject object = Expect.object("[1]");
        PythonVariables inputs = new PythonVariables();
        inputs.addObject("o", object);
        PythonVariables outputs = new PythonVariables();
        outputs.addObject("p");
        PythonExecutioner.exec("o.append(2); p = (o, print)", inputs, outputs);
        assertEquals("[1, 2]", object.toString());
        assertEquals("[1, 2]", ((PythonObject) outputs.get("p").getValue()).get(0).toString());
    }

    @Test
    void aNameThatIsNotThereIsNamedInTheError() {
        PythonVariables none = new PythonVariables();
        for (org.junit.jupiter.api.function.Executable read : List.<org.junit.jupiter.api.function.Executable>of(
                () -> none.getIntValue("nope"), () -> none.getFloatValue("nope"), () -> none.getStrValue("nope"),
                () -> none.getBoolValue("nope"), () -> none.getListValue("nope"), () -> none.getDictValue("nope"),
                () -> none.getBytesValue("nope"))) {
            String message = assertThrows(RuntimeException.class, read).getMessage();
            assertTrue(message.contains("nope"), message);
        }
    }

    @Test
    void getValueGivesWhateverIsThere() {
        PythonVariables variables = new PythonVariables();
        variables.addInt("n", 5);
        variables.addStr("s");
        long n = variables.getValue("n");
        assertEquals(5, n);
        String s = variables.getValue("s");
        assertNull(s);
        Expect.failure("No variable named 'x' among [n, s].", () -> variables.getValue("x"));
    }
}
