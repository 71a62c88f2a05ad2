// SPDX-License-Identifier: Apache-2.0
// Where classes live and which of them may refer to which. The same order stands in ARCHITECTURE.md,
// in its table of the hidden packages.
package org.nd4j.python4j;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class PackagesTest {
    private static final String PUBLIC = "org.nd4j.python4j";
    private static final String HIDDEN = PUBLIC + ".internal";

    /** The hidden packages from the bottom to the top: each refers only to those before it. */
    private static final List<String> ORDER = Arrays.asList("", ".jni", ".packages", ".start", ".process", ".turn", ".monitor", ".convert", ".loop", ".arrow");

    /**
     * The public types that hidden classes may refer to: those whose values cross, and constants. They may not call
     * the rest of the public API, which calls them.
     */
    private static final Set<String> VALUES = new TreeSet<>(Arrays.asList(
            "Python", // its static functions are what conversion is made of
            "PythonBuffer", "PythonConstants", "PythonException", "PythonExecutioner$JavaCppPathType", "PythonExposure", "PythonFunction",
            "PythonGIL", "PythonGILMXBean", "PythonInterrupted", "PythonObject", "PythonTimeout", "PythonType"));

    private static final List<String> UPWARDS = Arrays.asList("awaited loop.Awaited", "bean monitor.Monitor", "look turn.Stopper",
            "ofThrown convert.ByReference", "toPeer convert.ToPython", "toPython convert.ToPython", "waitBegins monitor.Monitor",
            "waitEnds monitor.Monitor", "warmUp monitor.Monitor");

    private static final JavaClasses OURS = new ClassFileImporter().importPath(folder());

    /** The classes of the core without those of its tests, which have the same package. */
    private static Path folder() {
        try {
            return Paths.get(PythonObject.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void eachHiddenPackageRefersOnlyToThoseBeforeIt() {
        for (int i = 0; i < ORDER.size(); i++) {
            List<String> later = new ArrayList<>();
            for (String name : ORDER.subList(i + 1, ORDER.size())) {
                later.add(HIDDEN + name);
            }
            if (!later.isEmpty()) {
                noClasses().that().resideInAPackage(HIDDEN + ORDER.get(i))
                        .should().dependOnClassesThat(resideInAnyPackage(later.toArray(new String[0]))).check(OURS);
            }
        }
    }

    @Test
    void everyHiddenPackageHasItsPlaceInTheOrder() {
        Set<String> found = new TreeSet<>();
        for (JavaClass type : OURS) {
            if (type.getPackageName().startsWith(HIDDEN)) {
                found.add(type.getPackageName().substring(HIDDEN.length()));
            }
        }
        assertEquals(new TreeSet<>(ORDER), found);
    }

    @Test
    void hiddenClassesReferToNoPublicOnesButValues() {
        DescribedPredicate<JavaClass> others = DescribedPredicate.describe("are not among the values that cross",
                type -> !VALUES.contains(type.getName().substring(type.getPackageName().length() + 1)));
        noClasses().that().resideInAPackage(HIDDEN + "..")
                .should().dependOnClassesThat(resideInAPackage(PUBLIC).and(others)).check(OURS);
    }

    @Test
    void whatIsHiddenIsNotBesideThePublicClasses() {
        classes().that(resideInAPackage(PUBLIC)).and().areTopLevelClasses().and().areNotAssignableTo(PublicAccess.class)
                .should().bePublic().check(OURS);
    }

    @Test
    void noPublicSignatureShowsAHiddenClass() {
        List<String> shown = new ArrayList<>();
        for (JavaClass type : OURS) {
            if (type.getPackageName().equals(PUBLIC)) {
                type.getMembers().stream().filter(PackagesTest::isVisible)
                        .filter(member -> member.getAllInvolvedRawTypes().stream().anyMatch(resideInAPackage(HIDDEN + "..")))
                        .forEach(member -> shown.add(member.getFullName()));
            }
        }
        shown.removeIf(name -> name.startsWith(PublicAccess.class.getName()));
        assertEquals(List.of(), shown);
    }

    /**
     * What the hidden packages have called upwards at run time, through {@code Access}: each entry is one that no test above sees.
     * A new one needs a reason beside its declaration in {@code Access}.
     */
    @Test
    void whatRunsUpwardsIsListed() {
        Set<String> found = new TreeSet<>();
        OURS.get(PublicAccess.class).getMethods().forEach(method -> method.getMethodCallsFromSelf().stream()
                .map(call -> call.getTargetOwner()).filter(resideInAPackage(HIDDEN + "..")::test)
                .filter(owner -> !owner.getPackageName().equals(HIDDEN) && !owner.getPackageName().equals(HIDDEN + ".jni"))
                .forEach(owner -> found.add(method.getName() + " " + owner.getName().substring(HIDDEN.length() + 1))));
        assertEquals(new TreeSet<>(UPWARDS), found);
    }

    private static boolean isVisible(JavaMember member) {
        return member.getModifiers().contains(JavaModifier.PUBLIC)
                || member.getModifiers().contains(JavaModifier.PROTECTED);
    }

    @Test
    void theArchitectureTellsTheSameOrder() throws Exception {
        Matcher rows = Pattern.compile("(?m)^\\| (?:\\(itself\\)|`(jni|packages|start|process|turn|monitor|convert|loop|arrow)`) \\|")
                .matcher(new String(Files.readAllBytes(Paths.get("ARCHITECTURE.md")), StandardCharsets.UTF_8));
        List<String> told = new ArrayList<>();
        while (rows.find()) {
            told.add(rows.group(1) == null ? "" : "." + rows.group(1));
        }
        assertEquals(ORDER, told);
    }
}
