// SPDX-License-Identifier: Apache-2.0
// The plugin io.github.python4j: the block python { } and its tasks. It is plain Java on Gradle's documented API, so that
// one jar serves Gradle 4.4 and today's.
package org.nd4j.python4j.gradle;

import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.gradle.api.Plugin;
import org.gradle.api.Project;
import org.gradle.api.Task;
import org.gradle.api.artifacts.Configuration;
import org.gradle.api.file.FileCollection;
import org.gradle.api.plugins.JavaPlugin;
import org.gradle.api.tasks.SourceSet;
import org.gradle.api.tasks.SourceSetContainer;

/** Adds the tasks {@code lockPython}, {@code installPython}, {@code pythonTest}, {@code pythonLicences}, {@code pythonSbom}. */
public class PythonPlugin implements Plugin<Project> {

    private static final String GROUP = "python";

    @Override
    public void apply(Project project) {
        project.getPluginManager().apply(JavaPlugin.class);
        PythonExtension python = project.getExtensions().create("python", PythonExtension.class);
        Configuration tool = project.getConfigurations().create("python4jTool");
        tool.setCanBeConsumed(false);
        tool.setDescription("The tool that locks and packages Python packages.");
        tool.getDependencies().add(project.getDependencies().create(
                "io.github.python4j:python4j-packages:" + PythonPlugin.class.getPackage().getImplementationVersion()));

        // The dependencies alone: the program's own packages are what is made here.
        FileCollection classpath = project.getConfigurations().getByName("runtimeClasspath").plus(tool);
        PythonTask lock = task(project, "lockPython", "lock", "Resolves the Python packages and writes the lock file.", classpath);
        PythonTask install = task(project, "installPython", "install", "Puts the locked Python packages where the class path finds them.",
                classpath);
        PythonTask licences = task(project, "pythonLicences", "licences", "Lists the licences of the Python packages.", classpath);
        PythonTask sbom = task(project, "pythonSbom", "sbom", "Writes a bill of materials (CycloneDX) of the Python packages.", classpath);
        PythonTask test = task(project, "pythonTest", "test", "Runs pytest over src/test/python inside the Python of a JVM.", classpath);

        SourceSetContainer sourceSets = (SourceSetContainer) project.property("sourceSets");
        lock.getOutputs().upToDateWhen(task -> false); // the package index is no input that Gradle knows
        Arrays.asList(install, licences, sbom).forEach(task -> task.mustRunAfter(lock));
        test.getOutputs().upToDateWhen(task -> false);
        test.setClasspath(sourceSets.getByName(SourceSet.TEST_SOURCE_SET_NAME).getRuntimeClasspath().plus(tool));
        test.dependsOn(test.getClasspath());
        test.onlyIf(task -> new File(option(task, "--tests")).isDirectory());
        project.getTasks().getByName("check").dependsOn(test);

        project.afterEvaluate(evaluated -> {
            List<String> declared = declared(project, python);
            File build = project.getLayout().getBuildDirectory().getAsFile().get();
            File resources = new File(build, "python4j/resources");
            sourceSets.getByName(SourceSet.MAIN_SOURCE_SET_NAME).getOutput().dir(Collections.singletonMap("builtBy", install), resources);
            install.getOutputs().dir(resources);
            File wheels = python.getWheels() == null ? null : project.file(python.getWheels());
            lock.setOptions(declared);
            install.setOptions(plus(declared, "--out", resources.getPath(), "--packaging", python.getPackaging(), "--sources",
                    project.file(python.getSources()).getPath()));
            licences.setOptions(plus(declared, "--out", new File(build, "reports/python/licences.txt").getPath()));
            sbom.setOptions(plus(declared, "--out", new File(build, "reports/python/bom.json").getPath(), "--name", project.getName(),
                    "--version", project.getVersion().toString()));
            List<String> testing = new ArrayList<>(Arrays.asList("--out", new File(build, "test-results/python/pytest.xml").getPath(),
                    "--tests", project.file(python.getTests()).getPath(), "--sources", project.file(python.getSources()).getPath(),
                    "--pytest", python.getPytest()));
            if (wheels != null) {
                testing.addAll(Arrays.asList("--wheels", wheels.getPath()));
            }
            test.setOptions(testing);
            if (python.getRequirements() != null) {
                install.getInputs().file(project.file(python.getRequirements()));
            }
            install.getInputs().files(project.file(python.getLock()), project.fileTree(project.file(python.getSources())));
            if (python.getPackaging().equals("beside")) {
                install.getOutputs().dir(new File(build, "python4j/python-packages"));
            } else if (!python.getPackaging().equals("jar")) {
                install.getOutputs().dir(python.getPackaging());
            }
        });
    }

    private static PythonTask task(Project project, String name, String command, String description, FileCollection classpath) {
        PythonTask task = project.getTasks().create(name, PythonTask.class);
        task.setGroup(GROUP);
        task.setDescription(description);
        task.setCommand(command);
        task.setClasspath(classpath);
        task.dependsOn(classpath);
        return task;
    }

    /** The options that say what is declared. */
    private static List<String> declared(Project project, PythonExtension python) {
        List<String> options = new ArrayList<>(Arrays.asList("--lock", project.file(python.getLock()).getPath(), "--python",
                python.getVersion()));
        for (String each : python.getPackages()) {
            options.addAll(Arrays.asList("--package", each));
        }
        for (String each : python.getPlatforms()) {
            options.addAll(Arrays.asList("--platform", each));
        }
        if (python.getRequirements() != null) {
            options.addAll(Arrays.asList("--requirements", project.file(python.getRequirements()).getPath()));
        }
        if (python.getWheels() != null) {
            options.addAll(Arrays.asList("--wheels", project.file(python.getWheels()).getPath()));
        }
        return options;
    }

    private static List<String> plus(List<String> options, String... more) {
        List<String> all = new ArrayList<>(options);
        all.addAll(Arrays.asList(more));
        return all;
    }

    private static String option(Task task, String name) {
        List<String> options = ((PythonTask) task).getOptions();
        return options.get(options.indexOf(name) + 1);
    }
}
