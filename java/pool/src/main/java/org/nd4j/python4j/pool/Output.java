// SPDX-License-Identifier: Apache-2.0
// The output of workers, line by line, and the last lines of each. One thread reads for all workers of a pool.
package org.nd4j.python4j.pool;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.LongStream;
import org.nd4j.python4j.internal.jni.Native;

/** The two streams of one worker. */
final class Output {

    private static final int LAST_LINES = 20;
    private static final int LONGEST = 1 << 16; // a longer line comes in parts
    private static final int END_MILLIS = 300;
    private static final int MOMENT_MILLIS = 20;
    private static final int AT_ONCE = 2048;
    private static final int PIPE = 1 << 16;

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
            } catch (RuntimeException | Error e) {
                // what a receiver of the program's throws must not end the reading of all workers
            }
        }
    }

    private final Stream[] streams;
    private final ReentrantLock reading = new ReentrantLock();
    private final Receiver receiver;
    private final Deque<String> lastErrors = new ArrayDeque<>(); // guarded by itself
    private final CountDownLatch ended = new CountDownLatch(2);
    private final Reader reader;
    private volatile boolean closing;

    Output(int out, int err, Receiver receiver, Reader reader) {
        this.reader = reader;
        this.streams = new Stream[] {new Stream(out, false), new Stream(err, true)};
        this.receiver = receiver;
    }

    List<String> lastErrors() {
        synchronized (lastErrors) {
            return new ArrayList<>(lastErrors);
        }
    }

    /**
     * Reads what is there, so that what a call has printed arrives before the call returns. A receiver that is busy is not
     * waited for longer than a moment: it may wait for this thread.
     */
    void drain() {
        byte[] bytes = new byte[AT_ONCE];
        for (int left = PIPE / AT_ONCE; left > 0 && read(bytes, END_MILLIS); left--) {
            // more was there, but no more than a pipe takes
        }
    }

    /** Reads once from each stream that has something. Whether there was any. */
    private boolean read(byte[] bytes, long waitMillis) {
        boolean any = false;
        try {
            if (!reading.tryLock(waitMillis, TimeUnit.MILLISECONDS)) {
                return false;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
        try {
            long[] ready = Native.processPoll(files(), 0); // somebody else may have read it
            for (int i = 0; i < streams.length; i++) {
                Stream stream = streams[i];
                boolean reads = stream != null && contains(ready, stream.file);
                int count = reads ? Native.processReceive(stream.file, bytes, 0) : 0;
                any |= count > 0;
                if (count > 0) {
                    stream.add(bytes, count);
                } else if (stream != null && (count < 0 || closing)) {
                    if (stream.length > 0) {
                        stream.end();
                    }
                    Native.processClose(stream.file);
                    streams[i] = null;
                    ended.countDown();
                }
            }
        } finally {
            reading.unlock();
        }
        return any;
    }

    private long[] files() {
        return Arrays.stream(streams).filter(Objects::nonNull).mapToLong(stream -> stream.file).toArray();
    }

    private static boolean contains(long[] files, long file) {
        return Arrays.stream(files).anyMatch(other -> other == file);
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
        reader.wake();
    }

    /** Reads the output of all workers of a pool. */
    static final class Reader implements Runnable {
        private static final int WAIT_MILLIS = 1000;

        private final List<Output> all = new CopyOnWriteArrayList<>();
        private final long[] waker = Native.processSockets(); // what is sent to the first end is received by the other one
        private boolean over; // guarded by this
        private boolean closed; // guarded by this

        void add(Output output) {
            all.add(output);
            wake();
        }

        /** Ends when nothing is left to read. */
        synchronized void end() {
            over = true;
            wake();
        }

        /** Has the reading thread look around at once. */
        private synchronized void wake() {
            if (!closed) {
                Native.processSend((int) waker[0], new byte[1], 0, 1, 0); // if it is full, the thread is about to look
            }
        }

        /** Whether nothing is left to read, and nothing will come. */
        private synchronized boolean isOver() {
            closed = over && all.isEmpty();
            return closed;
        }

        @Override
        public void run() {
            byte[] bytes = new byte[AT_ONCE];
            while (!isOver()) {
                LongStream files = all.stream().flatMapToLong(output -> Arrays.stream(output.files()));
                long[] ready = Native.processPoll(LongStream.concat(LongStream.of(waker[1]), files).toArray(), WAIT_MILLIS);
                if (contains(ready, waker[1])) {
                    Native.processReceive((int) waker[1], bytes, 0);
                }
                for (Output output : all) {
                    if (output.closing || Arrays.stream(output.files()).anyMatch(file -> contains(ready, file))) {
                        output.read(bytes, MOMENT_MILLIS);
                    }
                    if (output.ended.getCount() == 0) {
                        all.remove(output);
                    }
                }
            }
            Native.processClose((int) waker[0]);
            Native.processClose((int) waker[1]);
        }
    }
}
