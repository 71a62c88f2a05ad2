// SPDX-License-Identifier: Apache-2.0
// The elements of a container, where Python is asked once for many objects among them what Conversion would otherwise
// ask for each: the words of a date, the fields of a record. What is refused is asked for again alone, with its message.
package org.nd4j.python4j.internal.convert;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Pack;

/** Elements of one target, of which some may be {@link Asked}. */
final class Ahead implements Iterator<Object> {
    private static final int MANY = 1024;

    private final Iterator<?> elements;
    private final Target target;
    private final List<Object> next = new ArrayList<>(0); // what was read ahead
    private int at;

    Ahead(Iterable<?> elements, Target target) {
        this.elements = elements.iterator();
        this.target = target;
    }

    /** An object and what a function of convert.py says of it. */
    static final class Asked {
        final PythonObject object;
        final Object answer;

        Asked(PythonObject object, Object answer) {
            this.object = object;
            this.answer = answer;
        }

        @Override
        public String toString() { // for messages
            return object.toString();
        }
    }

    @Override
    public boolean hasNext() {
        return at < next.size() || elements.hasNext();
    }

    @Override
    public Object next() {
        if (at < next.size()) {
            return next.get(at++);
        }
        Object element = elements.next();
        String tool = element instanceof PythonObject && elements.hasNext() ? tool(target) : null;
        if (tool == null) {
            return element;
        }
        next.clear();
        next.add(element);
        while (next.size() < MANY && elements.hasNext()) {
            next.add(elements.next());
        }
        ask(tool);
        at = 1;
        return next.get(0);
    }

    /** The function that {@link Conversion#fromOther} asks; null for none, or one that may be asked only when it is an object's turn. */
    private static String tool(Target target) {
        switch (target.kind) {
            case OPTIONAL:
                return tool(target.part(0));
            case NUMBER:
                return "number";
            case BOOLEAN:
            case TEXT:
            case ENUM:
            case OTHER:
                return "plain";
            case RECORD:
                return target.keepsObjects() || Tables.isWanted(target) ? null : "fields";
            case ANY:
                return "natural";
            default:
                return null;
        }
    }

    private void ask(String tool) {
        List<Integer> places = new ArrayList<>();
        List<Object> objects = new ArrayList<>();
        for (int i = 0; i < next.size(); i++) {
            if (next.get(i) instanceof PythonObject) {
                places.add(i);
                objects.add(next.get(i));
            }
        }
        Object more = tool.equals("fields") ? target.record.pythonNames : tool.equals("natural") ? Access.get().registeredNames() : null;
        List<?> answers = (List<?>) Access.get().callRaw(Access.get().tool("convert", "ahead"), Pack.Wanted.ANY, Arrays.asList(tool, objects, more));
        for (int i = 0; i < answers.size(); i++) {
            next.set(places.get(i), new Asked((PythonObject) objects.get(i), answers.get(i)));
        }
    }
}
