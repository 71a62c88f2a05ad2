// SPDX-License-Identifier: Apache-2.0
// The table of native functions: every function of libpython4j, in the order of rust/jni/src/exports.rs. No
// other module sees it. Values cross packed (Pack.java), objects as handles (Handles.java).
package org.nd4j.python4j.internal.jni;

import java.nio.Buffer;
import java.nio.ByteBuffer;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;

/**
 * The native functions. Each function enters Python on the calling thread for the duration of the call. The callers
 * hold a turn of {@link PythonGIL}, unless a function says that it needs none.
 *
 * <p>A failing function throws {@link PythonException} and leaves no Python error pending. A request is the first
 * {@code length} bytes of a buffer; a reply that fits into the buffer is returned in it. {@code frame} is the {@link
 * PythonGC} frame that owns the handles that a call creates, 0 for none. {@code call} is the number of the call for
 * {@link #stopCall}, 0 for a call that cannot be ended. {@code space} is the namespace of a shared block whose globals
 * a call uses, 0 for the current context.
 */
public final class Native {

    private Native() {}

    /**
     * The number of this class loader's copy of the library, its host, on the native side. It is the frame of all
     * objects that are in no other frame, with the host's number in its lower half. It is 0 before the start.
     */
    public static long root;

    /** Whether {@link #look} has to check forgotten objects, and turns that last too long. */
    public static volatile boolean forgets;
    public static volatile boolean watches;

    /**
     * Of which kinds there is an object of {@link Handles#addYoung}: of a value that is known, or any other. Here, because a
     * start does without that class.
     */
    public static byte young;

    // ---- interpreter.rs ----

    /**
     * Starts CPython in this process, or uses the one that already runs.
     *
     * @param program the path of the executable, from which Python derives its paths
     * @param prepend folders for the beginning of {@code sys.path}
     * @param append folders for the end of {@code sys.path}
     * @param environment {@code NAME=value} for {@code os.environ}, which child processes inherit
     * @param compiled a folder of this build of the library, to which only this user can write, for our own compiled
     *     Python files
     * @param initialize whether to start Python when it does not run yet
     * @param release whether to release the GIL afterwards
     * @param huge whether to ask Linux for huge pages where a Python that is started here has much memory: 1, or 0, or -1 as
     *     is right for most machines
     * @return the {@link #root} of this host
     */
    public static native long interpreterStart(
            String program, String[] prepend, String[] append, String[] environment, String compiled,
            boolean initialize, boolean release, int huge);

    /** Runs the {@code atexit} functions and flushes the streams, for the end of the JVM. */
    public static native void interpreterStop();

    // ---- gil.rs ----

    /**
     * The state of the turns of all class loaders, which is the state of the {@code Turn} that called this function
     * first. Needs no turn.
     */
    public static native Object[] gilTurns(Object[] mine);

    // Where an OS thread is, as `Place` of gil.rs has it.
    public static final int OUTSIDE = 0;
    public static final int TURN = 1;
    public static final int VISITING = 4;
    public static final int LENT = 5;

    /** The place of this OS thread, as one of the constants of this class. Needs no turn. */
    public static native int gilPlace();

    /**
     * Takes the GIL for this OS thread and keeps it until {@link #gilRelease}. Calls can be nested and are counted.
     *
     * @return {@link #OUTSIDE}, or the place of a thread that needs no turn, because it has the GIL or is called from
     *     Python
     */
    public static native int gilAcquire();

    /**
     * Like {@link #gilAcquire}, if this certainly needs no waiting; otherwise the result is -1.
     *
     * @param keep false only to find out whether this needs no waiting
     */
    public static native int gilTryAcquire(boolean keep);

    /** Whether Python was seen to have threads of its own. Needs no turn. */
    public static native boolean gilHasOthers();

    /**
     * Waits for the GIL without a limit, on behalf of a thread that waits only for a limited time, see
     * {@code Handover}. Needs no turn.
     */
    public static native void gilOffer();

