// SPDX-License-Identifier: Apache-2.0
// Translates names of members between camelCase in Java and snake_case in Python. It is used when Python looks
// up Java members and when Java looks up Python members.
package org.nd4j.python4j.internal.convert;

import java.text.Normalizer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/** Names of members in both languages. */
public final class Names {

    /** Python's keywords that can be names in Java, where they get an underscore at their end. */
    private static final Set<String> KEYWORDS = new HashSet<>(Arrays.asList("False", "None", "True", "and", "as", "async",
            "await", "def", "del", "elif", "except", "from", "global", "in", "is", "lambda", "nonlocal", "not", "or", "pass",
            "raise", "with", "yield", "assert", "break", "class", "continue", "else", "finally", "for", "if", "import", "return",
            "try", "while"));

    private Names() {}

    /** The name as Python code can write it after a dot: a keyword gets an underscore. */
    static String writable(String name) {
        return KEYWORDS.contains(name) ? name + "_" : name;
    }

    /** The names that a Java name has in Python, the one in Python's habit last. */
    static Set<String> all(String name) {
        String python = asInPython(name);
        Set<String> all = new LinkedHashSet<>(Arrays.asList(name, python, camel(python), snake(python)));
        for (String each : all.toArray(new String[0])) {
            all.add(writable(each));
        }
        return all;
    }

    /** The part of a method's name that names a property, {@code URL} of {@code getURL}; null if there is none. */
    static String property(String method, String prefix) {
        int at = prefix.length();
        boolean named = method.length() > at && method.startsWith(prefix) && !Character.isLowerCase(method.charAt(at));
        return named ? method.substring(at) : null;
    }

    /** The names of a property in Python: {@code url} and {@code URL}, {@code user_name} and {@code userName}. */
    static Set<String> ofProperty(String name) {
        String property = asInPython(name);
        boolean upper = property.length() > 1 && Character.isUpperCase(property.charAt(1));
        Set<String> all = new LinkedHashSet<>();
        all.add(writable(snake(property)));
        all.add(snake(property));
        all.add(camel(snake(property)));
        all.add(upper ? property : Character.toLowerCase(property.charAt(0)) + property.substring(1));
        return all;
    }

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
