# SPDX-License-Identifier: Apache-2.0
# The module inspect finds the texts that classes were made by: a class knows its module, but not its file, and a
# text that was run from Java is not the file of its module. Runs when a program imports inspect.
import ast


def prepare(inspect, text_of, texts_with):
    getfile = inspect.getfile

    def getfile_or_text(object):
        name = text_of_class(object, text_of, texts_with) if isinstance(object, type) else None
        return getfile(object) if name is None else name

    getfile_or_text.__doc__ = getfile.__doc__
    getfile_or_text.__name__ = getfile_or_text.__qualname__ = "getfile"
    getfile_or_text.__module__ = "inspect"
    inspect.getfile = getfile_or_text


def text_of_class(kind, text_of, texts_with):
    """The name of the text that has the class, None if there is none. The latest one that fits wins."""
    if kind.__module__ != "__main__":
        return None
    names = texts_with("class " + kind.__name__)
    for value in vars(kind).values():  # a method knows its text
        code = getattr(value, "__code__", None)
        if getattr(code, "co_filename", None) in names and value.__qualname__.startswith(kind.__qualname__ + "."):
            return code.co_filename
    for name in names:
        try:
            tree = ast.parse(text_of(name))
        except (SyntaxError, ValueError, TypeError):
            continue
        if has_class(tree, kind.__qualname__.split("."), vars(kind).get("__firstlineno__")):
            return name
    return None


def has_class(tree, path, line):
    """Whether a class stands at the path of a qualified name; from Python 3.13 on a class knows its line."""
    name, rest = path[0], path[1:]
    for node in inner(tree):
        if getattr(node, "name", None) != name:
            continue
        if rest[:1] == ["<locals>"]:
            if not isinstance(node, ast.ClassDef) and has_class(node, rest[1:], line):
                return True
        elif isinstance(node, ast.ClassDef):
            if rest and has_class(node, rest, line):
                return True
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if not rest and line in (None, first):
                return True
        elif rest and has_class(node, rest, line):
            return True
    return False


def inner(tree):
    """The classes and functions of one level, within `if` and `try` as well."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node
        else:
            yield from inner(node)
