// SPDX-License-Identifier: Apache-2.0
// Signals, children, and ends of the process: the programs, and how each has to end. Each runs in a
// JVM of its own.
package org.nd4j.python4j;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.regex.Pattern;
import org.nd4j.python4j.internal.jni.Callbacks;

/** {@code Processes NAME} is one of the programs. */
final class Processes {
    private Processes() {}

    interface Program {
        void run() throws Throwable;
    }

    interface Setting {
        void of(Child child);
    }

    private static final class Case {
        final Program program;
        final int status;
        final Pattern output;
        final Setting setting;

        Case(Program program, int status, String output, Setting setting) {
            this.program = program;
            this.status = status;
            this.output = Pattern.compile(output, Pattern.DOTALL);
            this.setting = setting;
        }
    }

    private static final Map<String, Case> ALL = new LinkedHashMap<>();
    private static final double MOST_SECONDS = Math.max(2, Long.getLong("python4j.tests.seconds", 0) / 10); // more under emulation

    private static void add(String name, int status, String output, Setting setting, Program program) {
        ALL.put(name, new Case(program, status, output, setting));
    }

    private static void add(String name, int status, String output, Program program) {
        add(name, status, output, child -> {}, program);
    }

    private static void locked(String... code) {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec(String.join("\n", code));
        }
    }

    private static void say(Object what) {
        System.out.println(what);
        System.out.flush();
    }

    private static Thread start(boolean daemon, Program program) {
        Thread thread = new Thread(() -> {
            try {
                program.run();
            } catch (Throwable e) {
                say("thread: " + e);
            }
        });
        thread.setDaemon(daemon);
        thread.start();
        return thread;
    }

    private static void hook() {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> say("hook ran")));
    }

    private static void wait_() throws InterruptedException {
        say("ready");
        Thread.sleep(60_000);
        say("never");
    }

    /** How many of that many looks at a String, each second of which is null, threw. */
    private static int caughtOf(int looks) {
        int caught = 0;
        for (int i = 0; i < looks; i++) {
            try {
                length(i % 2 == 0 ? null : "");
            } catch (NullPointerException e) {
                caught++;
            }
        }
        return caught;
    }

    private static int length(String text) {
        return text.length();
    }

    // ---- signals ----

    static {
        for (String[] signal : new String[][] {{"TERM", "143"}, {"INT", "130"}, {"HUP", "129"}}) {
            int status = Integer.parseInt(signal[1]);
            for (String[] before : new String[][] {
                {"", "pass"},
                {" after import signal", "import signal, asyncio, threading, multiprocessing"},
                {" after faulthandler", "import faulthandler; faulthandler.enable(); faulthandler.disable(); faulthandler.enable()"},
            }) {
                add(signal[0] + before[0], status, ".*hook ran.*", child -> child.signal(signal[0]), () -> {
                    locked(before[1]);
                    hook();
                    wait_();
                });
            }
            add(signal[0] + " while Python runs", status, ".*hook ran.*", child -> child.signal(signal[0]), () -> {
                hook();
                start(false, () -> locked("while True: pass"));
                wait_();
            });
            add(signal[0] + " while Python sleeps", status, ".*hook ran.*", child -> child.signal(signal[0]), () -> {
                hook();
                start(false, () -> locked("import time\ntime.sleep(100)"));
                wait_();
            });
            add(signal[0] + " while main is in Python", status, ".*hook ran.*", child -> child.signal(signal[0]), () -> {
                hook();
                locked("import time", "print('ready')", "while True: pass");
            });
        }
        add("QUIT shows the stacks and goes on", 143, ".*Full thread dump.*still here.*", child -> child.signal("QUIT").signal("TERM"), () -> {
            locked("import signal, faulthandler", "faulthandler.enable()");
            say("ready");
            Thread.sleep(1500);
            locked("print('still here')");
            wait_();
        });
        add("null checks after faulthandler", 0, ".*caught 100000.*alive.*", () -> {
            locked("import faulthandler, signal", "faulthandler.enable()", "faulthandler.register(signal.SIGUSR1)",
                    "faulthandler.dump_traceback_later(0.01)", "import time; time.sleep(0.1)", "faulthandler.cancel_dump_traceback_later()");
            say("caught " + caughtOf(200_000));
            locked("print('alive')");
        });
        add("null checks with all signals blocked", 0, ".*refused.*caught 50000.*", () -> {
            locked("import signal", "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())",
                    "try: signal.signal(signal.SIGSEGV, signal.SIG_IGN)", "except ValueError: print('refused')");
            say("caught " + caughtOf(100_000));
        });
        add("null checks with PYTHONFAULTHANDLER", 0, ".*caught 50000.*", child -> child.under("env", "PYTHONFAULTHANDLER=1"), () -> {
            locked("pass");
            say("caught " + caughtOf(100_000));
        });
        add("safepoints after faulthandler", 0, ".*collected.*", () -> {
            locked("import faulthandler", "faulthandler.enable()");
            start(true, () -> {
                for (long i = 0; ; i++) {
                    length("x" + i);
                }
            });
            for (int i = 0; i < 20; i++) {
                System.gc();
            }
            say("collected");
            System.exit(0);
        });
        add("a Python handler of SIGUSR2", 0, ".*main thread.*|.*handled.*", child -> child.signal("USR2"), () -> {
            locked("import signal, time", "waits = True", "def handler(*a):", "    global waits", "    waits = False", "    print('handled')",
                    "try:", "    signal.signal(signal.SIGUSR2, handler)",
                    "except ValueError as e:", "    print(e); import ctypes; ctypes.CDLL(None).signal(signal.SIGUSR2, 1); time.sleep(0.5); waits = False");
            say("ready");
            locked("end = time.monotonic() + 20", "while waits and time.monotonic() < end: time.sleep(0.05)");
        });
    }

    // ---- ends ----

    static {
        add("os._exit", 5, ".*", () -> locked("import os", "os._exit(5)"));
        add("exit status", 9, ".*", () -> {
            locked("x = 1");
            say("exiting");
            System.exit(9);
        });
        add("the end of main", 0, ".*bye.*", () -> {
            locked("import atexit", "atexit.register(print, 'bye')");
            say("exiting");
        });
        add("atexit in order", 0, ".*third\n.*second\nfirst.*", () -> {
            locked("import atexit", "atexit.register(print, 'first')", "atexit.register(print, 'second')",
                    "atexit.register(lambda: 1 / 0)", "atexit.register(print, 'third')");
            say("exiting");
            System.exit(0);
        });
        add("atexit that exits", 4, ".*first.*", () -> {
            locked("import atexit, sys", "atexit.register(print, 'first')", "atexit.register(sys.exit, 3)");
            say("exiting");
            System.exit(4);
        });
        add("atexit that calls Java", 0, ".*java says 5.*", () -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.setVariable("back", Callbacks.callable((args, named) -> 5));
                PythonExecutioner.exec("import atexit\natexit.register(lambda: print('java says', back()))");
            }
            say("exiting");
        });
        add("exit while Python runs", 0, ".*", () -> {
            start(true, () -> locked("while True: pass"));
            Thread.sleep(300);
            say("exiting");
            System.exit(0);
        });
        add("exit while Python runs, several threads", 0, ".*", () -> {
            for (int i = 0; i < 5; i++) {
                start(true, () -> locked("import time\nwhile True: time.sleep(0.001)"));
            }
            Thread.sleep(300);
            say("exiting");
            System.exit(0);
        });
        add("exit while C keeps the GIL", 0, ".*", () -> {
            start(true, () -> locked("import ctypes", "ctypes.PyDLL(None).sleep(30)"));
            Thread.sleep(500);
            say("exiting");
            System.exit(0);
        });
        add("exit with a turn held by an idle thread", 0, ".*", () -> {
            CountDownLatch has = new CountDownLatch(1);
            start(true, () -> {
                PythonGIL.lock();
                has.countDown();
                Thread.sleep(60_000);
            });
            has.await();
            say("exiting");
            System.exit(0);
        });
        add("exit within a turn", 3, ".*", () -> {
            PythonGIL.lock();
            PythonExecutioner.exec("x = 1");
            say("exiting");
            System.exit(3);
        });
        add("exit within a callback", 6, ".*", () -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                say("exiting");
                Callbacks.callable((args, named) -> {
                    System.exit(6);
                    return null;
                }).call();
            }
        });
        add("exit within a Python thread's callback", 6, ".*", () -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.setVariable("leave", Callbacks.callable((args, named) -> {
                    say("exiting");
                    System.exit(6);
                    return null;
                }));
                PythonExecutioner.exec("import threading\nt = threading.Thread(target=leave)\nt.start()\nt.join()");
            }
        });
        add("exit with Python's daemon threads", 0, ".*", () -> {
            locked("import threading, time", "def f():", "    while True: time.sleep(0.0001)",
                    "for i in range(8): threading.Thread(target=f, daemon=True).start()",
                    "def g():", "    while True: sum(range(1000))", "threading.Thread(target=g, daemon=True).start()");
            say("exiting");
        });
        add("exit with Python's other threads", 0, ".*", () -> {
            locked("import threading, time", "for i in range(4): threading.Thread(target=time.sleep, args=(60,)).start()");
            say("exiting");
        });
        add("exit with Python threads in callbacks", 0, ".*", () -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.setVariable("wait", Callbacks.callable((args, named) -> {
                    Thread.sleep(60_000);
                    return null;
                }));
                PythonExecutioner.exec("import threading\nfor i in range(4): threading.Thread(target=wait, daemon=True).start()");
            }
            Thread.sleep(300);
            say("exiting");
        });
        add("exit with objects, frames and turns", 0, ".*", () -> {
            PythonGIL.lock();
            PythonGC.watch();
            for (int i = 0; i < 1000; i++) {
                new PythonObject(Arrays.asList(i));
            }
            PythonBuffer.of(new int[1000]).toMemoryview();
            say("exiting");
        });
        add("exit with a shared turn", 0, ".*", () -> {
            start(true, () -> {
                PythonGIL.lockShared();
                PythonExecutioner.exec("import time\ntime.sleep(60)");
            });
            Thread.sleep(300);
            say("exiting");
        });
        add("exit with objects whose __del__ raises", 0, ".*", () -> {
            locked("class D:", "    def __del__(self): 1 / 0", "d = D()");
            say("exiting");
        });
        add("exit with waiters", 0, ".*", () -> {
            PythonGIL.lock();
            for (int i = 0; i < 10; i++) {
                start(true, () -> PythonGIL.lock());
            }
            Thread.sleep(200);
            say("exiting");
            System.exit(0);
        });
        add("a hook that uses Python", 0, ".*hook: 5.*", () -> {
            locked("x = 5");
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try (PythonGIL gil = PythonGIL.lock()) {
                    say("hook: " + PythonExecutioner.getVariable("x", PythonTypes.INT).getValue());
                }
            }));
            say("exiting");
        });
        add("hooks that start Python", 0, ".*hook: 5.*", () -> {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try (PythonGIL gil = PythonGIL.lock()) {
                    say("hook: " + Python.eval("2 + 3"));
                }
            }));
            say("exiting");
        });
        add("Runtime.halt", 8, ".*", () -> {
            start(true, () -> locked("while True: pass"));
            Thread.sleep(200);
            say("exiting");
            Runtime.getRuntime().halt(8);
        });
        add("an uncaught exception", 1, ".*ZeroDivisionError.*", () -> {
            PythonGIL.lock();
            say("exiting");
            PythonExecutioner.exec("1 / 0");
        });
    }

    // ---- children ----

    static {
        add("subprocess", 0, ".*child says 5.*", () -> locked("import subprocess, sys",
                "print('child says', subprocess.check_output([sys.executable, '-c', 'print(2 + 3)'], text=True))"));
        add("multiprocessing, spawn", 0, ".*\\[1\\.0, 2\\.0, 3\\.0].*", () -> locked("import multiprocessing, math",
                "with multiprocessing.get_context('spawn').Pool(2) as p: print(p.map(math.sqrt, [1, 4, 9]))"));
        add("multiprocessing, forkserver", 0, ".*\\[1\\.0, 2\\.0].*", () -> locked("import multiprocessing, math",
                "with multiprocessing.get_context('forkserver').Pool(2) as p: print(p.map(math.sqrt, [1, 4]))"));
        add("multiprocessing, fork", 0, ".*\\[1\\.0, 2\\.0].*", () -> locked("import multiprocessing, math, warnings",
                "warnings.simplefilter('ignore')",
                "with multiprocessing.get_context('fork').Pool(2) as p: print(p.map(math.sqrt, [1, 4]))"));
        add("ProcessPoolExecutor", 0, ".*\\[1\\.0, 2\\.0].*", () -> locked("import multiprocessing, math, concurrent.futures as f",
                "with f.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context('spawn')) as p: print(list(p.map(math.sqrt, [1, 4])))"));
        add("fork and os._exit", 0, ".*status 7.*", () -> locked("import os, warnings", "warnings.simplefilter('ignore')",
                "pid = os.fork()", "if pid == 0: os._exit(7)", "print('status', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"));
        add("forked children that are asked to end at once", 0, ".*status -15\n.*", () -> locked("import os, time, warnings",
                "warnings.simplefilter('ignore')", "ends = set()", "for _ in range(20):", "    pid = os.fork()", "    if pid == 0:",
                "        time.sleep(20)", "        os._exit(7)", "    os.kill(pid, 15)",
                "    ends.add(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))", "print('status', *ends)"));
        String fork = "import os, sys, warnings\nwarnings.simplefilter('ignore')\npid = os.fork()\n";
        String wait = "\nif pid: print('status', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))";
        add("a forked child that goes back to Java", 0, ".*os\\.fork\\(\\).*status 70.*", () -> locked(fork + wait));
        add("a forked child that fails", 0, ".*status 70.*", () -> locked(fork + "if not pid: 1 / 0" + wait));
        add("a forked child that exits", 0, ".*status 3.*", () -> locked(fork + "if not pid: sys.exit(3)" + wait));
        add("a forked child that calls Java", 0, ".*os\\.fork\\(\\).*status 70.*", () -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.setVariable("back", Callbacks.callable((args, named) -> 5));
                PythonExecutioner.exec(fork + "if not pid: back()" + wait);
            }
        });
        add("a child forked in a callback's Python", 0, ".*status 70.*back in Java.*", () -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                Callbacks.callable((args, named) -> {
                    PythonExecutioner.exec(fork + wait);
                    return null;
                }).call();
                say("back in Java");
            }
        });
        add("a child forked by a Python thread", 0, ".*status 0.*", () -> locked(
                "import threading\ndef f():\n    " + fork.replace("\n", "\n    ") + wait.replace("\n", "\n    ")
                        + "\n    if not pid: os._exit(0)\nt = threading.Thread(target=f)\nt.start()\nt.join()"));
        add("Java starts a process after Python did", 0, ".*ok 0.*", () -> {
            locked("import subprocess", "subprocess.run(['true'])");
            say("ok " + new ProcessBuilder("true").start().waitFor());
        });
    }

    // ---- surroundings ----

    static {
        add("a bare environment", 0, ".*é \\\\?.*utf-8 utf-8.*", child -> child.bare(), () -> {
            locked("import sys", "print('é \\U0001f600', sys.getfilesystemencoding(), sys.stdout.encoding)",
                    "import tempfile, os", "d = tempfile.mkdtemp()", "open(d + '/é', 'w').close()",
                    "assert os.listdir(d) == ['é']");
        });
        add("LC_ALL=C", 0, ".*é.*", child -> child.under("env", "LC_ALL=C"), () -> locked("print('é')"));
        add("LC_ALL=POSIX and a locale that is not there", 0, ".*é.*", child -> child.under("env", "LC_ALL=xx_YY.UTF-9"),
                () -> locked("print('é')"));
        add("PYTHONHOME and PYTHONPATH of another Python", 0, ".*5.*", child -> child.under("env",
                "PYTHONPATH=/no/such/place", "PYTHONSTARTUP=/no/such/file", "PYTHONOPTIMIZE=2", "PYTHONDONTWRITEBYTECODE=1"),
                () -> locked("import json", "print(2 + 3)"));
        add("stdout is closed", 0, ".*", child -> child.under("sh", "-c", "exec \"$0\" \"$@\" >&-"), () -> {
            try {
                locked("print('x')");
            } catch (PythonException e) {
                System.err.println(e);
            }
            locked("x = 1");
        });
        add("stdout is full", 0, ".*", child -> child.under("sh", "-c", "exec \"$0\" \"$@\" >/dev/full"), () -> {
            try {
                locked("print('x' * 100000)");
            } catch (PythonException e) {
                System.err.println("full: " + e);
            }
            locked("x = 1");
        });
        add("stdin, stdout and stderr are closed", 0, ".*", child -> child.under("sh", "-c", "exec \"$0\" \"$@\" <&- >&- 2>&-"), () -> {
            locked("import sys", "x = sys.stdout");
            try {
                locked("print('x')", "input()");
            } catch (PythonException e) {
                locked("x = 1");
            }
        });
        add("a pipe that nobody reads", 0, ".*", child -> child.under("sh", "-c", "\"$0\" \"$@\" | true"), () -> {
            for (int i = 0; i < 3; i++) {
                try {
                    locked("print('x' * 200000)");
                } catch (PythonException e) {
                    System.err.println("pipe: " + e);
                }
            }
            locked("x = 1");
        });
        add("a deadlock that users make is visible", 0, ".*deadlocked 2.*", () -> {
            Object monitor = new Object();
            CountDownLatch both = new CountDownLatch(2);
            start(true, () -> {
                synchronized (monitor) {
                    both.countDown();
                    both.await();
                    PythonGIL.lock();
                }
            });
            start(true, () -> {
                PythonGIL.lock();
                both.countDown();
                both.await();
                synchronized (monitor) {
                    say("never");
                }
            });
            both.await();
            ThreadMXBean threads = ManagementFactory.getThreadMXBean();
            long[] found = null;
            for (int i = 0; i < 50 && found == null; i++) {
                Thread.sleep(20);
                found = threads.findDeadlockedThreads();
            }
            say("deadlocked " + (found == null ? 0 : found.length));
            say("exiting");
            System.exit(0);
        });
    }

    /** What is wrong, or null. */
    static String run(String name) throws Exception {
        Case one = ALL.get(name);
        Child child = new Child(Processes.class, name).within(60);
        child.under("env", "--default-signal"); // a shell gives its background programs SIGINT ignored
        one.setting.of(child);
        child.run();
        if (child.status != one.status) {
            return "status " + child.status + " instead of " + one.status + "\n" + child.tail(60);
        }
        if (!one.output.matcher(child.output).matches()) {
            return "the output is not " + one.output + "\n" + child.tail(60);
        }
        return child.ending > MOST_SECONDS && child.output.contains("exiting")
                ? String.format("ended after %.1f s", child.ending) : null;
    }

    static List<String> names() {
        return new ArrayList<>(ALL.keySet());
    }

    public static void main(String[] arguments) throws Throwable {
        if (arguments.length == 1 && ALL.containsKey(arguments[0])) {
            ALL.get(arguments[0]).program.run();
            return;
        }
        throw new IllegalArgumentException("no such program");
    }
}
