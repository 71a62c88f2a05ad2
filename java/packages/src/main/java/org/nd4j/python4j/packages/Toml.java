// SPDX-License-Identifier: Apache-2.0
// Reads TOML, as far as lock files of PEP 751 use it: tables, arrays of tables, inline tables, strings of one line,
// and plain values, which stay text. Lock knows what the values mean.
package org.nd4j.python4j.packages;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One text and a place in it. */
final class Toml {

    private final String text;
    private int at;

    private Toml(String text) {
        this.text = text;
    }

    /**
     * The tables as maps, arrays as lists, and everything else as strings.
     *
     * @throws IllegalArgumentException with the line if it is none that we read
     */
    static Map<String, Object> read(String text) {
        Toml toml = new Toml(text);
        Map<String, Object> root = new LinkedHashMap<>();
        Map<String, Object> table = root;
        for (toml.skip(true); toml.at < text.length(); toml.skip(true)) {
            if (text.startsWith("[[", toml.at)) {
                toml.at += 2;
                List<String> path = toml.path();
                toml.expect("]]");
                Map<String, Object> parent = toml.table(root, path.subList(0, path.size() - 1));
                table = new LinkedHashMap<>();
                toml.list(parent, path.get(path.size() - 1)).add(table);
            } else if (toml.take('[')) {
                table = toml.table(root, toml.path());
                toml.expect("]");
            } else {
                toml.pair(table);
            }
        }
        return root;
    }

    private void pair(Map<String, Object> table) {
        List<String> path = path();
        expect("=");
        skip(false);
        if (table(table, path.subList(0, path.size() - 1)).put(path.get(path.size() - 1), value()) != null) {
            throw wrong("a second " + String.join(".", path));
        }
    }

    private List<String> path() {
        List<String> path = new ArrayList<>();
        do {
            skip(false);
            if (at < text.length() && (text.charAt(at) == '"' || text.charAt(at) == '\'')) {
                path.add(string());
            } else {
                path.add(word("-_"));
            }
            skip(false);
        } while (take('.'));
        return path;
    }

    /** The table of a path; of an array of tables it is the last one. */
    @SuppressWarnings("unchecked") // maps and lists are made here alone
    private Map<String, Object> table(Map<String, Object> from, List<String> path) {
        Map<String, Object> table = from;
        for (String name : path) {
            Object next = table.computeIfAbsent(name, key -> new LinkedHashMap<String, Object>());
            if (next instanceof List && !((List<Object>) next).isEmpty()) {
                next = ((List<Object>) next).get(((List<Object>) next).size() - 1);
            }
            if (!(next instanceof Map)) {
                throw wrong(name + " is no table");
            }
            table = (Map<String, Object>) next;
        }
        return table;
    }

    @SuppressWarnings("unchecked") // as above
    private List<Object> list(Map<String, Object> parent, String name) {
        Object list = parent.computeIfAbsent(name, key -> new ArrayList<Object>());
        if (!(list instanceof List)) {
            throw wrong(name + " is no array of tables");
        }
        return (List<Object>) list;
    }

    private Object value() {
        if (at < text.length() && (text.charAt(at) == '"' || text.charAt(at) == '\'')) {
            return string();
        }
        if (take('[')) {
            List<Object> list = new ArrayList<>();
            for (skip(true); !take(']'); skip(true)) {
                list.add(value());
                skip(true);
                if (!take(',') && !text.startsWith("]", at)) {
                    throw wrong("',' or ']' is missing");
                }
            }
            return list;
        }
        if (take('{')) {
            Map<String, Object> table = new LinkedHashMap<>();
            for (skip(true); !take('}'); skip(true)) {
                pair(table);
                skip(true);
                if (!take(',') && !text.startsWith("}", at)) {
                    throw wrong("',' or '}' is missing");
                }
            }
            return table;
        }
        return word("-_+:.");
    }

    private String string() {
        char quote = text.charAt(at++);
        if (text.startsWith("" + quote + quote, at)) {
            throw wrong("a string of several lines");
        }
        StringBuilder string = new StringBuilder();
        while (!take(quote)) {
            char c = at < text.length() ? text.charAt(at++) : '\n';
            if (c == '\n') {
                throw wrong("a string without an end");
            }
            string.append(c == '\\' && quote == '"' ? escaped() : String.valueOf(c));
        }
        return string.toString();
    }

    private String escaped() {
        char c = at < text.length() ? text.charAt(at++) : ' ';
        int known = "btnfr\"\\".indexOf(c);
        if (known >= 0) {
            return String.valueOf("\b\t\n\f\r\"\\".charAt(known));
        }
        int digits = c == 'u' ? 4 : c == 'U' ? 8 : 0;
        try {
            int code = Integer.parseInt(text.substring(at, at + digits), 16);
            at += digits;
            return new String(Character.toChars(code));
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            throw wrong("the escape \\" + c);
        }
    }

    private String word(String more) {
        int from = at;
        while (at < text.length() && (Character.isLetterOrDigit(text.charAt(at)) || more.indexOf(text.charAt(at)) >= 0)) {
            at++;
        }
        if (at == from) {
            throw wrong("a value or a name is missing");
        }
        return text.substring(from, at);
    }

    private boolean take(char c) {
        boolean there = at < text.length() && text.charAt(at) == c;
        at += there ? 1 : 0;
        return there;
    }

    private void expect(String what) {
        skip(false);
        if (!text.startsWith(what, at)) {
            throw wrong(what + " is missing");
        }
        at += what.length();
    }

    /** Skips blanks, and the ends of lines and comments as well if that is wanted. */
    private void skip(boolean lines) {
        for (; at < text.length(); at++) {
            char c = text.charAt(at);
            if (c == '#') {
                int end = text.indexOf('\n', at);
                at = (end < 0 ? text.length() : end) - 1;
            } else if (c != ' ' && c != '\t' && (!lines || c != '\n' && c != '\r')) {
                return;
            }
        }
    }

    private IllegalArgumentException wrong(String what) {
        long line = text.substring(0, Math.min(at, text.length())).chars().filter(c -> c == '\n').count() + 1;
        return new IllegalArgumentException("line " + line + ": " + what);
    }
}
