// SPDX-License-Identifier: Apache-2.0
// What PySpark does: Arrow's IPC format through a socket to a Python process beside the JVM, which pyarrow reads and
// writes there. tests/bench/tables/socket_worker.py is that process.
package org.nd4j.python4j.bench;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;

/** The worker is told what to do by a line of text. */
public final class SocketPeer extends Peer {

    private Process worker;
    private Socket socket;
    private DataInputStream in;
    private DataOutputStream out;

    @Override
    public void open() throws IOException {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            worker = new ProcessBuilder(System.getProperty("bench.python"), System.getProperty("bench.worker"), String.valueOf(server.getLocalPort()))
                    .redirectError(ProcessBuilder.Redirect.INHERIT).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
            server.setSoTimeout(60_000);
            socket = server.accept();
        }
        socket.setTcpNoDelay(true);
        in = new DataInputStream(new BufferedInputStream(socket.getInputStream(), 1 << 16));
        out = new DataOutputStream(new BufferedOutputStream(socket.getOutputStream(), 1 << 16));
    }

    @Override
    public void close() throws IOException {
        socket.close(); // which ends the worker
        worker.onExit().join();
    }

    @Override
    public Step table(String what, int rows) throws IOException {
        switch (what) {
            case "in":
                VectorSchemaRoot root = Tables.table(rows);
                return () -> send("in", root, 1);
            case "polars":
            case "pyarrow":
                VectorSchemaRoot column = VectorSchemaRoot.of(Tables.doubles("x", rows));
                column.setRowCount(rows);
                return () -> send(what, column, 1);
            case "stream.in":
            case "stream.polars":
                VectorSchemaRoot batch = Tables.table(Tables.BATCH);
                return () -> send(what, batch, rows / Tables.BATCH);
            case "out":
                ask("make " + rows);
                in.readDouble();
                return () -> receive("out 1");
            case "stream.out":
                ask("make " + Tables.BATCH);
                in.readDouble();
                return () -> receive("out " + rows / Tables.BATCH);
            default:
                throw new NotOffered();
        }
    }

    private void ask(String text) throws IOException {
        out.writeBytes(text + "\n");
        out.flush();
    }

    private double send(String what, VectorSchemaRoot batch, int times) throws IOException {
        ask(what);
        ArrowStreamWriter writer = new ArrowStreamWriter(batch, null, out); // closing it would close the socket
        writer.start();
        for (int i = 0; i < times; i++) {
            writer.writeBatch();
        }
        writer.end();
        out.flush();
        return in.readDouble();
    }

    private long receive(String what) throws IOException {
        ask(what);
        long rows = 0;
        ArrowStreamReader reader = new ArrowStreamReader(in, Tables.ALLOCATOR);
        while (reader.loadNextBatch()) {
            rows += reader.getVectorSchemaRoot().getRowCount();
        }
        reader.close(false);
        return rows;
    }
}
