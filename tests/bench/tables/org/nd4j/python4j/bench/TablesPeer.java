// SPDX-License-Identifier: Apache-2.0
// This build in the rows "table.": python4j-arrow, and records by the core.
package org.nd4j.python4j.bench;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.DateDayVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonCallable;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.arrow.PythonArrow;

/** Each step leaves nothing behind, in Java and in Python. */
public final class TablesPeer extends Peer {

    private PythonGIL turn;

    @Override
    public void open() {
        turn = PythonGIL.lock();
        Python.exec("import polars, pyarrow as pa, numpy, pyarrow.compute\n"
                + "def table(rows):\n"
                + "    return pa.record_batch([numpy.arange(rows) if i % 2 else numpy.arange(rows) * 0.5 for i in range(8)], list('abcdefgh'))\n"
                + "def batches(batch, rows):\n    for _ in range(rows // 10_000):\n        yield batch\n"
                + "def sum_polars(t): return polars.DataFrame(t)['x'].sum()\n"
                + "def sum_pyarrow(t): return pa.compute.sum(pa.record_batch(t).column(0)).as_py()\n"
                + "def read_polars(stream): return len(polars.DataFrame(stream))\n"
                + "def read_pyarrow(stream): return sum(len(b) for b in pa.RecordBatchReader.from_stream(stream))\n");
    }

    @Override
    public void close() {
        turn.close();
    }

    @Override
    public Step table(String what, int rows) {
        switch (what) {
            case "in":
                return in(rows);
            case "out":
                PythonObject there = Python.eval("table(" + rows + ")");
                return () -> {
                    try (VectorSchemaRoot root = PythonArrow.table(there, Tables.ALLOCATOR)) {
                        return root.getRowCount();
                    }
                };
            case "polars":
            case "pyarrow":
                return sum(PythonCallable.of("sum_" + what), rows);
            case "polars.alone":
                return alone("polars.select(x=polars.int_range(" + rows + ") * 0.5)", "lambda t: t['x'].sum()");
            case "pyarrow.alone":
                return alone("pa.compute.multiply(pa.array(numpy.arange(" + rows + "), pa.float64()), 0.5)", "lambda t: pa.compute.sum(t).as_py()");
            case "stream.in":
                return streamIn("read_pyarrow", rows);
            case "stream.polars":
                return streamIn("read_polars", rows);
            case "stream.out":
                PythonObject batch = Python.eval("table(10_000)");
                PythonObject batches = Python.eval("batches");
                return () -> {
                    int read = 0;
                    try (PythonGC gc = PythonGC.watch();
                            ArrowReader reader = PythonArrow.reader(batches.call(batch, rows), Tables.ALLOCATOR)) {
                        while (reader.loadNextBatch()) {
                            read += reader.getVectorSchemaRoot().getRowCount();
                        }
                    }
                    return read;
                };
            case "rows.in":
                List<Tables.Trade> trades = Tables.trades(rows);
                return () -> {
                    try (PythonObject columns = Python.columns(trades, Tables.Trade.class)) {
                        return columns;
                    }
                };
            case "rows.out":
                return rowsOut(table -> table.toList(Tables.Trade.class), rows);
            case "rows.arrow.out":
                return rowsOut(TablesPeer::byArrow, rows);
            case "rows.arrow.in":
                List<Tables.Trade> same = Tables.trades(rows);
                return () -> {
                    try (VectorSchemaRoot root = vectors(same); PythonObject table = PythonArrow.toPython(root)) {
                        return table;
                    }
                };
            default:
                throw new NotOffered();
        }
    }

    private static Step in(int rows) {
        VectorSchemaRoot root = Tables.table(rows);
        return () -> {
            try (PythonObject table = PythonArrow.toPython(root)) {
                return table;
            }
        };
    }

    private static Step sum(PythonCallable sum, int rows) {
        VectorSchemaRoot root = VectorSchemaRoot.of(Tables.doubles("x", rows));
        root.setRowCount(rows);
        return () -> {
            try (PythonObject table = PythonArrow.toPython(root)) {
                return sum.call(table);
            }
        };
    }

    /** In memory of the library's own: what it has from numpy is numpy's. */
    private static Step alone(String table, String function) {
        PythonObject made = Python.eval(table);
        PythonCallable sum = PythonCallable.of(Python.eval(function));
        return () -> sum.call(made);
    }

    private static Step streamIn(String function, int rows) {
        VectorSchemaRoot batch = Tables.table(Tables.BATCH);
        PythonCallable read = PythonCallable.of(function);
        return () -> {
            try (PythonObject stream = PythonArrow.toPython(new Tables.Reader(batch, rows))) {
                return read.call(stream);
            }
        };
    }

    private interface Rows {
        List<Tables.Trade> of(PythonObject table);
    }

    private static Step rowsOut(Rows read, int rows) {
        PythonObject table = Python.eval("pa.table({'id': numpy.arange(" + rows + "), 'price': numpy.arange(" + rows + ") * 0.5, 'name': ['name%d' % (i % 1000) for i in range("
                + rows + ")], 'day': pa.array(numpy.arange(" + rows + ", dtype='int32') % 20_000).cast(pa.date32())})");
        return () -> read.of(table);
    }

    /** What a program writes that has Arrow in Java. */
    private static List<Tables.Trade> byArrow(PythonObject table) {
        try (VectorSchemaRoot root = PythonArrow.table(table, Tables.ALLOCATOR)) {
            BigIntVector id = (BigIntVector) root.getVector("id");
            Float8Vector price = (Float8Vector) root.getVector("price");
            VarCharVector name = (VarCharVector) root.getVector("name");
            DateDayVector day = (DateDayVector) root.getVector("day");
            List<Tables.Trade> trades = new ArrayList<>(root.getRowCount());
            for (int i = 0; i < root.getRowCount(); i++) {
                trades.add(new Tables.Trade(id.get(i), price.get(i), new String(name.get(i), java.nio.charset.StandardCharsets.UTF_8),
                        LocalDate.ofEpochDay(day.get(i))));
            }
            return trades;
        }
    }

    private static VectorSchemaRoot vectors(List<Tables.Trade> trades) {
        BigIntVector id = new BigIntVector("id", Tables.ALLOCATOR);
        Float8Vector price = new Float8Vector("price", Tables.ALLOCATOR);
        VarCharVector name = new VarCharVector("name", Tables.ALLOCATOR);
        DateDayVector day = new DateDayVector("day", Tables.ALLOCATOR);
        id.allocateNew(trades.size());
        price.allocateNew(trades.size());
        day.allocateNew(trades.size());
        int row = 0;
        for (Tables.Trade trade : trades) {
            id.set(row, trade.id());
            price.set(row, trade.price());
            name.setSafe(row, trade.name().getBytes(java.nio.charset.StandardCharsets.UTF_8));
            day.set(row++, (int) trade.day().toEpochDay());
        }
        VectorSchemaRoot root = VectorSchemaRoot.of(id, price, name, day);
        root.setRowCount(trades.size());
        return root;
    }
}
