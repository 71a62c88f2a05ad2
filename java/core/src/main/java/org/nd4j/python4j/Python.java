// SPDX-License-Identifier: Apache-2.0
// Python's builtins for Java. What they do happens in object.rs; objects themselves: PythonObject.
package org.nd4j.python4j;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;

/**
 * Python's builtins of the same names.
 *
 * <p>All methods need a turn of {@link PythonGIL}, except {@link #getCurrentContext}. Where Python raises,
 * they throw a {@link PythonException}; its message is the one named here, with what Python said as the
 * cause, or else {@code TypeName: text}.
 */
public class Python {

    /** Upstream: the class only has static members and a public constructor all the same. */
    public Python() {}

    /**
     * Imports a module; for a dotted name it is the module of that name itself.
     *
     * @throws PythonException {@code Error importing module: NAME}
     */
    public static PythonObject importModule(String moduleName) {
        Objects.requireNonNull(moduleName);
        try (PythonGIL turn = PythonGIL.enter()) {
            try {
                return PythonObject.apply(Operator.IMPORT, moduleName);
            } catch (PythonException e) {
                throw new PythonException("Error importing module: " + moduleName, e);
            }
        }
    }

    /** The builtin of a name. */
    public static PythonObject attr(String attrName) {
        return PythonObject.apply(Operator.BUILTIN, Objects.requireNonNull(attrName));
    }

    /**
     * The length of an object, as an int.
     *
     * @throws PythonException {@code Object has no length: TEXT}
     */
    public static PythonObject len(PythonObject pythonObject) {
        pythonObject.handle();
        try (PythonGIL turn = PythonGIL.enter()) {
            try {
                return PythonObject.apply(Operator.LEN, pythonObject);
            } catch (PythonException e) {
                throw new PythonException("Object has no length: " + text(pythonObject, e), e);
            }
        }
    }

    /** {@code str(object)}. */
    public static PythonObject str(PythonObject pythonObject) {
        return PythonObject.apply(
                Operator.CALL, attr("str"), Collections.singletonList(Objects.requireNonNull(pythonObject)), null);
    }

    /** The empty string. */
    public static PythonObject str() {
        return make("str");
    }

    /** The type {@code str}. */
    public static PythonObject strType() {
        return attr("str");
    }

    /**
     * The value of a number as a float. Upstream: text is not parsed.
     *
     * @throws PythonException {@code Could not convert value to float: TEXT}
     */
    public static PythonObject float_(PythonObject pythonObject) {
        return convert(pythonObject, PythonTypes.FLOAT);
    }

    /** 0.0. */
    public static PythonObject float_() {
        return make("float");
    }

    /** The type {@code float}. */
    public static PythonObject floatType() {
        return attr("float");
    }

    /** {@code bool(object)}. */
    public static PythonObject bool(PythonObject pythonObject) {
        return make("bool", "Cannot build bool from object: ", pythonObject);
    }

    /** {@code False}. */
    public static PythonObject bool() {
        return make("bool");
    }

    /** The type {@code bool}. */
    public static PythonObject boolType() {
        return attr("bool");
    }

    /**
     * What Python takes as an integer, as an int. Upstream: text is not parsed and fractions are not cut off.
     *
     * @throws PythonException {@code Could not convert value to int: TEXT}
     */
    public static PythonObject int_(PythonObject pythonObject) {
        return convert(pythonObject, PythonTypes.INT);
    }

    /** 0. */
    public static PythonObject int_() {
        return make("int");
    }

    /** The type {@code int}. */
    public static PythonObject intType() {
        return attr("int");
    }

    /**
     * {@code list(object)}.
     *
     * @throws PythonException {@code Object is not iterable: TEXT}
     */
    public static PythonObject list(PythonObject pythonObject) {
        return make("list", "Object is not iterable: ", pythonObject);
    }

    /** An empty list. */
    public static PythonObject list() {
        return make("list");
    }

    /** The type {@code list}. */
    public static PythonObject listType() {
        return attr("list");
    }

    /**
     * {@code dict(object)}.
     *
     * @throws PythonException {@code Cannot build dict from object: TEXT}
     */
    public static PythonObject dict(PythonObject pythonObject) {
        return make("dict", "Cannot build dict from object: ", pythonObject);
    }

    /** An empty dict. */
    public static PythonObject dict() {
        return make("dict");
    }

    /** The type {@code dict}. */
    public static PythonObject dictType() {
        return attr("dict");
    }

    /**
     * {@code set(object)}.
     *
     * @throws PythonException {@code Cannot build set from object: TEXT}
     */
    public static PythonObject set(PythonObject pythonObject) {
        return make("set", "Cannot build set from object: ", pythonObject);
    }

    /** An empty set. */
    public static PythonObject set() {
        return make("set");
    }

    /** The type {@code set}. */
    public static PythonObject setType() {
        return attr("set");
    }

    /**
     * {@code bytearray(object)}.
     *
     * @throws PythonException {@code Cannot build bytearray from object: TEXT}
     */
    public static PythonObject bytearray(PythonObject pythonObject) {
        return make("bytearray", "Cannot build bytearray from object: ", pythonObject);
    }

    /** An empty bytearray. */
    public static PythonObject bytearray() {
        return make("bytearray");
    }

    /** The type {@code bytearray}. */
    public static PythonObject bytearrayType() {
        return attr("bytearray");
    }

