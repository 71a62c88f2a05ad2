// SPDX-License-Identifier: Apache-2.0
// Java futures and publishers that Python coroutines await, on any loop. This class performs the operations
// that JavaFuture and JavaPublisher of tasks.py request.
package org.nd4j.python4j.internal.loop;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Messages;

/** The operations that Python calls on stages and publishers. */
public final class Awaited {

    private Awaited() {}

    /** Executes an operation of Python on a {@code CompletionStage} or a {@code Flow.Publisher}, by its name. */
    public static Object call(Object object, String operation, List<?> operands) throws Throwable {
        switch (operation) {
            case "await":
                return await((CompletionStage<?>) object, (Long) operands.get(0), (Long) operands.get(1));
            case "cancel":
                return future((CompletionStage<?>) object).cancel(true);
            default:
                Feed feed = new Feed((Long) operands.get(0), (Long) operands.get(1), (Long) operands.get(2));
                ((Flow.Publisher<?>) object).subscribe(feed);
                return new Callbacks.Given(feed, null);
        }
    }

    private static CompletableFuture<?> future(CompletionStage<?> stage) {
        return stage.toCompletableFuture();
    }

    /**
     * The value of a stage that is done, in a list, which is empty for a cancelled stage. If the stage is not done, the
     * result is null, and the loop is notified later.
     */
    private static Object await(CompletionStage<?> stage, long queue, long number) throws Throwable {
        CompletableFuture<?> future = future(stage);
        if (future.isCancelled()) {
            return Collections.emptyList();
        } else if (future.isDone()) {
            try {
                return Collections.singletonList(future.get());
            } catch (ExecutionException e) {
                throw cause(e.getCause());
            }
        } else if (queue != 0) {
            stage.whenComplete((value, thrown) -> resolve(queue, number, value, thrown));
        }
        return null;
    }

    private static Throwable cause(Throwable thrown) {
        return thrown instanceof CompletionException && thrown.getCause() != null ? thrown.getCause() : thrown;
    }

    private static void resolve(long queue, long number, Object value, Throwable thrown) {
        Throwable cause = cause(thrown);
        if (cause instanceof CancellationException) {
            Messages.tell(queue, Messages.RESOLVE, number, Messages.CANCELLED, null);
        } else if (cause != null) {
            fail(queue, number, cause);
        } else {
            give(queue, number, value);
        }
    }

    /** Sends a value to the loop. The result says whether it has a counterpart in Python; if not, an error is sent. */
    private static boolean give(long queue, long number, Object value) {
        try {
            Messages.tell(queue, Messages.RESOLVE, number, Messages.VALUE, value);
            return true;
        } catch (PythonException e) {
            fail(queue, number, e);
            return false;
        }
    }

    private static void fail(long queue, long number, Throwable cause) {
        PythonObject raised = cause instanceof PythonException ? ((PythonException) cause).getPythonObject() : null;
        Object exception = raised != null && Access.get().exists(raised) ? raised
                : Callbacks.Given.exception((Callbacks.Function) Access.get().ofThrown(cause), cause);
        Messages.tell(queue, Messages.RESOLVE, number, Messages.FAILED, exception);
    }

    /** Subscribes for an iteration in Python, which calls this object to request more elements. */
    private static final class Feed implements Flow.Subscriber<Object>, Callbacks.Function {
        private final long queue;
        private final long number;
        private final long window;
        private Flow.Subscription subscription; // guarded by this
        private boolean over;

        Feed(long queue, long number, long window) {
            this.queue = queue;
            this.number = number;
            this.window = window;
        }

        /** Requests as many more elements as the first argument says; 0 ends the subscription. */
        @Override
        public Object call(List<?> arguments, Map<?, ?> named) {
            long more = (Long) arguments.get(0);
            Flow.Subscription current;
            synchronized (this) {
                over |= more == 0;
                current = subscription;
            }
            if (current != null && more == 0) {
                current.cancel();
            } else if (current != null) {
                current.request(more);
            }
            return null;
        }

        @Override
        public String name() {
            return "request";
        }

        @Override
        public void onSubscribe(Flow.Subscription given) {
            boolean wanted;
            synchronized (this) {
                wanted = subscription == null && !over;
                subscription = wanted ? given : subscription;
            }
            if (wanted) {
                given.request(window);
            } else {
                given.cancel();
            }
        }

        @Override
        public void onNext(Object item) {
            if (!give(queue, number, java.util.Objects.requireNonNull(item))) {
                call(List.of(0L), null);
            }
        }

        @Override
        public void onError(Throwable thrown) {
            fail(queue, number, java.util.Objects.requireNonNull(thrown));
        }

        @Override
        public void onComplete() {
            Messages.tell(queue, Messages.RESOLVE, number, Messages.COMPLETE, null);
        }
    }
}
