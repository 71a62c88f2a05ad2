// SPDX-License-Identifier: Apache-2.0
// The two properties about numpy, when numpy is loaded, and which. What needs a JVM that has not seen Python
// yet runs in main().
package org.nd4j.python4j.numpy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonProcess;

class PropertiesTest {
    /** How long a child may take, as in the core's tests. */
    private static final long SECONDS = Long.getLong("python4j.tests.seconds", 60);

    @Test
    void numpyAndOpenblasAreLoadedWhenFirstNeeded() throws Exception {
        assertEquals("start: False, init: True, array: True", child("loading"));
    }

    @Test
    void numpyimportSkipsTheImportAndNothingElse() throws Exception {
        assertEquals("start: False, init: False, array: True", child("loading", "-Dorg.eclipse.python4j.numpyimport=false"));
    }

    @Test
    void arraysCanBeMadeThroughCtypes() throws Exception {
        String made = child("make", "-Dorg.eclipse.python4j.create_npy_python=true");
        assertEquals("[[8.0, 9.0], [14.0, 15.0]] float32 True c_char_Array, [] (0, 3), 5.0 (), 77.0", made);
        assertEquals(made.replace("c_char_Array", "Memory"), child("make"));
    }

    @Test
    @Rule("12.31")
    void withoutNumpyTheErrorNamesTheInterpreterAndTheRestWorks() throws Exception {
        String said = child("missing");
        assertTrue(said.contains("numpy cannot be imported by ") && said.contains("python"), said);
        assertTrue(said.contains("PythonProcess.pipInstall(\"numpy\")"), said);
        assertTrue(said.endsWith("then 2"), said);
    }

    @Test
    void somethingElseCalledNumpyIsToldFromIt() throws Exception {
        String said = child("other");
        assertTrue(said.contains("(AttributeError: module 'numpy' has no attribute '__version__')"), said);
        assertTrue(said.endsWith("then 2"), said);
    }

    @Test
    @Rule("8.6")
    void pipLeavesTheNumpyOfTheClassPathAlone(@TempDir Path folder) throws Exception {
        assumeFalse(PythonProcess.runAndReturn("-c", "import os; print(os.environ.get('PYTHONPATH', ''))").isBlank());
        String version = PythonProcess.getPackageVersion("numpy");
        Path wheel = folder.resolve("numpy-99.0-py3-none-any.whl");
        PythonProcess.run("-c", String.join("\n",
                "import sys, zipfile",
                "info = 'numpy-99.0.dist-info/'",
                "with zipfile.ZipFile(sys.argv[1], 'w') as wheel:",
                "    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: numpy\\nVersion: 99.0\\n')",
                "    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')",
                "    wheel.writestr(info + 'RECORD', '')"), wheel.toString());
        PythonException install =
                assertThrows(PythonException.class, () -> PythonProcess.pipInstall(wheel.toString()));
        assertTrue(install.getMessage().contains("(constraint) numpy==" + version), install.getMessage());
        PythonException uninstall =
                assertThrows(PythonException.class, () -> PythonProcess.pipUninstall("NumPy"));
        assertEquals("Error uninstalling package NumPy: numpy==" + version
                + " comes with the class path, and goes with its dependency.", uninstall.getMessage());
        assertEquals(version, PythonProcess.runAndReturn("-c", "import numpy; print(numpy.__version__)").strip());
        PythonProcess.pipInstall("numpy"); // which is there
    }

    public static void main(String[] arguments) {
        try (PythonGIL gil = PythonGIL.lock()) {
            switch (arguments[0]) {
                case "loading":
                    String start = loaded();
                    NumpyArray.INSTANCE.init();
                    String init = loaded();
                    NumpyArray.INSTANCE.toPython(Nd4j.create(DataType.FLOAT, 2));
                    System.out.println("start: " + start + ", init: " + init + ", array: " + loaded());
                    break;
                case "make":
                    INDArray base = Nd4j.arange(24).castTo(DataType.FLOAT).reshape(4, 6);
                    set("v", base.get(NDArrayIndex.interval(1, 3), NDArrayIndex.interval(2, 4)));
                    set("e", Nd4j.create(DataType.FLOAT, 0, 3));
                    set("s", Nd4j.scalar(5.0));
                    String array = Python.eval("f'{v.tolist()} {v.dtype} {v.flags.writeable} {type(v.base).__name__}'").toString();
                    PythonExecutioner.exec("v[1, 1] = 77");
                    System.out.println(array.replaceAll("_Array_\\d+", "_Array")
                            + Python.eval("f', {e.tolist()} {e.shape}, {s} {s.shape}'") + ", " + base.getDouble(2, 3));
                    break;
                default:
                    PythonExecutioner.exec("import sys, types\nsys.modules['numpy'] = "
                            + (arguments[0].equals("other") ? "types.ModuleType('numpy')" : "None"));
                    try {
                        NumpyArray.INSTANCE.init();
                    } catch (PythonException e) {
                        System.out.print(e.getMessage() + ' ');
                    }
                    System.out.println("then " + Python.eval("1 + 1"));
            }
        }
    }

    private static String loaded() {
        String blas = "any('openblas' in line for line in open('/proc/self/maps'))";
        boolean maps = Files.exists(Path.of("/proc/self/maps"));
        PythonExecutioner.exec("import sys\nnumpy = 'numpy' in sys.modules\nblas = " + (maps ? blas : "numpy"));
        return Python.eval("numpy and blas if numpy or blas else False").toString();
    }

    private static void set(String name, INDArray array) {
        PythonExecutioner.setVariable(name, NumpyArray.INSTANCE.toPython(array));
    }

    private static String child(String what, String... options) throws Exception {
        String classPath = System.getProperty("python4j.tests.classpath", System.getProperty("java.class.path"));
        List<String> more = new ArrayList<>(Arrays.asList(options));
        more.addAll(Arrays.asList("-cp", classPath));
        return output(PropertiesTest.class.getName() + " " + what, more.toArray(new String[0])).strip();
    }

    /** What a program, which may have arguments, prints in a JVM of its own with these options. */
    static String output(String program, String... options) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        if (Runtime.version().feature() >= 24) {
            command.add("--enable-native-access=ALL-UNNAMED");
        }
        for (String option : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (option.startsWith("-Dorg.eclipse.python4j.")) {
                command.add(option); // the interpreter that this run is about
            }
        }
        command.addAll(Arrays.asList(options));
        command.addAll(Arrays.asList(program.split(" ")));
        Path out = Files.createTempFile("python4j-child", ".out");
        Process process = new ProcessBuilder(command)
                .redirectOutput(out.toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try {
            assertTrue(process.waitFor(SECONDS, TimeUnit.SECONDS), "the child still runs");
            String said = new String(Files.readAllBytes(out), StandardCharsets.UTF_8);
            assertEquals(0, process.exitValue(), said);
            return said;
        } finally {
            process.destroyForcibly();
            Files.delete(out);
        }
    }
}
