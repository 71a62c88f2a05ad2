// SPDX-License-Identifier: Apache-2.0
// One thing, two habits of naming it: camelCase in Java, snake_case in Python.
// Used where Python asks for Java's members, and Java for Python's.
package org.nd4j.python4j.internal.convert;

import java.text.Normalizer;
import java.util.LinkedHashMap;
import java.util.Map;

/** Names of members in both languages. */
public final class Names {

    private Names() {}

    /** A name as Python's compiler has it, which normalizes those that are not ASCII. */
    public static String asInPython(String name) {
        for (int i = 0; i < name.length(); i++) {
            if (name.charAt(i) >= 0x80) {
                return Normalizer.normalize(name, Normalizer.Form.NFKC);
            }
        }
        return name;
    }

    /** The same for the names of arguments. */
    public static Map<?, ?> asInPython(Map<?, ?> named) {
        if (named == null) {
            return null;
        }
        Map<Object, Object> all = new LinkedHashMap<>();
        named.forEach((name, value) -> all.put(name instanceof String ? asInPython((String) name) : name, value));
        return all.keySet().equals(named.keySet()) ? named : all;
    }

    /** {@code user_name} as {@code userName}. Other names stay. */
    public static String camel(String name) {
        if (name.indexOf('_') < 0) {
            return name;
        }
        StringBuilder camel = new StringBuilder(name.length());
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            boolean joins = c == '_' && i > 0 && i + 1 < name.length() && name.charAt(i - 1) != '_';
            camel.append(joins ? Character.toUpperCase(name.charAt(++i)) : c);
        }
        return camel.toString();
    }

    /** {@code userName} as {@code user_name}, {@code parseJSON2} as {@code parse_json2}. Other names stay. */
    static String snake(String name) {
        StringBuilder snake = new StringBuilder(name.length() + 4);
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            if (Character.isUpperCase(c)) {
                boolean afterSmall = i > 0 && !Character.isUpperCase(name.charAt(i - 1)) && name.charAt(i - 1) != '_';
                boolean beforeSmall = i > 0 && Character.isUpperCase(name.charAt(i - 1))
                        && i + 1 < name.length() && Character.isLowerCase(name.charAt(i + 1));
                if (afterSmall || beforeSmall) {
                    snake.append('_');
                }
            }
            snake.append(Character.toLowerCase(c));
        }
        return snake.toString();
    }
}
