// SPDX-License-Identifier: Apache-2.0
// The conversation with a worker process: calls to it, callbacks from it, and the end of both. Workers
// decides who may use a worker; Channel transports the bytes.
package org.nd4j.python4j.pool;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Blocks;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.jni.Pack;
import org.nd4j.python4j.internal.jni.PackReader;

/** One thread at a time uses a worker. What comes from the process is not trusted. */
final class Worker implements Pack.Peer, Channel.Blocks {

    private static final int INTERRUPTED = 0;
    private static final int TIMEOUT = 1;
    private static final int FORGET_BLOCK = 2; // not a call
    private static final int ORDER = 9;
    private static final int LARGE = 1 << 16;
    private static final long MEGABYTE = 1 << 20;
    private static final long MOST_KEPT = 16 << 20;
    private static final byte BYTES = 2; // the form of a description, see memory.rs

    /** The worker whose call of a Java function this thread runs, and the number of that call. */
    static final ThreadLocal<Visit> VISIT = new ThreadLocal<>();

    static final class Visit {
        final Worker worker;
        final long upcall;
        private final Visit outer; // a function may call another pool, whose worker calls a function in turn

        Visit(Worker worker, long upcall, Visit outer) {
            this.worker = worker;
            this.upcall = upcall;
            this.outer = outer;
        }

        /** The innermost one of a worker, or if that is null of any worker of the pool; null if there is none. */
        static Visit find(Workers workers, Worker worker) {
            Visit visit = VISIT.get();
            while (visit != null && (worker == null ? visit.worker.workers != workers : visit.worker != worker)) {
                visit = visit.outer;
            }
            return visit;
        }
    }

    final Workers workers; // null in tests of the conversation alone
    final int number;
    final WorkerProcess process;
    final Output output;
    private final Channel channel;
    private final long graceNanos;

    private final Map<Long, Object> held = new ConcurrentHashMap<>();
    private long keys;
    private long calls;
    private volatile long done; // those of the program's; one thread at a time writes it
    private final Deque<Long> open = new ArrayDeque<>(); // the numbers of the calls that wait, the innermost first
    private final Map<Long, Outcome<?>> early = new HashMap<>(); // of outer calls, which came while an inner one waited
    private final Map<Long, Call<?>> waiting = new HashMap<>();
    private final Deque<Running> inJava = new ArrayDeque<>(); // whose Java functions run, the innermost first; guarded by itself
    private boolean records; // whether it sends log records
    private volatile boolean lost;
    private volatile boolean forsaken;
    private volatile String loss;
    private volatile boolean closing;
    long idleSince; // of System.nanoTime; the pool's

    // Blocks of shared memory: those that go with the next message (their key, another key of ours, their length), the keys of those
    // that came in the calls that are open, and those that this process has dropped meanwhile.
    private final List<long[]> sending = new ArrayList<>();
    private final Map<Long, Long> came = new HashMap<>();
    private final List<Long> dropped = new ArrayList<>(); // guarded by itself, as the next two
    private int busy; // how many calls are open
    private boolean ended;

    // Where large bytes, requests and replies stand: a block of ours, how much of it this call uses, and one of theirs with its
    // number and our key.
    private long[] room;
    private long used;
    private long[] theirs;
    private long kept; // how much of it the last reply used

    Worker(Workers workers, int number, WorkerProcess process, Output output, Duration grace) {
        this.workers = workers;
        this.number = number;
        this.process = process;
        this.output = output;
        this.channel = new Channel(process.data, this);
        this.graceNanos = grace.toNanos();
    }

    /** How many calls of the program's it has been given. */
    long calls() {
        return done;
    }

    /** Why one that has ended did so. */
    String loss() {
        return loss == null ? "it ended" : loss;
    }

    boolean isLost() {
        return lost;
    }

    /** The same for an idle one, which may have ended by itself. */
    boolean hasEnded() {
        return lost || process.hasEnded();
    }

    /** Whether it was killed while its call was in a Java function, which may go on for ever. */
    boolean isForsaken() {
        return forsaken;
    }

