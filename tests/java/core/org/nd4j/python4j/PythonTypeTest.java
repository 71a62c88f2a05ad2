// SPDX-License-Identifier: Apache-2.0
// A user's own type, found by ServiceLoader: alone, in containers, as variable, argument and result.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(InPython.class)
@SuppressWarnings("rawtypes") // PythonType is raw in the signatures
class PythonTypeTest {

    private static PythonType<Celsius> type() {
        return PythonTypes.get("thermometer.Celsius");
    }

    @Test
    @Rule({"4.2", "4.3"})
    void aTypeOfTheServiceLoaderFollowsTheBuiltInOnes() {
        List<PythonType> all = PythonTypes.get();
        assertTrue(all.size() >= 9, "found: " + all.size());
        assertTrue(all.subList(8, all.size()).contains(type()));
        assertInstanceOf(Celsius.Type.class, type());
    }

    @Test
    @Rule("4.3")
    void itsInitRanOnce() {
        PythonTypes.get();
        PythonTypes.convert(1);
        assertEquals(1, Celsius.Type.INITS.get());
    }

    @Test
    @Rule("4.3")
    void itsPackagesAreOnPythonsPath() {
        PythonExecutioner.exec("import sys, thermometer\npath = [p.replace('\\\\', '/') for p in sys.path]");
        File folder = type().packages()[0];
        assertTrue(Expect.truth("'" + folder.getPath().replace('\\', '/') + "' in path"), Expect.text("path"));
    }

    @Test
    @Rule("4.3")
    void itIsFoundForJavaAndForPythonObjects() {
        assertEquals(type(), PythonTypes.getPythonTypeForJavaObject(new Celsius(20)));
        PythonExecutioner.exec("import thermometer\nt = thermometer.Celsius(21.5)");
        assertEquals(type(), PythonTypes.getPythonTypeForPythonObject(PythonExecutioner.getVariable("t")));
    }

    @Test
    @Rule("4.3")
    void aVariableOfItGoesInAndOut() {
        PythonVariable<Celsius> t = new PythonVariable<>("t", type(), new Celsius(20));
        PythonVariable<Celsius> u = new PythonVariable<>("u", type());
        PythonExecutioner.exec("u = type(t)(t.degrees + 1.5)", List.of(t), List.of(u));
        assertEquals(new Celsius(21.5), u.getValue());
        assertEquals("20.0 C", Expect.text("t"));
        assertEquals(new Celsius(21.5), PythonExecutioner.getVariable("u", type()).getValue());
        assertEquals(new Celsius(5), new PythonVariable<>("v", type(), 5).getValue());
        assertThrows(PythonException.class, () -> new PythonVariable<>("v", type(), "cold"));
        PythonExecutioner.setVariables(new PythonVariable<>("n", type(), null));
        assertEquals("None", Expect.text("n"));
    }

    @Test
    @Rule("4.3")
    void itCrossesInsideContainersBothWays() {
        Celsius t = new Celsius(20);
        PythonExecutioner.setVariables(
                new PythonVariable<>("l", PythonTypes.LIST, Arrays.asList(t, 1, Collections.singletonMap("k", t))),
                new PythonVariable<>("d", PythonTypes.DICT, Collections.singletonMap("deep", new Object[] {t, null})));
        assertEquals("20.0 20.0 20.0", Expect.text("f\"{l[0].degrees} {l[2]['k'].degrees} {d['deep'][0].degrees}\""));
        assertEquals(
                Arrays.asList(t, 1L, Map.of("k", t)), PythonExecutioner.getVariable("l", PythonTypes.LIST).getValue());
        assertEquals(
                Map.of("deep", Arrays.asList(t, null)), PythonExecutioner.getVariable("d", PythonTypes.DICT).getValue());
        PythonExecutioner.exec("s = (l[0], [l[0]])");
        assertEquals(Arrays.asList(t, List.of(t)), PythonExecutioner.getVariable("s", PythonTypes.LIST).getValue());
    }

    @Test
    @Rule("4.3")
    void itIsAmongAllVariables() {
        PythonVariables all = PythonExecutioner.execAndReturnAllVariables(
                "import thermometer\na = 1\nt = thermometer.Celsius(3)\nl = [t]");
        assertEquals(new Celsius(3), all.get("t").getValue());
        assertEquals(type(), all.get("t").getType());
        assertEquals(List.of(new Celsius(3)), all.get("l").getValue());
        assertEquals(3, all.size());
    }

    @Test
    @Rule("2.6")
    void oneThatItRefusesInItsOwnWayIsLeftOut() {
        PythonVariables all = PythonExecutioner.execAndReturnAllVariables(
                "import thermometer\na = 1\nt = thermometer.Celsius(-300)\nb = 2");
        assertEquals(List.of("a", "b"), all.stream().map(PythonVariable::getName).collect(Collectors.toList()));
    }

    @Test
    @Rule("4.3")
    void itIsAnArgumentAndAResult() {
        PythonExecutioner.exec("def warmer(t): return type(t)(t.degrees + 1)");
        PythonObject result = PythonExecutioner.getVariable("warmer").call(new Celsius(1));
        assertEquals(new Celsius(2), type().toJava(result));
        assertEquals("2.0 C", PythonTypes.convert(new Celsius(2)).toString());
        assertEquals("2.0 C", new PythonObject(new Celsius(2)).toString());
    }

