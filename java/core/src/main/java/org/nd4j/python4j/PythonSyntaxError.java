// SPDX-License-Identifier: Apache-2.0
package org.nd4j.python4j;

import java.util.ArrayList;
import java.util.List;

/** A text is not a valid Python program. No part of it ran. Lines and columns are counted from 1. */
public class PythonSyntaxError extends PythonException {

    private static final long serialVersionUID = 1L;

    private final String file;
    private final int line;
    private final int column;
    private final String sourceText;

    /** @param detail file, line, column and text, each null where Python does not say */
    PythonSyntaxError(String message, Throwable cause, List<?> detail) {
        super(message, cause);
        file = detail != null && detail.get(0) instanceof String ? (String) detail.get(0) : "";
        line = number(detail, 1);
        column = number(detail, 2);
        sourceText = detail != null && detail.get(3) instanceof String ? (String) detail.get(3) : "";
    }

    private PythonSyntaxError(String message, PythonSyntaxError cause) {
        super(message, cause);
        file = cause.file;
        line = cause.line;
        column = cause.column;
        sourceText = cause.sourceText;
    }

    /** This one as the cause of one with another message. */
    PythonSyntaxError under(String message) {
        return new PythonSyntaxError(message, this);
    }

    private static int number(List<?> detail, int index) {
        return detail != null && detail.get(index) instanceof Long ? ((Long) detail.get(index)).intValue() : -1;
    }

    /** The name of the file; {@code <exec-N>} for a text that was run from Java. */
    public String getFile() {
        return file;
    }

    /** The line; -1 if it is unknown. */
    public int getLine() {
        return line;
    }

    /** The column; -1 if it is unknown. */
    public int getColumn() {
        return column;
    }

    /** The text of the line; empty if Python does not report it. */
    public String getSourceText() {
        return sourceText;
    }

    /**
     * The text of the exception, followed by the error, the file, the line, the column and the text of the line: {@code
     * ... (SyntaxError: invalid syntax, <exec-3>, line 2, column 5: x = = 1)}.
     */
    @Override
    public String toString() {
        List<String> told = new ArrayList<>();
        if (getPythonClass().isEmpty() && getCause() instanceof PythonSyntaxError) { // see under()
            PythonSyntaxError cause = (PythonSyntaxError) getCause();
            // Python's own text of it ends with file and line, which stand here in full.
            told.add(cause.getPythonClass() + ": "
                    + cause.getPythonMessage().replaceFirst(" \\([^()]*, line \\d+\\)$", ""));
        }
        if (!file.isEmpty()) {
            told.add(file);
        }
        if (line >= 0) {
            told.add("line " + line);
        }
        if (column >= 0) {
            told.add("column " + column);
        }
        String place = String.join(", ", told) + (sourceText.trim().isEmpty() ? "" : ": " + sourceText.trim());
        return super.toString() + (place.isEmpty() ? "" : " (" + place + ")");
    }
}