    /** Ends the calls that are under way, or about to be, as an interrupt would. */
    void cancel() {
        closing = true;
    }

    // ---- what Python there holds of Java ----

    @Override
    public long hold(Object object) {
        held.put(++keys, object);
        return keys;
    }

    @Override
    public Object held(long key) {
        return held.get(key);
    }

    // ---- memory that both processes see ----

    @Override
    public void send(long key) {
        if (!Blocks.send(key, this)) {
            return;
        }
        if (sending.size() == Channel.MOST_BLOCKS) {
            Blocks.unsend(key, this);
            throw new PythonException("A call takes at most " + Channel.MOST_BLOCKS + " large arrays that its worker has not seen before.");
        }
        long[] other = Native.sharedAgain(key); // so that it is there when the message goes
        sending.add(new long[] {key, other[0], other[2]});
    }

    /** The blocks of the message that was sent, or is not going to be. */
    private void sent(boolean undo) {
        for (long[] block : sending) {
            if (undo) {
                Blocks.unsend(block[0], this);
            }
            Native.sharedDrop(block[1]);
        }
        sending.clear();
    }

    @Override
    public void came(long number, long[] block) {
        long[] before = {number, block[0]};
        if (number < 0) { // their room: a former one is there as long as this call's
            long[] former = theirs;
            theirs = before;
            before = former;
        }
        Long lost = before == null ? null : came.put(before[0], before[1]);
        if (lost != null) {
            Native.sharedDrop(lost);
        }
    }

    @Override
    public long came(long number) {
        Long key = came.get(number);
        if (key == null) {
            throw new IllegalArgumentException("an unknown number");
        }
        return key;
    }

    @Override
    public byte[] read(long number, long at, long length) {
        boolean inTheirs = theirs != null && theirs[0] == number;
        if (inTheirs) {
            kept = at + length;
        }
        return Native.sharedRead(inTheirs ? theirs[1] : came(number), at, length);
    }

    private void dropTheirs() {
        if (theirs != null) {
            Native.sharedDrop(theirs[1]);
            theirs = null;
        }
    }

    private void dropRoom() {
        if (room != null) {
            Blocks.drop(room[0]);
            room = null;
        }
    }

    /** A large request goes by a block. */
    private void putOutside(Pack pack) {
        if (pack.length() >= LARGE && hasRoom(pack.length())) {
            Channel.putOutside(pack, room[0], used);
        }
    }

