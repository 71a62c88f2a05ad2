// SPDX-License-Identifier: Apache-2.0
// A service that docs/debugging.md looks into: a thread of Java's calls Python again and again, in a turn each time, and Python
// calls Java. Run by DebuggingTest, which gives it the Python text to begin with, and orders.py.
package org.nd4j.python4j.examples;

import java.time.Duration;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonDebugger;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGIL;

public final class DebuggedService {

    static void start() {
        try (PythonGIL gil = PythonGIL.lock()) {
            System.out.println("port " + PythonDebugger.listen(0));
        }
    }

    static void await() {
        try (PythonGIL gil = PythonGIL.lockShared()) {
            PythonExecutioner.exec("import time\nwhile True: time.sleep(0.5)");
        }
    }

    /** Serves until it is killed. */
    public static void main(String[] arguments) {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec(arguments[0]);
        }
        if (arguments.length > 1) {
            start();
            PythonGIL.watch(Duration.ofMillis(500), report -> System.out.println("held by " + report.getThread().getName()
                    + (String.valueOf(report.getPythonStack()).contains("in price") ? " in price" : "")));
        }
        Thread worker = new Thread(DebuggedService::serve, "order-worker");
        worker.setDaemon(true);
        worker.start();
        await();
    }

    /** Many orders. */
    private static void serve() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.setVariable("tax", Python.function((arguments, named) -> tax(((Number) arguments.get(0)).intValue())));
            PythonExecutioner.exec("import orders\norders.tax = tax\nprint('serves', __import__('os').getpid(), flush=True)");
        }
        while (true) {
            order();
        }
    }

    private static void order() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("orders.price(2)");
        }
    }

    /** Takes some time. */
    private static int tax(int total) {
        int hash = total;
        for (int i = 0; i < 20_000; i++) {
            hash = hash * 31 + (i ^ total);
        }
        return hash & 15;
    }
}
