// SPDX-License-Identifier: Apache-2.0
// Gives the hidden packages access to non-public members of the public classes. It also connects hidden
// packages where a direct reference would make a cycle. The class Access describes the purpose.
package org.nd4j.python4j;

import java.io.File;
import java.lang.reflect.Type;
import java.util.List;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.convert.ByReference;
import org.nd4j.python4j.internal.convert.ToPython;
import org.nd4j.python4j.internal.jni.Handles;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.loop.Awaited;
import org.nd4j.python4j.internal.monitor.Monitor;
import org.nd4j.python4j.internal.turn.Stopper;
import org.nd4j.python4j.internal.turn.Turn;

/** {@link Access}, method by method. */
final class PublicAccess extends Access {

    static {
        new PublicAccess();
    }

    private PublicAccess() {}

    @Override
    public int look() {
        int next = Stopper.look();
        if (Native.forgets) {
            PythonGC.look();
            int forgotten = Handles.look();
            next = next == 0 ? forgotten : Math.min(next, forgotten);
        }
        if (Native.watches) {
            int watched = PythonWatchdog.lookAll();
            next = next == 0 || watched != 0 && watched < next ? watched : next;
        }
        return next;
    }

    @Override
    public void exit(boolean first) {
        if (first) {
            PythonGIL.End.begin();
        } else {
            PythonGIL.End.run();
        }
    }

    @Override
    public Object bean(int method, Object argument) throws Exception {
        return Monitor.answer(method, argument);
    }

    @Override
    public byte[] describe(PythonBuffer buffer, Sharer sharer) {
        return buffer.describe(sharer);
    }

    @Override
    public PythonBuffer described(byte[] description, Sharer sharer) {
        return PythonBuffer.described(description, sharer);
    }

    @Override
    public PythonObject object(long handle, long frame) {
        return new PythonObject(handle, frame);
    }

    @Override
    public PythonObject unframed(PythonObject object) {
        return PythonObject.unframed(object);
    }

    @Override
    public PythonObject compile(String text) {
        return PythonExecutioner.compile(text);
    }

    @Override
    public long handle(PythonObject object) {
        return object.handle();
    }

    @Override
    public boolean exists(PythonObject object) {
        return object.exists();
    }

    @Override
    public boolean isFramed(PythonObject object) {
        return !PythonGC.isNone(object.frame());
    }

    @Override
    public Object[] values(PythonObject dict, List<List<String>> names) {
        return dict.values(names);
    }

    @Override
    public Object read(PythonObject object) {
        return object.read(null);
    }

    @Override
    public Object read(PythonObject object, Class<?> numbers) {
        return object.read(numbers);
    }

    @Override
    public Object convert(PythonObject object, int wanted) {
        return object.convert(wanted);
    }

    @Override
    public Object convertRaw(PythonObject object, int wanted) {
        return object.convertRaw(wanted);
    }

    @Override
    public Object own(PythonObject object) {
        return object.own();
    }

    @Override
    public PythonObject tool(String name) {
        return PythonObject.tool(name);
    }

    @Override
    public PythonObject tool(String file, String name) {
        return PythonObject.tool(file, name);
    }

    @Override
    public PythonObject call(PythonObject callable, Object... arguments) {
        return callable.call(arguments);
    }

    @Override
    public long callFresh(PythonObject callable, Object... arguments) {
        return callable.callFresh(arguments);
    }

    @Override
    public Object callRaw(PythonObject callable, int wanted, List<?> arguments) {
        return callable.callRaw(wanted, arguments);
    }

    @Override
    public Object invokeFew(PythonObject plan, int wanted, Object[] ints) {
        return plan.invokeFew(wanted, ints);
    }

    @Override
    public boolean invokesFew(Object[] arguments) {
        return PythonGIL.isKept() && PythonObject.areFewInts(arguments);
    }

