// SPDX-License-Identifier: Apache-2.0
// Random Java types, records and interfaces with type arguments that are compiled while this runs, and random
// Python values for them, there and back. What is right says an oracle in Python, types.py. For a JVM of its own.
package org.nd4j.python4j;

import java.io.InputStream;
import java.lang.reflect.Array;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Proxy;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.ToolProvider;

/** {@code TypedDifferential SEED SECONDS}. */
final class TypedDifferential {
    private TypedDifferential() {}

    private static final String[] BOXES = {"Byte", "Short", "Integer", "Long", "BigInteger", "Float", "Double", "BigDecimal", "Boolean",
        "Character", "String", "LocalDate", "LocalDateTime", "Duration", "UUID", "TimeUnit", "Object"};
    private static final String[] PRIMITIVES = {"byte", "short", "int", "long", "float", "double", "boolean", "char"};
    private static final String[] KEYS = {"String", "Integer", "Long", "Short", "LocalDate", "TimeUnit", "Character", "UUID"};
    private static final String[] NAMES = {"count", "index", "value", "itemCount", "lastSeenAt", "pop", "x", "keys", "items2", "total"};
    private static final int RECORDS = 8;
    private static final int TYPES = 24;
    private static final int VALUES = 60;

    /** A type as Java writes it and as the oracle reads it. */
    private static final class Term {
        final String java;
        final String python;

        Term(String java, String python) {
            this.java = java;
            this.python = python;
        }

        static Term of(String name) {
            return new Term(name, "('" + name + "',)");
        }

        static Term of(String java, String name, Term... parts) {
            String arguments = Arrays.stream(parts).map(part -> part.java).collect(Collectors.joining(", ", "<", ">"));
            String terms = Arrays.stream(parts).map(part -> part.python).collect(Collectors.joining(", "));
            return new Term(java + arguments, "(" + name + ", " + terms + ")");
        }
    }

    /** One generated source: records, interfaces that extend each other, and one whose methods name the types. */
    private static final class Source {
        private final Random random;
        private final StringBuilder java = new StringBuilder(
                "package made;\nimport java.math.*;\nimport java.time.*;\nimport java.util.*;\nimport java.util.concurrent.TimeUnit;\npublic interface Made {\n");
        private final StringBuilder python = new StringBuilder("RECORDS.clear()\nINTERFACES.clear()\n");
        private final int[] arities = new int[RECORDS];
        final List<Term> types = new ArrayList<>();

        Source(Random random) {
            this.random = random;
            for (int i = 0; i < RECORDS; i++) {
                arities[i] = random.nextInt(3);
            }
            for (int i = 0; i < RECORDS; i++) {
                record(i);
            }
            interfaces();
            for (int i = 0; i < TYPES; i++) {
                Term type = i < RECORDS ? made(i, new String[0], 2) : type(new String[0], 3, true);
                types.add(type);
                java.append("  ").append(type.java).append(" v").append(i).append("();\n");
            }
            java.append("}\n");
        }

        private static String variables(int arity) {
            return arity == 0 ? "" : arity == 1 ? "<A>" : "<A, B>";
        }

        private static String[] named(int arity) {
            return Arrays.copyOf(new String[] {"A", "B"}, arity);
        }

        private static String listed(String[] variables) {
            return Arrays.stream(variables).map(each -> "'" + each + "', ").collect(Collectors.joining("", "(", ")"));
        }

        private void record(int index) {
            String[] variables = named(arities[index]);
            List<String> names = new ArrayList<>(Arrays.asList(NAMES));
            java.append("  record R").append(index).append(variables(variables.length)).append('(');
            python.append("RECORDS['R").append(index).append("'] = (").append(listed(variables)).append(", [");
            for (int i = 0, count = 1 + random.nextInt(4); i < count; i++) {
                String name = names.remove(random.nextInt(names.size()));
                Term type = type(variables, 2, true);
                java.append(i == 0 ? "" : ", ").append(type.java).append(' ').append(name);
                python.append("('").append(name).append("', ").append(type.python).append("), ");
            }
            java.append(") {}\n");
            python.append("])\n");
        }

