# SPDX-License-Identifier: Apache-2.0
# Programs that have a name: the lines of a text, and a file's text and what it finds in its namespace. Loaded when
# first asked for.
import io
import linecache
import os
import sys
from _weakref import ref


class Lines(list):
    """With references to what they are the lines of."""


def keep_lines(code, text):
    """The lines of a text for as long as any code of it lives, or until another text has its name."""
    name = code.co_filename
    codes = [code]
    for each in codes:  # grows meanwhile
        codes.extend(inner for inner in each.co_consts if isinstance(inner, type(code)))
    lines = Lines(text.splitlines(True))
    left = len(codes)

    def forget(_):
        nonlocal left
        left -= 1
        if left == 0 and dict.get(linecache.cache, name) is entry:
            del linecache.cache[name]

    lines.codes = [ref(each, forget) for each in codes]
    entry = len(text), None, lines, name
    linecache.cache[name] = entry


def read(path):
    with io.open_code(path) as file:
        return file.read()


def enter(scope, path):
    """Prepares a namespace as `python path` does, or as `python -m` does for a file within a package.

    What is set stays: pools of processes find the functions of the file by it.
    """
    folder, name = os.path.split(path)
    parts = [os.path.splitext(name)[0]]
    while os.path.isfile(os.path.join(folder, "__init__.py")) and os.path.basename(folder).isidentifier():
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = None
    if len(parts) > 1:
        from importlib.util import spec_from_file_location

        spec = spec_from_file_location(".".join(parts), path)
    scope.update(__file__=path, __spec__=spec, __package__=".".join(parts[:-1]) or None)
