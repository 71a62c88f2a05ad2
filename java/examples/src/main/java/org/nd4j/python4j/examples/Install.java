// SPDX-License-Identifier: Apache-2.0
// How the other examples get their packages: pip, in the Python that was chosen, here a virtual
// environment that the build makes from the embedded one. numpy stays the one that Java shares memory with.
package org.nd4j.python4j.examples;

import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonProcess;
import org.nd4j.python4j.PythonTypes;

/** Installs what a requirements file lists, and makes sure that pip brought no second numpy. */
public final class Install {
    private Install() {}

    public static void main(String[] args) {
        PythonProcess.pipInstallFromRequirementsTxt(args[0]);
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec(String.join("\n",
                    "import numpy, sys",
                    "from importlib.metadata import distributions",
                    "numpys = [d for d in distributions() if d.name == 'numpy']",
                    "assert len(numpys) == 1, [d.locate_file('') for d in numpys]",
                    "own = numpy.__file__.startswith(sys.prefix)",
                    "summary = f'numpy {numpy.__version__} ' + ('of this environment' if own else 'of the embedded Python')"));
            System.out.println(PythonExecutioner.getVariable("summary", PythonTypes.STR).getValue());
        } catch (PythonException e) {
            throw new IllegalStateException("There must be one numpy, the one that Java shares arrays with.", e);
        }
    }
}
