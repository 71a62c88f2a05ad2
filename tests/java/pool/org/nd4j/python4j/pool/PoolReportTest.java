// SPDX-License-Identifier: Apache-2.0
// The report of PythonEnvironment tries a pool when the pool is on the class path.
package org.nd4j.python4j.pool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nd4j.python4j.PythonEnvironment;
import org.nd4j.python4j.internal.pool.PoolSelfTest;

@Timeout(120)
class PoolReportTest {

    @Test
    void theReportTriesAPool() {
        String report = PythonEnvironment.report();
        assertTrue(report.matches("(?s).*\\npool\\n  start +\\d+ ms\\n  test +passed\\ntest +passed"), report);
    }

    @Test
    void asAProgramItEndsWell() throws Exception {
        List<String> command = JvmRun.command(PythonEnvironment.class.getName(), System.getProperty("python4j.tests.classpath"));
        command.add("--json");
        String printed = JvmRun.output(new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT));
        assertTrue(printed.matches("(?s).*\"pool\":\\{\"start\":\"\\d+ ms\",\"test\":\"passed\"\\}.*\"test\":\"passed\"\\}\\s*"), printed);
    }

    /** Values that do not come back as they were fail the report, as does a pool that does not start. */
    @Test
    void whatDoesNotWorkIsTold() {
        Map<String, Object> facts = new PoolSelfTest().run(new int[] {1});
        assertTrue(facts.get("test").toString().startsWith("failed: sent [I@"), facts.toString());
        facts = new PoolSelfTest().run(new Object());
        assertTrue(facts.get("test").toString().startsWith("failed: Unable to find python type"), facts.toString());
    }
}
