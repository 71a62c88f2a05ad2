// SPDX-License-Identifier: Apache-2.0
// The elements of one of our publishers as a Stream that waits for them. The number of requested elements is
// limited.
package org.nd4j.python4j.internal.loop;

import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.Access;

/** A subscriber whose elements are read one by one. */
public final class Pull<T> extends Spliterators.AbstractSpliterator<T> implements Flow.Subscriber<T> {

    private static final int WINDOW = 4096;
    private static final int PART = WINDOW / 2;
    private static final Object END = new Object();

    private static final class Failed {
        final Throwable why;

        Failed(Throwable why) {
            this.why = why;
        }
    }

    private final LinkedBlockingQueue<Object> elements = new LinkedBlockingQueue<>();
    private final Loop loop;
    private volatile Flow.Subscription subscription;
    private int taken;
    private boolean over;

    private Pull(Loop loop) {
        super(Long.MAX_VALUE, Spliterator.ORDERED | Spliterator.NONNULL);
        this.loop = loop;
    }

    /** Creates a stream. The generator ends with the end of the stream or with its {@code close}. */
    public static <T> Stream<T> stream(Elements<T> elements) {
        Pull<T> pull = new Pull<>(elements.loop);
        elements.subscribe(pull);
        return StreamSupport.stream(pull, false).onClose(() -> pull.subscription.cancel());
    }

    @Override
    @SuppressWarnings("unchecked") // only onNext puts other things than ours
    public boolean tryAdvance(Consumer<? super T> action) {
        if (over) {
            return false;
        }
        Object next = elements.poll();
        if (next == null) {
            next = await();
        }
        if (next == END || next instanceof Failed) {
            over = true;
            if (next != END) {
                throw thrown(((Failed) next).why);
            }
            return false;
        }
        if (++taken == PART) {
            taken = 0;
            subscription.request(PART);
        }
        action.accept((T) next);
        return true;
    }

    private Object await() {
        loop.refuseOwnThread();
        boolean given = Access.get().giveGil();
        try {
            return elements.take();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            subscription.cancel();
            return new Failed(Access.get().interrupted("The thread was interrupted while it waited for an element."));
        } finally {
            Access.get().takeGil(given);
        }
    }

    private static RuntimeException thrown(Throwable why) {
        if (why instanceof Error) {
            throw (Error) why;
        }
        return why instanceof RuntimeException ? (RuntimeException) why : new PythonException(why);
    }

    @Override
    public void onSubscribe(Flow.Subscription given) {
        subscription = given;
        given.request(WINDOW);
    }

    @Override
    public void onNext(T element) {
        elements.add(element);
    }

    @Override
    public void onError(Throwable why) {
        elements.add(new Failed(why));
    }

    @Override
    public void onComplete() {
        elements.add(END);
    }
}
