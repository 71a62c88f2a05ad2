// SPDX-License-Identifier: Apache-2.0
// The torture suite: starts its programs in JVMs of their own, watches how they end, counts, and says
// how to repeat what failed. Started by gradle/torture.gradle.
package org.nd4j.python4j;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code Torture SEED MINUTES [PART]}; zero minutes are the short slice. Properties: {@code torture.jdk} is a
 * JDK with virtual threads, {@code torture.injecting} a folder with the native libraries that can panic, {@code
 * torture.numpy} a class path with ND4J, {@code torture.arrow} one with Arrow Java, and {@code torture.tables} the file tables.py.
 */
final class Torture {
    private Torture() {}

    interface Part {
        void run() throws Exception;
    }

    private static final Pattern DONE = Pattern.compile("^DONE (\\d+) [^,]*, (\\d+) wrong.*", Pattern.MULTILINE);
    private static final Pattern JNI = Pattern.compile("^.*((WARNING|FATAL ERROR) in native method|WARNING: JNI).*", Pattern.MULTILINE);
    private static final int OBJECTS = 12; // of hostile.py in one JVM
    private static final int MOST_OBJECTS = 360;
    private static final String[] OWN_HEAP = {"-Xms256m", "-Xmx256m", "-XX:+AlwaysPreTouch", "-XX:+UseSerialGC"};

    private static final Map<String, Part> PARTS = new LinkedHashMap<>();
    private static long seed;
    private static int minutes;
    private static boolean slice;
    private static boolean alone;
    private static Random random;
    private static int passed;
    private static int failed;
    private static String part;

