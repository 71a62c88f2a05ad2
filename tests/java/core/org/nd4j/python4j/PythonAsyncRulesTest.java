// SPDX-License-Identifier: Apache-2.0
// The publishers of generators keep the rules of Reactive Streams, by the tests of those who wrote them.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Comparator;
import java.util.concurrent.Flow;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.opentest4j.TestAbortedException;
import org.reactivestreams.tck.TestEnvironment;
import org.reactivestreams.tck.flow.FlowPublisherVerification;
import org.testng.SkipException;
import org.testng.annotations.Test;

class PythonAsyncRulesTest {

    private static final long MILLIS = 1000; // for what must happen
    private static final long QUIET_MILLIS = 50; // for what must not

    private static final class Rules extends FlowPublisherVerification<Long> {
        private final String generator;

        Rules(String generator) {
            super(new TestEnvironment(MILLIS, QUIET_MILLIS));
            this.generator = generator;
        }

        @Override
        public Flow.Publisher<Long> createFlowPublisher(long elements) {
            PythonAsync async = PythonAsync.get();
            async.exec("import asyncio\n"
                    + "async def asynchronous(n):\n    for i in range(n):\n        if i % 7 == 3: await asyncio.sleep(0)\n        yield i\n"
                    + "def plain(n):\n    yield from range(n)\n").join();
            return async.publisher(Long.class, async.eval(PythonObject.class, generator).join(), elements);
        }

        @Override
        public Flow.Publisher<Long> createFailedFlowPublisher() {
            PythonAsync async = PythonAsync.get();
            async.exec("def fails():\n    raise ValueError('at once')").join();
            return async.publisher(Long.class, async.eval(PythonObject.class, "fails").join());
        }
    }

    @TestFactory
    Stream<DynamicTest> asynchronousGenerators() {
        return rules("asynchronous");
    }

    @TestFactory
    Stream<DynamicTest> otherGenerators() {
        return rules("plain");
    }

    private static Stream<DynamicTest> rules(String generator) {
        Method[] methods = Arrays.stream(Rules.class.getMethods()).filter(method -> method.isAnnotationPresent(Test.class) && !method.getName().startsWith("untested"))
                .sorted(Comparator.comparing(Method::getName)).toArray(Method[]::new);
        assertTrue(methods.length > 30, "the rules are found");
        return Arrays.stream(methods).map(method -> DynamicTest.dynamicTest(method.getName(), () -> {
            Rules rules = new Rules(generator);
            rules.setUp();
            try {
                method.invoke(rules);
            } catch (InvocationTargetException e) {
                if (e.getCause() instanceof SkipException) { // it is for publishers of another kind
                    throw new TestAbortedException(e.getCause().getMessage());
                }
                throw e.getCause();
            }
        }));
    }
}
