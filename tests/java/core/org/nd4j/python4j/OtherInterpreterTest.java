// SPDX-License-Identifier: Apache-2.0
// Another interpreter than the embedded one, beside the bindings of org.bytedeco.cpython: they must
// not load a second libpython. How an interpreter is chosen is in InterpreterTest.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class OtherInterpreterTest {

    @TempDir
    private Path folder;

    @Test
    @EnabledOnOs(OS.LINUX) // it looks into /proc
    void anAddressCanBeWrappedAndNoSecondLibpythonIsLoaded() throws Exception {
        Path environment = folder.resolve("environment");
        PythonProcess.run("-m", "venv", "--without-pip", environment.toString());
        assertEquals(
                "true\n[1, 2]\nrefused\n[1, 2]\n1",
                ChildJvm.output("wrapsWithoutASecondLibpython", "-Dorg.eclipse.python4j.python=" + environment));
    }
}
