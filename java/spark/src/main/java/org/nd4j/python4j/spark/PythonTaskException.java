// SPDX-License-Identifier: Apache-2.0
// An exception that Python raised in a task, in the form for the driver: without the objects of the executor's
// Python.
package org.nd4j.python4j.spark;

import org.apache.spark.TaskContext;
import org.nd4j.python4j.PythonException;

/**
 * Python raised an exception in a task. The message names the partition, and the stack trace contains Python's frames.
 */
public final class PythonTaskException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int partition;

    PythonTaskException(PythonException failed, TaskContext context) {
        super("Python failed in partition " + context.partitionId() + " (stage " + context.stageId() + ", attempt " + context.attemptNumber() + "): "
                + failed.getMessage());
        this.partition = context.partitionId();
        setStackTrace(failed.getStackTrace());
    }

    /** The number of the partition whose task failed. */
    public int partition() {
        return partition;
    }
}
