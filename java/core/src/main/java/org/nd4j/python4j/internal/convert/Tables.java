// SPDX-License-Identifier: Apache-2.0
// Python tables, such as DataFrames, as Java records or Java columns. TableColumn reads a column; TableWriter
// does the opposite conversion. The Python half is table.py.
package org.nd4j.python4j.internal.convert;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Array;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;

/** Converts tables to the Java type that a program names. */
final class Tables {

    private static final int LARGEST = Integer.MAX_VALUE - 8; // of Java's arrays

    private Tables() {}

    /** Whether tables become this type: collections and arrays of records, maps and records of columns. */
    static boolean isWanted(Target target) {
        switch (target.kind) {
            case ARRAY:
            case COLLECTION:
                return target.part(0).kind == Target.Kind.RECORD;
            case MAP:
                return target.part(0).raw == String.class && isColumn(target.part(1));
            case RECORD:
                return ofColumns(target);
            default:
                return false;
        }
    }

    private static boolean ofColumns(Target record) {
        for (int i = 0; i < record.record.names.size(); i++) {
            if (!isColumn(record.part(i))) {
                return false;
            }
        }
        return !record.record.names.isEmpty();
    }

    private static boolean isColumn(Target target) {
        return target.kind == Target.Kind.ARRAY || target.kind == Target.Kind.COLLECTION;
    }

    /** A table as a type; null if the object is none, or is something else as this type. */
    static Object of(PythonObject object, Target target) {
        if (!isWanted(target)) {
            return null;
        }
        Target record = target.kind == Target.Kind.MAP ? null : target.kind == Target.Kind.RECORD ? target : target.part(0);
        List<?> words = (List<?>) Conversion.asked("table", "described", object, target, record == null ? null : record.record.pythonNames);
        if (words == null) {
            return null;
        }
        PythonObject memory = (PythonObject) words.get(0);
        try {
            List<TableColumn> columns = new ArrayList<>();
            for (Object each : (List<?>) words.get(1)) {
                columns.add(new TableColumn((List<?>) each));
            }
            long rows = columns.isEmpty() ? (Long) words.get(2) : columns.get(0).rows();
            if (rows > LARGEST) {
                throw new Mismatch(object, target, "It has " + rows + " rows, more than a Java array: take a part of it in Python.");
            }
            return made(columns, (int) rows, target);
        } finally {
            memory.del(); // up to here it is read
        }
    }

    private static Object made(List<TableColumn> columns, int rows, Target target) {
        if (target.kind == Target.Kind.MAP) {
            Map<Object, Object> map = new LinkedHashMap<>();
            for (TableColumn column : columns) {
                map.put(column.name, column(column, rows, target.part(1)));
            }
            return Conversion.value(map, target);
        } else if (target.kind == Target.Kind.RECORD) {
            Object[] components = new Object[columns.size()];
            for (int i = 0; i < components.length; i++) {
                components[i] = column(columns.get(i), rows, target.part(i));
            }
            return target.record.make(components, target);
        }
        return records(columns, rows, target);
    }

    private static Object column(TableColumn column, int rows, Target target) {
        Object array = column.read(target.part(0), rows);
        return target.kind == Target.Kind.ARRAY ? array : Conversion.value(new ArrayView(array), target);
    }

    private static Object records(List<TableColumn> columns, int rows, Target target) {
        Target record = target.part(0);
        Object[] arrays = new Object[columns.size()];
        for (int i = 0; i < arrays.length; i++) {
            try {
                arrays[i] = columns.get(i).read(record.part(i), rows);
            } catch (Mismatch e) {
                throw e.within(record.raw);
            }
        }
        MethodHandle maker = maker(record, arrays);
        Object[] all = target.kind == Target.Kind.ARRAY ? (Object[]) Array.newInstance(record.raw, rows) : null;
        ArrayList<Object> list = all == null ? new ArrayList<>(rows) : null;
        for (int row = 0; row < rows; row++) {
            Object made;
            try {
                made = maker.invokeExact(row);
            } catch (Throwable e) {
                try {
                    throw record.record.failed(e, components(arrays, row), record);
                } catch (Mismatch mismatch) {
                    throw mismatch.at(", row " + row);
                }
            }
            if (all != null) {
                all[row] = made;
            } else {
                list.add(made);
            }
        }
        return all != null ? all : target.raw.isAssignableFrom(ArrayList.class) ? list : Conversion.value(list, target);
    }

    private static Object[] components(Object[] arrays, int row) {
        Object[] components = new Object[arrays.length];
        for (int i = 0; i < components.length; i++) {
            components[i] = Array.get(arrays[i], row);
        }
        return components;
    }

    /** From a row's number to its record: no component becomes an object on the way. */
    private static MethodHandle maker(Target record, Object[] arrays) {
        MethodHandle maker = record.record.maker();
        MethodHandle[] readers = new MethodHandle[arrays.length];
        for (int i = 0; i < arrays.length; i++) {
            readers[i] = MethodHandles.arrayElementGetter(arrays[i].getClass()).bindTo(arrays[i]);
        }
        MethodHandle byRows = MethodHandles.filterArguments(maker, 0, readers);
        MethodType byRow = MethodType.methodType(record.raw, int.class);
        return MethodHandles.permuteArguments(byRows, byRow, new int[arrays.length])
                .asType(MethodType.methodType(Object.class, int.class));
    }
}