    /** Passes the GIL to that thread. Needs no turn. */
    public static native void gilOfferTaken();

    /** Ends the offer, because that thread has the GIL. All other threads may enter again. Needs no turn. */
    public static native void gilOfferEnds();

    /** Sets whether the calling thread has lent its turn and must not enter. Needs no turn. */
    public static native void gilLend(boolean lent);

    /**
     * The value of a private field of a class of the JDK, for example the thread that runs a {@code FutureTask}. Null if the
     * object is of another class, or if this JVM has no such field. Needs no turn.
     *
     * @param owner the class of the field, with slashes
     * @param type the type of the field, as class files have it
     */
    public static native Object gilHidden(Object object, String owner, String field, String type);

    /**
     * Waits up to a second until a thread that has ended within {@link #gilAcquire} has also ended for the operating
     * system. Needs no turn.
     */
    public static native void gilAwaitHolder();

    /** Releases the GIL that {@link #gilAcquire} took. The thread's Python state is kept for its next turn. */
    public static native void gilRelease();

    /**
     * Releases everything that this OS thread took by {@link #gilAcquire}, because the thread will not return. Needs no
     * turn.
     */
    public static native void gilAbandon();

    /** Whether this OS thread holds the GIL. Needs no turn. */
    public static native boolean gilHeld();

    /**
     * How many nanoseconds calls of this OS thread have waited for the GIL, which a turn has already, since this was last asked
     * with true. It is measured from then until this is asked with false. Needs no turn.
     */
    public static native long gilWaited(boolean measure);

    // ---- handle.rs ----

    /** Opens a frame that collects handles. Needs no turn. */
    public static native long handleOpenFrame(long root);

    /** Closes a frame and releases every object in it. */
    public static native void handleCloseFrame(long frame);

    /** Closes a frame without a turn. Its objects are freed when a thread enters Python the next time. */
    public static native void handleCloseFrameLater(long frame);

    /** Moves an object to another frame, 0 for none. */
    public static native void handleMove(long handle, long frame);

    /** Moves an object without a turn, when a thread enters Python the next time; not if it has been released by then. */
    public static native void handleMoveLater(long handle, long frame);

    /** Releases an object. A handle that was already released is ignored. */
    public static native void handleDrop(long handle);

    /** Releases an object without a turn. It is freed when a thread enters Python the next time. */
    public static native void handleDropLater(long handle);

    /** The address of the object, for {@code org.bytedeco.cpython}. */
    public static native long handleAddress(long handle);

    /** A handle to the object at an address; {@code owned} takes over the caller's reference. */
    public static native long handleAdopt(long address, boolean owned, long frame);

    /** Adds a reference to the object at an address. */
    public static native void handleIncRef(long address);

    /** Releases a reference to the object at an address. */
    public static native void handleDecRef(long address);

    /** The number of objects that Java holds. Needs no turn. */
    public static native int handleCount();

    /** The size of the table of objects; the lower half of a handle is less than it. Needs no turn. */
    public static native int handlePlaces();

    /** The number of open frames. Needs no turn. */
    public static native int handleFrameCount();

    // ---- bulk.rs ----

    /** Creates a str from a text with one copy. The result is a handle in no frame. */
    public static native long bulkText(String text);

    /** Creates a bytes object. The result is a handle in no frame. */
    public static native long bulkBytes(byte[] bytes);

    /**
     * The value of a handle to a str, bytes or a container. This releases the handle. A container is read by a method of the
     * reader, {@code Object inside(byte[])}, while this thread keeps the GIL.
     */
    public static native Object bulkTake(long handle, PackReader reader, long frame);

    /**
     * Adds packed values to a list or dict that goes to Python in parts.
     *
     * @param container the handle that the first part returned; 0 for the first part
     * @param kind a tag: of a dict, a set, of a run of numbers, or of a list
     * @param total how many elements or entries there were, with the last part; otherwise -1
     * @return a handle in no frame. A large value in a buffer refers to the container by it
     */
    public static native long bulkAdd(long container, int kind, byte[] values, int from, int length, int total);

