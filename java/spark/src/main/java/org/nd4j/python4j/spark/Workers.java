// SPDX-License-Identifier: Apache-2.0
// The worker processes of an executor with several task slots, so that its tasks do not wait for each other's Python. Each
// task has one worker for itself, for as long as it runs. The Python half is at the end of batches.py.
package org.nd4j.python4j.spark;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.util.TaskCompletionListener;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.arrow.PythonArrow;
import org.nd4j.python4j.pool.PythonPool;

/** The setting {@code spark.python4j.workers}: how many there are, and 0 for Python in the executor's own process. */
final class Workers {
    private static final String SETTING = "spark.python4j.workers";
    private static final Duration TIME_TO_STOP = Duration.ofSeconds(10);
    private static final Pattern LOCAL = Pattern.compile("local\\[(\\d+|\\*)(,.*)?]");

    /** By their number, which a process has one of: an executor's settings stay. */
    private static final Map<Integer, PythonPool> POOLS = new ConcurrentHashMap<>();
    private static final Map<Long, PythonPool.Session> TASKS = new ConcurrentHashMap<>();
    private static volatile boolean unable; // where the number was ours to choose

    private Workers() {}

    /** The worker of a task; null if its Python is that of this process. */
    static PythonPool.Session of(TaskContext task) {
        PythonPool.Session own = TASKS.get(task.taskAttemptId());
        if (own != null) {
            return own;
        }
        PythonPool pool = pool(SparkEnv.get().conf());
        if (pool == null) {
            return null;
        }
        PythonPool.Session session = pool.session();
        TASKS.put(task.taskAttemptId(), session);
        task.addTaskCompletionListener((TaskCompletionListener) over -> end(over));
        return session;
    }

    /** Calls a function of batches.py whose result is a table; null for None. */
    static VectorSchemaRoot table(PythonPool.Session worker, String function, Object... arguments) {
        return worker.callAs(PythonArrow.TABLE, function, arguments);
    }

    private static void end(TaskContext task) {
        PythonPool.Session session = TASKS.remove(task.taskAttemptId());
        try {
            session.within(TIME_TO_STOP).call("stop"); // generators that were not read to their end
            session.close();
        } catch (PythonException e) { // the worker is lost, or what it does in the end fails
            session.discard();
        }
    }

    private static PythonPool pool(SparkConf conf) {
        int number = Integer.parseInt(conf.get(SETTING, "-1"));
        boolean chosen = number >= 0;
        if (!chosen) {
            number = unable ? 0 : Math.min(slots(conf), Runtime.getRuntime().availableProcessors());
        }
        if (number == 0 || number == 1 && !chosen) {
            return null;
        }
        int workers = number;
        try {
            return POOLS.computeIfAbsent(workers, Workers::start);
        } catch (PythonException e) {
            if (chosen) {
                throw e;
            }
            unable = true; // without pyarrow, say
            return null;
        }
    }

    private static PythonPool start(int workers) {
        return PythonPool.builder().workers(1, workers).prepare("import pyarrow\ntable = None\n" + Executor.tools()).build();
    }

    /** How many tasks run here at a time. */
    private static int slots(SparkConf conf) {
        Matcher local = LOCAL.matcher(conf.get("spark.master", ""));
        String all = String.valueOf(Runtime.getRuntime().availableProcessors());
        String cores = local.matches() ? local.group(1).replace("*", all) : conf.get("spark.executor.cores", all);
        return Integer.parseInt(cores) / Integer.parseInt(conf.get("spark.task.cpus", "1"));
    }
}
