// SPDX-License-Identifier: Apache-2.0
// What a user's test is: Python starts in the JVM that Gradle makes for it, with the settings of docs/testing.md.
package consumer;

import static org.junit.Assert.assertEquals;

import java.io.File;
import org.junit.Test;

public class ConsumerTest {
    @Test
    public void pythonRuns() throws Exception {
        Consumer.main(new String[0]);
        File cache = new File(System.getProperty("org.eclipse.python4j.cache"));
        assertEquals(new File("build", "python4j").getCanonicalFile(), cache.getCanonicalFile());
        assertEquals(true, cache.isDirectory());
    }
}
