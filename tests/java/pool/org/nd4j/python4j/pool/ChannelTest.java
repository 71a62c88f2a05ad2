// SPDX-License-Identifier: Apache-2.0
// What a worker sends is not trusted: whatever comes is a message, or the end of the worker, and costs no more memory than it has bytes.
package org.nd4j.python4j.pool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.jni.Pack;
import org.nd4j.python4j.internal.start.NativeLoader;

@Timeout(180)
class ChannelTest {

    private static final Random RANDOM = new Random(7);

    @BeforeAll
    static void load() {
        NativeLoader.loadLibraries();
    }

    /** A process that writes these bytes where a worker writes messages, and reads what comes. */
    private static WorkerProcess process(byte[] bytes, boolean stays) {
        StringBuilder octal = new StringBuilder();
        for (byte each : bytes) {
            octal.append(String.format("\\%03o", each & 0xFF));
        }
        return WorkerProcess.start(List.of("/bin/sh", "-c", "printf '" + octal + "' >&3" + (stays ? "; cat <&3 >/dev/null" : "")), List.of());
    }

    private static Throwable answerOf(byte[] bytes) {
        return answerOf(bytes, true);
    }

    private static Throwable answerOf(byte[] bytes, boolean stays) {
        WorkerProcess process = process(bytes, stays);
        Output.Reader reader = new Output.Reader();
        Output output = new Output(process.out, process.err, (isError, line) -> {}, reader);
        reader.add(output);
        Thread reading = new Thread(reader);
        reading.setDaemon(true);
        reading.start();
        Worker worker = new Worker(null, 1, process, output, Duration.ofMillis(20));
        try {
            return worker.run(Call.call("", "f", null, new Object[0], Duration.ofMillis(50)), null).thrown();
        } finally {
            worker.discard();
            reader.end();
        }
    }

    private static byte[] message(int length, int kind, long whom, byte... rest) {
        return ByteBuffer.allocate(13 + rest.length).order(ByteOrder.LITTLE_ENDIAN).putInt(length).put((byte) kind).putLong(whom)
                .put(rest).array();
    }

    private static byte[] block() {
        byte[] rest = new byte[18];
        rest[17] = 1;
        return rest;
    }

    @Test
    void aMessageThatIsOneIsTaken() {
        byte[] none = {0};
        assertEquals(null, answerOf(message(1, Channel.VALUE, 1, none)));
    }

    @Test
    void garbageLosesTheWorkerAndNothingElse() {
        byte[][] all = {
            message(-1, Channel.VALUE, 1), message(1, 9, 1, (byte) 0), message(1, Channel.VALUE, 2, (byte) 0),
            message(1, Channel.VALUE, 1, (byte) 99), message(2, Channel.VALUE, 1, (byte) 0, (byte) 0), message(0, Channel.VALUE, 1),
            message(1, Channel.RAISED, 1, (byte) 0), message(0, Channel.UPCALL, 1), message(10, Channel.UPCALL, 1, new byte[10]),
            message(3, Channel.RELEASED, 0, new byte[3]), message(9, Channel.VALUE, 1, (byte) 15, (byte) 1, (byte) 0, (byte) 0, (byte) 0,
                    (byte) 1, (byte) 0, (byte) 0, (byte) 0), message(Integer.MAX_VALUE, Channel.VALUE, 1, (byte) 0),
            message(5, Channel.VALUE, 1, (byte) 8, (byte) -1, (byte) -1, (byte) -1, (byte) 127),
            // Blocks of shared memory that did not come, and arrays in them.
            message(0, 0x80, 1), message(2, 0x80, 1, (byte) 0, (byte) 1), message(18, 0x80, 1, block()), message(16, 0x40, 1, new byte[16]),
            message(3, 0x40, 1, new byte[3]), message(34, 0xC0, 1, new byte[34]), message(5, Channel.VALUE, 1, (byte) 23, (byte) 0,
                    (byte) 0, (byte) 0, (byte) 0), message(9, Channel.VALUE, 1, (byte) 23, (byte) 4, (byte) 0, (byte) 0, (byte) 0,
                    (byte) 1, (byte) 'd', (byte) 0, (byte) 127),
        };
        for (byte[] bytes : all) {
            assertInstanceOf(PythonWorkerLost.class, answerOf(bytes));
        }
    }

    @Test
    void randomBytesAreAnsweredToo() {
        for (int i = 0; i < 60; i++) {
            byte[] bytes = new byte[RANDOM.nextInt(200)];
            RANDOM.nextBytes(bytes);
            if (i % 2 == 0) {
                byte[] rest = bytes;
                bytes = message(rest.length, i / 2 % 4 | (i % 3 == 0 ? RANDOM.nextInt(4) << 6 : 0), 1, rest);
            }
            long before = allocated();
            Throwable thrown = answerOf(bytes);
            long bytesAllocated = allocated() - before;
            assertTrue(thrown == null || thrown instanceof PythonException, () -> "" + thrown);
            assertTrue(bytesAllocated < 4 << 20, bytesAllocated + " bytes were allocated");
        }
    }

    private static byte[] packed(Object value) {
        Pack pack = Pack.take();
        try {
            return Arrays.copyOf(pack.value(value).buffer(), pack.length());
        } finally {
            pack.giveBack();
        }
    }

    /** What a worker would send, with some bytes changed, removed or repeated. */
    @Test
    void changedMessagesAreAnsweredToo() {
        List<?> report = Arrays.asList("ValueError: x", "ValueError", "builtins", "x", "", List.of("f.py", "f", 3L), "Traceback", null, null, List.of(), List.of("note"));
        byte[][] values = {
            packed(Arrays.asList(1L, 2L, 3L)), packed(Map.of("a", List.of(1.5, "text", true), "b", Set.of(BigInteger.TEN.pow(30)))),
            packed(List.of("x".repeat(300), new byte[50], List.of(List.of(new BigDecimal("1.5"))))), packed(report), packed(List.of(report, report)),
        };
        for (int seed = 0; seed < 150; seed++) {
            Random random = new Random(seed);
            byte[] rest = values[random.nextInt(values.length)].clone();
            for (int i = random.nextInt(4); i >= 0; i--) {
                rest[random.nextInt(rest.length)] = (byte) (random.nextBoolean() ? random.nextInt(26) : random.nextInt());
            }
            if (random.nextInt(4) == 0) {
                rest = Arrays.copyOf(rest, random.nextInt(rest.length + 20));
            }
            int length = random.nextInt(8) == 0 ? random.nextInt(2 * rest.length + 1) : rest.length;
            byte[] bytes = message(length, random.nextInt(4), random.nextInt(8) == 0 ? 0 : 1, rest);
            long before = allocated();
            Throwable thrown = answerOf(bytes, false);
            long bytesAllocated = allocated() - before;
            assertTrue(thrown == null || thrown instanceof PythonException, seed + ": " + thrown);
            assertTrue(bytesAllocated < 4 << 20, seed + ": " + bytesAllocated + " bytes were allocated");
        }
    }

    private static long allocated() {
        return ((com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean()).getThreadAllocatedBytes(
                Thread.currentThread().getId());
    }
}
