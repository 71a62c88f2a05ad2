// SPDX-License-Identifier: Apache-2.0
// Names, defaults, getters and setters. What they do to Python is in SystemPropertiesTest.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Properties;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PythonConstantsTest {
    private Properties before;

    @BeforeEach
    void keepProperties() {
        before = (Properties) System.getProperties().clone();
        for (String name : names()) {
            System.clearProperty(name);
        }
    }

    @AfterEach
    void putPropertiesBack() {
        System.setProperties(before);
    }

    private static Iterable<String> names() {
        return Arrays.asList(
                PythonConstants.DEFAULT_PYTHON_PATH_PROPERTY,
                PythonConstants.JAVACPP_PYTHON_APPEND_TYPE,
                PythonConstants.RELEASE_GIL_AUTOMATICALLY,
                PythonConstants.INITIALIZE_PYTHON,
                PythonConstants.CREATE_NPY_VIA_PYTHON);
    }

    @Test
    void namesAndDefaultsAreTheDocumentedOnes() {
        assertEquals("org.eclipse.python4j.path", PythonConstants.DEFAULT_PYTHON_PATH_PROPERTY);
        assertEquals("org.eclipse.python4j.path.append", PythonConstants.JAVACPP_PYTHON_APPEND_TYPE);
        assertEquals("org.eclipse.python4j.release_gil_automatically", PythonConstants.RELEASE_GIL_AUTOMATICALLY);
        assertEquals("org.eclipse.python4j.python.initialize", PythonConstants.INITIALIZE_PYTHON);
        assertEquals("org.eclipse.python4j.create_npy_python", PythonConstants.CREATE_NPY_VIA_PYTHON);
        assertEquals("before", PythonConstants.DEFAULT_APPEND_TYPE);
        assertEquals("true", PythonConstants.DEFAULT_RELEASE_GIL_AUTOMATICALLY);
        assertEquals("true", PythonConstants.DEFAULT_INITIALIZE_PYTHON);
        assertEquals("false", PythonConstants.DEFAULT_CREATE_NPY_VIA_PYTHON);
        assertEquals("org/nd4j/python4j/pythonexec/pythonexec.py", PythonConstants.PYTHON_EXEC_RESOURCE);
        assertNull(PythonConstants.defaultPythonPath());
        assertEquals(PythonExecutioner.JavaCppPathType.BEFORE, PythonConstants.javaCppPythonAppendType());
        assertTrue(PythonConstants.initializePython());
        assertTrue(PythonConstants.releaseGilAutomatically());
        assertFalse(PythonConstants.createNpyViaPython());
    }

    @Test
    @Rule({"10.1", "13.6"})
    void settersWriteThePropertyAndGettersReadItEachTime() {
        PythonConstants.setDefaultPythonPath("/x");
        assertEquals("/x", System.getProperty("org.eclipse.python4j.path"));
        PythonConstants.setReleaseGilAutomatically(false);
        assertEquals("false", System.getProperty("org.eclipse.python4j.release_gil_automatically"));
        PythonConstants.setInitializePython(false);
        assertEquals("false", System.getProperty("org.eclipse.python4j.python.initialize"));
        PythonConstants.setCreateNpyViaPython(true);
        assertEquals("true", System.getProperty("org.eclipse.python4j.create_npy_python"));
        PythonConstants.setJavacppPythonAppendType(PythonExecutioner.JavaCppPathType.AFTER);
        assertEquals("AFTER", System.getProperty("org.eclipse.python4j.path.append"));
        assertEquals("/x", PythonConstants.defaultPythonPath());
        assertFalse(PythonConstants.releaseGilAutomatically());
        assertFalse(PythonConstants.initializePython());
        assertTrue(PythonConstants.createNpyViaPython());
        assertEquals(PythonExecutioner.JavaCppPathType.AFTER, PythonConstants.javaCppPythonAppendType());
        System.setProperty("org.eclipse.python4j.path", "/y");
        assertEquals("/y", PythonConstants.defaultPythonPath());
    }

    @Test
    void theKindOfAppendingIsReadInAnyCase() {
        System.setProperty("org.eclipse.python4j.path.append", "nOnE");
        assertEquals(PythonExecutioner.JavaCppPathType.NONE, PythonConstants.javaCppPythonAppendType());
        System.setProperty("org.eclipse.python4j.path.append", "bogus");
        assertThrows(IllegalArgumentException.class, PythonConstants::javaCppPythonAppendType);
        assertEquals("[BEFORE, AFTER, NONE]", Arrays.toString(PythonExecutioner.JavaCppPathType.values()));
    }

    @Test
    @Rule({"10.1", "13.6"})
    void aSetterAfterTheStartDoesNotThrow() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonConstants.setDefaultPythonPath("/x");
            PythonConstants.setInitializePython(false);
            PythonConstants.setReleaseGilAutomatically(false);
            assertEquals("1", Expect.text("1"));
        }
        try (PythonGIL gil = PythonGIL.lock()) {
            assertEquals("1", Expect.text("1"));
        }
    }

    @Test
    @Rule("15.2")
    void classFilesAreThoseOfJava11() throws Exception {
        try (java.io.DataInputStream in = new java.io.DataInputStream(
                PythonConstants.class.getResourceAsStream("PythonConstants.class"))) {
            assertEquals(0xCAFEBABE, in.readInt());
            in.readUnsignedShort();
            assertEquals(55, in.readUnsignedShort());
        }
    }
}
