# SPDX-License-Identifier: Apache-2.0
# Runs once inside CPython, in a namespace and with builtins of its own that user code does not see.
# Keeps what our own calls need under names that user code cannot replace.
import sys
import time
from _frozen_importlib import ModuleSpec as _Spec
from _frozen_importlib_external import PathFinder as _PathFinder
from _thread import RLock as _RLock
from _weakref import ref as _ref

_Module = type(sys)

# Types that cross as lists although they are none.
listed = (range, type({}.keys()), type({}.values()), type({}.items()))


class Stopped(BaseException):
    """Ends a program from outside. No Exception, so that `except Exception` lets it through."""

    def __str__(self):  # raised as a class, so it has no arguments
        return self.text


class Interrupted(Stopped):
    text = "the Java thread that runs this program was interrupted"


class Timeout(Stopped):
    text = "the time that the Java program gave to this call is over"


class JavaException(Exception):
    """An exception of Java's, thrown or handed over; outside of Python it is the same Java object again.

    JavaException["java.io.IOException"] is the class of those that are instances of a Java class.
    """

    named = {}  # the class for each Java class, by its name
    thrown = {}  # the classes of the exceptions themselves, by the names of the Java class and those it extends

    def __class_getitem__(cls, name):
        if not isinstance(name, str):
            raise TypeError(f"the name of a Java class is expected, not {name!r}")
        if name not in JavaException.named:
            kind = class_kind(name)
            if kind == 0:
                raise LookupError(f"no class loader that Python's objects of Java come from has a class {name}")
            if kind == 1:
                raise TypeError(f"{name} is no class of exceptions in Java")
        return JavaException.of(name)

    @staticmethod
    def of(name):
        return JavaException.named.setdefault(name, type("JavaException", (JavaException,), {}))

    @staticmethod
    def make(classes, text, key, holder):
        names = classes.split(" ")
        kind = JavaException.thrown.get(classes)
        if kind is None:
            made = type("JavaException", tuple([JavaException.of(name) for name in names]), {})
            kind = JavaException.thrown.setdefault(classes, made)
        return kind(names[0], text, key, holder)

    def __init__(self, java_class, text=None, key=None, holder=None):
        if holder is None:
            raise TypeError("a JavaException is made of an exception of Java's; raise such a one, or RuntimeError")
        super().__init__(text)
        self.java_class = java_class
        self._key = key
        self._holder = holder

    @property
    def throwable(self):
        """The Java object: this, which has its members and is that object where it goes to Java."""
        return self

    def __getattr__(self, name):
        if name[:1] == "_":
            raise AttributeError(f"'JavaException' object has no attribute {name!r}")
        return self._holder("member", name)

    def __str__(self):
        return f"{self.java_class}: {self.args[0]}" if self.args[0] else self.java_class

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce_ex__(self, protocol):
        raise TypeError("a Java exception cannot be pickled: it lives in the JVM of this process")