    /**
     * The next part of a list, tuple or dict. This releases the handle.
     *
     * @param done how many elements or entries came before, of {@code total}
     * @param deep whether no container inside may go in parts
     * @param room where the part is written if it has room for it
     * @return the part, which may be longer
     */
    public static native byte[] bulkMore(long container, long position, int done, int total, boolean deep, byte[] room, long frame);

    /** Whether no further copies are made. For text this needs the known internal layouts of String and of str. */
    public static native boolean bulkDirect();

    // ---- queue.rs ----

    /**
     * Sends a packed message to an event loop. Needs no turn.
     *
     * @param now whether objects in the message may be released before the loop takes it; the message is then read
     *     here, with the GIL
     * @param context whether the message includes the context variables of this thread
     */
    static native void queueSend(long queue, byte[] message, int length, boolean now, boolean context);

    /** The number of messages that an event loop has not taken yet; -1 if it is closed. Needs no turn. */
    public static native int queueWaiting(long queue);

    // ---- exec.rs ----

    /** Runs a packed request (inputs, code, outputs) and returns the packed outputs; null if there are none. */
    public static native byte[] execRun(byte[] request, int length, long frame, long call, long space);

    /** Runs compiled code, by its handle. Returns what the caller is to throw; null if nothing. */
    public static native Throwable execCode(long code, long call, long space);

    /**
     * Runs a small request in the current context, see {@link Told}. The first output is missing there if they are not all told. This
     * method needs a turn, since others would write into the same memory. Returns what the caller is to throw; null if nothing.
     */
    public static native Throwable execFew(long call);

    /**
     * Every convertible global of the current context, packed as a count and then name, type name and value of each.
     */
    public static native byte[] execVariables(long frame, long space);

    /** The number of texts in the cache of compiled code. Needs no turn. */
    public static native int execKept();

    // ---- context.rs ----

    /** Creates a context unless it exists. */
    public static native void contextAdd(String name, long root);

    /** Makes a context current, and creates it first if it does not exist. */
    public static native void contextSwitch(String name, long root);

    /** Empties the current context, or a space. */
    public static native void contextReset(long space);

    /** Empties and deletes a context that is not current. An unknown name is ignored. */
    public static native void contextDelete(String name);

    /** The name of the current context. Needs no turn. */
    public static native String contextCurrent();

    /** The names of all contexts, packed as a list of text. Needs no turn. */
    public static native byte[] contextNames();

    /** Creates a namespace that is not a context, for a shared block. Needs no turn. */
    public static native long contextOpenSpace();

    /** Empties and deletes a space. Needs no turn. */
    public static native void contextCloseSpace(long space);

    // ---- object.rs ----

    /** The memory into which the value of a result is written, see {@link Told}. Needs no turn. */
    public static native ByteBuffer objectTold();

    /**
     * Applies an operator of {@link Operator} to packed operands and returns a handle to the result.
     *
     * @param left the result of {@link Handles#takeLeft}, or -1 if the value is not to be written into {@link
     *     #objectTold}
     */
    public static native long objectOperate(int operator, byte[] operands, int length, long frame, long call, long left);

    /** A handle to a packed attribute name. */
    public static native long objectName(byte[] name, int length, long root);

    /** The attribute with such a name; the parameters are as in {@link #objectOperate}. */
    public static native long objectAttribute(long handle, long name, long frame, long call, long left);

    /** The item at an index; the parameters are as in {@link #objectOperate}. */
    public static native long objectItem(long handle, long index, long frame, long call, long left);

    /** The next item of an iterator, 0 at its end; the parameters are as in {@link #objectOperate}. */
    public static native long objectNext(long handle, long frame, long call, long left);

    /**
     * Whether the values of a dict by their names, which {@link Told#named} asks for, are told. If not, they would have to be converted,
     * or there is no such dict.
     */
    public static native boolean objectValues(long call);

