// SPDX-License-Identifier: Apache-2.0
// One run of PackageTool. A task has all that it needs as its own values and does not ask for its project when it runs,
// as the documentation of today's Gradle wants; everything here is in Gradle 4.4, too.
package org.nd4j.python4j.gradle;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.gradle.api.DefaultTask;
import org.gradle.api.GradleException;
import org.gradle.api.file.FileCollection;
import org.gradle.api.tasks.Classpath;
import org.gradle.api.tasks.Input;
import org.gradle.api.tasks.Internal;
import org.gradle.api.tasks.TaskAction;

/** Runs a command of the tool with the class path of the program. */
public class PythonTask extends DefaultTask {
    private String command;
    private List<String> options = new ArrayList<>();
    private FileCollection classpath;

    /** The command. */
    @Input
    public String getCommand() {
        return command;
    }

    /** Sets the command. */
    public void setCommand(String command) {
        this.command = command;
    }

    /** The options of the tool, each with its value. */
    @Input
    public List<String> getOptions() {
        return options;
    }

    /** Sets the options. */
    public void setOptions(List<String> options) {
        this.options = options;
    }

    /** The class path of the program, with the tool. */
    @Classpath
    public FileCollection getClasspath() {
        return classpath;
    }

    /** Sets the class path. */
    public void setClasspath(FileCollection classpath) {
        this.classpath = classpath;
    }

    /** The system properties of python4j that the build was given, which the tool gets, too. */
    @Internal
    public List<String> getProperties4j() {
        List<String> all = new ArrayList<>();
        for (String name : System.getProperties().stringPropertyNames()) {
            if (name.startsWith("org.eclipse.python4j.")) {
                all.add("-D" + name + "=" + System.getProperty(name));
            }
        }
        return all;
    }

    /** Runs the tool. */
    @TaskAction
    public void run() throws IOException, InterruptedException {
        List<String> line = new ArrayList<>(Arrays.asList(System.getProperty("java.home") + "/bin/java"));
        if (Runtime.version().feature() >= 24) {
            line.add("--enable-native-access=ALL-UNNAMED");
        }
        line.addAll(getProperties4j());
        line.addAll(Arrays.asList("-Dslf4j.internal.verbosity=ERROR", "-cp", classpath.getAsPath(), "org.nd4j.python4j.packages.PackageTool", command));
        line.addAll(options);
        File log = new File(getTemporaryDir(), "output.txt");
        Process process = new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(log).start();
        process.getOutputStream().close();
        int status;
        try {
            status = process.waitFor();
        } finally {
            process.destroy();
        }
        String output = new String(Files.readAllBytes(log.toPath()), "UTF-8").trim();
        if (status != 0) {
            throw new GradleException(output);
        }
        if (!output.isEmpty()) {
            getLogger().lifecycle(output);
        }
    }
}
