// SPDX-License-Identifier: Apache-2.0
// Several class loaders with a copy of the library each, as an application server has them: they are deployed, used by
// several threads at once and undeployed at random. What each of them does, and sees to be right, is in App.
package org.nd4j.python4j;

import java.io.File;
import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.BiFunction;

/** {@code Loaders SEED SECONDS}. */
final class Loaders {
    private static final int THREADS = 4;
    private static final int PLACES = 3;
    private static final long TIME_TO_GO = TimeUnit.SECONDS.toNanos(60);

    private static final AtomicLong DONE = new AtomicLong();
    private static final AtomicInteger WRONG = new AtomicInteger();
    private static final AtomicInteger DEPLOYED = new AtomicInteger();
    private static final ConcurrentLinkedQueue<WeakReference<ClassLoader>> GONE = new ConcurrentLinkedQueue<>();

    private Loaders() {}

    /** Where an application may be deployed. */
    private static final class Place {
        final ReentrantReadWriteLock lock = new ReentrantReadWriteLock(true);
        URLClassLoader loader; // null for none; guarded by the lock, as what follows
        BiFunction<String, Long, String> app;
        String name;

        /** An application starts Python, or joins it, by its first call. */
        @SuppressWarnings("unchecked") // the class is another loader's
        void deploy() throws Exception {
            List<URL> urls = new ArrayList<>();
            for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
                urls.add(new File(entry).toURI().toURL());
            }
            name = "app" + DEPLOYED.incrementAndGet();
            loader = new URLClassLoader(name, urls.toArray(new URL[0]), ClassLoader.getPlatformClassLoader());
            app = (BiFunction<String, Long, String>) loader.loadClass(App.class.getName()).getConstructor(String.class).newInstance(name);
        }