    /** The object as a packed value of the wanted type, see {@link Pack}. */
    public static native byte[] objectConvert(long handle, int wanted, long frame, long call);

    /** The same for a value of 64 bits: an int, or the bits of a float. */
    public static native long objectConvertWord(long handle, int wanted, long call);

    /** Calls an object with packed arguments (count, values) and returns the result, packed as the wanted type. */
    public static native byte[] objectCall(long handle, byte[] arguments, int length, int wanted, long frame, long call);

    /** The same for a result of 64 bits: an int, or the bits of a float. */
    public static native long objectCallWord(long handle, byte[] arguments, int length, int wanted, long call);

    /**
     * Like {@link #objectCall}, but returns a handle to the result, as {@link #objectOperate} does. An object that is
     * not callable is an error.
     */
    public static native long objectCallObject(
            long handle, byte[] arguments, int length, long frame, long call, long left);

    /** Like {@link #objectCallObject}, with the first {@code count} of three ints as arguments. */
    public static native long objectCallObjectFew(
            long handle, int count, long a, long b, long c, long frame, long call, long left);

    /**
     * Calls a method of a Java interface by a plan of {@code bind} in proxies.py, with the first {@code count} of three
     * ints. Returns 0 if the result is told, see {@link #objectTold}; otherwise a handle to it.
     */
    public static native long objectInvokeFew(long plan, int count, long a, long b, long c, long frame, long call);

    /**
     * Like {@link #objectCallWord}, with the first {@code count} of three arguments. They have the form of the result:
     * ints or the bits of floats.
     */
    public static native long objectCallFew(long handle, int count, long a, long b, long c, int wanted, long call);

    // ---- buffer.rs ----

    /**
     * A memoryview of Java's memory.
     *
     * @param address the address of the first element
     * @param element the letter of {@link PythonBuffer.Type}
     * @param layout the shape, then the strides in bytes
     * @param owner an object that is kept until Python has freed every view of the memory; may be null
     */
    public static native long bufferMake(
            long address, int element, long[] layout, boolean readOnly, Object owner, long frame);

    /** A memoryview of an object that has the buffer protocol. */
    public static native long bufferAgain(long handle, long frame);

    /**
     * The memory of any object with the buffer protocol. The result has a handle (in no frame) that keeps the memory in
     * its place, the address, the letter of the element type or 0, the size of an element in bytes, flags (1 read-only,
     * 2 bytes swapped), and then shape and strides.
     */
    public static native long[] bufferView(long handle);

    /** Creates a memoryview of new memory, zeroed and in C order. The result is as in {@link #bufferView}. */
    public static native long[] bufferAllocate(int element, long[] shape);

    /** A direct buffer over memory that another object keeps allocated. Needs no turn. */
    public static native ByteBuffer bufferWrap(long address, long length);

    /** The address of a direct buffer's first element. Needs no turn. */
    public static native long bufferAddress(Buffer buffer);

    // ---- array.rs ----

    /** Imports numpy unless it is already imported. */
    public static native void arrayImport();

    /** Like {@link #bufferMake}, but creates a numpy array. With {@code ctypes} it does not use numpy's C API. */
    public static native long arrayMake(
            long address, int element, long[] layout, boolean readOnly, Object owner, boolean ctypes, long frame);

    /** A numpy array of an object's memory; for an array it is the array itself. */
    public static native long arrayAgain(long handle, long frame);

    /**
     * Like {@link #bufferView}, for a numpy array. If the elements cannot be read in place, the handle is that of a
     * copy. The element {@code 'U'} is text, whose memory is not shared.
     */
    public static native long[] arrayView(long handle);

    // ---- arrow.rs ----