    @Override
    public PythonException timeout(String message) {
        return new PythonTimeout(message, null);
    }

    @Override
    public PythonException interrupted(String message) {
        return new PythonInterrupted(message, null);
    }

    @Override
    public Throwable made(List<?> report) {
        return PythonException.made(report);
    }

    @Override
    public Object packed(PythonType<?> type, Object value) {
        return type.packed(value);
    }

    @Override
    public int wanted(PythonType<?> type) {
        return type.wanted();
    }

    @Override
    public Object toPeer(Object value) {
        return ToPython.toPeer(value);
    }

    @Override
    public Throwable exception(PythonObject object) {
        return PythonException.of(object);
    }

    @Override
    public PythonGIL place() {
        return PythonGIL.place();
    }

    @Override
    public boolean hasContext() {
        return PythonGIL.hasContext();
    }

    @Override
    public boolean giveGil() {
        return PythonGIL.giveGil();
    }

    @Override
    public void takeGil(boolean given) {
        PythonGIL.takeGil(given);
    }

    @Override
    public Object toPeer(PythonType<?> type, Object value) {
        return ToPython.toPeer(type, value);
    }

    @Override
    public PythonGIL enter() {
        return PythonGIL.enter();
    }

    @Override
    public PythonGIL enterOrLock() {
        return PythonGIL.enterOrLock();
    }

    @Override
    public Visit visit() {
        return PythonGIL.visit();
    }

    @Override
    public long frame() {
        return PythonGC.frame();
    }

    @Override
    public void started(boolean release) {
        PythonGIL.started(release);
    }

    @Override
    public int outputs() {
        return PythonOutput.receivers();
    }

    @Override
    public boolean print(boolean isError, String text) {
        return PythonOutput.print(isError, text);
    }

    @Override
    public boolean log(String logger, long level, String message, String thread, Throwable raised, String worker) {
        return PythonOutput.log(logger, level, message, thread, raised, worker);
    }

    @Override
    public boolean isStarted() {
        return PythonGIL.isStarted();
    }

    @Override
    public Class<?> javaType(PythonType<?> type) {
        return type.javaType();
    }

    @Override
    public List<PythonType<?>> registered() {
        return PythonTypes.registered();
    }

    @Override
    public List<Object> registeredNames() {
        return PythonTypes.registeredNames();
    }

    @Override
    public List<File> packages() {
        return PythonTypes.packages();
    }

    @Override
    public Object toJava(PythonObject object) {
        return PythonTypes.toJava(object);
    }

    @Override
    public Object toJavaOrSame(PythonObject object) {
        return PythonTypes.toJavaOrSame(object);
    }

    @Override
    public boolean allows(PythonExposure exposure, Object object) {
        return exposure.allows(object);
    }

    @Override
    public Object members(PythonExposure exposure, Object object) {
        return exposure.of(object);
    }

    @Override
    public Object membersOfClass(PythonExposure exposure, Class<?> type) {
        return exposure.ofClass(type);
    }

    @Override
    public Object ofThrown(Throwable thrown) {
        return ByReference.ofThrown(thrown);
    }

    @Override
    public Object toPython(Object value, boolean wide) {
        return ToPython.toPython(value, wide);
    }

    @Override
    public Object awaited(Object object, String operation, List<?> operands) throws Throwable {
        return Awaited.call(object, operation, operands);
    }

    @Override
    public Object submitted(PythonObject object, Type type) {
        return PythonAsync.get().submitted(object, type);
    }

    @Override
    public Object published(PythonObject object, Type type, boolean stream) {
        return PythonAsync.get().published(object, type, stream);
    }

    @Override
    public Object waitBegins(Object turn) {
        return Monitor.waitBegins((Turn) turn);
    }

    @Override
    public void waitEnds(Object event, boolean got) {
        Monitor.waitEnds(event, got);
    }

    @Override
    public void warmUp() {
        Monitor.registerLater();
    }
}
