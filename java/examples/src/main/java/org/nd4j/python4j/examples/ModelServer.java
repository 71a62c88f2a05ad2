// SPDX-License-Identifier: Apache-2.0
// A scikit-learn model, trained in Python, that a pool of Java threads asks: each by itself, through one thread
// that puts what is waiting into one batch, and in two worker processes. The Python half is model_server.py.
package org.nd4j.python4j.examples;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonCallable;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.pool.PythonPool;

/** Serves a classifier of handwritten digits to eight threads and prints how long they waited. */
public final class ModelServer {
    private static final int THREADS = 8;
    private static final int REQUESTS = 500; // of each thread
    private static final int LARGEST_BATCH = 64;

    private ModelServer() {}

    /** What the threads ask; it may be asked by many at once. */
    interface Model {
        int classify(double[] picture) throws Exception;
    }

    public static void main(String[] args) throws Exception {
        double[][] questions;
        int[] answers;
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec(Resource.text("model_server.py"));
            System.out.println(PythonExecutioner.getVariable("summary", PythonTypes.STR).getValue());
            questions = PythonExecutioner.getVariable("questions").toJava(double[][].class);
            answers = PythonExecutioner.getVariable("answers").toJava(int[].class);
        }
        System.out.printf("%n%d threads, %d requests%n", THREADS, THREADS * REQUESTS);
        System.out.printf("%-12s%12s%12s%12s%12s%12s%12s%n", "", "requests/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "wrong");
        try (OneByOne model = new OneByOne()) {
            measure("one by one", model, questions, answers);
        }
        try (Batches model = new Batches(questions[0].length)) {
            measure("in batches", model, questions, answers);
        }
        try (Workers model = new Workers(2)) {
            measure("pool of 2", model, questions, answers);
        }
    }

    /** Each request takes a turn of its own. */
    private static final class OneByOne implements Model, AutoCloseable {
        private final PythonCallable classify;

        OneByOne() {
            try (PythonGIL gil = PythonGIL.lock()) {
                classify = PythonCallable.of("classify");
            }
        }

        @Override
        public int classify(double[] picture) {
            try (PythonGIL gil = PythonGIL.lock()) {
                return classify.callAs(PythonTypes.INT, picture).intValue();
            }
        }

        @Override
        public void close() {
            try (PythonGIL gil = PythonGIL.lock()) {
                classify.close();
            }
        }
    }

    /** One thread answers all that wait, from memory that Java and numpy share. */
    private static final class Batches implements Model, AutoCloseable {
        private static final class Request {
            final double[] picture;
            final CompletableFuture<Integer> answer = new CompletableFuture<>();

            Request(double[] picture) {
                this.picture = picture;
            }
        }

        private final BlockingQueue<Request> waiting = new LinkedBlockingQueue<>();
        private final DoubleBuffer rows;
        private final PythonCallable classify;
        private final Thread worker = new Thread(this::work, "batches");

        Batches(int columns) {
            rows = ByteBuffer.allocateDirect(LARGEST_BATCH * columns * Double.BYTES)
                    .order(ByteOrder.nativeOrder()).asDoubleBuffer();
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.setVariable("batch", PythonBuffer.of(rows, LARGEST_BATCH, columns).toNumpy());
                classify = PythonCallable.of("classify_first");
            }
            worker.start();
        }

        @Override
        public int classify(double[] picture) throws Exception {
            Request request = new Request(picture);
            waiting.put(request);
            return request.answer.get(1, TimeUnit.MINUTES);
        }

        private void work() {
            List<Request> batch = new ArrayList<>();
            try {
                while (true) {
                    batch.add(waiting.take());
                    waiting.drainTo(batch, LARGEST_BATCH - 1);
                    try {
                        answer(batch);
                    } catch (RuntimeException e) {
                        batch.forEach(request -> request.answer.completeExceptionally(e));
                    }
                    batch.clear();
                }
            } catch (InterruptedException e) {
                // closed
            }
        }

        private void answer(List<Request> batch) {
            rows.clear();
            batch.forEach(request -> rows.put(request.picture));
            List<?> digits;
            try (PythonGIL gil = PythonGIL.lock()) {
                digits = classify.callAs(PythonTypes.LIST, batch.size());
            }
            for (int i = 0; i < batch.size(); i++) {
                batch.get(i).answer.complete(((Long) digits.get(i)).intValue());
            }
        }

        @Override
        public void close() throws InterruptedException {
            worker.interrupt();
            worker.join();
            try (PythonGIL gil = PythonGIL.lock()) {
                classify.close();
            }
        }
    }

    /** Workers that are forked from one process that has trained the model. Each uses a core of its own. */
    private static final class Workers implements Model, AutoCloseable {
        private final PythonPool pool;

        Workers(int number) {
            pool = PythonPool.builder().workers(number).numericThreads(1).prepare(Resource.text("model_server.py")).forkServer(true).build();
        }

        @Override
        public int classify(double[] picture) {
            return pool.callAs(PythonTypes.INT, "classify", picture).intValue();
        }

        @Override
        public void close() {
            pool.close();
        }
    }

    private static void measure(String name, Model model, double[][] questions, int[] answers) throws Exception {
        for (int i = 0; i < 100; i++) {
            model.classify(questions[i]); // warm
        }
        long[] nanos = new long[THREADS * REQUESTS];
        AtomicInteger wrong = new AtomicInteger();
        ExecutorService pool = Executors.newFixedThreadPool(THREADS);
        long start = System.nanoTime();
        List<Future<?>> clients = new ArrayList<>();
        for (int client = 0; client < THREADS; client++) {
            int from = client * REQUESTS;
            clients.add(pool.submit(() -> {
                for (int i = from; i < from + REQUESTS; i++) {
                    long asked = System.nanoTime();
                    int digit = model.classify(questions[i % questions.length]);
                    nanos[i] = System.nanoTime() - asked;
                    if (digit != answers[i % answers.length]) {
                        wrong.incrementAndGet();
                    }
                }
                return null;
            }));
        }
        for (Future<?> client : clients) {
            client.get();
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        pool.shutdown();
        Arrays.sort(nanos);
        System.out.printf(Locale.ROOT, "%-12s%12.0f%12.2f%12.2f%12.2f%12.2f%12d%n", name, nanos.length / seconds,
                percentile(nanos, 0.5), percentile(nanos, 0.9), percentile(nanos, 0.99), percentile(nanos, 0.999), wrong.get());
    }

    private static double percentile(long[] sorted, double part) {
        return sorted[(int) Math.ceil(part * sorted.length) - 1] / 1e6;
    }
}
