// SPDX-License-Identifier: Apache-2.0
// The results of PythonCalls.map, in order. The number of calls that run at the same time is limited.
package org.nd4j.python4j.pool;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.Spliterators;
import java.util.function.Consumer;
import java.util.function.Function;

/** Used by one thread. */
final class Results<T> extends Spliterators.AbstractSpliterator<T> {

    private final Iterator<?> values;
    private final Function<Object, Task<T>> submit;
    private final int most;
    private final Deque<Task<T>> underWay = new ArrayDeque<>();

    Results(Iterator<?> values, Function<Object, Task<T>> submit, int most) {
        super(Long.MAX_VALUE, ORDERED);
        this.values = values;
        this.submit = submit;
        this.most = most;
    }

    @Override
    public boolean tryAdvance(Consumer<? super T> action) {
        T result;
        try {
            while (underWay.size() < most && values.hasNext()) {
                underWay.add(submit.apply(values.next()));
            }
            Task<T> first = underWay.poll();
            if (first == null) {
                return false;
            }
            result = first.await();
        } catch (Throwable e) {
            close();
            throw e;
        }
        action.accept(result);
        return true;
    }

    void close() {
        for (Task<T> task : underWay) {
            task.cancel(true);
        }
        underWay.clear();
    }
}
