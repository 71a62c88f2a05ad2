// SPDX-License-Identifier: Apache-2.0
// A value of the tests' own, and its PythonType as a user would write it: found by ServiceLoader,
// it stands for a class of Python that lives in a folder the type names.
package org.nd4j.python4j;

import java.io.File;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;

/** A temperature: {@code thermometer.Celsius} in Python. */
final class Celsius {
    final double degrees;

    Celsius(double degrees) {
        this.degrees = degrees;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Celsius && ((Celsius) other).degrees == degrees;
    }

    @Override
    public int hashCode() {
        return Objects.hash(degrees);
    }

    @Override
    public String toString() {
        return degrees + " C";
    }

    /** What META-INF/services names. */
    public static final class Type extends PythonType<Celsius> {
        static final AtomicInteger INITS = new AtomicInteger();

        public Type() {
            super("thermometer.Celsius", Celsius.class);
        }

        @Override
        public void init() {
            INITS.incrementAndGet();
        }

        @Override
        public File[] packages() {
            return new File[] {Folder.WITH_THERMOMETER};
        }

        @Override
        public PythonObject pythonType() {
            return Python.importModule("thermometer").attr("Celsius");
        }

        @Override
        public boolean accepts(Object javaObject) {
            return javaObject instanceof Celsius;
        }

        @Override
        public Celsius adapt(Object javaObject) {
            if (javaObject instanceof Celsius) {
                return (Celsius) javaObject;
            } else if (javaObject instanceof Number) {
                return new Celsius(((Number) javaObject).doubleValue());
            }
            throw new PythonException("Not a temperature: " + javaObject);
        }

        @Override
        public Celsius toJava(PythonObject pythonObject) {
            double degrees = pythonObject.attr("degrees").toDouble();
            if (degrees < -273.15) {
                throw new IllegalArgumentException("below absolute zero");
            }
            return new Celsius(degrees);
        }

        @Override
        public PythonObject toPython(Celsius javaObject) {
            return pythonType().call(javaObject.degrees);
        }
    }

    /** Where thermometer.py is: beside the classes of the tests. */
    private static final class Folder {
        static final File WITH_THERMOMETER = find();

        private static File find() {
            try {
                File module = new File(Celsius.class.getResource("packages/thermometer.py").toURI());
                return module.getParentFile();
            } catch (java.net.URISyntaxException e) {
                throw new AssertionError(e);
            }
        }
    }
}
