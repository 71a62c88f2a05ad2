// SPDX-License-Identifier: Apache-2.0
// All goals: each is one run of PackageTool. Maven fills in the fields, as META-INF/maven/plugin.xml says, which is written by
// hand, since the tool that writes it wants a Maven build.
package org.nd4j.python4j.maven;

import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.apache.maven.plugin.AbstractMojo;
import org.apache.maven.plugin.MojoExecutionException;

/** A goal of {@code python4j-maven-plugin}; docs/dependencies.md describes its configuration. */
public final class PythonMojo extends AbstractMojo {

    private static final String TOOL = "org.nd4j.python4j.packages.PackageTool";

    // Filled in by Maven.
    private String command;
    private List<String> packages = Collections.emptyList();
    private List<String> platforms = Collections.emptyList();
    private File requirements;
    private String version;
    private File sources;
    private File tests;
    private File lock;
    private String packaging;
    private File wheels;
    private String pytest;
    private List<String> classpath;
    private File classes;
    private File build;
    private String name;
    private String release;

    @Override
    public void execute() throws MojoExecutionException {
        boolean testing = command.equals("test");
        if (testing && !tests.isDirectory()) {
            getLog().info("There is no folder " + tests);
            return;
        }
        List<String> line = new ArrayList<>(Collections.singletonList(System.getProperty("java.home") + "/bin/java"));
        if (Runtime.version().feature() >= 24) {
            line.add("--enable-native-access=ALL-UNNAMED");
        }
        for (String property : System.getProperties().stringPropertyNames()) {
            if (property.startsWith("org.eclipse.python4j.")) {
                line.add("-D" + property + "=" + System.getProperty(property));
            }
        }
        line.addAll(Arrays.asList("-Dslf4j.internal.verbosity=ERROR", "-cp", path(testing), TOOL, command));
        line.addAll(testing ? Arrays.asList("--out", build + "/python-reports/pytest.xml", "--tests", tests.getPath(), "--sources",
                sources.getPath()) : declared());
        add(line, "--pytest", testing ? pytest : null);
        add(line, "--wheels", wheels);
        run(line);
    }

    /** What is declared, and what the goal writes. */
    private List<String> declared() {
        List<String> options = new ArrayList<>(Arrays.asList("--lock", lock.getPath()));
        packages.forEach(each -> add(options, "--package", each));
        platforms.forEach(each -> add(options, "--platform", each));
        add(options, "--requirements", requirements);
        add(options, "--python", version);
        if (command.equals("install")) {
            options.addAll(Arrays.asList("--out", classes.getPath(), "--packaging", packaging, "--sources", sources.getPath()));
        } else if (!command.equals("lock")) {
            String file = command.equals("sbom") ? "bom.json" : "licences.txt";
            options.addAll(Arrays.asList("--out", build + "/python-reports/" + file, "--name", name, "--version", release));
        }
        return options;
    }

    private static void add(List<String> options, String name, Object value) {
        if (value != null) {
            options.addAll(Arrays.asList(name, value.toString()));
        }
    }

    /** The program's class path and the tool; without the classes that the goals fill, unless they are tested. */
    private String path(boolean testing) throws MojoExecutionException {
        List<String> entries = new ArrayList<>(classpath);
        if (!testing) {
            entries.remove(classes.getPath());
        }
        try {
            Class<?> tool = Class.forName(TOOL, false, PythonMojo.class.getClassLoader());
            entries.add(Path.of(tool.getProtectionDomain().getCodeSource().getLocation().toURI()).toString());
        } catch (ReflectiveOperationException | URISyntaxException e) {
            throw new MojoExecutionException("There is no " + TOOL + " beside this plugin", e);
        }
        return String.join(File.pathSeparator, entries);
    }

    private void run(List<String> line) throws MojoExecutionException {
        try {
            Path log = Files.createTempFile("python4j-", ".txt");
            try {
                Process process = new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(log.toFile()).start();
                process.getOutputStream().close();
                int status;
                try {
                    status = process.waitFor();
                } finally {
                    process.destroy();
                }
                String output = new String(Files.readAllBytes(log), StandardCharsets.UTF_8).trim();
                if (status != 0) {
                    throw new MojoExecutionException(output);
                }
                if (!output.isEmpty()) {
                    getLog().info(output);
                }
            } finally {
                Files.deleteIfExists(log);
            }
        } catch (IOException e) {
            throw new MojoExecutionException("The tool cannot be run: " + e, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MojoExecutionException("interrupted", e);
        }
    }
}
