// SPDX-License-Identifier: Apache-2.0
// Random nested values, once sent from Java and once built by Python from their text: Python finds
// no difference, and both come back to Java as what they are by contract. For a JVM of its own.
package org.nd4j.python4j;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.nd4j.python4j.internal.jni.Callbacks;

/** {@code Differential SEED SECONDS}. */
final class Differential {
    private Differential() {}

    /** Python's view of a value, exact to the type and the bit; sets in the order of their elements' views. */
    private static final String VIEW = String.join("\n",
            "import json, struct",
            "def view(x):",
            "    t = type(x).__name__",
            "    if t == 'float': return t + struct.pack('>d', x).hex()",
            "    if t == 'str': return t + ascii(x)",
            "    if t in ('set', 'frozenset'): return t + str(sorted(map(view, x)))",
            "    if t in ('list', 'tuple'): return t + str([view(y) for y in x])",
            "    if t == 'dict': return t + str([(view(k), view(v)) for k, v in x.items()])",
            "    return t + repr(x)",
            "def no_set(x):",
            "    if isinstance(x, (set, frozenset)): return len(x) < 2",
            "    if isinstance(x, dict): return all(no_set(k) and no_set(v) for k, v in x.items())",
            "    return not isinstance(x, (list, tuple)) or all(map(no_set, x))",
            "def dumps(x):",
            "    try: return json.dumps(x)",
            "    except (TypeError, ValueError) as e: return str(e)",
            "def compare(sent, built):",
            "    assert view(sent) == view(built), (view(sent), view(built))",
            "    if no_set(built):",
            "        assert repr(sent) == repr(built), (repr(sent), repr(built))",
            "        assert dumps(sent) == dumps(built), (dumps(sent), dumps(built))",
            "    return True");

    /** A value in three forms: for Java to send, as Python text, and as it has to come back. */
    private static final class Value {
        final Object sent;
        final String text;
        final Object back;

        Value(Object sent, String text, Object back) {
            this.sent = sent;
            this.text = text;
            this.back = back;
        }
    }

    private static Value value(Random random, int depth, boolean hashable) {
        int kinds = depth > 5 ? 9 : hashable ? 11 : 15;
        switch (random.nextInt(kinds)) {
            case 0:
                return new Value(null, "None", null);
            case 1:
                boolean truth = random.nextBoolean();
                return new Value(truth, truth ? "True" : "False", truth);
            case 2:
                long number = random.nextLong() >> random.nextInt(64);
                Object sent = number == (int) number && random.nextBoolean() ? (Object) (int) number
                        : number == (short) number ? (Object) (short) number : (Object) number;
                return new Value(sent, "(" + number + ")", number);
            case 3:
                BigInteger big = new BigInteger(random.nextInt(300), random).multiply(BigInteger.valueOf(random.nextBoolean() ? 1 : -1));
                return new Value(big, "(" + big + ")", big.bitLength() < 64 ? (Object) big.longValue() : big);
            case 4:
                double real = real(random);
                return new Value(real, "struct.unpack('>d', bytes.fromhex('" + String.format("%016x", Double.doubleToRawLongBits(real)) + "'))[0]", real);
            case 5:
            case 6:
                String text = text(random);
                return new Value(text, literal(text), text);
            case 7:
                byte[] bytes = new byte[random.nextInt(random.nextInt(40) == 0 ? 3000 : 9)];
                random.nextBytes(bytes);
                StringBuilder hex = new StringBuilder("bytes.fromhex('");
                for (byte b : bytes) {
                    hex.append(String.format("%02x", b));
                }
                return new Value(bytes, hex + "')", bytes);
            case 8:
                char c = (char) ('a' + random.nextInt(26));
                return new Value(c, "'" + c + "'", String.valueOf(c));
            case 9:
            case 10:
                return hashable ? set(random, depth) : list(random, depth);
            case 11:
                return run(random);
            case 12:
                return set(random, depth);
            default:
                return map(random, depth);
        }
    }

    private static double real(Random random) {
        switch (random.nextInt(6)) {
            case 0:
                return new double[] {0.0, -0.0, Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, Double.MIN_VALUE}[random.nextInt(6)];
            case 1:
                return random.nextInt(1000);
            default:
                double any = Double.longBitsToDouble(random.nextLong());
                return Double.isNaN(any) ? 1.5 : any;
        }
    }

    /** Of all planes; a high surrogate is never followed by a low one, which Python has as one character. */
    private static String text(Random random) {
        StringBuilder text = new StringBuilder();
        int bound = new int[] {0x80, 0x100, 0x800, 0x10000, 0x110000}[random.nextInt(5)];
        for (int n = random.nextInt(random.nextInt(30) == 0 ? 2000 : 12); n > 0; n--) {
            int point = random.nextInt(bound);
            boolean pair = text.length() > 0 && Character.isHighSurrogate(text.charAt(text.length() - 1))
                    && point >= 0xDC00 && point < 0xE000;
            text.appendCodePoint(pair ? '-' : point);
        }
        return text.toString();
    }

    private static String literal(String text) {
        StringBuilder literal = new StringBuilder("'");
        text.codePoints().forEach(point -> literal.append(String.format("\\U%08x", point)));
        return literal.append("'").toString();
    }

    private static Value list(Random random, int depth) {
        List<Object> sent = new ArrayList<>();
        List<Object> back = new ArrayList<>();
        StringBuilder text = new StringBuilder("[");
        for (int n = random.nextInt(6); n > 0; n--) {
            Value element = value(random, depth + 1, false);
            sent.add(element.sent);
            back.add(element.back);
            text.append(element.text).append(", ");
        }
        return new Value(random.nextInt(4) == 0 ? (Object) sent.toArray() : sent, text + "]", back);
    }