    /**
     * {@code memoryview(object)}.
     *
     * @throws PythonException {@code Cannot build memoryview from object: TEXT}
     */
    public static PythonObject memoryview(PythonObject pythonObject) {
        return make("memoryview", "Cannot build memoryview from object: ", pythonObject);
    }

    /** The type {@code memoryview}. */
    public static PythonObject memoryviewType() {
        return attr("memoryview");
    }

    /**
     * {@code bytes(object)}.
     *
     * @throws PythonException {@code Cannot build bytes from object: TEXT}
     */
    public static PythonObject bytes(PythonObject pythonObject) {
        return make("bytes", "Cannot build bytes from object: ", pythonObject);
    }

    /** Empty bytes. */
    public static PythonObject bytes() {
        return make("bytes");
    }

    /** The type {@code bytes}. */
    public static PythonObject bytesType() {
        return attr("bytes");
    }

    /**
     * {@code tuple(object)}.
     *
     * @throws PythonException {@code Cannot build tuple from object: TEXT}
     */
    public static PythonObject tuple(PythonObject pythonObject) {
        return make("tuple", "Cannot build tuple from object: ", pythonObject);
    }

    /** The empty tuple. */
    public static PythonObject tuple() {
        return make("tuple");
    }

    /** The type {@code tuple}. */
    public static PythonObject tupleType() {
        return attr("tuple");
    }

    /** {@code Exception(object)}. */
    public static PythonObject Exception(PythonObject pythonObject) {
        return make("Exception", "Cannot build Exception from object: ", pythonObject);
    }

    /** {@code Exception()}. */
    public static PythonObject Exception() {
        return make("Exception");
    }

    /** The type {@code Exception}. */
    public static PythonObject ExceptionType() {
        return attr("Exception");
    }

    /** The globals of the current context: the dict itself, not a copy. */
    public static PythonObject globals() {
        PythonObject space = PythonGIL.spaceObject();
        return space == null ? PythonObject.apply(Operator.GLOBALS) : PythonObject.apply(Operator.IDENTITY, space);
    }

    /** The type of an object. */
    public static PythonObject type(PythonObject obj) {
        return PythonObject.apply(Operator.TYPE, Objects.requireNonNull(obj));
    }

    /** Whether an object is of one of the types or their subclasses; false for no types. */
    public static boolean isinstance(PythonObject obj, PythonObject... type) {
        return PythonObject.test(Operator.IS_INSTANCE, Objects.requireNonNull(obj), Arrays.asList(type));
    }

    /**
     * The value of an expression in the current context.
     *
     * @throws PythonException if it raises; if it does not compile, with the message
     *     {@code Execution failed, unable to retrieve python exception.}
     */
    public static PythonObject eval(String expression) {
        return PythonExecutioner.eval(expression);
    }

    /** The module {@code builtins}. */
    public static PythonObject builtins() {
        return importModule("builtins");
    }

    /** {@code None}. */
    public static PythonObject None() {
        return new PythonObject((Object) null);
    }

    /** {@code True}. */
    public static PythonObject True() {
        return new PythonObject((Object) true);
    }

    /** {@code False}. */
    public static PythonObject False() {
        return new PythonObject((Object) false);
    }

    /** Whether an object can be called. */
    public static boolean callable(PythonObject pythonObject) {
        return PythonObject.test(Operator.CALLABLE, Objects.requireNonNull(pythonObject));
    }

    /** See {@link PythonContextManager#setContext}. */
    public static void setContext(String context) {
        PythonContextManager.setContext(context);
    }

    /** See {@link PythonContextManager#getCurrentContext}. */
    public static String getCurrentContext() {
        return PythonContextManager.getCurrentContext();
    }

    /** See {@link PythonContextManager#deleteContext}. */
    public static void deleteContext(String context) {
        PythonContextManager.deleteContext(context);
    }

    /** See {@link PythonContextManager#reset}. */
    public static void resetContext() {
        PythonContextManager.reset();
    }

    /** See {@link PythonExecutioner#exec(String)}. */
    public static void exec(String code) throws PythonException {
        PythonExecutioner.exec(code);
    }

    /** See {@link PythonExecutioner#exec(String, List, List)}. */
    @SuppressWarnings("rawtypes") // Upstream
    public static void exec(String code, List<PythonVariable> inputs, List<PythonVariable> outputs) {
        PythonExecutioner.exec(code, inputs, outputs);
    }

    private static <T> PythonObject convert(PythonObject object, PythonType<T> type) {
        try (PythonGIL turn = PythonGIL.enter()) {
            return type.toPython(type.toJava(object));
        }
    }

    private static PythonObject make(String type) {
        return PythonObject.apply(Operator.CALL, attr(type), Collections.emptyList(), null);
    }

    private static PythonObject make(String type, String message, PythonObject from) {
        from.handle(); // no object is another error than one of the wrong kind
        try (PythonGIL turn = PythonGIL.enter()) {
            try {
                return PythonObject.apply(Operator.CALL, attr(type), Collections.singletonList(from), null);
            } catch (PythonException e) {
                throw new PythonException(message + text(from, e), e);
            }
        }
    }

    /** What an object says of itself, for a message; the first failure if it is gone or cannot say it. */
    private static String text(PythonObject object, PythonException first) {
        try {
            return object.toString();
        } catch (PythonException e) {
            if (e.getMessage().equals(first.getMessage())) {
                throw first;
            }
            return "<" + e.getMessage() + ">";
        }
    }
}