    @Override
    public byte[] put(byte[] bytes) {
        if (!hasRoom(bytes.length)) {
            return null;
        }
        Native.sharedWrite(room[0], used, bytes, 0, bytes.length);
        ByteBuffer description = ByteBuffer.allocate(1 + 3 * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        description.put(BYTES).putLong(room[0]).putLong(used).putLong(bytes.length);
        used += bytes.length;
        return description.array();
    }

    /** Whether the block for that takes so many bytes; one that is too small is replaced. It is in use within another call. */
    private boolean hasRoom(long length) {
        if (!open.isEmpty() || sending.size() == Channel.MOST_BLOCKS) {
            return false;
        }
        if (room == null || room[2] - used < length) {
            long before = room == null ? 0 : room[2];
            dropRoom();
            try {
                room = Native.sharedMake((Math.max(length, Math.min(before, MOST_KEPT)) / MEGABYTE + 1) * MEGABYTE);
            } catch (PythonException e) {
                return false; // it goes through the socket
            }
            used = 0;
        }
        send(room[0]);
        return true;
    }

    @Override
    public void forget(long block) {
        synchronized (dropped) {
            dropped.add(block); // a request may name it that was not read yet
            tellDropped();
        }
    }

    private void begin() {
        synchronized (dropped) {
            busy++;
        }
    }

    private void finish() {
        if (open.isEmpty()) {
            came.values().forEach(Native::sharedDrop);
            came.clear();
            if (room != null && room[2] > MOST_KEPT) {
                dropRoom();
            }
            if (theirs != null && kept > MOST_KEPT) {
                dropTheirs();
            }
        }
        synchronized (dropped) {
            busy--;
            tellDropped();
        }
    }

    private void tellDropped() {
        if (busy == 0 && !dropped.isEmpty()) {
            if (!ended) {
                dropped.forEach(block -> order(block, FORGET_BLOCK));
            }
            dropped.clear();
        }
    }

    /** Something urgent. */
    private void order(long number, int reason) {
        byte[] order = new byte[ORDER];
        for (int i = 0; i < Long.BYTES; i++) {
            order[i] = (byte) (number >> 8 * i);
        }
        order[Long.BYTES] = (byte) reason;
        Native.processSend(process.control, order, 0, ORDER, 0); // if it is full, nobody reads there
    }

    // ---- calls ----

    /**
     * Does a call. Gives an outcome whatever happens.
     *
     * @param caller the thread whose interrupt ends the call, null for none
     */
    <R> Outcome<R> run(Call<R> call, Thread caller) {
        try {
            return runCounted(call, caller);
        } catch (RuntimeException | Error e) { // no memory, say: nobody knows where in a message that was
            lost = true;
            process.kill();
            return Outcome.failed(e);
        }
    }

    private <R> Outcome<R> runCounted(Call<R> call, Thread caller) {
        boolean counts = workers != null && open.isEmpty() && call.counts();
        Object event = counts ? Events.callBegins() : null;
        int outputs = counts ? beginCounted(call, caller) : 0;
        long began = System.nanoTime();
        Outcome<R> outcome = doCall(call, caller);
        if (outputs != 0) {
            output.drain();
        }
        if (counts) {
            workers.tally.ran(System.nanoTime() - began);
        }
        if (event != null) {
            Events.callEnds(event, this, outcome.thrown());
        }
        return outcome;
    }

    /** What the open {@code PythonOutput}s receive. The worker is told whether it is to send log records. */
    private int beginCounted(Call<?> call, Thread caller) {
        done++;
        int outputs = Access.get().outputs();
        boolean wanted = (outputs & Access.Output.RECORDS) != 0;
        if (wanted != records) {
            records = wanted;
            doCall(Call.plain(Channel.RECORDS, call.limit, pack -> pack.u8(wanted ? 1 : 0)), caller);
        }
        return outputs;
    }

    private <R> Outcome<R> doCall(Call<R> call, Thread caller) {
        Visit visit = Visit.find(workers, this);
        long within = visit == null ? 0 : visit.upcall;
        long before = keys;
        long number = ++calls;
        Running running = new Running(call, number, caller);
        begin();
        if (open.isEmpty()) {
            used = 0;
        }
        Pack pack = Pack.take(this);
        try {
            Channel.head(pack, call.kind, within);
            call.write(pack.key(number));
            putOutside(pack);
        } catch (RuntimeException | Error e) {
            for (; keys > before; keys--) {
                held.remove(keys);
            }
            sent(true);
            pack.giveBack();
            finish();
            return Outcome.failed(e);
        }
        open.push(number);
        waiting.put(number, call);
        try {
            try {
                channel.send(pack, sending, running);
            } finally {
                sent(false);
                pack.giveBack();
            }
            return running.ended(reply(number, running));
        } catch (Channel.Lost e) {
            return Outcome.failed(lost(e.getMessage(), running));
        } finally {
            open.pop();
            waiting.remove(number);
            finish();
        }
    }

    @SuppressWarnings("unchecked") // the outcome under a number is that of the number's call
    private <R> Outcome<R> reply(long number, Running running) throws Channel.Lost {
        while (true) {
            Outcome<?> mine = early.remove(number);
            if (mine != null) {
                return (Outcome<R>) mine;
            }
            channel.receive(running);
            switch (channel.kind) {
                case Channel.RELEASED:
                    released(channel.rest);
                    running.lookAtTime(); // what always sends is never waited for
                    break;
                case Channel.UPCALL:
                    upcall(channel.whom, channel.rest, running);
                    running.lookAtTime();
                    break;
                default:
                    Call<?> call = waiting.get(channel.whom);
                    if (call == null) {
                        throw garbage();
                    }
                    early.put(channel.whom, outcome(call, channel.kind, channel.rest));
            }
        }
    }

    private <R> Outcome<R> outcome(Call<R> call, int kind, byte[] rest) throws Channel.Lost {
        PackReader reader = new PackReader(rest, this);
        try {
            Object read = kind == Channel.VALUE ? call.read(reader) : reader.value();
            reader.end();
            return kind == Channel.VALUE ? Outcome.of(call, read) : Outcome.raised(Reports.checked(read, this::held));
        } catch (PythonException e) { // a value without a counterpart in Java, as a rule
            if (kind == Channel.VALUE && reader.goesOn()) {
                return Outcome.failed(e);
            }
            throw garbage();
        } catch (RuntimeException | StackOverflowError e) {
            throw garbage();
        }
    }

    private static Channel.Lost garbage() {
        return new Channel.Lost("it sent what no worker sends");
    }

    private void released(byte[] keys) throws Channel.Lost {
        PackReader reader = new PackReader(keys, this);
        if (keys.length % Long.BYTES != 0) {
            throw garbage();
        }
        for (int i = 0; i < keys.length; i += Long.BYTES) {
            held.remove(reader.u64());
        }
    }

    /** Python calls a Java function. */
    private void upcall(long number, byte[] rest, Running running) throws Channel.Lost {
        Callbacks.Function function;
        Object arguments;
        Object named;
        try {
            PackReader reader = new PackReader(rest, this);
            function = (Callbacks.Function) held.get(reader.u64());
            arguments = reader.value();
            named = reader.value();
            reader.end();
        } catch (RuntimeException e) {
            throw garbage();
        }
        if (function == null || !(arguments instanceof List) || !(named == null || named instanceof Map)) {
            throw garbage();
        }
        Pack pack = Pack.take(this);
        try {
            Visit outer = VISIT.get();
            VISIT.set(new Visit(this, number, outer));
            Channel.head(pack, Channel.ANSWER, number);
            try {
                running.entersJava();
                Object result;
                try {
                    result = function.call((List<?>) arguments, (Map<?, ?>) named);
                } catch (Throwable e) {
                    running.thrown = e;
                    throw e;
                } finally {
                    running.leavesJava();
                }
                Callbacks.answer(pack, result);
            } catch (Throwable e) {
                sent(true);
                pack.clear();
                pack.toPeer(this);
                Channel.head(pack, Channel.ANSWER, number);
                Callbacks.refuse(pack, e, this);
            } finally {
                VISIT.set(outer);
            }
            channel.send(pack, sending, running);
        } finally {
            sent(false);
            pack.giveBack();
        }
    }

    /** A call that waits: when it is to be ended, and how. */
    private final class Running implements Channel.Watch {
        final Call<?> call;
        final long number;
        final Thread caller;
        final long began = System.nanoTime();
        final boolean limited;
        final long end;
        private long asked; // when it was asked to end; guarded by this, as the next two
        private int reason;
        private boolean killed;
        private Thread inJavaBy; // whose function runs; guarded by inJava, as the next one
        private boolean interrupted; // from here
        private Throwable thrown; // by a function that was interrupted

        Running(Call<?> call, long number, Thread caller) {
            this.call = call;
            this.number = number;
            this.caller = caller;
            this.limited = call.limit != null;
            this.end = limited ? began + call.limit.toNanos() : 0;
        }

        @Override
        public void look() throws Channel.Lost {
            lookAtTime();
            if (process.hasEnded()) {
                throw new Channel.Lost(killed ? why() : "it ended");
            }
        }

        void lookAtTime() {
            lookAtTime(caller != null && caller.isInterrupted());
        }

        private synchronized void lookAtTime(boolean isInterrupted) {
            long now = System.nanoTime();
            if (asked == 0) {
                boolean late = limited && now - end >= 0;
                if (late || call.cancelled || closing && call.kind != Channel.END || isInterrupted) {
                    asked = now;
                    reason = late ? TIMEOUT : INTERRUPTED;
                    order(number, reason); // has an exception raised in it
                }
            } else if (!killed && now - asked >= graceNanos) {
                killed = true;
                process.kill();
            }
        }

        /** A Java function begins: its thread looks at nothing until it returns, so another one does. */
        void entersJava() {
            synchronized (inJava) {
                inJavaBy = Thread.currentThread();
                interrupted = false;
                inJava.push(this);
            }
            if (workers != null) {
                workers.functions.begin();
            }
        }

        void leavesJava() {
            synchronized (inJava) {
                inJava.pop();
                if (interrupted) {
                    Thread.interrupted(); // the function alone was meant
                } else {
                    thrown = null;
                }
            }
        }

        /** To be called by another thread, with the lock of the functions that run. */
        private void lookFromOutside() {
            long before = asked;
            lookAtTime(false); // an interrupt of the caller is the function's to see
            // A function that begins in a `finally` block after the end of the time has the grace.
            if (asked != before || killed && !interrupted) {
                interrupted = true;
                inJavaBy.interrupt();
            }
        }

        /** What a function threw because it was interrupted here is not what the caller is to get. */
        <R> Outcome<R> ended(Outcome<R> outcome) {
            if (thrown == null || outcome.thrown() != thrown) {
                return outcome;
            }
            Throwable stopped = stopped();
            stopped.addSuppressed(thrown);
            return Outcome.failed(stopped);
        }

        String why() {
            return (reason == TIMEOUT ? "its time was over" : "it was to be ended") + " and it went on for "
                    + Duration.ofNanos(graceNanos).toMillis() + " ms, so it was killed";
        }

        Throwable cause() {
            return killed ? stopped() : null;
        }

        private Throwable stopped() {
            return reason == TIMEOUT ? Access.get().timeout("The time that the Java program gave to this call is over.")
                    : Access.get().interrupted("The Java thread that waits for this call was interrupted, or the call was cancelled.");
        }
    }

    /**
     * Looks after the calls whose Java functions run: at the end of its time a function is interrupted, and after the grace the process
     * is killed. Whoever has a future is answered then; a thread that runs the function itself goes on when that returns.
     *
     * @return whether there are such calls
     */
    boolean lookAtFunctions() {
        List<Running> all;
        synchronized (inJava) {
            inJava.forEach(Running::lookFromOutside);
            all = new ArrayList<>(inJava);
        }
        if (!forsaken && all.stream().anyMatch(running -> running.killed)) {
            forsaken = true;
            workers.forsake(this, all.get(0).why(), () -> all.forEach(running -> {
                Consumer<Throwable> answer = running.call.failed;
                if (answer != null) {
                    answer.accept(lost(running.why(), running));
                }
            }));
        }
        return !all.isEmpty();
    }

    /** The process is of no use any more. */
    private PythonWorkerLost lost(String why, Running running) {
        Duration time = Duration.ofNanos(System.nanoTime() - running.began);
        lost = true;
        process.awaitEnd();
        output.await();
        loss = running.killed ? running.why() : process.signal() != null ? process.signal()
                : why + (process.exitStatus() < 0 ? "" : ", exit status " + process.exitStatus());
        if ("SIGKILL".equals(process.signal()) && !process.wasKilled()) {
            why += ", killed by another process or by the system, if memory ran out or its processor time was over";
        }
        return new PythonWorkerLost(running.killed ? running.why() : why, process.pid, process.exitStatus(), process.signal(),
                time, output.lastErrors(), running.cause());
    }

    /** Ends a process that nobody uses, and lets it do what it has to do at its end, for which there is some time. */
    void end(Duration time) {
        if (!hasEnded()) {
            run(Call.plain(Channel.END, time, pack -> {}), null);
        }
        discard();
    }

    /** Ends a process that nobody uses. */
    void discard() {
        lost = true;
        process.awaitEnd();
        synchronized (dropped) {
            ended = true;
        }
        Blocks.ended(this);
        dropRoom();
        dropTheirs();
        process.close();
        output.close();
        held.clear();
        if (workers != null) {
            workers.discarded(this);
        }
    }
}
