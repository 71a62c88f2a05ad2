// SPDX-License-Identifier: Apache-2.0
// Record batches of a Python object as an ArrowReader.
package org.nd4j.python4j.arrow;

import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;

/** Reads {@link Batches} one by one. */
final class PythonReader extends ArrowReader {

    private final Batches batches;

    PythonReader(Batches batches) {
        super(batches.allocator);
        this.batches = batches;
    }

    @Override
    protected Schema readSchema() {
        return batches.schema();
    }

    @Override
    public boolean loadNextBatch() throws java.io.IOException {
        prepareLoadNextBatch();
        getVectorSchemaRoot().clear(); // so that no more than one batch is there at a time
        return batches.load(getVectorSchemaRoot());
    }

    @Override
    public Map<Long, Dictionary> getDictionaryVectors() throws java.io.IOException {
        ensureInitialized();
        Map<Long, Dictionary> all = new TreeMap<>();
        getDictionaryIds().forEach(id -> all.put(id, lookup(id)));
        return all;
    }

    @Override
    public Dictionary lookup(long id) {
        return batches.dictionaries.lookup(id);
    }

    @Override
    public Set<Long> getDictionaryIds() {
        return batches.dictionaries.getDictionaryIds();
    }

    /** Returns 0, because no bytes are read from a channel. */
    @Override
    public long bytesRead() {
        return 0;
    }

    @Override
    protected void closeReadSource() {
        batches.close();
    }
}
