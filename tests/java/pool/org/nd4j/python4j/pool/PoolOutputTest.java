// SPDX-License-Identifier: Apache-2.0
// What workers print and log goes where the PythonOutputs of this process send it, else to the JVM's streams, line by line and
// marked with the worker.
package org.nd4j.python4j.pool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonOutput;

@Timeout(120)
class PoolOutputTest {

    private static final String PRINTS = "import sys\nprint('out \u00e4')\nprint('err', file=sys.stderr)";

    @Test
    void linesGoToThePythonOutputThatIsOpen() {
        try (PythonPool pool = PythonPool.builder().workers(1).build()) {
            for (boolean inTurn : new boolean[] {true, false}) {
                PythonGIL turn = inTurn ? PythonGIL.lock() : null;
                try (PythonOutput output = PythonOutput.capture()) {
                    pool.exec(PRINTS);
                    // As in the process: it is there when the call returns.
                    assertEquals("[python 1] out \u00e4\n", output.getOut());
                    assertEquals("[python 1] err\n", output.getErr());
                    List<String> lines = new CopyOnWriteArrayList<>();
                    try (PythonOutput inner = PythonOutput.to(text -> lines.add("o " + text), text -> lines.add("e " + text))) {
                        pool.exec(PRINTS);
                    }
                    assertEquals(List.of("e [python 1] err\n", "o [python 1] out \u00e4\n"), lines.stream().sorted().collect(Collectors.toList()));
                    assertEquals("[python 1] out \u00e4\n", output.getOut());
                    pool.exec("print('\\n'.join('x' * 50 for _ in range(2000)))");
                    assertEquals(2001, output.getOut().split("\n").length);
                } finally {
                    if (turn != null) {
                        turn.close();
                    }
                }
            }
        }
    }

    @Test
    void aReceiverOfThePoolComesFirstAndWhatItThrowsHarmsNothing() {
        List<String> lines = new CopyOnWriteArrayList<>();
        try (PythonOutput output = PythonOutput.capture(); PythonPool pool = PythonPool.builder().workers(1).output((worker, isError, line) -> {
            lines.add(worker + " " + isError + " " + line);
            throw new IllegalStateException("a receiver's");
        }).build()) {
            pool.exec(PRINTS);
            assertEquals(List.of("1 false out \u00e4", "1 true err"), lines.stream().sorted().collect(Collectors.toList()));
            assertEquals("", output.getOut());
        }
    }

    @Test
    void byDefaultLinesGoToTheStreamsOfTheJvm() throws Exception {
        PrintStream before = System.out;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        try (PythonPool pool = PythonPool.builder().workers(1).build()) {
            pool.exec("import os\nprint('a\\nb')\nos.write(1, b'half')");
            pool.exec("import os\nos.write(1, b' line\\n')");
            long end = System.nanoTime() + 20_000_000_000L;
            while (!bytes.toString(StandardCharsets.UTF_8).contains("half line") && System.nanoTime() < end) {
                Thread.sleep(1);
            }
        } finally {
            System.setOut(before);
        }
        assertEquals("[python 1] a\n[python 1] b\n[python 1] half line\n", bytes.toString(StandardCharsets.UTF_8));
    }

    @Test
    void whatLooksLikeARecordAndIsNoneIsText() {
        try (PythonPool pool = PythonPool.builder().workers(1).build(); PythonOutput output = PythonOutput.capture()) {
            for (String record : new String[] {"", "a b", "YQ== YQ== YQ== YQ==", "YQ== NQ== YQ==", "? NQ== YQ== YQ==", "YQ== NQ== YQ== YQ== YQ=="}) {
                pool.exec("import os\nos.write(2, b'\\x1epython4j " + record + "\\n')");
                assertTrue(output.getErr().endsWith("[python 1] \u001epython4j " + record + "\n"), output.getErr());
            }
            // One that nobody wants is a line.
            pool.exec("import os\nos.write(2, b'before\\x1epython4j bW9kZWw= MzA= TQ== ZHJpZnQ=\\n')");
            assertTrue(output.getErr().endsWith("[python 1] before\n[python 1] model: drift\n"), output.getErr());
        }
    }

    /** What the other JVM does, beside a logging library. */
    public static final class Logs {
        public static void main(String[] arguments) {
            String code = "import logging\nlogging.getLogger('model').error('drift of %d%%', 12)\nlogging.getLogger('fine').debug('detail')\n"
                    + "try:\n    1 / 0\nexcept ZeroDivisionError:\n    logging.getLogger('model').exception('fails')";
            try (PythonPool pool = PythonPool.builder().workers(1).forkServer(arguments.length > 0).build()) {
                try (PythonOutput logging = PythonOutput.logging()) {
                    pool.exec(code);
                }
                try (PythonOutput output = PythonOutput.capture()) {
                    pool.exec("import logging\nlogging.getLogger('late').error('no record')");
                    System.out.println("after: " + output.getErr());
                }
            }
        }
    }

    @Test
    void recordsGoToSlf4jWhileLoggingIsOpen() throws Exception {
        String jars = System.getProperty("python4j.tests.logging.logback_1.5");
        assumeTrue(jars != null, "this run names no class path with logback");
        String path = Arrays.stream(System.getProperty("python4j.tests.classpath").split(File.pathSeparator))
                .filter(entry -> !Path.of(entry).getFileName().toString().startsWith("slf4j-")).collect(Collectors.joining(File.pathSeparator))
                + File.pathSeparator + jars;
        String printed = JvmRun.output(Logs.class.getName(), path);
        assertTrue(printed.contains("ERROR model -- drift of 12%"), printed);
        assertTrue(printed.contains("DEBUG fine -- detail"), printed);
        assertTrue(printed.matches("(?s).*ERROR model -- fails\\norg\\.nd4j\\.python4j\\.PythonException: ZeroDivisionError: division by zero.*"), printed);
        assertTrue(printed.contains("after: [python 1] no record\n"), printed);
    }
}
