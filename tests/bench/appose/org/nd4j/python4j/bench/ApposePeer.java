// SPDX-License-Identifier: Apache-2.0
// Appose: a process with Python to which Java sends scripts and JSON through pipes.
package org.nd4j.python4j.bench;

import java.util.Base64;
import java.util.Map;
import org.apposed.appose.Appose;
import org.apposed.appose.Service;

/** Appose 0.9. */
public final class ApposePeer extends Peer {

    @Override
    public void open() {
        throw new NotOffered();
    }

    @Override
    public void close() {}

    @Override
    Pool pool(int processes, String text) throws Exception {
        Service python = Appose.custom().binPaths(System.getProperty("bench.appose.environment") + "/bin").build().python();
        python.task(text).waitFor();
        return new Pool() {
            private Service.Task done(Service.Task task) throws Exception {
                task.waitFor();
                if (task.status != Service.TaskStatus.COMPLETE) {
                    throw new IllegalStateException(task.status + ": " + task.error);
                }
                return task;
            }

            @Override
            public Object exec(String code) throws Exception {
                return done(python.task(code));
            }

            @Override
            public long ints(long x, long y) throws Exception {
                Service.Task task = python.task("task.outputs['z'] = x + y", Map.of("x", x, "y", y));
                return ((Number) done(task).outputs.get("z")).longValue();
            }

            /** JSON has no bytes. */
            @Override
            public Object echo(byte[] bytes) throws Exception {
                Service.Task task = python.task(
                        "import base64\ntask.outputs['t'] = base64.b64encode(base64.b64decode(s)).decode()",
                        Map.of("s", Base64.getEncoder().encodeToString(bytes)));
                return Base64.getDecoder().decode((String) done(task).outputs.get("t"));
            }

            @Override
            public void close() {
                python.close();
            }
        };
    }
}
