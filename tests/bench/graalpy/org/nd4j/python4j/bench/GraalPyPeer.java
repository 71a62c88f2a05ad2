// SPDX-License-Identifier: Apache-2.0
// GraalPy: a Python of its own in Java, so no C API and no numpy here. Values are copied to the
// other side where GraalPy would hand them over by reference, as the rows want it.
package org.nd4j.python4j.bench;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongUnaryOperator;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.PolyglotException;
import org.graalvm.polyglot.Source;
import org.graalvm.polyglot.Value;
import org.graalvm.polyglot.proxy.ProxyExecutable;

/** GraalPy 25. */
public final class GraalPyPeer extends Peer {

    private static final String COPIES = String.join(
            "\n",
            "def copied_dict(m):",
            "    return {k: m[k] for k in m}",
            "def copied_dicts(l):",
            "    return [{k: m[k] for k in m} for m in l]",
            "");

    private Context context;
    private Value names;
    private Value f;
    private Value o;
    private Value l;
    private Value mixed;
    private Value thousand;
    private Value point;

    @Override
    public void open() {
        context = Context.newBuilder("python")
                .allowAllAccess(true)
                .option("engine.WarnInterpreterOnly", "false")
                .build();
        context.enter();
        context.eval("python", DEFINITIONS + COPIES);
        names = context.getBindings("python");
        f = names.getMember("f");
        o = names.getMember("o");
        l = names.getMember("l");
        mixed = names.getMember("mixed");
        thousand = names.getMember("thousand");
        point = names.getMember("point");
    }

    @Override
    public void close() {
        context.leave(); // and not closed: other threads may use it, see once()
    }

    @Override
    public void prepare() {
        context = Context.newBuilder("python").option("engine.WarnInterpreterOnly", "false").build();
        context.initialize("python");
    }

    @Override
    public Object lock() {
        context.enter();
        context.leave();
        return null;
    }

    @Override
    public Object exec(String text) {
        return context.eval("python", text);
    }

    @Override
    public Step compiled(String text) {
        Value code = context.parse(Source.create("python", text));
        return code::execute;
    }

    @Override
    public long ints(long x, long y) {
        names.putMember("x", x);
        names.putMember("y", y);
        context.eval("python", "z = x + y");
        return names.getMember("z").asLong();
    }

    @Override
    public Object echo(Object value) {
        names.putMember("s", value);
        if (value instanceof byte[]) {
            context.eval("python", "t = bytes(s)");
            return names.getMember("t").as(byte[].class);
        }
        context.eval("python", "t = s");
        return names.getMember("t").asString();
    }

    @Override
    public Object put(Object value) {
        names.putMember("v", value);
        if (value instanceof Map) {
            context.eval("python", "v = copied_dict(v)");
        } else if (!((List<?>) value).isEmpty() && ((List<?>) value).get(0) instanceof Map) {
            context.eval("python", "v = copied_dicts(v)");
        } else {
            context.eval("python", "v = list(v)");
        }
        return null;
    }

    @Override
    public Object get(Class<?> type) {
        Value v = names.getMember("v");
        return type == Map.class ? new HashMap<Object, Object>((Map<?, ?>) v.as(Map.class)) : copied(v);
    }

    private static List<Object> copied(Value list) {
        List<Object> copy = new ArrayList<>((int) list.getArraySize());
        for (Object element : (List<?>) list.as(List.class)) {
            copy.add(element instanceof Map ? new HashMap<Object, Object>((Map<?, ?>) element) : element);
        }
        return copy;
    }

    @Override
    public long call(long a, long b) {
        return f.execute(a, b).asLong();
    }

    @Override
    public long attribute() {
        return o.getMember("x").asLong();
    }

    @Override
    public long item() {
        return l.getArrayElement(2).asLong();
    }

    @Override
    public double attributeDouble() {
        return o.getMember("y").asDouble();
    }

    @Override
    public String attributeText() {
        return o.getMember("s").asString();
    }

    @Override
    public double itemDouble() {
        return mixed.getArrayElement(0).asDouble();
    }

    @Override
    public String itemText() {
        return mixed.getArrayElement(1).asString();
    }

    @Override
    public long iterate() {
        long sum = 0;
        for (Value each = thousand.getIterator(); each.hasIteratorNextElement(); ) {
            sum += each.getIteratorNextElement().asLong();
        }
        return sum;
    }

    @Override
    public void reference(List<Object> list) {
        names.putMember("r", list);
    }

    @Override
    public long method() {
        return o.invokeMember("m").asLong();
    }

    @Override
    public Exception error(String text) {
        try {
            context.eval("python", text);
            throw new IllegalStateException("nothing was raised");
        } catch (PolyglotException e) {
            return e;
        }
    }

    @Override
    public void callback() {
        LongUnaryOperator function = x -> x;
        names.putMember("j", function);
    }

    @Override
    public void callbackText() {
        Function<String, String> function = x -> x;
        names.putMember("j", function);
    }

    @Override
    public void callbackAny() {
        names.putMember("j", (ProxyExecutable) arguments -> arguments[0].asLong());
    }

    @Override
    public void referTo(Counter counter) {
        names.putMember("q", counter);
    }

    @Override
    public LongUnaryOperator proxy() {
        return names.getMember("p").as(LongUnaryOperator.class);
    }

    @Override
    public Object record() {
        return new Point(point.getHashValue("x").asLong(), point.getHashValue("y").asDouble(), point.getHashValue("s").asString());
    }

    @Override
    public Object longArray() {
        return names.getMember("v").as(long[].class);
    }

    @Override
    public void printing() {
        Consumer<String> receive = line -> {};
        names.putMember("receive", receive);
        context.eval("python", LINES);
    }

    @Override
    public Object object(boolean framed) {
        return context.asValue("text");
    }

    @Override
    public void once() {
        context.eval("python", "x = 1");
    }

    /** From nothing to the first statement done. */
    public static final class First {
        private First() {}

        public static void main(String[] arguments) {
            try (Context context = Context.newBuilder("python")
                    .allowAllAccess(true)
                    .option("engine.WarnInterpreterOnly", "false")
                    .build()) {
                context.eval("python", "x = 1");
                Start.done();
            }
        }
    }
}
