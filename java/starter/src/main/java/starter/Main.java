// SPDX-License-Identifier: Apache-2.0
// Trains a model at the start and serves it: a program to copy, see docs/dependencies.md. The model is in model.py.
package starter;

import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import org.nd4j.python4j.PythonCallable;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGIL;

public final class Main {

    /** The argument is the port. */
    public static void main(String[] arguments) throws Exception {
        PythonCallable predict;
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("import model\nmodel.train()");
            predict = PythonCallable.of("model.predict");
        }
        int port = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 8080;
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/predict", exchange -> {
            String answer;
            int status = 200;
            try (PythonGIL gil = PythonGIL.lock()) {
                answer = predict.callString(String.valueOf(exchange.getRequestURI().getQuery()));
            } catch (PythonException e) {
                answer = e.getMessage();
                status = 400;
            }
            byte[] body = (answer + "\n").getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        System.out.println("http://127.0.0.1:" + server.getAddress().getPort() + "/predict?5.1,3.5,1.4,0.2");
    }
}
