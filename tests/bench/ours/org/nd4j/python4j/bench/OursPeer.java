// SPDX-License-Identifier: Apache-2.0
// This build: the API of M2.1 as in Python4jPeer, and what we have beyond it.
package org.nd4j.python4j.bench;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.LongUnaryOperator;
import java.util.function.ToIntFunction;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonAsync;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonCallable;
import org.nd4j.python4j.PythonCode;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonExposure;
import org.nd4j.python4j.PythonFunction;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonOutput;
import org.nd4j.python4j.PythonTypeToken;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;
import org.nd4j.python4j.pool.PythonPool;

/** What M2.1's API cannot say. */
public final class OursPeer extends Python4jPeer {

    private PythonObject point;

    @Override
    public void open() {
        super.open();
        point = PythonExecutioner.getVariable("point");
    }

    @Override
    public Step compiled(String text) {
        PythonCode code = PythonCode.compile(text);
        return () -> {
            code.run();
            return null;
        };
    }

    @Override
    public Ints compiledInts() {
        PythonCode code = PythonCode.compile("z = x + y");
        PythonVariable<Long> x = new PythonVariable<>("x", PythonTypes.INT, 0L);
        PythonVariable<Long> y = new PythonVariable<>("y", PythonTypes.INT, 0L);
        PythonVariable<Long> z = new PythonVariable<>("z", PythonTypes.INT);
        return (a, b) -> {
            x.setValue(a);
            y.setValue(b);
            code.run(List.of(x, y), List.of(z));
            return z.getValue();
        };
    }

    @Override
    public void callback() {
        PythonExecutioner.setVariable("j", Python.function(LongUnaryOperator.class, x -> x));
    }

    @Override
    public void callbackText() {
        Function<String, String> function = x -> x;
        PythonExecutioner.setVariable("j", Python.function(Function.class, function));
    }

    @Override
    public void callbackAny() {
        PythonExecutioner.setVariable("j", Python.function((PythonFunction) (arguments, named) -> arguments.get(0)));
    }

    private static PythonObject coroutine(String name) {
        PythonAsync.get().exec("import asyncio\nasync def now(x): return x\nasync def wait(): await asyncio.sleep(0.1)\n"
                + "async def awaits(future, n):\n    for _ in range(n): await future\n"
                + "async def ints(n):\n    for i in range(n): yield i").join();
        return PythonAsync.get().eval(PythonObject.class, name).join();
    }

    @Override
    public Step asyncSubmit(int count) {
        PythonAsync async = PythonAsync.get();
        PythonObject now = coroutine("now");
        return count == 1 ? () -> async.submit(Long.class, now, 1L).join() : () -> all(async, count, now, 1L);
    }

    private static Object all(PythonAsync async, int count, PythonObject function, Object... arguments) {
        CompletableFuture<?>[] all = new CompletableFuture<?>[count];
        for (int i = 0; i < count; i++) {
            all[i] = async.submit(Long.class, function, arguments);
        }
        for (CompletableFuture<?> one : all) {
            one.join();
        }
        return all;
    }

    @Override
    public Step asyncAwait(int count) {
        PythonObject awaits = coroutine("awaits");
        CompletableFuture<Long> done = CompletableFuture.completedFuture(1L);
        return () -> PythonAsync.get().submit(Void.class, awaits, done, count).join();
    }

    @Override
    public Step asyncItems(int count) {
        PythonObject ints = coroutine("ints");
        return () -> PythonAsync.get().stream(Long.class, ints, count).mapToLong(x -> x).sum();
    }

    @Override
    public Step asyncWaits(int count) {
        PythonObject wait = coroutine("wait");
        return () -> all(PythonAsync.get(), count, wait);
    }

    @Override
    public long iterate() {
        long sum = 0;
        for (PythonObject element : Python.eval("thousand")) {
            sum += element.toLong();
            element.del();
        }
        return sum;
    }

    @Override
    public void reference(List<Object> list) {
        PythonExecutioner.setVariable("r", Python.reference(list));
    }

    @Override
    public void referTo(Counter counter) {
        PythonExposure exposure = PythonExposure.none().allow(Counter.class);
        PythonExecutioner.setVariable("q", Python.reference(counter, exposure));
    }

    @Override
    public LongUnaryOperator proxy() {
        return Python.eval("p").asInterface(LongUnaryOperator.class);
    }

    private record Three(long x, double y, String s) {}

    @Override
    public Object record() {
        return point.toJava(Three.class);
    }

    @Override
    public Object longArray() {
        try (PythonObject v = PythonExecutioner.getVariable("v")) {
            return v.toJava(long[].class);
        }
    }

    @Override
    public Object typedMap() {
        try (PythonObject v = PythonExecutioner.getVariable("v")) {
            return v.toJava(new PythonTypeToken<Map<String, Double>>() {});
        }
    }

    @Override
    public void printing() {
        PythonOutput.to(line -> {}, line -> {}); // until the process ends
    }

    @Override
    public Ints callable() {
        return PythonCallable.of("f")::callLong;
    }

    @Override
    public Step arraySum(int length) {
        DoubleBuffer array = ByteBuffer.allocateDirect(Double.BYTES * length).order(ByteOrder.nativeOrder()).asDoubleBuffer();
        fill(array);
        PythonExecutioner.exec("import numpy");
        PythonVariable<Double> sum = new PythonVariable<>("s", PythonTypes.FLOAT);
        return () -> {
            PythonExecutioner.setVariable("v", PythonBuffer.of(array).toNumpy());
            PythonExecutioner.exec("s = float(v.sum())", List.of(), List.of(sum));
            return sum.getValue();
        };
    }

    static void fill(DoubleBuffer array) {
        for (int i = 0; i < array.capacity(); i++) {
            array.put(i, 1);
        }
    }

    private static PythonPool.Builder one(String text) {
        return PythonPool.builder().workers(1).prepare(text);
    }

    @Override
    Pool pool(int processes, String text) {
        return new OursPool(one(text).workers(processes).build());
    }

    @Override
    Pool growing(String text) {
        PythonPool.Builder pool = one(text).workers(0, 1_000);
        String environment = System.getProperty("bench.environment"); // where the packages of the examples are
        return new OursPool(text.isEmpty() ? pool.build() : pool.python(environment).forkServer(true).build());
    }

    @Override
    Pool renewed() {
        return new OursPool(one("").recycleAfter(1).build());
    }

    @Override
    ToIntFunction<double[]> model(String environment, String text, String function, boolean here) {
        if (!here) {
            PythonPool pool = one(text).workers(2).python(environment).numericThreads(1).build();
            return picture -> ((Long) pool.call(function, (Object) picture)).intValue();
        }
        System.setProperty("org.eclipse.python4j.python", environment);
        PythonCallable callable;
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec(text);
            callable = PythonCallable.of(function);
        }
        return picture -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                return callable.callAs(PythonTypes.INT, picture).intValue();
            }
        };
    }
}
