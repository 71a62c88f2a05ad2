// SPDX-License-Identifier: Apache-2.0
// Buffers that no writer of ours made, for both halves of the packed format: Java's reader, what Java
// calls in Rust, and what Python calls in Java. An exception or a value each time, and no more memory
// than a small multiple of the buffer. tests/rust/fuzz.rs does it to the Rust half alone.
package org.nd4j.python4j;

import java.io.ByteArrayOutputStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.jni.Pack;
import org.nd4j.python4j.internal.jni.PackReader;
import org.nd4j.python4j.internal.jni.Tag;

/** {@code Fuzz SEED SECONDS}. */
final class Fuzz {
    private Fuzz() {}

    private static final int TAGS = 23; // one more than there are
    private static final int LONGEST = 4096;
    private static final int LARGEST_TABLE = 4 << 20; // a table of ours that grows by chance at this moment

    /** A buffer that looks like one of ours: mostly whole values, now and then a lie. */
    static void build(Random random, int depth, ByteArrayOutputStream out) {
        boolean lie = random.nextInt(24) == 0;
        int tag = random.nextInt(TAGS);
        out.write(tag);
        int count = random.nextInt(depth > 6 ? 2 : 6);
        switch (tag) {
            case Tag.INT:
            case Tag.FLOAT:
            case Tag.HANDLE:
            case Tag.LARGE:
                words(random, 1, out);
                break;
            case Tag.JAVA:
                words(random, 2, out);
                break;
            case Tag.BIG_INT:
            case Tag.STR:
            case Tag.BYTES:
            case Tag.DECIMAL:
            case Tag.SURROGATES:
            case Tag.LATIN1:
            case Tag.UTF16:
                count *= random.nextInt(80);
                head(lie ? random.nextInt() >>> random.nextInt(32) : count, out);
                for (int i = 0; i < count; i++) {
                    out.write(tag == Tag.DECIMAL || random.nextInt(3) > 0 ? '0' + random.nextInt(10) : random.nextInt());
                }
                break;
            case Tag.LIST:
            case Tag.TUPLE:
            case Tag.SET:
            case Tag.DICT:
                head(lie ? random.nextInt() >>> random.nextInt(32) : count, out);
                for (int i = 0; i < (tag == Tag.DICT ? 2 * count : count); i++) {
                    build(random, depth + 1, out);
                }
                break;
            case Tag.LONGS:
            case Tag.DOUBLES:
                head(lie ? random.nextInt() >>> random.nextInt(32) : count, out);
                words(random, count, out);
                break;
            default:
        }
    }

    private static void head(int count, ByteArrayOutputStream out) {
        for (int i = 0; i < 4; i++) {
            out.write(count >> 8 * i);
        }
    }

    private static void words(Random random, int count, ByteArrayOutputStream out) {
        for (int i = 0; i < count * 8; i++) {
            out.write(random.nextInt());
        }
    }

    /** A buffer with something wrong somewhere. */
    private static byte[] spoil(Random random, byte[] whole, byte[] other) {
        byte[] buffer = whole;
        for (int n = random.nextInt(4); n >= 0 && buffer.length > 0; n--) {
            buffer = buffer.clone();
            int at = random.nextInt(buffer.length);
            switch (random.nextInt(5)) {
                case 0:
                    buffer[at] ^= (byte) (1 << random.nextInt(8));
                    break;
                case 1:
                    buffer[at] = (byte) random.nextInt(TAGS);
                    break;
                case 2:
                    buffer = Arrays.copyOf(buffer, at);
                    break;
                case 3:
                    int wild = random.nextInt() >>> random.nextInt(32);
                    for (int i = 0; i < 4 && at + i < buffer.length; i++) {
                        buffer[at + i] = (byte) (wild >> 8 * i);
                    }
                    break;
                default:
                    int from = random.nextInt(other.length + 1);
                    byte[] joined = Arrays.copyOf(buffer, Math.max(at, Math.min(LONGEST, at + other.length - from)));
                    System.arraycopy(other, from, joined, at, joined.length - at);
                    buffer = joined;
            }
        }
        return buffer;
    }

