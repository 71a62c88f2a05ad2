// SPDX-License-Identifier: Apache-2.0
// The Python halves of the examples, which lie beside the classes. Quickstart.java stands by itself
// and has its own.
package org.nd4j.python4j.examples;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

final class Resource {
    private Resource() {}

    /** A file of this package, as text. */
    static String text(String name) {
        try (InputStream in = Resource.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
