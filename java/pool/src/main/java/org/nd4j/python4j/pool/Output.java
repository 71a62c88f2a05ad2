// SPDX-License-Identifier: Apache-2.0
// The output of workers, line by line, and the last lines of each. One thread reads for all workers of a pool.
package org.nd4j.python4j.pool;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.nd4j.python4j.internal.jni.Native;

/** The two streams of one worker. */
final class Output {

    private static final int LAST_LINES = 20;
    private static final int LONGEST = 1 << 16; // a longer line comes in parts
    private static final int END_MILLIS = 300;

    /** Where lines go. */
    interface Receiver {
        void line(boolean isError, String line);
    }

    /** A stream of which not all lines are whole. */
    private final class Stream {
        final int file;
        final boolean isError;
        private byte[] line = new byte[256];
        private int length;

        Stream(int file, boolean isError) {
            this.file = file;
            this.isError = isError;
        }

        void add(byte[] bytes, int count) {
            for (int i = 0; i < count; i++) {
                if (bytes[i] == '\n') {
                    end();
                    continue;
                }
                if (length == line.length) {
                    line = Arrays.copyOf(line, length * 2);
                }
                line[length++] = bytes[i];
                if (length >= LONGEST) {
                    end();
                }
            }
        }

        void end() {
            String text = new String(line, 0, length, StandardCharsets.UTF_8);
            length = 0;
            if (isError) {
                synchronized (lastErrors) {
                    if (lastErrors.size() == LAST_LINES) {
                        lastErrors.removeFirst();
                    }
                    lastErrors.addLast(text);
                }
            }
            try {
                receiver.line(isError, text);
            } catch (RuntimeException e) {
                // what a receiver of the program's throws must not end the reading of all workers
            }
        }
    }

    private final Stream[] streams;
    private final Receiver receiver;
    private final Deque<String> lastErrors = new ArrayDeque<>(); // guarded by itself
    private final CountDownLatch ended = new CountDownLatch(2);
    private volatile boolean closing;

    Output(int out, int err, Receiver receiver) {
        this.streams = new Stream[] {new Stream(out, false), new Stream(err, true)};
        this.receiver = receiver;
    }

    List<String> lastErrors() {
        synchronized (lastErrors) {
            return new ArrayList<>(lastErrors);
        }
    }

    /** Waits a moment for the rest of what a process wrote that has ended. Those that it started may keep its streams open. */
    void await() {
        boolean interrupted = Thread.interrupted();
        try {
            ended.await(END_MILLIS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            interrupted = true;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** No more is read of it. */
    void close() {
        closing = true;
    }

    /** Reads the output of all workers of a pool. */
    static final class Reader implements Runnable {
        private static final int WAIT_MILLIS = 100;

        private final List<Output> all = new CopyOnWriteArrayList<>();
        private volatile boolean over;

        void add(Output output) {
            all.add(output);
        }

        /** Ends when nothing is left to read. */
        void end() {
            over = true;
        }

        @Override
        public void run() {
            byte[] bytes = new byte[2048];
            while (!over || !all.isEmpty()) {
                List<Stream> streams = new ArrayList<>();
                for (Output output : all) {
                    for (Stream stream : output.streams) {
                        if (stream != null) {
                            streams.add(stream);
                        }
                    }
                }
                long[] files = streams.stream().mapToLong(stream -> stream.file).toArray();
                long[] ready = Native.processPoll(files, WAIT_MILLIS);
                for (Output output : all) {
                    for (int i = 0; i < output.streams.length; i++) {
                        Stream stream = output.streams[i];
                        boolean reads = stream != null && contains(ready, stream.file);
                        int count = reads ? Native.processReceive(stream.file, bytes, 0) : 0;
                        if (count > 0) {
                            stream.add(bytes, count);
                        } else if (stream != null && (count < 0 || output.closing)) {
                            if (stream.length > 0) {
                                stream.end();
                            }
                            Native.processClose(stream.file);
                            output.streams[i] = null;
                            output.ended.countDown();
                        }
                    }
                    if (output.ended.getCount() == 0) {
                        all.remove(output);
                    }
                }
            }
        }

        private static boolean contains(long[] files, int file) {
            return Arrays.stream(files).anyMatch(other -> other == file);
        }
    }
}
