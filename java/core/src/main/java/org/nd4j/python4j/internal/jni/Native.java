// SPDX-License-Identifier: Apache-2.0
// The call table: every function of libpython4j, in the order of rust/jni/src/exports.rs.
// No module but this one sees it. Values cross packed (Pack.java), objects as handles (Handles.java).
package org.nd4j.python4j.internal.jni;

import java.nio.Buffer;
import java.nio.ByteBuffer;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;

/**
 * The native functions. Each enters Python for its own length on whatever thread calls it; the
 * callers hold a turn of {@link PythonGIL} unless a function says that it needs none.
 *
 * <p>A failing function throws {@link PythonException} and leaves no Python error pending. Requests
 * are the first {@code length} bytes of a buffer; a reply that it has room for comes back in it. {@code frame}
 * is the {@link PythonGC} frame that owns the handles a call creates, 0 for none. {@code call} is the
 * number by which {@link #stopCall} knows it, 0 for one that cannot be ended. {@code space} is whose
 * globals a call uses: those of a shared turn, 0 for the current context.
 */
public final class Native {

    private Native() {}

    /**
     * What the native side calls this class loader's copy of the library, its host: the frame of objects that are in
     * no other one, with the host's number in its lower half. 0 before the start.
     */
    public static long root;

    /** Whether {@link #look} has to look at what was forgotten, and at turns that last too long. */
    public static volatile boolean forgets;
    public static volatile boolean watches;

    // ---- interpreter.rs ----

    /**
     * Starts CPython in this process, or joins the one that runs.
     *
     * @param program the executable to name as the program; Python derives its paths from it
     * @param prepend folders for the front of {@code sys.path}
     * @param append folders for its end
     * @param environment {@code NAME=value} for {@code os.environ}, which child processes inherit
     * @param compiled a folder of this build of the library, which only this user can write, for our own compiled
     *     Python files
     * @param initialize whether to start Python when it does not run yet
     * @param release whether to give the GIL back afterwards
     * @return the {@link #root} of this host
     */
    public static native long interpreterStart(
            String program, String[] prepend, String[] append, String[] environment, String compiled,
            boolean initialize, boolean release);

    /** Runs the {@code atexit} functions and flushes the streams, for the end of the JVM. */
    public static native void interpreterStop();

    // ---- gil.rs ----

    /** The state of the turns of all class loaders: that of the {@link Turn} that called this first. Needs no turn. */
    public static native Object[] gilTurns(Object[] mine);

    // Where an OS thread is, as `Place` of gil.rs has it.
    public static final int OUTSIDE = 0;
    public static final int TURN = 1;
    public static final int VISITING = 4;
    public static final int LENT = 5;

    /** Where this OS thread is. Needs no turn. */
    public static native int gilPlace();

    /**
     * Takes the GIL for this OS thread and keeps it until {@link #gilRelease}. Counts.
     *
     * @return {@link #OUTSIDE}, or the place of a thread that needs no turn, having the GIL or being called from Python
     */
    public static native int gilAcquire();

    /**
     * The same, if that certainly needs no waiting; -1 if not.
     *
     * @param keep false only to learn whether that is so
     */
    public static native int gilTryAcquire(boolean keep);

    /** Whether Python was seen to have threads of its own. Needs no turn. */
    public static native boolean gilHasOthers();

    /** Waits for the GIL, without an end, for a thread that will not: {@link Handover}. Needs no turn. */
    public static native void gilOffer();

    /** Gives the GIL to that thread. Needs no turn. */
    public static native void gilOfferTaken();

    /** That thread has it: all others may come again. Needs no turn. */
    public static native void gilOfferEnds();

    /** Whether the calling thread has lent its turn and must not enter. Needs no turn. */
    public static native void gilLend(boolean lent);

    /** The thread that runs a {@code FutureTask}, null if none does or that cannot be seen. Needs no turn. */
    public static native Object gilRunner(Object task);

