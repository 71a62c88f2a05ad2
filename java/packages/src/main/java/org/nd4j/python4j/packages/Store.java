// SPDX-License-Identifier: Apache-2.0
// The wheels of a lock as files, in the user's cache: fetched once, by pip, which knows the mirrors and the passwords.
// Each is compared with the lock whenever it is used.
package org.nd4j.python4j.packages;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.python4j.internal.packages.Index;
import org.nd4j.python4j.internal.packages.Wheels;
import org.nd4j.python4j.internal.start.Unpacker;

/** Wheels below {@code wheels/SHA256} of the cache. */
final class Store {
    private final Child python;
    private final Path wheels;

    /** {@code wheels} is a folder that is looked at in place of the package index, or null. */
    Store(Child python, Path wheels) {
        this.python = python;
        this.wheels = wheels;
    }

    /** The wheels of one platform, by their packages; those that are not here are fetched. */
    Map<Lock.Package, Path> fetch(Lock lock, String platform) throws IOException {
        Map<Lock.Package, Path> files = new LinkedHashMap<>();
        List<Lock.Package> missing = new ArrayList<>();
        for (Lock.Package each : lock.packages) {
            Lock.Wheel wheel = each.wheels.get(platform);
            if (wheel == null) {
                continue; // another platform's
            }
            files.put(each, file(wheel));
            if (!isThere(wheel)) {
                missing.add(each);
            }
        }
        if (!missing.isEmpty()) {
            download(lock, platform, missing);
        }
        return files;
    }

    private static Path file(Lock.Wheel wheel) {
        return Unpacker.cache().resolve("wheels").resolve(wheel.sha256).resolve(wheel.name);
    }

    private boolean isThere(Lock.Wheel wheel) throws IOException {
        Path file = file(wheel);
        if (Files.exists(file) && Wheels.sha256(file).equals(wheel.sha256)) {
            return true;
        }
        Path local = wheels != null ? wheels.resolve(wheel.name) : wheel.path != null ? Path.of(wheel.path) : null;
        if (local == null || !Files.exists(local)) {
            return false;
        }
        keep(wheel, local);
        return true;
    }

    /** Copies a wheel into the cache, if it is the one that was locked. */
    private static void keep(Lock.Wheel wheel, Path from) throws IOException {
        Path file = file(wheel);
        Files.createDirectories(file.getParent());
        Path aside = Unpacker.aside(file);
        try (InputStream in = Files.newInputStream(from)) {
            Wheels.check(new Index.Entry(wheel.sha256, wheel.name), in, aside);
            Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(aside);
        }
    }

    private void download(Lock lock, String platform, List<Lock.Package> missing) throws IOException {
        Path folder = Files.createTempDirectory("python4j-wheels-");
        try {
            List<String> lines = new ArrayList<>();
            for (Lock.Package each : missing) {
                lines.add(each + " --hash=sha256:" + each.wheels.get(platform).sha256);
            }
            Path list = Files.write(folder.resolve("requirements.txt"), lines);
            List<String> command = new ArrayList<>(Arrays.asList("-m", "pip", "--disable-pip-version-check", "--no-input", "download",
                    "--quiet", "--no-deps", "--require-hashes", "-r", list.toString(), "-d", folder.toString()));
            command.addAll(Resolver.pipsTags(lock.declaration.python, Platform.of(platform)));
            if (wheels != null) {
                command.addAll(Arrays.asList("--no-index", "--find-links", wheels.toString()));
            }
            python.run(command.toArray(new String[0])).check("The wheels for " + platform + " cannot be fetched");
            for (Lock.Package each : missing) {
                Lock.Wheel wheel = each.wheels.get(platform);
                keep(wheel, folder.resolve(wheel.name));
            }
        } finally {
            Wheels.delete(folder);
        }
    }
}
