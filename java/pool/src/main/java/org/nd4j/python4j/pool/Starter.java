// SPDX-License-Identifier: Apache-2.0
// Starts and prepares a worker process: which program runs, which environment variables it gets, and what it
// does first.
package org.nd4j.python4j.pool;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.nd4j.python4j.PythonConstants;
import org.nd4j.python4j.PythonExecutioner.JavaCppPathType;
import org.nd4j.python4j.internal.jni.Pack;
import org.nd4j.python4j.internal.start.Interpreter;
import org.nd4j.python4j.internal.start.NativeLoader;

/** Starts the workers of one pool, all alike. */
final class Starter {

    /** Loads the extension module, in a namespace of its own so that `__main__` stays empty. */
    private static final String RUN = "exec(__import__('sys').argv.pop(1), {})";
    private static final String LOAD = String.join("\n",
            "import sys, _imp",
            "from _frozen_importlib import ModuleSpec",
            "from _frozen_importlib_external import ExtensionFileLoader",
            "file, parent = sys.argv.pop(1), int(sys.argv.pop(1))",
            "if sys.path[:1] == ['']:",
            "    del sys.path[0]",
            "name = 'python4j_worker'",
            "module = _imp.create_dynamic(ModuleSpec(name, ExtensionFileLoader(name, file), origin=file))",
            "_imp.exec_dynamic(module)",
            "module.run(3, 4, parent, len(sys.argv) > 1 and sys.argv.pop(1) == 'server')");

    private static final List<String> THREADS = List.of("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
            "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS");

    private final PythonPool.Builder settings;
    private final List<String> command;
    private final List<String> environment = new ArrayList<>();
    private final List<String> front = new ArrayList<>();
    private final List<String> end = new ArrayList<>();

    Starter(PythonPool.Builder settings) {
        this.settings = settings;
        NativeLoader.loadLibraries();
        Interpreter interpreter = settings.python == null ? Interpreter.chosen() : Interpreter.of(settings.python);
        this.command = List.of(interpreter.executable(), "-c", RUN, LOAD, NativeLoader.workerFile(),
                String.valueOf(ProcessHandle.current().pid()));
        JavaCppPathType order = PythonConstants.javaCppPythonAppendType();
        NativeLoader.arrange(front, end, NativeLoader.custom(), order, Collections.emptyList());
        Map<String, String> variables = new TreeMap<>(System.getenv());
        if (order != JavaCppPathType.NONE) {
            variables.putAll(interpreter.childEnvironment());
        }
        if (settings.numericThreads > 0) {
            THREADS.forEach(name -> variables.put(name, String.valueOf(settings.numericThreads)));
        }
        settings.environment.forEach((name, value) -> {
            if (value == null) {
                variables.remove(name);
            } else {
                variables.put(name, value);
            }
        });
        variables.forEach((name, value) -> environment.add(name + "=" + value));
    }

    /** A process that forks others. To be called as {@link #start}. */
    WorkerProcess startServer() {
        List<String> server = new ArrayList<>(command);
        server.add("server");
        return WorkerProcess.start(server, environment);
    }

    /** A process. To be called by a thread that lives as long as its workers are to live. */
    WorkerProcess start() {
        return WorkerProcess.start(command, environment);
    }

    /** The first call of each. */
    Call<Void> preparation() {
        return Call.plain(Channel.PREPARE, settings.startLimit, this::write);
    }

    private void write(Pack pack) {
        pack.key(settings.memory).key(settings.processorSeconds);
        pack.text(settings.folder == null ? "" : settings.folder.toString());
        texts(pack, front);
        texts(pack, end);
        texts(pack, settings.imports);
        Call.program(pack, settings.program);
    }

    private static void texts(Pack pack, List<String> texts) {
        pack.u32(texts.size());
        texts.forEach(pack::text);
    }
}
