// SPDX-License-Identifier: Apache-2.0
// Py4J, with Python in another process whose functions Java calls. The other half is tests/bench/py4j/peer.py.
package org.nd4j.python4j.bench;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import py4j.ClientServer;

/** Py4J 0.10. */
public final class Py4jPeer extends Peer {

    /** What Python implements. Py4J needs the interface public. */
    public interface Calls {
        void exec(String text);

        long ints(long x, long y);

        byte[] echo(byte[] bytes);
    }

    @Override
    public void open() {
        throw new NotOffered();
    }

    @Override
    public void close() {}

    @Override
    Pool pool(int processes, String text) throws Exception {
        Process process = new ProcessBuilder(System.getProperty("bench.py4j.python"), System.getProperty("bench.py4j.program"))
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        int port = Integer.parseInt(new BufferedReader(new InputStreamReader(process.getInputStream())).readLine().trim());
        ClientServer server = new ClientServer.ClientServerBuilder(null).javaPort(0).pythonPort(port).build();
        Calls calls = (Calls) server.getPythonServerEntryPoint(new Class<?>[] {Calls.class});
        calls.exec(text);
        return new Pool() {
            @Override
            public Object exec(String code) {
                calls.exec(code);
                return null;
            }

            @Override
            public long ints(long x, long y) {
                return calls.ints(x, y);
            }

            @Override
            public Object echo(byte[] bytes) {
                return calls.echo(bytes);
            }

            @Override
            public void close() {
                server.shutdown();
                process.destroy();
            }
        };
    }
}
