// SPDX-License-Identifier: Apache-2.0
// Uses a package and a Python file that the jar brings, after what every consumer does.
package consumer;

import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGIL;

public final class Packaged {
    public static void main(String[] arguments) throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("import own.settings\nown.settings.show()");
        }
        Consumer.main(arguments);
    }
}
