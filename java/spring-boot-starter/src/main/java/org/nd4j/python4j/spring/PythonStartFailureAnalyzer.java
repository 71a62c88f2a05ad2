// SPDX-License-Identifier: Apache-2.0
// The report that Spring Boot prints in place of a stack trace where Python keeps the application from starting.
package org.nd4j.python4j.spring;

import org.nd4j.python4j.PythonException;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

final class PythonStartFailureAnalyzer extends AbstractFailureAnalyzer<PythonStartException> {

    @Override
    protected FailureAnalysis analyze(Throwable root, PythonStartException failure) {
        String traceback = failure.getCause() instanceof PythonException cause ? cause.getTraceback() : "";
        return new FailureAnalysis(
                failure.getMessage() + (traceback.isEmpty() ? "" : "\n\n" + traceback.strip()), failure.action(), failure);
    }
}