    /** Gives a thread that has ended within {@link #gilAcquire} a second to end for the system, too. Needs no turn. */
    public static native void gilAwaitHolder();

    /** Gives back what {@link #gilAcquire} took; the thread's Python state is kept for its next turn. */
    public static native void gilRelease();

    /** Gives back all that this OS thread took by {@link #gilAcquire}: it will not come back. Needs no turn. */
    public static native void gilAbandon();

    /** Whether this OS thread holds the GIL. Needs no turn. */
    public static native boolean gilHeld();

    // ---- handle.rs ----

    /** Opens a frame that collects handles. Needs no turn. */
    public static native long handleOpenFrame(long root);

    /** Closes a frame and gives back every object in it. */
    public static native void handleCloseFrame(long frame);

    /** The same without a turn: the objects go when some thread next enters Python. */
    public static native void handleCloseFrameLater(long frame);

    /** Moves an object to another frame, 0 for none. */
    public static native void handleMove(long handle, long frame);

    /** Gives an object back. A handle that is already gone is fine. */
    public static native void handleDrop(long handle);

    /** The same without a turn: the object goes when some thread next enters Python. */
    public static native void handleDropLater(long handle);

    /** The address of the object, for {@code org.bytedeco.cpython}. */
    public static native long handleAddress(long handle);

    /** A handle to the object at an address; {@code owned} takes over the caller's reference. */
    public static native long handleAdopt(long address, boolean owned, long frame);

    /** Adds a reference to the object at an address. */
    public static native void handleIncRef(long address);

    /** Gives back a reference to the object at an address. */
    public static native void handleDecRef(long address);

    /** How many objects Java holds. Needs no turn. */
    public static native int handleCount();

    /** How many places the table of objects has: the lower half of a handle is less. Needs no turn. */
    public static native int handlePlaces();

    /** How many frames are open. Needs no turn. */
    public static native int handleFrameCount();

    // ---- bulk.rs ----

    /** A handle, in no frame, to a str of a text, in one copy. */
    public static native long bulkText(String text);

    /** A handle, in no frame, to bytes. */
    public static native long bulkBytes(byte[] bytes);

    /** The String or byte[] of a handle to a str or bytes, which is given back with that. */
    public static native Object bulkTake(long handle);

    /** Whether nothing makes further copies: for text only if the insides of String and of str are as they are known to be. */
    public static native boolean bulkDirect();

    // ---- queue.rs ----

    /**
     * Sends a packed message to an event loop. Needs no turn.
     *
     * @param now whether objects in it may be given back before the loop takes it: then it is read here, with the GIL
     * @param context whether this thread's context variables go with it
     */
    static native void queueSend(long queue, byte[] message, int length, boolean now, boolean context);

    /** How many messages an event loop has not taken yet; -1 if it is closed. Needs no turn. */
    public static native int queueWaiting(long queue);

    // ---- exec.rs ----

    /** Runs a packed request (inputs, code, outputs) and returns the packed outputs, null if none. */
    public static native byte[] execRun(byte[] request, int length, long frame, long call, long space);

    /** Every convertible global of the current context: packed count, then name, type name, value. */
    public static native byte[] execVariables(long frame, long space);

    /** How many texts are kept compiled. Needs no turn. */
    public static native int execKept();

    // ---- context.rs ----

    /** Makes a context unless it is there. */
    public static native void contextAdd(String name, long root);

    /** Makes a context current; makes it first if it is not there. */
    public static native void contextSwitch(String name, long root);

    /** Empties the current context, or a space. */
    public static native void contextReset(long space);

    /** Empties and forgets a context that is not current; an unknown name is fine. */
    public static native void contextDelete(String name);

    /** The name of the current context. Needs no turn. */
    public static native String contextCurrent();

    /** The names of all contexts, packed as a list of text. Needs no turn. */
    public static native byte[] contextNames();

    /** A namespace that is no context, for a shared turn. Needs none itself. */
    public static native long contextOpenSpace();

