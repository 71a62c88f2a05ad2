// SPDX-License-Identifier: Apache-2.0
// A program for those who profile with perf, see docs/debugging.md. It runs after the profiled JVM has ended and needs no
// Python. DebuggingTest (tests/java/examples) shows what perf makes of its file.
package org.nd4j.python4j;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * Lets {@code perf} walk through Java's frames to Python's and back. {@code perf} walks by tables (DWARF). Code that Java has
 * compiled has none, so a stack ends at the first method of Java's. This program writes tables for the code that
 * {@code jcmd PID Compiler.perfmap} has listed in {@code /tmp/perf-PID.map}. It appends them to {@code /tmp/jit-PID.dump}, where
 * CPython ({@code sys.activate_stack_trampoline('perf_jit')}) has written those of Python's functions, and
 * {@code perf inject --jit} reads both. docs/debugging.md has the whole sequence.
 *
 * <pre>{@code java -cp python4j-core.jar org.nd4j.python4j.PythonPerf PID}</pre>
 *
 * <p>The tables are right for a JVM that was started with {@code -XX:+PreserveFramePointer}, on x86-64.
 */
public final class PythonPerf {

    // The file's format is that of tools/perf/Documentation/jitdump-specification.txt of Linux.
    private static final int MAGIC = 0x4A695444;
    private static final int HEADER = 40;
    private static final int X86_64 = 62;
    private static final int CODE_LOAD = 0;
    private static final int UNWINDING_INFO = 4;
    private static final int RECORD = 16;

    /** CPython numbers its functions from 0. */
    private static final long FIRST_NUMBER = 1_000_000;

    private static final int FRAME_TABLE = 48;
    private static final int SEARCH_TABLE = 20;

    private PythonPerf() {}

    /**
     * Adds Java's code to CPython's file.
     *
     * @param arguments the process id
     * @throws PythonException if the process still runs, or one of the files is missing or not what it should be
     */
    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 1 || !arguments[0].matches("\\d{1,18}")) {
            throw new PythonException("PythonPerf takes one argument, the id of the process that perf recorded.");
        }
        String process = arguments[0];
        if (ProcessHandle.of(Long.parseLong(process)).isPresent()) {
            throw new PythonException("Process " + process + " still runs. CPython completes its file for perf when the process ends.");
        }
        Path folder = Path.of("/tmp");
        append(folder.resolve("perf-" + process + ".map"), folder.resolve("jit-" + process + ".dump"));
    }

    static void append(Path map, Path dump) throws IOException {
        if (!Files.exists(map)) {
            throw new PythonException("There is no " + map + ". 'jcmd PID Compiler.perfmap' writes it while the process runs.");
        }
        if (!Files.exists(dump)) {
            throw new PythonException("There is no " + dump + ". CPython writes it after sys.activate_stack_trampoline('perf_jit').");
        }
        List<String> regions = Files.readAllLines(map);
        ByteBuffer begin = begin(dump);
        int process = begin.getInt(20);
        long time = begin.getLong(HEADER + 8); // of CPython's first function: Java's code counts as there from then on
        long number = FIRST_NUMBER;
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(dump, StandardOpenOption.APPEND))) {
            for (String region : regions) {
                String[] parts = region.split(" ", 3); // address, size, name
                int size = (int) hexadecimal(parts[1]);
                out.write(tables(size, time));
                out.write(code(hexadecimal(parts[0]), size, parts[2], process, number++, time));
            }
        }
    }

    private static long hexadecimal(String number) {
        return Long.parseLong(number.startsWith("0x") ? number.substring(2) : number, 16);
    }

    /** The header of CPython's file and that of its first record. */
    private static ByteBuffer begin(Path dump) throws IOException {
        ByteBuffer begin = ByteBuffer.allocate(HEADER + RECORD).order(ByteOrder.nativeOrder());
        try (InputStream in = Files.newInputStream(dump)) {
            if (in.readNBytes(begin.array(), 0, begin.capacity()) < begin.capacity() || begin.getInt(0) != MAGIC || begin.getInt(12) != X86_64) {
                throw new PythonException(dump + " does not list functions of Python for perf on x86-64.");
            }
        }
        return begin;
    }

    private static ByteBuffer record(int kind, int size, long time) {
        return ByteBuffer.allocate(RECORD + size).order(ByteOrder.nativeOrder()).putInt(kind).putInt(RECORD + size).putLong(time);
    }

    /** A region of code. Its bytes are of no interest to a profile and are written as zeros. */
    private static byte[] code(long address, int size, String name, int process, long number, long time) {
        byte[] text = (name + '\0').getBytes(StandardCharsets.UTF_8);
        return record(CODE_LOAD, 40 + text.length + size, time).putInt(process).putInt(process).putLong(address).putLong(address).putLong(size)
                .putLong(number).put(text).array();
    }

    /** How to leave a frame of the region that follows, as {@code .eh_frame} and {@code .eh_frame_hdr}, which perf puts behind it. */
    private static byte[] tables(int size, long time) {
        int code = size + 7 & -8;
        int both = FRAME_TABLE + SEARCH_TABLE;
        ByteBuffer tables = record(UNWINDING_INFO, 24 + (both + 7 & -8), time).putLong(both).putLong(SEARCH_TABLE).putLong(both);
        // For all frames: version 1, addresses count from where they stand, units of 1 and -8, the return address is column 16.
        tables.putInt(20).putInt(0).put(new byte[] {1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b});
        tables.put(new byte[] {0x0c, 6, 16}); // the caller's stack begins at rbp (6) + 16
        tables.put(new byte[] {(byte) 0x86, 2, (byte) 0x90, 1}); // below it are the return address, at -8, and the caller's rbp, at -16
        // The region: where it begins, counted from there, and its length.
        tables.putInt(16).putInt(28).putInt(-(code + 32)).putInt(size).putInt(0);
        tables.putInt(0);
        // The search table has one entry, whose addresses count from the table's beginning.
        tables.put(new byte[] {1, 0x1b, 0x03, 0x3b}).putInt(-(FRAME_TABLE + 4)).putInt(1).putInt(-(code + FRAME_TABLE)).putInt(24 - FRAME_TABLE);
        return tables.array();
    }
}