    /**
     * Creates an object for a batch of Arrow data, or for one of its columns.
     *
     * @param numbers for each array its length, the number of its buffers, their addresses, the number of its children,
     *     and 1 if it has a dictionary; then the same for each child, and for the dictionary
     * @param key the key that {@link Callbacks} drops when the memory is no longer used
     * @param earlier the key of an earlier one with the same schema
     * @param schema the address of an {@code ArrowSchema}, which is released; 0 for that of the earlier one
     * @return 0 if the earlier one is not known any more; the key is then not used
     */
    public static native long arrowGive(long[] numbers, long key, long earlier, long schema, boolean table, long frame);

    /**
     * Creates an object for a reader. The function of the key is called for each batch with the number for {@link
     * #arrowGiveBatch}. It returns null, or an error message as bytes of UTF-8.
     */
    public static native long arrowGiveReader(long key, long schema, long frame);

    /** Passes the requested batch. Needs no turn. */
    public static native void arrowGiveBatch(long[] numbers, long key, long wanted);

    /** Opens the Arrow data of an object for reading. The result is a handle in no frame. */
    public static native long arrowOpen(long handle, long call);

    /**
     * The number of the schema. The function writes the schema as an {@code ArrowSchema} to an address, unless it has
     * the known number. With the address 0 it writes nothing and returns 0 for any other schema than the known one.
     */
    public static native long arrowSchema(long handle, long out, long known, long call);

    /**
     * The next batch. Its numbers are a key for {@link #arrowRelease} and the number of rows, then for each array its
     * length, the number of its nulls (-1 if it is not known), of its children and of its buffers, the address and the
     * bytes of each buffer, then the same for each child, and for the dictionary if there is one.
     *
     * @param table whether the arrays are the columns of a table, otherwise there is one
     * @return null if there is no batch
     */
    public static native long[] arrowNext(long handle, boolean table, long call);

    /** The memory of a batch is not used any more. Needs no turn. */
    public static native void arrowRelease(long key);

    /** Ends the reading. */
    public static native void arrowClose(long handle, long call);

    /**
     * A numpy array of {@code count} elements at an address; {@code element} is a letter of {@link PythonBuffer.Type}.
     */
    public static native long arrowArray(long address, int element, long count, long key, long frame);

    // ---- shared.rs ----

    /**
     * Allocates memory that several processes can share. The result has its key, its address in this process and its
     * length in bytes. Needs no turn.
     */
    public static native long[] sharedMake(long length);

    /** The same memory under another key, so that it stays until both keys are dropped. Needs no turn. */
    public static native long[] sharedAgain(long key);

    /** Copies bytes from an address, which has to be valid, to the start of the memory. Needs no turn. */
    public static native void sharedFill(long key, long address, long length);

    /** Copies bytes of an array to a position in the memory. Needs no turn. */
    public static native void sharedWrite(long key, long at, byte[] bytes, int from, int to);

    /** A copy of {@code length} bytes of the memory from a position on. Needs no turn. */
    public static native byte[] sharedRead(long key, long at, long length);

    /** Unmaps the memory in this process. The pages are freed when no other process has them. Needs no turn. */
    public static native void sharedDrop(long key);

    // ---- raised.rs ----

    /** The report of an exception object, for {@link PythonException#of}. */
    public static native byte[] raisedReport(long handle, long frame);

    /**
     * The JVM's internal record of the stack of a throwable, for {@link Backtrace}; null if it is not available. Needs
     * no turn.
     */
    public static native Object raisedBacktrace(Throwable throwable);

    /**
     * The description of the exception under a key by the host that created the key, see {@link OtherLoaderException};
     * null if the exception was dropped. Needs no turn.
     */
    static native Object[] raisedElsewhere(long key);

    // ---- stop.rs ----

    /**
     * Ends a call; the reason is 0 for an interrupt and 1 for a time limit. The result is false if the call does not
     * run. Needs no turn.
     */
    public static native boolean stopCall(long call, int reason);

    /** A number for the calls of a thread, which is unique among the threads of all class loaders. Needs no turn. */
    public static native long stopSlot();

    // ---- watch.rs ----