    static {
        PARTS.put("mistakes", () -> {
            run(new Child(Mistakes.class, "all"));
            for (String name : some(Mistakes.alone(), 12)) {
                run(new Child(Mistakes.class, name));
            }
        });
        PARTS.put("objects", () -> {
            List<Integer> from = new ArrayList<>();
            for (int i = 0; i < MOST_OBJECTS; i += OBJECTS) {
                from.add(i);
            }
            for (int i : some(from, 2)) {
                run(new Child(Operations.class, i, i + OBJECTS).within(300));
            }
        });
        PARTS.put("processes", () -> {
            for (String name : some(Processes.names(), 12)) {
                String wrong = Processes.run(name);
                count(1, wrong == null ? 0 : 1, name, wrong);
            }
        });
        PARTS.put("threads", () -> {
            String arrays = System.getProperty("torture.numpy");
            run(new Child(Threads.class, seed, share(0.4, 2, 5), slice ? 16 : 64, 0).before(slice ? "" : arrays).within(longest()));
            String jdk = System.getProperty("torture.jdk", "");
            if (jdk.isEmpty()) {
                System.out.println("skipped: virtual threads, there is no JDK 21 or later");
            } else {
                run(new Child(Threads.class, seed, share(0.4, 2, 5), slice ? 8 : 64, slice ? 100 : 1000)
                        .on(jdk).before(slice ? "" : arrays).within(longest()));
            }
        });
        PARTS.put("loaders", () -> run(new Child(Loaders.class, seed, share(0.1, 1, 4)).within(longest())));
        PARTS.put("places", () -> {
            run(new Child(Places.class, seed, share(0.4, 2, 3), slice ? 4 : 16, 0).within(longest()));
            String jdk = System.getProperty("torture.jdk", "");
            if (!jdk.isEmpty()) {
                run(new Child(Places.class, seed, share(0.4, 2, 3), slice ? 2 : 8, slice ? 20 : 100).on(jdk).within(longest()));
            }
        });
        PARTS.put("pool", () -> {
            run(new Child(Pools.class, seed, share(0.2, 2, 4), slice ? 8 : 64, 0).within(longest()));
            String jdk = System.getProperty("torture.jdk", "");
            if (!jdk.isEmpty()) {
                run(new Child(Pools.class, seed + 1, share(0.2, 2, 4), slice ? 4 : 64, slice ? 50 : 1000).on(jdk).within(longest()));
            }
        });
        PARTS.put("async", () -> {
            run(new Child(Loops.class, seed, share(0.4, 2, 3), slice ? 4 : 16, 0).within(longest()));
            String jdk = System.getProperty("torture.jdk", "");
            if (!jdk.isEmpty()) {
                run(new Child(Loops.class, seed, share(0.4, 2, 3), slice ? 2 : 8, slice ? 20 : 100).on(jdk).within(longest()));
            }
        });
        PARTS.put("fuzz", () -> run(new Child(Fuzz.class, seed, share(0.1, 1, 3)).within(longest())));
        PARTS.put("differential", () -> {
            run(new Child(Differential.class, seed, share(0.1, 2, 3)).within(longest()));
            run(new Child(TypedDifferential.class, seed, share(0.1, 2, 5)).within(longest()));
        });
        PARTS.put("arrow", () -> {
            String tables = System.getProperty("torture.arrow", "");
            if (tables.isEmpty()) {
                System.out.println("skipped: tables, their packages are those of another CPython");
            } else {
                run(new Child(TableDifferential.class, seed, share(0.1, 2, 4))
                        .before(tables + java.io.File.pathSeparator + System.getProperty("torture.numpy"))
                        .with("--add-opens=java.base/java.nio=ALL-UNNAMED").within(longest()));
            }
        });
        PARTS.put("stacks", () -> {
            run(new Child(Stacks.class, seed, share(0.1, 2, 2), 0).within(longest()));
            if (!slice) {
                run(new Child(Stacks.class, seed, share(0.1, 2, 2), 1_000_000).within(longest()));
            }
        });
        PARTS.put("heaps", () -> run(new Child(Heaps.class, seed, share(0.1, 1, 4)).with("-Xmx64m", "-XX:+UseSerialGC").within(longest())));
        PARTS.put("panics", () -> {
            String injecting = System.getProperty("torture.injecting");
            if (injecting == null) {
                System.out.println("skipped: panics, there are no libraries that panic on demand");
            } else {
                run(new Child(Panics.class).before(injecting));
            }
        });
        PARTS.put("leaks", () -> {
            int seconds = share(0.2, 2, 6);
            // Java's compilers take and give back megabytes, which only long runs can tell from a leak.
            String compilers = seconds < 600 ? "-Xint" : "-Xmixed";
            run(new Child(Leaks.class, seconds).with(OWN_HEAP).with(compilers).within(longest()));
            if (!slice) {
                String arrays = System.getProperty("torture.numpy");
                run(new Child(Leaks.class, seconds).with(OWN_HEAP).with(compilers).before(arrays).within(longest()));
            }
        });
        PARTS.put("settings", () -> {
            Map<String, Setting> settings = new LinkedHashMap<>();
            settings.put("Python's debug allocator", child -> child.under("env", "PYTHONMALLOC=debug").with("-Dtorture.allocator=debug"));
            settings.put("Python's collector all the time", child -> child.with("-Dtorture.gc=true"));
            settings.put("a small heap", child -> child.with("-Xmx64m", "-XX:+UseSerialGC"));
            settings.put("Java's compilers off", child -> child.with("-Xint"));
            if (System.getProperty("torture.injecting") != null) {
                settings.put("native libraries that check themselves", child -> child.before(System.getProperty("torture.injecting")));
            }
            for (String name : some(new ArrayList<>(settings.keySet()), 1)) {
                System.out.println("with " + name);
                List<Child> children = new ArrayList<>(Arrays.asList(
                        new Child(Threads.class, seed, share(0.3, 10, 2), 16, 0), new Child(Differential.class, seed, share(0.2, 10, 2))));
                if (!slice) {
                    int from = random.nextInt(MOST_OBJECTS / OBJECTS) * OBJECTS;
                    children.add(new Child(Operations.class, from, from + OBJECTS));
                    children.add(new Child(Fuzz.class, seed, share(0.2, 10, 2)));
                    if (!name.equals("a small heap")) { // some of the mistakes are larger
                        children.add(new Child(Mistakes.class, "all"));
                    }
                }
                for (Child child : children) {
                    settings.get(name).of(child.within(longest()));
                    run(child);
                }
            }
        });
    }