    /** Empties and forgets a space. Needs no turn. */
    public static native void contextCloseSpace(long space);

    // ---- object.rs ----

    /** The memory in which a result's value is told, see {@link Told}. Needs no turn. */
    public static native ByteBuffer objectTold();

    /**
     * Applies an operator of {@link Operator} to packed operands; a handle to the result.
     *
     * @param left what {@link Handles#takeLeft} gave, or -1 if the value is not to be told
     */
    public static native long objectOperate(int operator, byte[] operands, int length, long frame, long call, long left);

    /** A handle to a packed name of attributes. */
    public static native long objectName(byte[] name, int length, long root);

    /** The attribute with such a name, as {@link #objectOperate}. */
    public static native long objectAttribute(long handle, long name, long frame, long call, long left);

    /** The item at an index, as {@link #objectOperate}. */
    public static native long objectItem(long handle, long index, long frame, long call, long left);

    /** The next item of an iterator, as {@link #objectOperate}; 0 at its end. */
    public static native long objectNext(long handle, long frame, long call, long left);

    /** The object as a packed value of the wanted type, see {@link Pack}. */
    public static native byte[] objectConvert(long handle, int wanted, long frame, long call);

    /** The same for a value of 64 bits: an int, or the bits of a float. */
    public static native long objectConvertWord(long handle, int wanted, long call);

    /** Calls an object with packed arguments (count, values); the result, packed as the wanted type. */
    public static native byte[] objectCall(long handle, byte[] arguments, int length, int wanted, long frame, long call);

    /** The same for a result of 64 bits: an int, or the bits of a float. */
    public static native long objectCallWord(long handle, byte[] arguments, int length, int wanted, long call);

    /** The same for a handle to the result, as {@link #objectOperate}; what cannot be called is refused. */
    public static native long objectCallObject(
            long handle, byte[] arguments, int length, long frame, long call, long left);

    /** The same with the first {@code count} of three ints as arguments. */
    public static native long objectCallObjectFew(
            long handle, int count, long a, long b, long c, long frame, long call, long left);

    /** As {@link #objectCallWord}, with the first {@code count} of three arguments, which are as the result: ints or the bits of floats. */
    public static native long objectCallFew(long handle, int count, long a, long b, long c, int wanted, long call);

    // ---- buffer.rs ----

    /**
     * A memoryview of Java's memory.
     *
     * @param address where the first element is
     * @param element the letter of {@link PythonBuffer.Type}
     * @param layout the shape, then the strides in bytes
     * @param owner kept until Python has freed every view of the memory; may be null
     */
    public static native long bufferMake(
            long address, int element, long[] layout, boolean readOnly, Object owner, long frame);

    /** A memoryview of an object that has the buffer protocol. */
    public static native long bufferAgain(long handle, long frame);

    /**
     * The memory of any object with the buffer protocol: a handle (of no frame) that keeps it in its
     * place, address, letter of the element or 0, its size, flags (1 read-only, 2 bytes swapped), then
     * shape and strides.
     */
    public static native long[] bufferView(long handle);

    /** A memoryview of new memory, zeroed and in C order; the result is as that of {@link #bufferView}. */
    public static native long[] bufferAllocate(int element, long[] shape);

    /** A direct buffer over memory that something else keeps. Needs no turn. */
    public static native ByteBuffer bufferWrap(long address, long length);

    /** The address of a direct buffer's first element. Needs no turn. */
    public static native long bufferAddress(Buffer buffer);

    // ---- array.rs ----

    /** Imports numpy unless that is done. */
    public static native void arrayImport();

    /** As {@link #bufferMake}, a numpy array; {@code ctypes} makes it without numpy's C API. */
    public static native long arrayMake(
            long address, int element, long[] layout, boolean readOnly, Object owner, boolean ctypes, long frame);

    /** A numpy array of an object's memory; an array is itself. */
    public static native long arrayAgain(long handle, long frame);

