// SPDX-License-Identifier: Apache-2.0
// What PythonDebugger does with a debugpy that is not there, or is not the one that we know. DebuggingTest
// (tests/java/examples) has the real one.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PythonDebuggerTest {

    private static final String DEBUGPY = String.join("\n",
            "import sys, types",
            "debugpy = sys.modules['debugpy'] = types.ModuleType('debugpy')",
            "debugpy.listen = lambda address: address");
    private static final String MESSAGES = String.join("\n",
            "bundle = sys.modules['_pydevd_bundle'] = types.ModuleType('_pydevd_bundle')",
            "messages = sys.modules['_pydevd_bundle.pydevd_net_command_factory_json'] = types.ModuleType('messages')",
            "bundle.pydevd_net_command_factory_json = messages",
            "messages.NetCommand = lambda kind, number, message, is_json: (message, kind, number, is_json)",
            "def told(event, reason, description=None, text=None):",
            "    body = types.SimpleNamespace(reason=reason, description=description, text=text)",
            "    message, *rest = messages.NetCommand(1, 2, types.SimpleNamespace(event=event, body=body), is_json=True)",
            "    assert rest == [1, 2, True]",
            "    return [body.description, body.text]");

    @AfterEach
    void forget() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("import builtins, sys\nvars(builtins).pop('java_stack', None)\n"
                    + "for name in ('debugpy', '_pydevd_bundle', '_pydevd_bundle.pydevd_net_command_factory_json'): sys.modules.pop(name, None)");
        }
    }

    @Test
    void withoutDebugpyItSaysSo() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonException e = assertThrows(PythonException.class, () -> PythonDebugger.listen(0));
            assertTrue(e.getMessage().contains("No module named 'debugpy'"), e.getMessage());
        }
    }

    @Test
    void anUnknownDebugpyListensAllTheSame() {
        List<String> errors = new ArrayList<>();
        try (PythonGIL gil = PythonGIL.lock(); PythonOutput output = PythonOutput.to(text -> {}, errors::add)) {
            PythonExecutioner.exec(DEBUGPY);
            assertEquals(7, PythonDebugger.listen(7));
            assertTrue(Python.eval("java_stack()").toString().contains("org.junit."));
        }
        assertTrue(String.join("", errors).contains("this debugpy does not show Java's frames"), errors::toString);
    }

    @Test
    void aStopTellsItsFramesAndOtherMessagesStayAsTheyAre() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec(DEBUGPY + "\n" + MESSAGES);
            PythonDebugger.listen("127.0.0.1", 7);
            List<?> stopped = Python.eval("told('stopped', 'step')").toList();
            String frames = (String) stopped.get(1);
            assertTrue(frames.lines().count() > 3, frames);
            assertEquals("Paused on step, called by " + frames.lines().findFirst().orElseThrow(), stopped.get(0));
            assertEquals(List.of("x < 0, called by " + frames.lines().findFirst().orElseThrow(), "ValueError"),
                    Python.eval("told('stopped', 'exception', 'x < 0', 'ValueError')").toList());
            List<?> other = Python.eval("told('continued', 'step')").toList();
            assertEquals(null, other.get(0));
        }
    }
}