        private void interfaces() {
            for (int i = 0; i < 4; i++) {
                boolean last = i == 3;
                String[] variables = named(last ? 0 : 1 + random.nextInt(2));
                java.append("  interface I").append(i).append(variables(variables.length));
                python.append("INTERFACES['I").append(i).append("'] = (").append(listed(variables)).append(", [");
                StringBuilder methods = new StringBuilder();
                for (int m = 0; m < 3; m++) {
                    Term type = type(variables, 2, false);
                    methods.append("    ").append(type.java).append(" m").append(i).append(m).append("();\n");
                    python.append("('m").append(i).append(m).append("', ").append(type.python).append("), ");
                }
                python.append("], [");
                if (i > 0) {
                    Term[] arguments = Stream.generate(() -> type(variables, 2, false)).limit(above(i - 1)).toArray(Term[]::new);
                    Term above = Term.of("I" + (i - 1), "'I" + (i - 1) + "'", arguments);
                    java.append(" extends ").append(above.java);
                    python.append("('I").append(i - 1).append("', [").append(Arrays.stream(arguments).map(a -> a.python).collect(Collectors.joining(", "))).append("])");
                }
                java.append(" {\n").append(methods).append("  }\n");
                python.append("])\n");
            }
        }

        private int above(int index) {
            // The number of variables of the interface before, as it stands in the source.
            String head = java.substring(java.indexOf("  interface I" + index) + ("  interface I" + index).length());
            return head.startsWith("<A, B>") ? 2 : 1;
        }

        private Term made(int index, String[] variables, int depth) {
            Term[] arguments = Stream.generate(() -> type(variables, depth - 1, false)).limit(arities[index]).toArray(Term[]::new);
            String name = "R" + index;
            return arguments.length == 0 ? new Term(name, "('rec', '" + name + "')") : Term.of(name, "'rec', '" + name + "'", arguments);
        }

        private Term type(String[] variables, int depth, boolean primitives) {
            int kind = random.nextInt(depth <= 0 ? 4 : 12);
            if (kind < 2 && variables.length > 0) {
                String variable = variables[random.nextInt(variables.length)];
                return new Term(variable, "('var', '" + variable + "')");
            } else if (kind == 2 && primitives) {
                return Term.of(PRIMITIVES[random.nextInt(PRIMITIVES.length)]);
            } else if (kind < 4) {
                return Term.of(BOXES[random.nextInt(BOXES.length)]);
            } else if (kind == 4) {
                return Term.of("Optional", "'Optional'", Term.of(BOXES[random.nextInt(BOXES.length - 1)]));
            } else if (kind < 7) {
                Term part = type(variables, depth - 1, false);
                return new Term("List<" + (random.nextBoolean() ? "? extends " : "") + part.java + ">", "('List', " + part.python + ")");
            } else if (kind == 7) {
                return Term.of("Set", "'Set'", Term.of(KEYS[random.nextInt(KEYS.length)]));
            } else if (kind == 8) {
                return Term.of("Map", "'Map'", Term.of(KEYS[random.nextInt(KEYS.length)]), type(variables, depth - 1, false));
            } else if (kind == 9) {
                Term part = random.nextBoolean() ? Term.of(PRIMITIVES[random.nextInt(PRIMITIVES.length)]) : type(new String[0], depth - 1, true);
                return new Term(part.java + "[]", "('array', " + part.python + ")");
            }
            return made(random.nextInt(RECORDS), variables, depth);
        }
    }

    // ---- Java's values in the oracle's words ----

    private static String real(double value) {
        return Double.isNaN(value) ? "nan" : String.format("%016x", Double.doubleToRawLongBits(value));
    }