class Importer:
    """Imports `python4j`. The last one to be asked, so that a module of that name that a program has is found first."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        return _Spec(name, Importer, origin="Python4J") if name == "python4j" else None

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        module.JavaException = JavaException


sys.meta_path.append(Importer)


class Source(_ref):
    """The lines of a text whose code somebody has, split when a traceback first asks. They go with the code."""

    __slots__ = ("text", "name", "lines")

    def _split(self):
        if self.lines is None:
            self.lines = self.text.splitlines(True)
        return self.lines

    def __len__(self):
        return len(self._split())

    def __getitem__(self, index):
        return self._split()[index]

    def __iter__(self):
        return iter(self._split())


class Texts(dict):
    """What linecache.cache is, unless a program replaced it. Entries of texts are made when somebody asks."""

    last = (0, None, [], None)  # not split again for each line
    text = None

    def find(self, name):
        text = text_of(name) if type(name) is str else None
        if text is None:
            return None
        if self.last[3] != name or self.text != text:
            self.last = (len(text), None, text.splitlines(True), name)
            self.text = text
        return self.last

    def __contains__(self, name):
        return dict.__contains__(self, name) or self.find(name) is not None

    def __missing__(self, name):
        entry = self.find(name)
        if entry is None:
            raise KeyError(name)
        return entry

    def get(self, name, default=None):
        return self[name] if name in self else default


texts = Texts()


class LineCache(_Module):
    """Stands for the module linecache, which costs a start milliseconds before Python 3.13, until somebody imports it."""

    busy = False
    lock = _RLock()

    def load(self):
        with LineCache.lock:
            if type(self) is LineCache and not LineCache.busy:
                LineCache.busy = True
                try:
                    self.__spec__.loader.exec_module(self)
                    self.cache = texts
                    self.__spec__.__class__ = _Spec
                    self.__class__ = _Module
                finally:
                    LineCache.busy = False

    def __getattr__(self, name):  # for who has it without an import
        LineCache.load(self)
        if type(self) is LineCache:  # its own code asks
            raise AttributeError(name)
        return getattr(self, name)


class LineCacheSpec(_Spec):
    """An import looks at this attribute of a module that is there already."""

    @property
    def _initializing(self):
        LineCache.load(sys.modules["linecache"])
        return False

    @_initializing.setter
    def _initializing(self, value):
        pass


def prepare_linecache():
    module = sys.modules.get("linecache")
    if module is None:
        spec = _PathFinder.find_spec("linecache")
        module = LineCache("linecache")
        module.__spec__ = spec
        module.__loader__ = spec.loader
        module.__file__ = spec.origin
        if sys.version_info < (3, 15):
            module.__cached__ = spec.cached
        module.__package__ = ""
        spec.__class__ = LineCacheSpec
        sys.modules["linecache"] = module
    else:
        texts.update(module.cache)
    module.cache = texts


prepare_linecache()


class Imports:
    """Stands on sys.meta_path until the modules were imported that something of ours is to be added to."""

    # Each has a file of ours of that name, and what that needs.
    waiting = {"inspect": (text_of, texts_with), "threading": (java_name,)}  # noqa: F821, from interpreter.rs

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name not in cls.waiting:
            return None
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)  # older ones may have another method
            spec = find(name, path, target) if find is not None and finder is not cls else None
            if spec is not None:
                cls.prepare_after(spec)
                return spec
        return None

    @classmethod
    def prepare_after(cls, spec):
        loader = spec.loader
        execute = loader.exec_module

        def execute_and_prepare(module):
            del loader.exec_module
            execute(module)
            cls.prepare(module)

        if not isinstance(loader, type):  # a frozen module's is a class, which others use, too
            loader.exec_module = execute_and_prepare

    @staticmethod
    def prepare(module):
        needed = Imports.waiting.pop(module.__name__, None)
        if not Imports.waiting and Imports in sys.meta_path:
            sys.meta_path.remove(Imports)
        try:
            if needed is not None:
                tool(module.__name__, "prepare")(module, *needed)
        except Exception:
            pass  # another version of the module: it then is as it comes


sys.meta_path.insert(0, Imports)
for name in list(Imports.waiting):
    if name in sys.modules:
        Imports.prepare(sys.modules[name])


def forget_text(source):
    texts.pop(source.name, None)


def keep_lines(code, text):
    source = Source(code, forget_text)
    source.text = text
    source.name = code.co_filename
    source.lines = None
    texts[source.name] = (len(text), None, source, source.name)


def traceback(exception):
    """The traceback of an exception, as Python prints it."""
    frames = exception.__traceback__
    try:
        from traceback import format_exception

        return "".join(format_exception(type(exception), exception, frames))
    except Stopped:
        raise
    except BaseException:
        return plain_traceback(exception, frames)


def plain_traceback(exception, frames):
    """For a program that has spoilt what the module traceback needs, or left no room for recursion."""
    lines = ["Traceback (most recent call last):"] if frames is not None else []
    while frames is not None:
        code = frames.tb_frame.f_code
        lines.append(f'  File "{code.co_filename}", line {frames.tb_lineno}, in {code.co_name}')
        frames = frames.tb_next
    try:
        text = str(exception)
    except BaseException:
        text = "<exception str() failed>"
    lines.append(f"{type(exception).__name__}: {text}\n")
    return "\n".join(lines)


def report(exception):
    """Prints a traceback on Python's stderr; whatever goes wrong with that is not an error."""
    try:
        sys.stderr.write(traceback(exception))
        sys.stderr.flush()
    except Exception:
        pass


def guard_signals():
    """HotSpot's handlers of what a thread does wrong, its null checks say, stay and are reached."""
    import _signal
    import faulthandler

    def numbers(*names):
        return {getattr(_signal, name) for name in names if hasattr(_signal, name)}  # Windows has few

    enable, set_handler, set_mask = faulthandler.enable, _signal.signal, getattr(_signal, "pthread_sigmask", None)
    handled = numbers("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL")
    fatal = numbers("SIGPIPE", "SIGXFSZ")  # unless somebody handles or ignores them

    def enable_and_put_back(*args, **kwargs):
        try:
            return enable(*args, **kwargs)
        finally:
            put_back()

    def signal(*args, **kwargs):
        if len(args) == 2:
            signalnum, handler = args
            if signalnum in handled or signalnum in fatal and handler == _signal.SIG_DFL:
                raise ValueError(f"signal {signalnum} is the JVM's, which would end without its own handler")
        before = set_handler(*args, **kwargs)
        if callable(args[1]):
            hand_on(args[0])
        return before

    def pthread_sigmask(*args, **kwargs):
        if len(args) == 2:
            how, mask = args
            args = how, [number for number in mask if number not in handled]
        return set_mask(*args, **kwargs)

    replace(faulthandler, "enable", enable_and_put_back)
    replace(_signal, "signal", signal)
    if set_mask:
        replace(_signal, "pthread_sigmask", pthread_sigmask)


def keep_switching():
    """Who ends a call has to get the GIL for that, however rarely a program wants threads to switch."""
    longest = 0.05
    set_interval, get_interval = sys.setswitchinterval, sys.getswitchinterval
    wanted = actual = None

    def setswitchinterval(*args, **kwargs):
        nonlocal wanted, actual
        set_interval(*args, **kwargs)
        wanted = actual = get_interval()
        if wanted > longest:
            set_interval(longest)
            actual = get_interval()

    def getswitchinterval(*args, **kwargs):
        now = get_interval(*args, **kwargs)
        return wanted if now == actual else now

    replace(sys, "setswitchinterval", setswitchinterval)
    replace(sys, "getswitchinterval", getswitchinterval)


def stop():
    """The end of the process: atexit functions and buffered output, each as far as it goes."""
    try:
        import atexit

        atexit._run_exitfuncs()
    except BaseException:
        pass
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            pass


if not alone:  # noqa: F821, from interpreter.rs
    guard_signals()
keep_switching()
replace(time, "sleep", sleep)
if sys.platform == "win32" and sys.version_info < (3, 11):
    sys._base_executable = sys.base_prefix + "\\python.exe"  # it would be the JVM's: see name_executable in initialize.rs
