// SPDX-License-Identifier: Apache-2.0
// Where the lines and the log records of a worker go: to the receiver of the pool, to the open PythonOutputs,
// or to the streams of the JVM. The other half of the records is rust/worker/src/records.py.
package org.nd4j.python4j.pool;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import org.nd4j.python4j.internal.Access;

/** The lines of one worker, which is not trusted: what is no record is text. */
final class Printer implements Output.Receiver {

    private static final String MARK = "\u001epython4j ";
    private static final int FIELDS = 4;
    private static final int FIELDS_OF_RAISED = 4; // more

    private final int worker;
    private final PythonPool.OutputReceiver receiver; // null if the pool has none

    Printer(int worker, PythonPool.OutputReceiver receiver) {
        this.worker = worker;
        this.receiver = receiver;
    }

    @Override
    public void line(boolean isError, String line) {
        int mark = isError ? line.indexOf(MARK) : -1;
        String[] fields = mark < 0 ? null : fields(line.substring(mark + MARK.length()));
        if (fields == null) {
            print(isError, line);
            return;
        }
        if (mark > 0) {
            print(true, line.substring(0, mark));
        }
        if (!Access.get().log(fields[0], level(fields[1]), fields[3], fields[2], raised(fields), String.valueOf(worker))) {
            print(true, fields[0] + ": " + fields[3]);
        }
    }

    private void print(boolean isError, String line) {
        if (receiver != null) {
            receiver.line(worker, isError, line);
            return;
        }
        String marked = "[python " + worker + "] " + line;
        if (!Access.get().print(isError, marked + "\n")) {
            (isError ? System.err : System.out).println(marked);
        }
    }

    /** The fields of a record; null if it is none. */
    private static String[] fields(String packed) {
        String[] fields = packed.split(" ", -1);
        if (fields.length != FIELDS && fields.length != FIELDS + FIELDS_OF_RAISED) {
            return null;
        }
        try {
            for (int i = 0; i < fields.length; i++) {
                fields[i] = new String(Base64.getDecoder().decode(fields[i]), StandardCharsets.UTF_8);
            }
            level(fields[1]);
            return fields;
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    private static long level(String text) {
        return Long.parseLong(text);
    }

    private static Throwable raised(String[] fields) {
        if (fields.length == FIELDS) {
            return null;
        }
        String name = fields[FIELDS];
        String text = fields[FIELDS + 2];
        List<?> none = Collections.emptyList();
        return Access.get().made(Arrays.asList(text.isEmpty() ? name : name + ": " + text, name, fields[FIELDS + 1], text, "", none,
                fields[FIELDS + 3], null, null, none, none));
    }
}
