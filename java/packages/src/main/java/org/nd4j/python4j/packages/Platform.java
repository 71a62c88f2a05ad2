// SPDX-License-Identifier: Apache-2.0
// The platforms under JavaCPP's names, with what uv, pip and markers call them.
package org.nd4j.python4j.packages;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** One platform. Wheels for Linux may need glibc 2.28, as those of today do. */
enum Platform {
    LINUX_X86_64("x86_64-manylinux_2_28", "linux", "x86_64", "manylinux_2_%d_x86_64"),
    LINUX_ARM64("aarch64-manylinux_2_28", "linux", "aarch64", "manylinux_2_%d_aarch64"),
    MACOSX_ARM64("aarch64-apple-darwin", "darwin", "arm64", "macosx_%d_0_arm64"),
    MACOSX_X86_64("x86_64-apple-darwin", "darwin", "x86_64", "macosx_%d_0_x86_64"),
    WINDOWS_X86_64("x86_64-pc-windows-msvc", "win32", "AMD64", "win_amd64");

    private static final int GLIBC = 28;
    private static final int OLDEST_GLIBC = 5; // of manylinux1
    private static final int MACOS = 13;
    private static final int OLDEST_MACOS = 11;

    final String uv;
    private final String system;
    private final String machine;
    private final String tag;

    Platform(String uv, String system, String machine, String tag) {
        this.uv = uv;
        this.system = system;
        this.machine = machine;
        this.tag = tag;
    }

    /** The platform of a name, {@code linux-x86_64} say. */
    static Platform of(String name) {
        for (Platform platform : values()) {
            if (platform.label().equals(name)) {
                return platform;
            }
        }
        throw new Failure("There is no platform " + name + ". There are " + Arrays.toString(
                Arrays.stream(values()).map(Platform::label).toArray()));
    }

    /** JavaCPP's name. */
    String label() {
        String lower = name().toLowerCase(Locale.ROOT);
        return lower.replaceFirst("_", "-");
    }

    /** The condition of PEP 508 that is true there. */
    static String marker(String name) {
        Platform platform = of(name);
        return "sys_platform == '" + platform.system + "' and platform_machine == '" + platform.machine + "'";
    }

    /** The tags of its wheels, the newest first, for pip. */
    List<String> tags() {
        List<String> tags = new ArrayList<>();
        boolean linux = system.equals("linux");
        for (int i = linux ? GLIBC : MACOS; tag.contains("%d") && i >= (linux ? OLDEST_GLIBC : OLDEST_MACOS); i--) {
            tags.add(String.format(tag, i));
        }
        if (linux) {
            tags.addAll(Arrays.asList("manylinux2014_" + machine, "manylinux2010_" + machine, "manylinux1_" + machine));
        } else if (!tag.contains("%d")) {
            tags.add(tag);
        }
        return tags;
    }
}
