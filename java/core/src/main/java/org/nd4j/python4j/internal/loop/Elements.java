// SPDX-License-Identifier: Apache-2.0
// The values that a Python generator yields, as a publisher. The generator continues when the subscriber
// requests more, and its elements arrive many at a time. Pull gives them as a Stream.
package org.nd4j.python4j.internal.loop;

import java.util.List;
import java.util.Objects;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicBoolean;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.jni.Messages;

/** A publisher of the elements of a generator, or of one that a function makes for each subscriber. */
public final class Elements<T> implements Flow.Publisher<T> {

    private static final String ONCE = "A generator can be iterated once: publish the function that makes it.";

    final Loop loop;
    private final Result result;
    private final Object source;
    private final Object[] arguments;
    private final AtomicBoolean used; // null where there may be many subscribers

    /**
     * @param once whether the source is itself an iterator and not a function
     * @param source a {@code PythonObject}, or the name of a function as a String
     */
    public Elements(Loop loop, Result result, boolean once, Object source, Object... arguments) {
        this.loop = loop;
        this.result = result;
        this.source = source;
        this.arguments = arguments.clone();
        this.used = once ? new AtomicBoolean() : null;
    }

    @Override
    public void subscribe(Flow.Subscriber<? super T> subscriber) {
        Objects.requireNonNull(subscriber);
        if (used != null && used.getAndSet(true)) {
            subscriber.onSubscribe(new Flow.Subscription() {
                @Override
                public void request(long n) {}

                @Override
                public void cancel() {}
            });
            subscriber.onError(new IllegalStateException(ONCE));
            return;
        }
        Subscription subscription = new Subscription(subscriber);
        subscriber.onSubscribe(subscription);
        subscription.begin();
    }

    private final class Subscription implements Flow.Subscription, Loop.Receiver {
        private final long number = loop.register(this);
        private volatile Flow.Subscriber<? super T> subscriber; // null once it is over
        private volatile Throwable refused; // why this ends the generator itself
        @SuppressWarnings("unused") // it keeps them until the loop has taken them
        private List<PythonObject> lent;
        private long asked; // before it began; guarded by this
        private boolean begun;

        Subscription(Flow.Subscriber<? super T> subscriber) {
            this.subscriber = subscriber;
        }

        void begin() {
            if (subscriber == null) {
                loop.forget(number);
                return;
            }
            long credit;
            synchronized (this) {
                credit = asked;
            }
            Object[] message = new Object[5 + arguments.length];
            message[0] = source instanceof String ? Messages.ITERATE : Messages.PUBLISH;
            message[1] = number;
            message[2] = result.mode;
            message[3] = credit;
            message[4] = source;
            System.arraycopy(arguments, 0, message, 5, arguments.length);
            try {
                lent = loop.request(number, message);
            } catch (PythonException e) {
                failed(e);
                return;
            }
            synchronized (this) { // what was said before the loop knew of this
                begun = true;
                credit = asked - credit;
            }
            if (refused != null || subscriber == null) {
                loop.tell(Messages.CANCEL, number);
            } else if (credit > 0) {
                loop.tell(Messages.REQUEST, number, credit);
            }
        }

        // ---- from the subscriber ----

        @Override
        public void request(long n) {
            if (subscriber == null) {
                return;
            }
            if (n <= 0) {
                end(new IllegalArgumentException("A subscriber must request one element at least (rule 3.9), not " + n + "."));
                return;
            }
            synchronized (this) {
                if (!begun) {
                    asked = asked + n < 0 ? Long.MAX_VALUE : asked + n;
                    return;
                }
            }
            loop.tell(Messages.REQUEST, number, n);
        }

        @Override
        public void cancel() {
            subscriber = null;
            loop.tell(Messages.CANCEL, number);
        }

        /**
         * Ends the generator. The subscriber is notified afterwards, on the same thread as for all other notifications.
         */
        private void end(Throwable why) {
            refused = refused == null ? why : refused;
            synchronized (this) {
                if (!begun) {
                    return;
                }
            }
            loop.tell(Messages.CANCEL, number);
        }

        // ---- from the loop ----

        @Override
        @SuppressWarnings("unchecked") // the type of the elements is the caller's
        public void items(List<?> items) {
            if (refused == null) {
                for (Object item : items) {
                    Flow.Subscriber<? super T> current = subscriber;
                    if (current == null) {
                        return;
                    }
                    T element;
                    try {
                        element = (T) Objects.requireNonNull(result.convert(item), "None cannot be an element of a publisher.");
                    } catch (Throwable e) {
                        end(e);
                        return;
                    }
                    current.onNext(element);
                }
            }
        }

        @Override
        public void value(Object value) {
            complete();
        }

        @Override
        public void complete() {
            Flow.Subscriber<? super T> current = subscriber;
            subscriber = null;
            if (current != null && refused != null) {
                current.onError(refused);
            } else if (current != null) {
                current.onComplete();
            }
        }

        @Override
        public void failed(Throwable why) {
            Flow.Subscriber<? super T> current = subscriber;
            subscriber = null;
            if (current != null) {
                current.onError(refused == null ? why : refused);
            }
        }

        @Override
        public void cancelled() {
            failed(new PythonException("The generator was cancelled in Python."));
        }
    }
}
