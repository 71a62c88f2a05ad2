// SPDX-License-Identifier: Apache-2.0
// The first program: Java reads a data set, numpy computes in the embedded Python, Java prints.
// The Python half is quickstart.py among the resources; only public API is used here.
package org.nd4j.python4j.examples;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;
import org.nd4j.python4j.PythonVariables;

/** Describes Fisher's 150 iris flowers by species and fits the width of their petals to the length. */
public final class Quickstart {
    private Quickstart() {}

    public static void main(String[] args) {
        // A line has four lengths in centimetres and the number of a species, which the first line names.
        List<String> lines = resource("iris.csv").lines().collect(Collectors.toList());
        String[] header = lines.get(0).split(",");
        List<List<Double>> flowers = new ArrayList<>();
        List<String> species = new ArrayList<>();
        for (String line : lines.subList(1, lines.size())) {
            String[] cells = line.split(",");
            flowers.add(Arrays.stream(cells, 0, 4).map(Double::valueOf).collect(Collectors.toList()));
            species.add(header[2 + Integer.parseInt(cells[4])]);
        }

        var inputs = new PythonVariables(
                new PythonVariable<>("flowers", PythonTypes.LIST, flowers),
                new PythonVariable<>("species", PythonTypes.LIST, species));
        var table = new PythonVariable<>("table", PythonTypes.LIST);
        var slope = new PythonVariable<>("slope", PythonTypes.FLOAT);
        var intercept = new PythonVariable<>("intercept", PythonTypes.FLOAT);
        var rSquared = new PythonVariable<>("r_squared", PythonTypes.FLOAT);
        var versions = new PythonVariable<>("versions", PythonTypes.STR);
        var executable = new PythonVariable<>("executable", PythonTypes.STR);
        var outputs = new PythonVariables(table, slope, intercept, rSquared, versions, executable);

        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec(resource("quickstart.py"), inputs, outputs);
        }

        System.out.printf("%d iris flowers, mean and standard deviation in cm%n%n", flowers.size());
        System.out.printf("%-12s%4s%15s%15s%15s%15s%n", "species", "n", "sepal length", "sepal width", "petal length",
                "petal width");
        for (Object line : table.getValue()) {
            List<?> row = (List<?>) line;
            List<?> means = (List<?>) row.get(2);
            List<?> deviations = (List<?>) row.get(3);
            System.out.printf("%-12s%4d", row.get(0), row.get(1));
            for (int i = 0; i < means.size(); i++) {
                System.out.printf(Locale.ROOT, "%9.2f %5.2f", means.get(i), deviations.get(i));
            }
            System.out.println();
        }
        System.out.printf(Locale.ROOT, "%npetal width = %.4f * petal length %s %.4f   (R squared %.4f)%n", slope.getValue(),
                intercept.getValue() < 0 ? "-" : "+", Math.abs(intercept.getValue()), rSquared.getValue());
        System.out.printf("%n%s%n%s%n", versions.getValue(), executable.getValue());
    }

    private static String resource(String name) {
        try (InputStream in = Quickstart.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
