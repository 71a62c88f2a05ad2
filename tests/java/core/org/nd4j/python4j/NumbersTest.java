// SPDX-License-Identifier: Apache-2.0
// The numbers that cross between Java and Rust are those of tests/pack/numbers.txt, which the Rust half reads as well.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.jni.Operator;
import org.nd4j.python4j.internal.jni.Pack;
import org.nd4j.python4j.internal.jni.Report;

class NumbersTest {

    @Test
    void theOperators() throws Exception {
        assertEquals(told("operator"), constants(Operator.class));
    }

    @Test
    void theWantedTypes() throws Exception {
        assertEquals(told("wanted"), constants(Pack.Wanted.class));
    }

    @Test
    void theFieldsOfAReport() throws Exception {
        assertEquals(told("report"), constants(Report.class));
    }

    /** Java asks for four of them by number. The place in a shared block is one that only Java knows, see Turn. */
    @Test
    void thePlacesOfAThread() throws Exception {
        Map<String, Integer> places = constants(Native.class);
        assertEquals(4, places.size(), places.toString());
        Map<String, Integer> told = told("place");
        places.forEach((name, number) -> assertEquals(told.get(name), number, name));
    }

    private static Map<String, Integer> told(String kind) throws IOException {
        Path file = Paths.get(System.getProperty("python4j.tests.pack", "tests/pack"), "numbers.txt");
        Map<String, Integer> numbers = new TreeMap<>();
        for (String line : Files.readAllLines(file)) {
            String[] words = line.split(" ");
            if (words[0].equals(kind)) {
                numbers.put(words[1], Integer.valueOf(words[2]));
            }
        }
        return numbers;
    }

    private static Map<String, Integer> constants(Class<?> type) throws IllegalAccessException {
        Map<String, Integer> numbers = new TreeMap<>();
        for (Field field : type.getDeclaredFields()) {
            if (field.getType() != int.class) {
                continue;
            }
            numbers.put(field.getName(), field.getInt(null));
        }
        return numbers;
    }
}
