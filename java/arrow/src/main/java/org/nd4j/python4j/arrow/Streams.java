// SPDX-License-Identifier: Apache-2.0
// Tables and columns for worker processes, in Arrow's IPC stream format: written once into memory that both processes see, and read
// in its place.
package org.nd4j.python4j.arrow;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.ForeignAllocation;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.ipc.ReadChannel;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.ipc.message.MessageMetadataResult;
import org.apache.arrow.vector.ipc.message.MessageSerializer;
import org.apache.arrow.vector.types.pojo.Schema;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonException;

/** Streams of one batch. */
final class Streams {

    /** The metadata of a table that only carries a column, as in table.py. */
    private static final Map<String, String> COLUMN = Map.of("python4j", "column");

    private Streams() {}

    static PythonBuffer writeColumn(FieldVector column, BufferAllocator allocator) {
        Schema schema = new Schema(List.of(column.getField()), COLUMN);
        return write(new VectorSchemaRoot(schema, List.of(column), column.getValueCount()), allocator);
    }

    static PythonBuffer write(VectorSchemaRoot root, BufferAllocator allocator) {
        if (Outgoing.hasDictionary(root.getSchema().getFields())) {
            throw new PythonException("A table or column with a dictionary does not cross to another process: decode them first, with"
                    + " DictionaryEncoder.decode.");
        }
        Place counted = new Place(null);
        write(root, counted);
        PythonBuffer bytes = PythonBuffer.shared(PythonBuffer.Type.UINT8, counted.at);
        try (ArrowBuf room = allocator.wrapForeignAllocation(new Borrowed(bytes))) {
            write(root, new Place(room));
            return bytes;
        } catch (Throwable e) {
            bytes.close();
            throw e;
        }
    }

    private static void write(VectorSchemaRoot root, Place place) {
        try (ArrowStreamWriter writer = new ArrowStreamWriter(root, null, place)) {
            writer.writeBatch();
        } catch (IOException e) {
            throw new PythonException("The table cannot be written: " + e.getMessage(), e);
        }
    }

    static FieldVector readColumn(PythonBuffer bytes, BufferAllocator allocator) {
        VectorSchemaRoot root = readAny(bytes, allocator);
        if (isColumn(root)) {
            return root.getVector(0);
        }
        root.close();
        throw new PythonException("The worker process returned a table, not a column: ask for PythonArrow.TABLE, or return one column.");
    }

    static VectorSchemaRoot read(PythonBuffer bytes, BufferAllocator allocator) {
        VectorSchemaRoot root = readAny(bytes, allocator);
        if (!isColumn(root)) {
            return root;
        }
        FieldVector column = root.getVector(0);
        if (column instanceof StructVector && column.getNullCount() == 0) {
            column.getValidityBuffer().close(); // the rest of it goes on
            return new VectorSchemaRoot(column);
        }
        root.close();
        throw new PythonException("The worker process returned a single column of type " + column.getField().getType()
                + ", not a table: ask for PythonArrow.COLUMN, or return a table.");
    }

    private static boolean isColumn(VectorSchemaRoot root) {
        return COLUMN.equals(root.getSchema().getCustomMetadata());
    }

    private static VectorSchemaRoot readAny(PythonBuffer bytes, BufferAllocator allocator) {
        VectorSchemaRoot root = null;
        try (ArrowBuf all = Ndarrays.shared(bytes, allocator)) {
            ReadChannel in = new ReadChannel(new Place(all));
            root = VectorSchemaRoot.create(MessageSerializer.deserializeSchema(MessageSerializer.readMessage(in)), allocator);
            MessageMetadataResult batch = MessageSerializer.readMessage(in);
            if (batch != null) {
                ArrowBuf body = all.slice(in.bytesRead(), batch.getMessageBodyLength());
                body.getReferenceManager().retain(); // which the batch gives back
                try (ArrowRecordBatch loaded = MessageSerializer.deserializeRecordBatch(batch.getMessage(), body)) {
                    new VectorLoader(root).load(loaded);
                }
            }
            return root;
        } catch (IOException | RuntimeException e) {
            if (root != null) {
                root.close();
            }
            throw new PythonException("The table of another process cannot be read: " + e.getMessage(), e);
        }
    }

    /** The memory of a buffer that somebody else closes. */
    private static final class Borrowed extends ForeignAllocation {
        Borrowed(PythonBuffer bytes) {
            super(bytes.count(), bytes.address());
        }

        @Override
        protected void release0() {}
    }

    /** A place in memory that is read or written from its start on; without memory it counts. */
    private static final class Place implements ReadableByteChannel, WritableByteChannel {
        private final ArrowBuf memory;
        private long at;

        Place(ArrowBuf memory) {
            this.memory = memory;
        }

        @Override
        public int read(ByteBuffer to) {
            int count = (int) Math.min(to.remaining(), memory.capacity() - at);
            if (count == 0 && to.hasRemaining()) {
                return -1;
            }
            for (int end = to.position() + count; to.position() < end; ) {
                to.put(memory.getByte(at++));
            }
            return count;
        }

        @Override
        public int write(ByteBuffer from) {
            int count = from.remaining();
            if (memory != null) {
                memory.setBytes(at, from);
            }
            from.position(from.limit());
            at += count;
            return count;
        }

        @Override
        public boolean isOpen() {
            return true;
        }

        @Override
        public void close() {}
    }
}
