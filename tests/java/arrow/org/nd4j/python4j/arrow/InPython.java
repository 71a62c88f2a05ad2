// SPDX-License-Identifier: Apache-2.0
// Starts Python with the packages of build/arrow-env, and imports tables.py.
package org.nd4j.python4j.arrow;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.BeforeAll;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonGIL;

abstract class InPython {

    /** Before Python starts: it cannot be told later where its packages are. */
    static {
        System.setProperty("org.eclipse.python4j.python", System.getProperty("python4j.tests.arrow"));
    }

    @BeforeAll
    static void importTables() throws Exception {
        String text;
        try (java.io.InputStream in = InPython.class.getResourceAsStream("tables.py")) {
            text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        try (PythonGIL gil = PythonGIL.lock()) {
            Python.exec("import sys, types, pyarrow as pa\ntables = types.ModuleType('tables')\nsys.modules['tables'] = tables");
            Python.eval("lambda text: exec(compile(text, 'tables.py', 'exec'), tables.__dict__)").call(text);
        }
    }
}