    private static byte[] value(Random random, byte[] other) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        build(random, 0, out);
        byte[] whole = Arrays.copyOf(out.toByteArray(), Math.min(LONGEST, out.size()));
        return random.nextInt(3) == 0 ? whole : spoil(random, whole, other);
    }

    private static byte[] joined(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.write(part, 0, part.length);
        }
        return all.toByteArray();
    }

    private static byte[] word(int value) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        head(value, out);
        return out.toByteArray();
    }

    private static byte[] text(String text) {
        return joined(word(text.length()), text.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
    }

    interface Body {
        void run() throws Throwable;
    }

    private static final com.sun.management.ThreadMXBean MEMORY =
            (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static int done;
    private static int wrong;
    private static int read;

    /** Runs it; only a PythonException may come out of it. */
    private static void attempt(String what, byte[] buffer, Body body) {
        done++;
        Throwable thrown = null;
        long before = MEMORY.getThreadAllocatedBytes(Thread.currentThread().getId());
        try {
            body.run();
            read++;
        } catch (PythonException e) {
            thrown = String.valueOf(e.getMessage()).contains("Internal error") ? e : null;
        } catch (Throwable e) {
            thrown = e;
        }
        long taken = MEMORY.getThreadAllocatedBytes(Thread.currentThread().getId()) - before;
        if (thrown != null || taken > 300L * buffer.length + LARGEST_TABLE) {
            wrong++;
            System.out.println("WRONG " + what + ": " + thrown + ", " + taken + " bytes allocated, with " + Arrays.toString(buffer));
        }
    }

    public static void main(String[] arguments) throws Exception {
        long seed = Long.parseLong(arguments[0]);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Integer.parseInt(arguments[1]));
        Random random = new Random(seed);
        Operations.begin();
        PythonObject function;
        try (PythonGIL gil = PythonGIL.lock()) {
            function = Callbacks.callable((args, named) -> args);
            function.call(1, "a");
            new PythonObject(Arrays.asList(1, "a", 2.5)).toList();
        }
        byte[] previous = new byte[0];
        while (System.nanoTime() < end && wrong < 20) {
            for (int i = 0; i < 50; i++) {
                byte[] buffer = value(random, previous);
                byte[] other = previous;
                attempt("Java's reader", buffer, () -> new PackReader(buffer, 1).value());
                attempt("an answer to Python", buffer, () -> forget(Callbacks.upcall(1 + random.nextInt(3), joined(buffer, other))));
                try (PythonGIL gil = PythonGIL.lock();
                        PythonGC frame = PythonGC.watch()) {
                    byte[] inputs = joined(new byte[] {2}, word(0), word(2), text("a"), buffer, text("b"), other, word(2), text("a"),
                            new byte[] {(byte) random.nextInt(14)}, text("b"), new byte[] {(byte) random.nextInt(14)});
                    byte[] request = random.nextBoolean() ? inputs : spoil(random, inputs, other);
                    if (request.length > 0) {
                        request[0] = 2; // sets and reads: what these bytes would be as a program is no matter here
                    }
                    attempt("a request", request, () -> answer(request, Native.execRun(request, request.length, PythonGC.frame(), 0, 0)));
                    byte[] operand = joined(word(1), buffer);
                    attempt("an operand", operand, () -> {
                        long handle = Native.objectOperate(0, operand, operand.length, PythonGC.frame(), 0, -1);
                        answer(operand, Native.objectConvert(handle, random.nextInt(14), PythonGC.frame(), 0));
                    });
                    byte[] call = joined(word(2), buffer, other);
                    attempt("a call's arguments", call,
                            () -> answer(call, Native.objectCall(function.handle(), call, call.length, random.nextInt(14), PythonGC.frame(), 0)));
                }
                previous = buffer;
            }
            String after = Operations.aftermath();
            if (after != null) {
                wrong++;
                System.out.println("WRONG afterwards: " + after);
            }
        }
        System.out.println("DONE " + done + " buffers, " + wrong + " wrong, " + read + " read");
        System.exit(wrong == 0 ? 0 : 1);
    }

    /** As Python does it with an exception that it got and has dropped. */
    private static void forget(byte[] answer) {
        if (answer[0] == Callbacks.THROWN) {
            Callbacks.upcall(ByteBuffer.wrap(answer, 1, 8).order(ByteOrder.LITTLE_ENDIAN).getLong(), null);
        }
    }

    /** Reads what Rust wrote; the handles in it belong to the open frame. In the request's own array more follows. */
    private static void answer(byte[] request, byte[] answer) {
        PackReader reader = new PackReader(answer, PythonGC.frame());
        for (int i = 0; answer != null && i < (answer == request ? 1 : 3); i++) {
            try {
                reader.end();
                return;
            } catch (PythonException e) {
                reader.value();
            }
        }
    }
}
