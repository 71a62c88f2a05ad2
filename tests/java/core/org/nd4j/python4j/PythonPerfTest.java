// SPDX-License-Identifier: Apache-2.0
// The file that PythonPerf makes for perf, read by its specification, and what it says of files that will not do.
// DebuggingTest (tests/java/examples) has perf read it.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PythonPerfTest {

    private static final int HEADER = 40;
    private static final int PROCESS = 4321;
    private static final long TIME = 98_765_432_100L;

    @TempDir
    Path folder;

    private Path map;
    private Path dump;
    private byte[] before;

    @BeforeEach
    void makeFiles() throws Exception {
        map = Files.writeString(folder.resolve("perf.map"), "0x00007f0000001000 0x000000000000002d void app.Main.run(int, long)\n7f0000002000 8 Interpreter\n");
        before = python(62);
        dump = Files.write(folder.resolve("jit.dump"), before);
    }

    /** A header and one empty record, as CPython writes them. */
    private static byte[] python(int machine) {
        return buffer(ByteBuffer.allocate(HEADER + 16)).putInt(0x4A695444).putInt(1).putInt(HEADER).putInt(machine).putInt(0).putInt(PROCESS)
                .putLong(1).putLong(0).putInt(7).putInt(16).putLong(TIME).array();
    }

    private static ByteBuffer buffer(ByteBuffer buffer) {
        return buffer.order(ByteOrder.nativeOrder());
    }

    @Test
    void javasRegionsFollowWhatPythonHasWritten() throws Exception {
        PythonPerf.append(map, dump);
        ByteBuffer all = buffer(ByteBuffer.wrap(Files.readAllBytes(dump)));
        byte[] kept = new byte[before.length];
        all.get(kept);
        assertArrayEquals(before, kept);
        tables(all, 0x2d, 0x30);
        code(all, 0x7f0000001000L, 0x2d, "void app.Main.run(int, long)");
        tables(all, 8, 8);
        code(all, 0x7f0000002000L, 8, "Interpreter");
        assertFalse(all.hasRemaining());
    }

    private static int record(ByteBuffer all, int kind) {
        int end = all.position();
        assertEquals(kind, all.getInt());
        end += all.getInt();
        assertEquals(TIME, all.getLong());
        return end;
    }

    /** The tables stand behind the code, {@code aligned} bytes after its beginning, and lead to it. */
    private static void tables(ByteBuffer all, int size, int aligned) {
        int end = record(all, 4);
        int length = (int) all.getLong();
        int search = length - (int) all.getLong();
        assertEquals(length, all.getLong());
        int start = all.position();
        int entry = search + all.getInt(start + search + 16); // the search table's only one: that of the region
        assertEquals(-aligned, search + all.getInt(start + search + 12));
        assertEquals(0, search + 4 + all.getInt(start + search + 4));
        assertEquals(entry + 4, all.getInt(start + entry + 4)); // back to what all frames have in common
        assertEquals(-aligned, entry + 8 + all.getInt(start + entry + 8));
        assertEquals(size, all.getInt(start + entry + 12));
        assertEquals(entry, all.getInt(start) + 4);
        all.position(end);
    }


    private static void code(ByteBuffer all, long address, int size, String name) {
        int end = record(all, 0);
        assertEquals(PROCESS, all.getInt());
        assertEquals(PROCESS, all.getInt());
        assertEquals(address, all.getLong());
        assertEquals(address, all.getLong());
        assertEquals(size, all.getLong());
        assertTrue(all.getLong() >= 1_000_000);
        byte[] text = new byte[name.length()];
        all.get(text);
        assertEquals(name, new String(text, StandardCharsets.UTF_8));
        assertEquals(0, all.get());
        assertEquals(end, all.position() + size);
        all.position(end);
    }

    @Test
    void whatIsMissingIsNamed() throws Exception {
        refuses(folder.resolve("none.map"), dump, "none.map. 'jcmd PID Compiler.perfmap' writes it");
        refuses(map, folder.resolve("none.dump"), "none.dump. CPython writes it after sys.activate_stack_trampoline('perf_jit').");
        refuses(map, map, "does not list functions of Python");
        refuses(map, Files.write(folder.resolve("arm.dump"), python(183)), "for perf on x86-64");
        assertArrayEquals(before, Files.readAllBytes(dump));
        says(assertThrows(PythonException.class, () -> PythonPerf.main(new String[] {"x"})), "takes one argument");
        long self = ProcessHandle.current().pid();
        says(assertThrows(PythonException.class, () -> PythonPerf.main(new String[] {Long.toString(self)})), "Process " + self + " still runs");
    }

    private static void refuses(Path map, Path dump, String part) {
        says(assertThrows(PythonException.class, () -> PythonPerf.append(map, dump)), part);
    }

    private static void says(PythonException e, String part) {
        assertTrue(e.getMessage().contains(part), e::getMessage);
    }
}