    /**
     * As {@link #bufferView}, for a numpy array. The handle is a copy's where the elements could not
     * be read in place. The element {@code 'U'} is text, whose memory does not cross.
     */
    public static native long[] arrayView(long handle);

    // ---- arrow.rs ----

    /**
     * An object for a batch of Arrow data, or for one of its columns.
     *
     * @param numbers for each array its length, the number of its buffers, their addresses, the number of its children,
     *     and 1 if it has a dictionary; then the same for each child, and for the dictionary
     * @param key what {@link Callbacks} is to drop when nobody uses the memory any more
     * @param earlier the key of an earlier one with the same schema
     * @param schema the address of an {@code ArrowSchema}, which is released; 0 for that of the earlier one
     * @return 0 if the earlier one is not known any more; the key is then not used
     */
    public static native long arrowGive(long[] numbers, long key, long earlier, long schema, boolean table, long frame);

    /**
     * An object for a reader. The function of the key is called for each batch with the number for {@link #arrowGiveBatch};
     * it gives null, or what went wrong as bytes of UTF-8.
     */
    public static native long arrowGiveReader(long key, long schema, long frame);

    /** Gives the batch that is wanted. Needs no turn. */
    public static native void arrowGiveBatch(long[] numbers, long key, long wanted);

    /** The Arrow data of an object, to be read: a handle of no frame. */
    public static native long arrowOpen(long handle, long call);

    /** The number of its schema; puts that as an {@code ArrowSchema} at an address unless it is the one of the known number. */
    public static native long arrowSchema(long handle, long out, long known, long call);

    /**
     * Puts the next batch at an address: of a table an {@code ArrowArray} for each column, else one.
     *
     * @return the number of rows, -1 if there is no batch
     */
    public static native long arrowNext(long handle, boolean table, long out, long call);

    /** Ends the reading. */
    public static native void arrowClose(long handle, long call);

    /** A numpy array of so many elements at an address; {@code element} is a letter of {@link PythonBuffer.Type}. */
    public static native long arrowArray(long address, int element, long count, long key, long frame);

    // ---- shared.rs ----

    /** New memory that several processes can see: its key, its address here, and its length. Needs no turn. */
    public static native long[] sharedMake(long length);

    /** The same memory under another key, so that it is there until both are dropped. Needs no turn. */
    public static native long[] sharedAgain(long key);

    /** Copies bytes from an address, where they have to be, to the start of the memory. Needs no turn. */
    public static native void sharedFill(long key, long address, long length);

    /** Copies bytes of an array to the start of the memory. Needs no turn. */
    public static native void sharedWrite(long key, byte[] bytes, int from, int to);

    /** A copy of the start of the memory, into which somebody has written so much. Needs no turn. */
    public static native byte[] sharedRead(long key, long length);

    /** Unmaps the memory here; the pages go when no other process has them. Needs no turn. */
    public static native void sharedDrop(long key);

    // ---- raised.rs ----

    /** The report of an exception object, for {@link PythonException#of}. */
    public static native byte[] raisedReport(long handle, long frame);

    /** What the JVM noted of the stack when a throwable was made, for {@link Backtrace}; null if it cannot be had. Needs no turn. */
    public static native Object raisedBacktrace(Throwable throwable);

    /** What the host that made a key says of the exception under it, see {@link OtherLoaderException}; null if it is gone. Needs no turn. */
    static native Object[] raisedElsewhere(long key);

    // ---- stop.rs ----

    /** Ends a call: 0 for an interrupt, 1 for the end of its time. False if it does not run (any more). Needs no turn. */
    public static native boolean stopCall(long call, int reason);

    /** A number for the calls of a thread, which no thread of any class loader has. Needs no turn. */
    public static native long stopSlot();

    // ---- watch.rs ----

    /** Has {@link #look} called now, and from then on as often as it says. Needs no turn. */
    public static native void watchWake();

    // ---- boot.rs ----

    /** Registers the MXBean of this process under a name, unless it is there. Needs no turn. */
    public static native void bootBean(String name);

    // ---- host.rs ----