    /** A list of numbers of one kind, which crosses as one run. */
    private static Value run(Random random) {
        int length = random.nextInt(random.nextInt(20) == 0 ? 3000 : 20);
        boolean whole = random.nextBoolean();
        List<Object> back = new ArrayList<>();
        StringBuilder text = new StringBuilder("[");
        for (int i = 0; i < length; i++) {
            Object number = whole ? (Object) random.nextLong() : (Object) random.nextGaussian();
            back.add(number);
            text.append(number).append(", ");
        }
        Object sent = back;
        if (random.nextBoolean()) {
            sent = whole ? (Object) back.stream().mapToLong(x -> (Long) x).toArray()
                    : (Object) back.stream().mapToDouble(x -> (Double) x).toArray();
        }
        return new Value(sent, text + "]", back);
    }

    private static Value set(Random random, int depth) {
        Map<Object, Value> elements = new LinkedHashMap<>();
        for (int n = random.nextInt(5); n > 0; n--) {
            Value element = value(random, depth + 1, true);
            if (isPlain(element)) {
                elements.put(element.text, element);
            }
        }
        Set<Object> sent = new LinkedHashSet<>();
        Set<Object> back = new LinkedHashSet<>();
        StringBuilder text = new StringBuilder("set((");
        for (Value element : elements.values()) {
            sent.add(element.sent);
            back.add(element.back);
            text.append(element.text).append(", ");
        }
        return new Value(sent, text + "))", back);
    }

    /** Texts and large numbers only: what Python takes for one key Java takes for one, and the other way round. */
    private static boolean isPlain(Value value) {
        return value.sent instanceof String || value.sent instanceof BigInteger && value.back instanceof BigInteger;
    }

    private static Value map(Random random, int depth) {
        Map<Object, Object> sent = new LinkedHashMap<>();
        Map<Object, Object> back = new LinkedHashMap<>();
        StringBuilder text = new StringBuilder("{");
        for (int n = random.nextInt(6); n > 0; n--) {
            Value key = value(random, 9, true);
            Value element = value(random, depth + 1, false);
            if (isPlain(key) && !back.containsKey(key.back)) {
                sent.put(key.sent, element.sent);
                back.put(key.back, element.back);
                text.append(key.text).append(": ").append(element.text).append(", ");
            }
        }
        return new Value(sent, text + "}", back);
    }

    /** Equal to the type and the bit. */
    private static boolean same(Object a, Object b) {
        if (a == null || b == null || a.getClass() != b.getClass()) {
            return a == b;
        }
        if (a instanceof byte[]) {
            return Arrays.equals((byte[]) a, (byte[]) b);
        }
        if (a instanceof List) {
            List<?> left = (List<?>) a;
            List<?> right = (List<?>) b;
            for (int i = 0; i < left.size() && left.size() == right.size(); i++) {
                if (!same(left.get(i), right.get(i))) {
                    return false;
                }
            }
            return left.size() == right.size();
        }
        if (a instanceof Map) {
            return same(new ArrayList<>(((Map<?, ?>) a).keySet()), new ArrayList<>(((Map<?, ?>) b).keySet()))
                    && same(new ArrayList<>(((Map<?, ?>) a).values()), new ArrayList<>(((Map<?, ?>) b).values()));
        }
        return a.equals(b);
    }

    public static void main(String[] arguments) throws Exception {
        long seed = Long.parseLong(arguments[0]);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Integer.parseInt(arguments[1]));
        Random random = new Random(seed);
        Operations.begin();
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec(VIEW);
        }
        int done = 0;
        int wrong = 0;
        while (System.nanoTime() < end && wrong < 20) {
            Value value = random.nextBoolean() ? list(random, 0) : map(random, 0);
            done++;
            try (PythonGIL gil = PythonGIL.lock();
                    PythonGC frame = PythonGC.watch()) {
                PythonType<?> type = value.back instanceof List ? PythonTypes.LIST : PythonTypes.DICT;
                Object sent = value.sent instanceof Object[] || !(value.sent instanceof List || value.sent instanceof Map)
                        ? new PythonObject(value.sent) : value.sent;
                if (sent instanceof PythonObject || random.nextBoolean()) {
                    PythonExecutioner.setVariable("sent", new PythonObject(value.sent));
                } else {
                    @SuppressWarnings("unchecked") // a list for LIST, a map for DICT
                    PythonVariable<Object> input = new PythonVariable<>("sent", (PythonType<Object>) type, sent);
                    PythonExecutioner.setVariables(input);
                }
                PythonVariable<?> output = new PythonVariable<>("sent", type);
                PythonVariable<?> other = new PythonVariable<>("built", type);
                PythonExecutioner.exec("built = " + value.text + "\ncompare(sent, built)", null, Arrays.asList(output, other));
                Object object = PythonExecutioner.getVariable("built", type).getValue();
                Object echoed = Callbacks.callable((args, named) -> args.get(0)).call(value.sent);
                Object echo = value.back instanceof List ? ((PythonObject) echoed).toList() : ((PythonObject) echoed).toMap();
                for (Object back : Arrays.asList(output.getValue(), other.getValue(), object, echo)) {
                    if (!same(value.back, back)) {
                        throw new AssertionError("came back as " + back + " instead of " + value.back);
                    }
                }
            } catch (PythonException | AssertionError e) {
                wrong++;
                System.out.println("WRONG value " + done + ", " + value.text + ": " + e);
            }
        }
        System.out.println("DONE " + done + " values, " + wrong + " wrong");
        System.exit(wrong == 0 ? 0 : 1);
    }
}
