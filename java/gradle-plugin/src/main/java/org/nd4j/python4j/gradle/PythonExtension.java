// SPDX-License-Identifier: Apache-2.0
// The block python { } of a build. It holds what was declared; PythonPlugin hands it to the tasks.
package org.nd4j.python4j.gradle;

import java.util.ArrayList;
import java.util.List;

/**
 * What a build declares:
 *
 * <pre>{@code
 * python {
 *     packages = ['scikit-learn==1.9.1', 'polars']
 *     requirements = file('requirements.txt')
 *     platforms = ['linux-x86_64', 'linux-arm64']
 * }
 * }</pre>
 */
public class PythonExtension {
    private List<String> packages = new ArrayList<>();
    private Object requirements;
    private String version = "";
    private List<String> platforms = new ArrayList<>();
    private Object sources = "src/main/python";
    private Object tests = "src/test/python";
    private Object lock = "pylock.toml";
    private String packaging = "jar";
    private Object wheels;
    private String pytest = "";

    /** The packages, as pip takes them: {@code scikit-learn==1.9.1}. */
    public List<String> getPackages() {
        return packages;
    }

    /** Sets the packages. */
    public void setPackages(List<String> packages) {
        this.packages = packages;
    }

    /** A file with a package in each line, or null. */
    public Object getRequirements() {
        return requirements;
    }

    /** Sets the file, by anything that {@code project.file} takes. */
    public void setRequirements(Object requirements) {
        this.requirements = requirements;
    }

    /** The version of Python, {@code 3.14}; empty for that of the class path's interpreter. */
    public String getVersion() {
        return version;
    }

    /** Sets the version of Python. */
    public void setVersion(String version) {
        this.version = version;
    }

    /** The platforms that the program runs on, {@code linux-x86_64} say; none for the build's own. */
    public List<String> getPlatforms() {
        return platforms;
    }

    /** Sets the platforms. */
    public void setPlatforms(List<String> platforms) {
        this.platforms = platforms;
    }

    /** The folder of the program's own Python files, {@code src/main/python}. */
    public Object getSources() {
        return sources;
    }

    /** Sets the folder, by anything that {@code project.file} takes. */
    public void setSources(Object sources) {
        this.sources = sources;
    }

    /** The folder of the tests, {@code src/test/python}. */
    public Object getTests() {
        return tests;
    }

    /** Sets the folder, by anything that {@code project.file} takes. */
    public void setTests(Object tests) {
        this.tests = tests;
    }

    /** The lock file, {@code pylock.toml}. */
    public Object getLock() {
        return lock;
    }

    /** Sets the lock file; uv and pip read only names such as {@code pylock.toml} and {@code pylock.NAME.toml}. */
    public void setLock(Object lock) {
        this.lock = lock;
    }

    /** Where the packages are at run time: {@code jar}, {@code beside} the jar, or the absolute path of a folder. */
    public String getPackaging() {
        return packaging;
    }

    /** Sets where the packages are. */
    public void setPackaging(String packaging) {
        this.packaging = packaging;
    }

    /** A folder of wheels that is used in place of the package index, or null. */
    public Object getWheels() {
        return wheels;
    }

    /** Sets the folder, by anything that {@code project.file} takes. */
    public void setWheels(Object wheels) {
        this.wheels = wheels;
    }

    /** The release of pytest for {@code pythonTest}, {@code pytest==9.0.2} say; empty for the plugin's own choice. */
    public String getPytest() {
        return pytest;
    }

    /** Sets the release of pytest. */
    public void setPytest(String pytest) {
        this.pytest = pytest;
    }
}