    /**
     * Makes the thread of watch.rs call {@link #look} now, and later in the intervals that it returns. Needs no turn.
     */
    public static native void watchWake();

    // ---- boot.rs ----

    /** Registers the MXBean of this process under a name, unless it is registered. Needs no turn. */
    public static native void bootBean(String name);

    // ---- host.rs ----

    /** Ends a host. Python's calls to it fail from then on, and its Python objects are freed. Needs no turn. */
    public static native void hostClose(long root);

    // ---- stacks.rs ----

    /**
     * The stacks of Python's threads, as text in UTF-8. Needs no turn, but waits for the GIL.
     *
     * @param turn whether the thread that last called {@link #gilAcquire} is still the turn's owner
     */
    public static native byte[] stacksDump(boolean turn);

    // ---- callback.rs ----

    /**
     * A Python callable for the function that {@link Callbacks} holds under a key.
     *
     * @param objects whether the function gets its arguments as Python objects and not as values
     */
    public static native long callbackFunction(long key, String name, boolean objects, long frame);

    /** A reference to the object that {@link Callbacks} holds under a key, of a class in proxies.py. */
    public static native long callbackReference(long key, String className, long frame);

    /**
     * A Python exception for the exception that {@link Callbacks} holds under a key.
     *
     * @param classes the names of its class and of the superclasses, with spaces between them
     */
    static native long callbackException(long key, String classes, String text, long frame);

    // ---- process.rs ----

    /**
     * Starts a worker process. Like all functions of this part it needs neither a turn nor Python in this process.
     *
     * @param command the program and its arguments; the program has two sockets to this process as its files 3 and 4
     * @param environment {@code NAME=value}
     * @return the process id; our ends of the sockets; the files from which its standard output and standard error are
     *     read
     */
    public static native long[] processSpawn(String[] command, String[] environment);

    /** The reason why the fork server behind a socket cannot fork; empty if it can. */
    public static native String processObstacle(int server);

    /**
     * Makes a fork server fork a worker. The result is as in {@link #processSpawn}, followed by the file from which the
     * end of the worker is read.
     */
    public static native long[] processFork(int server);

    /**
     * Sends as many bytes as the other side has room for. It waits for room at most {@code millis} milliseconds.
     *
     * @return the number of bytes sent; -1 if the other side no longer reads
     */
    public static native int processSend(int file, byte[] bytes, int from, int to, int millis);

    /**
     * Like {@link #processSend}, for the beginning of a message with blocks of shared memory, which are given by their
     * keys.
     */
    public static native int processSendBlocks(int file, byte[] bytes, int from, int to, int millis, long[] keys);

    /** Maps the next received block, in the order in which they were sent. The result is as in {@link #sharedMake}. */
    public static native long[] processBlock(int file, long length);

    /**
     * Waits some milliseconds for bytes. The result is the number of received bytes, 0 if there are none, and -1 at the
     * end of the file.
     */
    public static native int processReceive(int file, byte[] room, int from);

    /** Makes two connected sockets of this process, by which one thread wakes another that is in {@link #processPoll}. */
    public static native long[] processSockets();

    /** Waits until a file has bytes to receive, or has ended, and returns these files. */
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

    /** The same for one or two ints, see {@link Callbacks#upcallLongs}. */
    static long upcallLongs(long key, int count, long a, long b) {
        return Callbacks.upcallLongs(key, count, a, b);
    }

    /** The same for an operation of a reference, see {@link Callbacks#upcallOperation}. */
    static long upcallOperation(long key, int operation, String name) {
        return Callbacks.upcallOperation(key, operation, name);
    }

    /** The same for a short text. */
    static String upcallText(long key, String text) {
        return Callbacks.upcallText(key, text);
    }

    /** What those could not return. */
    static byte[] takeAnswer() {
        return Callbacks.takeAnswer();
    }

    /** The object and the field that such an answer means. */
    static Object[] takePlace() {
        return Callbacks.takePlace();
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