    /** The end of a host: Python's calls to it fail from then on, and what it has of Python is freed. Needs no turn. */
    public static native void hostClose(long root);

    // ---- stacks.rs ----

    /**
     * Where Python's threads stand, as text in UTF-8. Needs no turn; waits for the GIL.
     *
     * @param turn whether the thread that last called {@link #gilAcquire} is still the turn's owner
     */
    public static native byte[] stacksDump(boolean turn);

    // ---- callback.rs ----

    /**
     * A Python callable for the function that {@link Callbacks} holds under a key.
     *
     * @param objects whether the function gets its arguments as the objects that they are, not as values
     */
    public static native long callbackFunction(long key, String name, boolean objects, long frame);

    /** A reference to the object that {@link Callbacks} holds under a key, of a class in proxies.py. */
    public static native long callbackReference(long key, String className, long frame);

    /**
     * A Python exception for the exception that {@link Callbacks} holds under a key.
     *
     * @param classes the names of its class and of those that this extends, with spaces between them
     */
    static native long callbackException(long key, String classes, String text, long frame);

    // ---- process.rs ----

    /**
     * Starts a worker process. Needs no turn, and no Python in this process, as all functions of this part.
     *
     * @param command the program and its arguments; the program finds two sockets of ours as its files 3 and 4
     * @param environment {@code NAME=value}
     * @return the number of the process; our ends of the sockets; files to read what it writes to its output and errors
     */
    public static native long[] processSpawn(String[] command, String[] environment);

    /** Why the fork server behind a socket cannot fork; empty if it can. */
    public static native String processObstacle(int server);

    /** Has a fork server make a worker; as {@link #processSpawn}, and then the file from which its end is read. */
    public static native long[] processFork(int server);

    /**
     * Sends bytes, as many as the other side has room for, for which it waits no longer than that.
     *
     * @return how many; -1 if nobody reads them any more
     */
    public static native int processSend(int file, byte[] bytes, int from, int to, int millis);

    /** The same for the beginning of a message that brings blocks of shared memory, by their keys. */
    public static native int processSendBlocks(int file, byte[] bytes, int from, int to, int millis, long[] keys);

    /** Maps the next one of the blocks that came, in the order in which they were sent; as {@link #sharedMake}. */
    public static native long[] processBlock(int file, long length);

    /** Waits some milliseconds for bytes. How many came; 0 if none did, -1 at the end of the file. */
    public static native int processReceive(int file, byte[] room, int from);

    /** Waits until a file has something to receive, or has ended; which ones. */
    public static native long[] processPoll(long[] files, int millis);

    /** Closes a file, which must not be in use. */
    public static native void processClose(int file);

    /** How a process has ended, which is told once: its exit status, or 256 and a signal; -1 while it runs. */
    public static native int processEnd(int process);

    /** The same of one that a fork server made, from the file for that. */
    public static native int processToldEnd(int status);

    /** Sends a signal to a process whose end was not told, and to those that it started. */
    public static native void processSignal(int process, int signal);

    /** The way back: Python calls a function of Java, or with null arguments forgets one. */
    static byte[] upcall(long key, byte[] arguments) {
        return Callbacks.upcall(key, arguments);
    }

    /** What another host asks by {@link #raisedElsewhere}. */
    static Object[] told(long key) {
        return OtherLoaderException.told(Callbacks.thrown(key));
    }

    /**
     * The native thread that watches all class loaders looks at this one's calls, and at what it has forgotten.
     *
     * @return after how many milliseconds again; 0 for when {@link #watchWake} is called
     */
    static int look() {
        return Access.get().look();
    }

    /** The JVM ends: first on the thread that ends it, which gives up what it has of Python, then where Python ends. */
    static void exit(boolean first) {
        Access.get().exit(first);
    }

    /** What the MXBean of this process answers, which belongs to no class loader. */
    static Object bean(int method, Object argument) throws Exception {
        return Access.get().bean(method, argument);
    }
}