        void undeploy(boolean shutdown) throws Exception {
            if (shutdown) {
                app.apply("shutdown", 0L);
            }
            GONE.add(new WeakReference<>(loader));
            loader.close();
            loader = null;
            app = null;
        }
    }

    public static void main(String[] arguments) throws Exception {
        long seed = Long.parseLong(arguments[0]);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Long.parseLong(arguments[1]));
        Place[] places = new Place[PLACES];
        for (int i = 0; i < PLACES; i++) {
            places[i] = new Place();
        }
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            Random random = new Random(seed * THREADS + i);
            Thread thread = new Thread(() -> work(places, random, end), "server thread " + i);
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) {
            thread.join();
        }
        for (Place place : places) {
            if (place.loader != null) {
                place.undeploy(false);
            }
        }
        long late = System.nanoTime() + TIME_TO_GO;
        while (System.nanoTime() < late && GONE.stream().anyMatch(loader -> loader.get() != null)) {
            System.gc();
            Thread.sleep(50);
        }
        long left = GONE.stream().filter(loader -> loader.get() != null).count();
        if (left > 0) {
            wrong(left + " of " + GONE.size() + " class loaders are still there");
        }
        System.out.println("DONE " + DONE + " operations by " + DEPLOYED + " class loaders, " + WRONG + " wrong");
        System.exit(WRONG.get() == 0 ? 0 : 1);
    }

    private static void work(Place[] places, Random random, long end) {
        while (System.nanoTime() < end && WRONG.get() < 20) {
            Place place = places[random.nextInt(PLACES)];
            try {
                if (place.app == null || random.nextInt(40) == 0) {
                    redeploy(place, random);
                } else {
                    use(place, random);
                }
            } catch (Throwable e) {
                wrong(place.name + ": " + e);
                e.printStackTrace(System.out);
            }
        }
    }

    private static void redeploy(Place place, Random random) throws Exception {
        place.lock.writeLock().lock();
        try {
            if (place.loader != null) {
                place.undeploy(random.nextInt(4) == 0);
            }
            if (random.nextInt(4) > 0) {
                place.deploy();
            }
        } finally {
            place.lock.writeLock().unlock();
        }
    }

    private static void use(Place place, Random random) {
        String[] what = App.WHAT;
        place.lock.readLock().lock();
        try {
            for (int i = random.nextInt(10); i >= 0 && place.app != null; i--) {
                String name = what[random.nextInt(what.length)];
                Thread.currentThread().setContextClassLoader(place.loader);
                String wrong = place.app.apply(name, random.nextLong());
                DONE.incrementAndGet();
                if (!wrong.isEmpty()) {
                    wrong(place.name + ", " + name + ": " + wrong);
                }
            }
        } finally {
            Thread.currentThread().setContextClassLoader(null);
            place.lock.readLock().unlock();
        }
    }

    private static void wrong(String what) {
        WRONG.incrementAndGet();
        System.out.println("WRONG " + what);
    }

    /** An application. All classes that it meets are its own class loader's, or the JDK's. */
    public static final class App implements BiFunction<String, Long, String> {
        static final String[] WHAT = {"call", "call", "callback", "foreign", "raise", "throw", "capture", "reference", "array", "keep", "context", "deadline"};

        /** An exception that only this class loader has. */
        private static final class Own extends Exception {
            private static final long serialVersionUID = 1L;

            Own(String text) {
                super(text);
            }
        }

        private final String name;
        private final List<PythonObject> kept = new ArrayList<>(); // guarded by turns

        public App(String name) {
            this.name = name;
        }

        /** Does one thing; says what was wrong. */
        @Override
        public String apply(String what, Long seed) {
            if (what.equals("shutdown")) {
                PythonExecutioner.shutdown();
                return "";
            }
            Random random = new Random(seed);
            int number = random.nextInt(1_000_000);
            try (PythonGIL gil = PythonGIL.lock(); PythonGC frame = PythonGC.watch()) {
                switch (what) {
                    case "call":
                        PythonExecutioner.exec("x = " + number);
                        return is(number + 1L, Python.eval("x + 1").toLong());
                    case "callback":
                        PythonExecutioner.setVariable("f_" + random.nextInt(6), Python.function((args, named) -> name + args));
                        PythonExecutioner.setVariable("mine", Python.function((args, named) -> name + args));
                        return is(name + "[" + number + "]", Python.eval("mine(" + number + ")").toString());
                    case "foreign": // maybe another application's, or that of one that is gone
                        try {
                            String got = Python.eval("f_" + random.nextInt(6) + "(1)").toString();
                            return got.matches("app[0-9]+\\[1\\]") ? "" : got;
                        } catch (PythonException e) {
                            boolean missing = e.getPythonClass().equals("NameError");
                            return missing || e.getMessage().contains("is gone") ? "" : e.toString();
                        }
                    case "raise":
                        try {
                            PythonExecutioner.exec("raise ValueError(" + number + ")");
                            return "nothing was raised";
                        } catch (PythonException e) {
                            return is("ValueError: " + number, e.getMessage());
                        }
                    case "throw":
                        PythonExecutioner.setVariable("thrower", Python.function((args, named) -> {
                            throw new Own(name + number);
                        }));
                        try {
                            PythonExecutioner.exec("thrower()");
                            return "nothing was thrown";
                        } catch (Exception e) {
                            return is(name + number, e instanceof Own ? e.getMessage() : e.toString());
                        }
                    case "capture":
                        try (PythonOutput output = PythonOutput.capture()) {
                            PythonExecutioner.exec("print('" + name + "', " + number + ")");
                            return is(name + " " + number + "\n", output.getOut());
                        }
                    case "reference":
                        List<Object> list = new ArrayList<>(List.of(name));
                        PythonExecutioner.setVariable("list_of_java", Python.reference(list));
                        PythonExecutioner.exec("list_of_java.append(" + number + ")");
                        return is(List.of(name, (long) number).toString(), list.toString());
                    case "array":
                        ByteBuffer memory = ByteBuffer.allocateDirect(16).order(ByteOrder.nativeOrder());
                        memory.putDouble(0, number);
                        PythonExecutioner.setVariable("array", PythonBuffer.of(memory.asDoubleBuffer(), 2).toMemoryview());
                        PythonExecutioner.exec("array[1] = 2 * array[0]");
                        return is(2.0 * number, memory.getDouble(8));
                    case "keep":
                        PythonObject object = Python.eval("[" + number + "]");
                        PythonGC.keep(object);
                        kept.add(object);
                        PythonObject old = kept.get(random.nextInt(kept.size()));
                        return old.toString().matches("\\[[0-9]+\\]") ? "" : old.toString();
                    case "context":
                        String context = "context" + random.nextInt(4);
                        PythonContextManager.setContext(context);
                        try {
                            PythonExecutioner.exec("y = " + number);
                            return is(context + number, PythonContextManager.getCurrentContext() + Python.eval("y"));
                        } finally {
                            PythonContextManager.setMainContext();
                        }
                    default:
                        try {
                            PythonExecutioner.exec("while True: pass", null, null, Duration.ofMillis(1 + random.nextInt(30)));
                            return "it went on";
                        } catch (PythonTimeout e) {
                            return "";
                        }
                }
            }
        }

        private static String is(Object expected, Object found) {
            return expected.equals(found) ? "" : found + " instead of " + expected;
        }
    }
}