    @Test
    @Rule("4.3")
    void anErrorOfItsOwnComesOutUnchanged() {
        PythonType<Celsius> failing = new PythonType<Celsius>("failing", Celsius.class) {
            @Override
            public Celsius toJava(PythonObject pythonObject) {
                throw new IllegalStateException("mine");
            }

            @Override
            public PythonObject toPython(Celsius javaObject) {
                throw new IllegalStateException("mine too");
            }
        };
        PythonExecutioner.exec("x = 1");
        RuntimeException read = assertThrows(RuntimeException.class, () -> PythonExecutioner.getVariable("x", failing));
        assertEquals("mine", read.getMessage());
        PythonVariable<Celsius> y = new PythonVariable<>("y", failing, new Celsius(1));
        RuntimeException sent = assertThrows(RuntimeException.class, () -> PythonExecutioner.setVariables(y));
        assertEquals("mine too", sent.getMessage());
        assertFalse(Expect.truth("'y' in globals()"));
    }

    @Test
    void oneWhoseConstructorUsesPythonIsRefused() throws Exception {
        assertEquals("ok\n42", ChildJvm.output("aTypeUsesPythonBeforeItsStart", "-Dtest.untimely=calls"));
        String out = ChildJvm.output("aTypeUsesPythonBeforeItsStart", "-Dtest.untimely=locks");
        assertTrue(out.startsWith("PythonException: Python is being started ") && out.endsWith("\nok\n42"), out);
    }

    @Test
    void oneWithoutUsablePackagesIsNamed() throws Exception {
        String name = ChildMains.Untimely.class.getName();
        for (String how : List.of("throws", "lists null")) {
            String out = ChildJvm.output("aTypeUsesPythonBeforeItsStart", "-Dtest.untimely=" + how);
            assertTrue(out.startsWith("PythonException: ") && out.contains(name), out);
        }
    }

    @Test
    @Rule("4.15")
    void builtInTypesAreEqualByNameAndClass() {
        for (String name : List.of("str", "int", "float", "bool", "bytes", "NoneType", "list", "dict")) {
            PythonType<Object> type = PythonTypes.get(name);
            assertEquals(name, type.getName());
            assertNull(type.pythonType(), name);
            assertArrayEquals(new File[0], type.packages(), name);
            assertEquals(type, PythonTypes.get(name));
            assertEquals(type.hashCode(), PythonTypes.<Object>get(name).hashCode());
            assertNotEquals(type, name);
        }
        assertNotEquals(PythonTypes.INT, PythonTypes.FLOAT);
        assertEquals(new Celsius.Type(), type());
        assertNotEquals(new Named("int"), PythonTypes.INT);
        assertEquals(new Named("a"), new Named("a"));
        assertNotEquals(new Named("a"), new Named("b"));
    }

    /** A type of a bare name. */
    private static class Named extends PythonType<String> {
        Named(String name) {
            super(name, String.class);
        }

        @Override
        public String toJava(PythonObject pythonObject) {
            return pythonObject.toString();
        }

        @Override
        public PythonObject toPython(String javaObject) {
            return PythonTypes.STR.toPython(javaObject);
        }
    }

    @Test
    @Rule("4.12")
    void aTypeThatOverridesNeitherAcceptsItsClassAndAdaptsNothing() {
        Named named = new Named("named");
        assertTrue(named.accepts("text"));
        assertFalse(named.accepts(1));
        for (Object value : new Object[] {"text", 1, null}) {
            assertSame(value, ((PythonType<?>) named).adapt(value));
        }
        PythonType<Integer> primitive = new PythonType<>("int", int.class) {
            @Override
            public Integer toJava(PythonObject pythonObject) {
                return pythonObject.toInt();
            }

            @Override
            public PythonObject toPython(Integer javaObject) {
                return PythonTypes.convert(javaObject);
            }
        };
        PythonVariable<Integer> variable = new PythonVariable<>("n", primitive, 5);
        PythonExecutioner.setVariables(variable);
        assertEquals("5", Expect.text("n"));
        assertEquals(6, PythonExecutioner.getVariable("n", primitive).getValue() + 1);
    }

    @Test
    void typesAreEqualByClassAndName() {
        Named type = new Named("named");
        assertEquals(type, new Named("named"));
        assertEquals(type.hashCode(), new Named("named").hashCode());
        assertNotEquals(type, new Named("named") {});
    }

    @Test
    void aVariablesOwnGettersCount() {
        PythonVariable<String> variable = new PythonVariable<>("x", PythonTypes.STR, "value") {
            @Override
            public String getName() {
                return "y";
            }
        };
        assertEquals(new PythonVariable<>("y", PythonTypes.STR, "value"), variable);
        assertTrue(variable.toString().startsWith("PythonVariable(name=y, "), variable.toString());
    }

    @Test
    void aValueThatItsTypeDoesNotTakeIsRefusedWhereItIsSent() {
        PythonVariable<String> wrong = new PythonVariable<>("wrong", new Named("named"), 1);
        String said = "Cannot cast object of type java.lang.Integer to named";
        Expect.failure(said, () -> PythonExecutioner.setVariables(wrong));
        Expect.failure(said, wrong::getPythonObject);
        assertTrue(Expect.truth("'wrong' not in globals()"));
    }
}