    private static String text(CharSequence text) {
        return text.codePoints().mapToObj(Integer::toHexString).collect(Collectors.joining(" "));
    }

    private static String all(Collection<?> values, String open, String close) throws ReflectiveOperationException {
        List<String> texts = new ArrayList<>();
        for (Object each : values) {
            texts.add(shown(each));
        }
        if (open.equals("{")) {
            texts.sort(Comparator.naturalOrder());
        }
        return open + String.join(", ", texts) + close;
    }

    private static String shown(Object value) throws ReflectiveOperationException {
        if (value == null) {
            return "null";
        }
        String name = value.getClass().getSimpleName();
        if (value instanceof Double || value instanceof Float) {
            return name + " " + real(((Number) value).doubleValue());
        } else if (value instanceof BigDecimal) {
            BigDecimal decimal = (BigDecimal) value;
            return name + " " + (decimal.signum() == 0 ? "0" : decimal.stripTrailingZeros().toPlainString());
        } else if (value instanceof Number || value instanceof Boolean || value instanceof LocalDate || value instanceof UUID) {
            return name + " " + value;
        } else if (value instanceof CharSequence || value instanceof Character) {
            return name + " " + text(value.toString());
        } else if (value instanceof Enum) {
            return ((Enum<?>) value).getDeclaringClass().getSimpleName() + " " + ((Enum<?>) value).name();
        } else if (value instanceof LocalDateTime) {
            return name + " " + ChronoUnit.MICROS.between(LocalDateTime.of(1, 1, 1, 0, 0), (LocalDateTime) value);
        } else if (value instanceof Duration) {
            Duration span = (Duration) value;
            return name + " " + (span.getSeconds() * 1_000_000 + span.getNano() / 1000);
        } else if (value instanceof Optional) {
            return "Optional(" + (((Optional<?>) value).isPresent() ? shown(((Optional<?>) value).get()) : "") + ")";
        } else if (value instanceof PythonObject) {
            return "PythonObject";
        } else if (value instanceof Set) {
            return all((Set<?>) value, "{", "}");
        } else if (value instanceof List) {
            return all((List<?>) value, "[", "]");
        } else if (value instanceof Map) {
            List<String> entries = new ArrayList<>();
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
                entries.add(shown(entry.getKey()) + ": " + shown(entry.getValue()));
            }
            return "{" + String.join(", ", entries) + "}";
        } else if (value.getClass().isArray()) {
            List<Object> elements = new ArrayList<>();
            for (int i = 0; i < Array.getLength(value); i++) {
                elements.add(Array.get(value, i));
            }
            return name + all(elements, "[", "]");
        }
        List<String> fields = new ArrayList<>(); // of a record
        for (java.lang.reflect.Field field : value.getClass().getDeclaredFields()) {
            Method accessor = value.getClass().getDeclaredMethod(field.getName());
            accessor.setAccessible(true);
            fields.add(field.getName() + "=" + shown(accessor.invoke(value)));
        }
        return name + "(" + String.join(", ", fields) + ")";
    }

    // ---- the rounds ----

    /** What a value is by the oracle: (java, back, fits), or the way to what is wrong. */
    private static void check(Object value, PythonException refused, List<?> told, String what) throws ReflectiveOperationException {
        boolean fits = (Boolean) told.get(told.size() - 1);
        Object expected = told.get(told.size() - 3);
        if (refused != null) {
            if (fits) {
                throw new AssertionError(what + ": refused with " + refused.getMessage() + ", instead of " + expected);
            }
            if (refused.getClass() != PythonException.class || refused.getMessage().matches("(?s).*\\[[A-Z]@[0-9a-f]+.*")) {
                throw new AssertionError(what + ": " + refused);
            }
            boolean isWay = expected == null || expected.equals("") || refused.getMessage().contains(expected + ": ");
            if (!isWay) {
                throw new AssertionError(what + ": the message is " + refused.getMessage() + ", the way is " + expected);
            }
        } else if (!fits) {
            throw new AssertionError(what + ": taken as " + shown(value) + ", wrong is value" + expected);
        } else if (!expected.equals(shown(value))) {
            throw new AssertionError(what + ": arrives as " + shown(value) + " instead of " + expected);
        }
    }

    private static void back(Object value, List<?> told, String what) {
        PythonExecutioner.setVariable("returned", Python.of(value));
        String back = Python.eval("back_view(returned)").toString();
        if (!back.equals(told.get(told.size() - 2))) {
            throw new AssertionError(what + ": Python gets back " + back + " instead of " + told.get(told.size() - 2));
        }
    }

    private static String round(Source source, Class<?> made, Random random, int[] counts) throws Exception {
        String wrong = null;
        for (int i = 0; i < VALUES && wrong == null; i++) {
            int at = random.nextInt(TYPES + 1);
            long seed = random.nextInt(Integer.MAX_VALUE);
            String what = (at == TYPES ? "an I3" : source.types.get(at).java) + ", seed " + seed;
            try (PythonGIL gil = PythonGIL.lock();
                    PythonGC frame = PythonGC.watch()) {
                if (at == TYPES) {
                    counts[0] += proxy(made, seed, what);
                    continue;
                }
                counts[0]++;
                PythonExecutioner.exec("value, *told = case(" + source.types.get(at).python + ", " + seed + ")");
                List<?> told = PythonExecutioner.getVariable("told", PythonTypes.LIST).getValue();
                Type type = made.getMethod("v" + at).getGenericReturnType();
                Object java = null;
                PythonException refused = null;
                try {
                    java = PythonExecutioner.getVariable("value").toJava(type);
                } catch (PythonException e) {
                    refused = e;
                }
                check(java, refused, told, what);
                if (refused == null) {
                    back(java, told, what);
                    if (java != null && source.types.get(at).python.startsWith("('List', ") && !source.types.get(at).python.startsWith("('List', ('Object',))")) {
                        counts[0]++;
                        byReference(made, at, source.types.get(at).python, (List<?>) java, seed, what + ", by reference");
                    }
                } else {
                    counts[1]++;
                }
            } catch (PythonException | AssertionError e) {
                wrong = e.toString();
            }
        }
        return wrong;
    }

    /** A list that a method gives by reference: its elements stay the same ones, and a new one is what is declared, or refused. */
    private static void byReference(Class<?> made, int at, String kind, List<?> list, long seed, String what) throws Exception {
        Object holder = Proxy.newProxyInstance(made.getClassLoader(), new Class<?>[] {made}, (proxy, method, none) -> list);
        boolean scalar = Arrays.stream(BOXES).anyMatch(box -> kind.equals("('List', ('" + box + "',))"));
        Set<Object> before = identities(list);
        List<?> old = new ArrayList<>(list);
        int size = list.size();
        PythonExecutioner.setVariable("holder", Python.reference(holder, PythonExposure.none().allow(made)));
        PythonExecutioner.exec("told = by_reference(" + kind + ", holder.v" + at + "(), " + seed + ")");
        List<?> told = PythonExecutioner.getVariable("told", PythonTypes.LIST).getValue();
        boolean fits = (Boolean) told.get(3);
        if (fits != (told.get(0) == null) || list.size() != size + (fits ? 1 : 0)) {
            throw new AssertionError(what + ": the new element is " + (fits ? "refused: " + told.get(0) : "taken as " + shown(list.get(list.size() - 1))));
        } else if (fits && !told.get(1).equals(shown(list.get(size)))) {
            throw new AssertionError(what + ": the new element arrives as " + shown(list.get(size)) + " instead of " + told.get(1));
        } else if (scalar && !(list.subList(0, size).stream() // of equal elements another equal one may take the place
                .allMatch(element -> Collections.frequency(old, element) > 1 || before.contains(element)) && old.stream().allMatch(element -> Collections.frequency(old, element) == Collections.frequency(list.subList(0, size), element)))) {
            throw new AssertionError(what + ": other elements than before are there, " + list);
        }
    }

    private static Set<Object> identities(List<?> list) {
        Set<Object> identities = Collections.newSetFromMap(new IdentityHashMap<>());
        identities.addAll(list);
        return identities;
    }

    /** All methods of an interface with arguments from further up. */
    private static int proxy(Class<?> made, long seed, String what) throws Exception {
        PythonExecutioner.exec("object_, cases = of_interface('I3', " + seed + ")");
        Class<?> type = Class.forName("made.Made$I3", true, made.getClassLoader());
        Object proxy = PythonExecutioner.getVariable("object_").asInterface(type);
        List<?> cases = PythonExecutioner.getVariable("cases", PythonTypes.LIST).getValue();
        for (Object each : cases) {
            List<?> told = (List<?>) each;
            Method method = Arrays.stream(type.getMethods()).filter(one -> one.getName().equals(told.get(0))).findFirst().orElseThrow();
            method.setAccessible(true);
            Object java = null;
            PythonException refused = null;
            try {
                java = method.invoke(proxy);
            } catch (InvocationTargetException e) {
                if (!(e.getCause() instanceof PythonException)) {
                    throw new AssertionError(what + ": " + e.getCause());
                }
                refused = (PythonException) e.getCause();
            }
            check(java, refused, told, what + ", " + method.getName() + (method.getGenericReturnType() instanceof ParameterizedType ? "" : " of a variable"));
            if (refused == null) {
                back(java, told, what);
            }
        }
        return cases.size();
    }

    public static void main(String[] arguments) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Integer.parseInt(arguments[1]));
        Random random = new Random(Long.parseLong(arguments[0]));
        int[] counts = new int[2];
        int wrong = 0;
        int rounds = 0;
        if (Runtime.version().feature() < 16) {
            System.out.println("skipped: this JDK has no records");
            System.out.println("DONE 0 values, 0 wrong");
            return;
        }
        Operations.begin();
        try (PythonGIL gil = PythonGIL.lock(); InputStream oracle = TypedDifferential.class.getResourceAsStream("/types.py")) {
            PythonExecutioner.exec(new String(oracle.readAllBytes(), StandardCharsets.UTF_8));
        }
        Path folder = Files.createTempDirectory("typed");
        try {
            while (System.nanoTime() < end && wrong < 20) {
                long seed = random.nextLong();
                Source source = new Source(new Random(seed));
                Path file = Files.createDirectories(folder.resolve("made")).resolve("Made.java");
                Files.writeString(file, source.java);
                int status = ToolProvider.getSystemJavaCompiler().run(null, null, null, "-proc:none", "-nowarn", "-d", folder.toString(), file.toString());
                if (status != 0) {
                    throw new AssertionError("a source that does not compile:\n" + source.java);
                }
                try (PythonGIL gil = PythonGIL.lock()) {
                    PythonExecutioner.exec(source.python.toString());
                }
                try (URLClassLoader loader = new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
                    Class<?> made = loader.loadClass("made.Made");
                    Random values = new Random(seed);
                    for (int i = 0; i < 10 && System.nanoTime() < end; i++) {
                        String message = round(source, made, values, counts);
                        if (message != null) {
                            wrong++;
                            System.out.println("WRONG round " + rounds + ": " + message);
                        }
                    }
                }
                try (Stream<Path> files = Files.walk(folder)) {
                    files.sorted(Comparator.reverseOrder()).filter(each -> !each.equals(folder)).forEach(each -> each.toFile().delete());
                }
                rounds++;
            }
        } finally {
            folder.toFile().delete();
        }
        System.out.println("DONE " + counts[0] + " values, " + wrong + " wrong, of " + rounds * (RECORDS + TYPES) + " types, " + counts[1] + " refused");
        System.exit(wrong == 0 ? 0 : 1);
    }
}