    interface Setting {
        void of(Child child);
    }

    /** All of them, or for the slice so many that the seed chooses. */
    private static <T> List<T> some(List<T> all, int number) {
        if (!slice) {
            return all;
        }
        List<T> some = new ArrayList<>(all);
        Collections.shuffle(some, random);
        return some.subList(0, Math.min(number, some.size()));
    }

    /**
     * Seconds for each of a part's programs. The part has all the time if it runs alone, else its share of what is left
     * by those that take as long as they take; in the slice it is a fixed number.
     */
    private static int share(double part, int programs, int inSlice) {
        double all = alone ? minutes * 60 : (minutes * 60 - 150) * part;
        return slice ? inSlice : (int) Math.max(2, all / programs);
    }

    /** Seconds after which a program hangs. */
    private static int longest() {
        return minutes * 60 + 600;
    }

    private static void run(Child child) throws Exception {
        child.with("-Xcheck:jni").run();
        Matcher done = DONE.matcher(child.output);
        Matcher warned = JNI.matcher(child.output);
        boolean finished = done.find();
        int all = finished ? Integer.parseInt(done.group(1)) : 1;
        int wrong = finished ? Integer.parseInt(done.group(2)) : 1;
        String why = null;
        if (warned.find()) {
            why = warned.group();
        } else if (!finished || wrong == 0 && child.status != 0) {
            why = "status " + child.status;
        } else if (wrong > 0) {
            why = "";
        }
        boolean each =
                Arrays.asList("Mistakes", "Leaks", "Panics").contains(child.name); // others count what random made them do
        count(each ? all : 1, why == null ? 0 : each ? Math.max(1, wrong) : 1, child.toString(),
                why == null ? null : why + "\n" + shown(child));
        if (finished) {
            System.out.printf("  %s: %s%n", child.name, done.group());
        }
    }

    /** What is worth reading of a failed program. */
    private static String shown(Child child) {
        StringBuilder shown = new StringBuilder();
        String[] lines = child.output.split("\n");
        for (int i = 0; i < lines.length; i++) {
            if (lines[i].startsWith("WRONG")) {
                for (int j = i; j < Math.min(i + 8, lines.length); j++) {
                    shown.append(lines[j], 0, Math.min(1000, lines[j].length())).append('\n');
                }
            }
        }
        return shown + child.tail(shown.length() == 0 ? 80 : 10);
    }

    private static void count(int all, int wrong, String what, String why) {
        passed += Math.max(0, all - wrong);
        failed += wrong;
        if (why != null) {
            System.out.println("FAILED " + part + ", " + what + ": " + why);
            System.out.println("  repeat it with: ./gradlew " + (slice ? "tortureSlice" : "torture -Pminutes=" + minutes)
                    + " -Pseed=" + seed + " -Ppart=" + part);
        }
    }

    public static void main(String[] arguments) throws Exception {
        seed = Long.parseLong(arguments[0]);
        minutes = Integer.parseInt(arguments[1]);
        slice = minutes == 0;
        alone = arguments.length > 2;
        System.out.println("torture of " + (slice || minutes == 1 ? "a minute" : minutes + " minutes") + " with seed " + seed);
        for (Map.Entry<String, Part> each : PARTS.entrySet()) {
            part = each.getKey();
            if (arguments.length == 2 || part.equals(arguments[2])) {
                long start = System.nanoTime();
                int before = passed + failed;
                random = new Random(seed);
                each.getValue().run();
                System.out.printf("%s: %d in %.0f s%n", part, passed + failed - before, (System.nanoTime() - start) / 1e9);
            }
        }
        System.out.println("ALL " + passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }
}
