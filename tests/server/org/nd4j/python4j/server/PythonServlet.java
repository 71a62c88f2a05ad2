// SPDX-License-Identifier: Apache-2.0
// The web application of Servers: each request calls Python, which calls back, raises and prints.
package org.nd4j.python4j.server;

import java.io.IOException;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonOutput;

public final class PythonServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        String name = request.getParameter("name");
        String value = request.getParameter("value");
        StringBuilder answer = new StringBuilder();
        try (PythonGIL gil = PythonGIL.lock(); PythonGC frame = PythonGC.watch()) {
            PythonExecutioner.setVariable("callback", Python.function((args, named) -> name + " called with " + args.get(0)));
            answer.append(Python.eval("callback(" + value + ")"));
            try {
                PythonExecutioner.exec("1/0");
            } catch (PythonException e) {
                answer.append(", raised ").append(e.getPythonClass());
            }
            try (PythonOutput output = PythonOutput.capture()) {
                PythonExecutioner.exec("print(" + value + ")");
                answer.append(", printed ").append(output.getOut().trim());
            }
        }
        response.getWriter().print(answer);
    }
}
