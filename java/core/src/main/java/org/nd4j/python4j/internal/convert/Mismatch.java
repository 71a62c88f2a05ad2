// SPDX-License-Identifier: Apache-2.0
// Says that a value does not have the wanted type. Each enclosing conversion adds its part of the path to the
// value. Conversion throws and catches it; users get a PythonException that is made of it.
package org.nd4j.python4j.internal.convert;

import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonInterrupted;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonTimeout;
import org.nd4j.python4j.internal.jni.Pack;

/** Says which value does not have which type, and why. */
final class Mismatch extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private static final int LONGEST = 200;

    /** So many bits of an int are written in digits. For millions of them Java would take seconds. */
    private static final int MOST_BITS = 10_000;

    private final transient Object value;
    private final transient Target target;
    private final String reason;
    private final StringBuilder way = new StringBuilder();
    private String record;

    /** @param reason a sentence that says why or what to do, null for none */
    Mismatch(Object value, Target target, String reason, Throwable cause) {
        super(null, cause, false, false);
        this.value = value;
        this.target = target;
        this.reason = reason;
    }

    Mismatch(Object value, Target target, String reason) {
        this(value, target, reason, null);
    }

    /** A class that cannot be used: its initializer has failed, or one that it needs is missing. */
    static Mismatch unusable(Object value, Target target, LinkageError e) {
        Throwable cause = e instanceof ExceptionInInitializerError && e.getCause() != null ? e.getCause() : e;
        return new Mismatch(value, target, "The class " + target.raw.getName() + " could not be initialized: " + cause, cause);
    }

    /** Finds the path from a whole value to the value of this mismatch. */
    Mismatch foundIn(Object whole) {
        find(whole, 0);
        return this;
    }

    private boolean find(Object at, int depth) {
        if (at == value || depth > Pack.MAX_DEPTH) {
            return at == value;
        } else if (at instanceof List) {
            List<?> all = (List<?>) at;
            for (int i = 0; i < all.size(); i++) {
                if (find(all.get(i), depth + 1)) {
                    at("[" + i + "]");
                    return true;
                }
            }
        } else if (at instanceof Map) {
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) at).entrySet()) {
                boolean isKey = find(entry.getKey(), depth + 1);
                if (isKey || find(entry.getValue(), depth + 1)) {
                    at(entry.getKey(), isKey);
                    return true;
                }
            }
        }
        return false;
    }

    /** Adds an outer step of the path: the element, entry or component that contains the value. */
    Mismatch at(String step) {
        way.insert(0, step);
        return this;
    }

    /** The same for a component of a record. */
    Mismatch at(String component, Class<?> type) {
        return within(type).at("." + component);
    }

    /** The record whose component it is, unless it is that of another one inside. */
    Mismatch within(Class<?> type) {
        record = record == null ? type.getSimpleName() : record;
        return this;
    }

    /** The same for a map's entry. */
    Mismatch at(Object key, boolean isKey) {
        return at((isKey ? "[key " : "[") + shown(key, true) + "]");
    }

    /** What users get. @param root what they know the whole value as */
    PythonException exception(String root) {
        StringBuilder text = new StringBuilder();
        if (way.length() == 0) {
            text.append("Could not convert value to ").append(target.type.getTypeName()).append(": ").append(shown(value, "".equals(value)));
        } else {
            String name = target.raw.getSimpleName();
            boolean vowel = !name.isEmpty() && "AEIOaeio".indexOf(name.charAt(0)) >= 0;
            text.append(root).append(way).append(": ").append(value == null ? "None" : kind(value) + " " + shown(value, true))
                    .append(" is not ").append(vowel ? "an " : "a ").append(name)
                    .append(record == null ? "" : " (record " + record + ")");
        }
        String advice = reason == null ? advice() : reason;
        return new PythonException(text.append(advice == null ? "" : ". " + advice).toString(), getCause());
    }

    /** What to do where the conversion itself had nothing to say, null for nothing. */
    private String advice() {
        if (value instanceof PythonObject && kind(value).equals("coroutine")) {
            return "It is a coroutine: PythonAsync.submit awaits it, or its function.";
        }
        return target.isUnknown() ? "Python's values do not become this class: ask for a record, an interface that is not sealed, or a Map." : null;
    }

    /** The name of the value's type in Python. */
    private static String kind(Object value) {
        if (value instanceof Long || value instanceof Integer || value instanceof Short || value instanceof Byte || value instanceof BigInteger) {
            return "int";
        } else if (value instanceof Double || value instanceof Float) {
            return "float";
        } else if (value instanceof BigDecimal) {
            return "Decimal";
        } else if (value instanceof Boolean) {
            return "bool";
        } else if (value instanceof String) {
            return "str";
        } else if (value instanceof byte[]) {
            return "bytes";
        } else if (value instanceof Map) {
            return "dict";
        } else if (value instanceof Set) {
            return "set";
        } else if (value instanceof Collection) {
            return "list";
        } else if (value instanceof PythonObject) {
            try {
                return Python.type((PythonObject) value).attr("__name__").toString();
            } catch (PythonException e) {
                unlessEnded(e);
                return "unknown";
            }
        }
        return value.getClass().getName();
    }

    /** Who ends a call from outside ends the making of messages as well. */
    private static void unlessEnded(RuntimeException e) {
        if (e instanceof PythonInterrupted || e instanceof PythonTimeout) {
            throw e;
        }
    }

    private static String shown(Object value, boolean quoted) {
        StringBuilder text = new StringBuilder();
        show(value, quoted, text);
        if (text.toString().trim().isEmpty()) {
            return "<" + kind(value) + " object>";
        }
        return text.length() <= LONGEST ? text.toString() : text.substring(0, LONGEST) + "...";
    }

    private static void show(Object value, boolean quoted, StringBuilder text) {
        if (text.length() > LONGEST) {
            return;
        } else if (value == null) {
            text.append("None");
        } else if (value instanceof Boolean) {
            text.append((Boolean) value ? "True" : "False");
        } else if (value instanceof BigInteger && ((BigInteger) value).bitLength() > MOST_BITS) {
            text.append("<int of ").append(((BigInteger) value).bitLength()).append(" bits>");
        } else if (value instanceof String && quoted) {
            text.append('\'').append(value).append('\'');
        } else if (value instanceof byte[]) {
            text.append("b'");
            for (byte each : (byte[]) value) {
                text.append(each >= ' ' && each < 127 ? String.valueOf((char) each) : String.format("\\x%02x", each));
                if (text.length() > LONGEST) {
                    return;
                }
            }
            text.append('\'');
        } else if (value.getClass().isArray()) {
            text.append(value.getClass().getComponentType().getSimpleName()).append('[').append(Array.getLength(value)).append(']');
        } else if (value instanceof Map) {
            text.append('{');
            String between = "";
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
                text.append(between);
                show(entry.getKey(), true, text);
                text.append(": ");
                show(entry.getValue(), true, text);
                between = ", ";
                if (text.length() > LONGEST) {
                    return;
                }
            }
            text.append('}');
        } else if (value instanceof Collection) {
            text.append(value instanceof Set ? '{' : '[');
            String between = "";
            for (Object each : (Collection<?>) value) {
                text.append(between);
                show(each, true, text);
                between = ", ";
                if (text.length() > LONGEST) {
                    return;
                }
            }
            text.append(value instanceof Set ? '}' : ']');
        } else {
            try {
                text.append(value);
            } catch (RuntimeException e) { // whatever its toString, or Python's __str__, does
                unlessEnded(e);
                text.append('<').append(kind(value)).append(" object>");
            }
        }
    }
}
