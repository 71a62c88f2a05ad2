# SPDX-License-Identifier: Apache-2.0
# Asked of an interpreter once, by ask.rs: says what the loader has to know, a line for each fact.
# Runs on everything that calls itself python, 2.7 and PyPy too, so that a refusal can say what it met.
import sys

if sys.path and sys.path[0] == "":
    del sys.path[0]  # the working folder must not stand in for a module of the standard library

out = getattr(sys.stdout, "buffer", sys.stdout)


def say(key, value):
    if value is None or value == "":
        return
    text = "python4j:%s=%s\n" % (key, value)
    out.write(text if bytes is str else text.encode("utf-8", "surrogateescape"))


say("version", "%d.%d.%d" % sys.version_info[:3])
say("executable", sys.executable)

if sys.version_info >= (3, 3):
    import os
    import sysconfig

    config = sysconfig.get_config_var
    say("implementation", sys.implementation.name)
    say("bits", 64 if sys.maxsize > 2**32 else 32)
    say("free_threaded", config("Py_GIL_DISABLED") or 0)
    say("prefix", sys.prefix)
    say("base_prefix", sys.base_prefix)
    say("shared", config("Py_ENABLE_SHARED"))
    # Where it is comes before where it was meant to be when it was built: an Xcode may have another name.
    for folder in (
        os.path.join(sys.base_prefix, "lib"),
        os.path.join(sys.base_prefix, "lib64"),
        os.path.join(sys.base_prefix, "lib", config("MULTIARCH") or ""),
        sys.base_prefix,
        config("LIBDIR"),
        config("LIBPL"),
        config("PYTHONFRAMEWORKPREFIX"),
        os.path.join("/usr/lib", config("MULTIARCH") or ""),
    ):
        say("folder", folder)
    names = ["libpython%d.%d%s" % (sys.version_info[:2] + (getattr(sys, "abiflags", ""),))]
    for name in (
        config("INSTSONAME"),
        config("LDLIBRARY"),
        names[0] + ".so.1.0",
        names[0] + ".so",
        names[0] + ".dylib",
        config("PYTHONFRAMEWORK"),
        "python%d%d.dll" % sys.version_info[:2],
    ):
        say("name", name)
    for folder in sys.path:
        say("path", folder)
    try:
        with open("/proc/self/maps") as maps:  # the libpython that this interpreter itself runs on
            for line in maps:
                file = line.rstrip("\n").partition("/")[2]
                if os.path.basename(file).startswith(names[0]):
                    say("mapped", "/" + file)
                    break
    except (IOError, OSError):
        pass
say("end", "1")
