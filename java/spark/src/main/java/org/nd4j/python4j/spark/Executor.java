// SPDX-License-Identifier: Apache-2.0
// Python in a Spark executor: it keeps the functions of jobs loaded, and it has the thread that ends the Python code of
// killed tasks.
package org.nd4j.python4j.spark;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.spark.TaskContext;
import org.nd4j.python4j.PythonCode;
import org.nd4j.python4j.PythonContextManager;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;

/** What the tasks of an executor share. */
final class Executor {
    private static final String CONTEXT = "python4j_spark";
    private static final long LOOK = 200; // milliseconds

    /** How many functions stay loaded. An executor lives as long as its application, which may have any number of jobs. */
    static final int KEPT = 100;

    private static final Map<String, PythonObject> TOOLS = new ConcurrentHashMap<>();
    private static final Map<PythonScript, PythonObject> FUNCTIONS = new LinkedHashMap<>(16, 0.75f, true); // the one used last is the last
    private static final Set<Watch> WATCHES = ConcurrentHashMap.newKeySet();
    private static final Set<BufferAllocator> TO_CLOSE = ConcurrentHashMap.newKeySet();

    private Executor() {}

    /** Calls a function of batches.py. Needs a turn. */
    static PythonObject call(String tool, Object... arguments) {
        return tool(tool).call(arguments);
    }

    private static PythonObject tool(String name) {
        PythonObject tool = TOOLS.get(name);
        if (tool == null) {
            try (PythonGC none = PythonGC.pause(); PythonContextManager.Context context = new PythonContextManager.Context(CONTEXT)) {
                if (!TOOLS.containsKey("load")) {
                    PythonExecutioner.setVariable("table", Access.get().tool("table", "shared"));
                    PythonCode.compile(tools(), "batches.py").run();
                    TOOLS.put("load", PythonExecutioner.getVariable("load"));
                }
                tool = PythonExecutioner.getVariable(name);
                TOOLS.put(name, tool);
            }
        }
        return tool;
    }

    /** The text of batches.py. */
    static String tools() {
        return resource("org/nd4j/python4j/spark/batches.py", Executor.class.getClassLoader());
    }

    /** A job's function. Needs a turn. */
    static PythonObject function(PythonScript script) {
        synchronized (FUNCTIONS) {
            PythonObject function = FUNCTIONS.get(script);
            if (function != null) {
                return function;
            }
        }
        try (PythonGC none = PythonGC.pause()) { // a function that is dropped here is released when no task uses it any more
            PythonObject function = call("load", loading(script));
            String left = null; // a module of which nothing is kept
            synchronized (FUNCTIONS) {
                FUNCTIONS.put(script, function);
                if (FUNCTIONS.size() > KEPT) {
                    String module = FUNCTIONS.keySet().iterator().next().module;
                    FUNCTIONS.remove(FUNCTIONS.keySet().iterator().next());
                    left = FUNCTIONS.keySet().stream().anyMatch(each -> each.module.equals(module)) ? null : module;
                }
            }
            if (left != null) {
                call("forget", left);
            }
            return function;
        }
    }

    /** The arguments of {@code load} in batches.py. */
    static Object[] loading(PythonScript script) {
        String text = script.text;
        if (text == null) { // for a module that Python does not find
            text = resource(script.module.replace('.', '/') + ".py", Thread.currentThread().getContextClassLoader());
        }
        return new Object[] {script.module, script.function, text, script.text == null};
    }

    private static String resource(String name, ClassLoader loader) {
        try (InputStream in = loader == null ? null : loader.getResourceAsStream(name)) {
            return in == null ? null : new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new PythonException("The file " + name + " cannot be read: " + e, e);
        }
    }

    /** Closes an allocator when Python has given back all that it had of it, which may be later. */
    static void close(BufferAllocator allocator) {
        TO_CLOSE.add(allocator);
        for (BufferAllocator each : TO_CLOSE) {
            if (each.getAllocatedMemory() == 0 && TO_CLOSE.remove(each)) {
                each.close();
            }
        }
    }

    // ---- killed tasks ----

    /** Ends the Python of a task that Spark kills: from the watch on until it is closed. */
    static Watch watch(TaskContext context) {
        Watch watch = new Watch(context, Thread.currentThread());
        Looker.start();
        WATCHES.add(watch);
        return watch;
    }

    static final class Watch implements AutoCloseable {
        private final TaskContext context;
        private final Thread thread;
        private boolean interrupted;

        private Watch(TaskContext context, Thread thread) {
            this.context = context;
            this.thread = thread;
        }

        private synchronized void look() {
            if (!interrupted && context.isInterrupted() && WATCHES.contains(this)) {
                interrupted = true;
                thread.interrupt();
            }
        }

        @Override
        public synchronized void close() {
            WATCHES.remove(this);
        }
    }

    /** Spark marks a killed task, and interrupts its thread only if it was told to. */
    private static final class Looker {
        private static final Thread THREAD = new Thread(Looker::run, "python4j-spark-kill");

        static {
            THREAD.setDaemon(true);
            THREAD.start();
        }

        static void start() {} // by its class

        private static void run() {
            try {
                while (true) {
                    Thread.sleep(LOOK);
                    WATCHES.forEach(Watch::look);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt(); // nobody does that
            }
        }
    }
}
