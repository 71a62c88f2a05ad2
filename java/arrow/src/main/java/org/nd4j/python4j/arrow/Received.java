// SPDX-License-Identifier: Apache-2.0
// The memory of a batch that comes from Python, as buffers of vectors. Arrow Java's own importer crosses JNI and
// allocates several times for each column, which takes longer than everything else on the way.
package org.nd4j.python4j.arrow;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.ForeignAllocation;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.message.ArrowFieldNode;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.arrow.Tables;

/** Loads vectors from the numbers of a batch. Python keeps the memory until this is closed, and each buffer as well. */
final class Received implements AutoCloseable {

    private final BufferAllocator allocator;
    private final DictionaryProvider dictionaries;
    private final long[] numbers;
    private final AtomicInteger uses = new AtomicInteger(1);
    private int next = 2; // after the key and the number of rows

    Received(long[] numbers, BufferAllocator allocator, DictionaryProvider dictionaries) {
        this.numbers = numbers;
        this.allocator = allocator;
        this.dictionaries = dictionaries;
    }

    long rows() {
        return numbers[1];
    }

    /** Loads the next array, with all below it. */
    void load(FieldVector vector) {
        ArrowFieldNode node = new ArrowFieldNode(numbers[next], numbers[next + 1]);
        long parts = numbers[next + 2];
        int count = (int) numbers[next + 3];
        next += 4;
        List<ArrowBuf> buffers = new ArrayList<>(count);
        try {
            for (int i = 0; i < count; i++, next += 2) {
                buffers.add(buffer(numbers[next], numbers[next + 1]));
            }
            vector.loadFieldBuffers(node, buffers);
        } finally {
            buffers.forEach(ArrowBuf::close); // the vector has its own use of each
        }
        List<FieldVector> children = vector.getChildrenFromFields();
        if (children.size() != parts) {
            throw new PythonException("Arrow Java has " + children.size() + " vectors for the " + parts + " parts of " + vector.getField() + ".");
        }
        children.forEach(this::load);
        DictionaryEncoding encoding = vector.getField().getDictionary();
        if (encoding != null) {
            FieldVector values = dictionaries.lookup(encoding.getId()).getVector();
            values.clear();
            load(values);
        }
    }

    private ArrowBuf buffer(long address, long bytes) {
        if (bytes == 0) {
            return allocator.getEmpty();
        }
        uses.incrementAndGet();
        return allocator.wrapForeignAllocation(new ForeignAllocation(bytes, address) {
            @Override
            protected void release0() {
                close();
            }
        });
    }

    @Override
    public void close() {
        if (uses.decrementAndGet() == 0) {
            Tables.Incoming.release(numbers[0]);
        }
    }
}
