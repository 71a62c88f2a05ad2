// SPDX-License-Identifier: Apache-2.0
// Random tables with columns of random nested types, sliced anywhere, go to Java and back: pyarrow finds no difference, and no
// memory is left. tables.py makes and compares them. For a JVM of its own.
package org.nd4j.python4j;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.nd4j.python4j.arrow.PythonArrow;

/** {@code TableDifferential SEED SECONDS}. */
final class TableDifferential {
    private TableDifferential() {}

    public static void main(String[] args) throws Exception {
        Path tables = Path.of(System.getProperty("torture.tables"));
        System.setProperty("org.eclipse.python4j.python", tables.resolve("../../../../../../../../build/arrow-env").normalize().toString());
        long seed = Long.parseLong(args[0]);
        long end = System.nanoTime() + Long.parseLong(args[1]) * 1_000_000_000L;
        Random random = new Random(seed);
        int count = 0;
        int wrong = 0;
        try (BufferAllocator allocator = new RootAllocator()) {
            try (PythonGIL gil = PythonGIL.lock()) {
                Python.eval("lambda text: exec(compile(text, 'tables.py', 'exec'), globals())").call(Files.readString(tables));
                Python.exec("def compare(seed, batch, back):\n"
                        + "    return ''.join(difference(f'seed {seed} column {i}', batch.column(i), back.column(i)) for i in range(batch.num_columns))");
                while (count == 0 || System.nanoTime() < end) {
                    int each = random.nextInt(Integer.MAX_VALUE);
                    String difference;
                    try (PythonGC gc = PythonGC.watch()) {
                        difference = there(each, allocator);
                    } catch (Exception e) {
                        difference = "seed " + each + ": " + e;
                    }
                    count++;
                    if (!difference.isEmpty()) {
                        wrong++;
                        System.out.println("WRONG " + difference);
                    }
                }
                Python.exec("import gc\ngc.collect()");
            }
        } catch (IllegalStateException e) { // the allocator tells what was not given back
            wrong++;
            System.out.println("WRONG " + e.getMessage());
        }
        System.out.printf("DONE %d tables, %d wrong%n", count, wrong);
    }

    private static String there(int seed, BufferAllocator allocator) throws Exception {
        PythonObject batch = Python.eval("random_batch").call(seed);
        PythonObject back;
        if (seed % 2 == 0) {
            try (VectorSchemaRoot root = PythonArrow.table(batch, allocator)) {
                back = Python.eval("pa.table").call(PythonArrow.toPython(root));
            }
        } else { // Python reads the reader that reads Python
            ArrowReader reader = PythonArrow.reader(Python.eval("lambda batch: iter([batch])").call(batch), allocator);
            back = Python.eval("pa.table").call(PythonArrow.toPython(reader));
        }
        return Python.eval("compare").call(seed, batch, back).toString();
    }
}
