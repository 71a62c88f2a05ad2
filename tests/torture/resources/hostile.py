# SPDX-License-Identifier: Apache-2.0
# Objects that users should not have made: OBJECTS maps a name to a function that makes one. What is
# done to them is in Operations.java. A name that ends in `endless` may run for ever by itself.
import decimal
import sys


class Boom(Exception):
    pass


def boom(*args, **kwargs):
    raise Boom("boom")


def recurse(*args, **kwargs):
    return recurse(*args, **kwargs)


DUNDERS = (
    "str repr eq ne lt hash bool int index float len iter getitem setitem contains call "
    "add sub mul mod truediv floordiv matmul iadd isub imul itruediv ifloordiv imatmul "
    "radd rsub rmul rmod rtruediv rfloordiv rmatmul abs getattr getattribute "
    "complex bytes format dir length_hint next enter exit reduce_ex instancecheck"
).split()
BASES = dict(
    object=object, int=int, float=float, str=str, bytes=bytes, list=list, tuple=tuple, dict=dict, set=set,
    frozenset=frozenset, exception=Exception, exit=SystemExit, base=BaseException,
)
FILLED = dict(
    int=(7,), float=(1.5,), str=("text",), bytes=(b"bytes",), list=([1, 2],), tuple=((1, 2),),
    dict=({1: 2},), set=({1},), frozenset=({1},),
)


def everything(answer, base, but=()):
    """An object of a class all of whose special methods are the same function."""
    body = {f"__{name}__": answer for name in DUNDERS if name not in but}
    return type("Hostile", (BASES[base],), body)(*FILLED.get(base, ()))


def one(name, answer, base="object"):
    body = {f"__{name}__": answer if callable(answer) else (lambda self, *a: answer)}
    return type("Liar", (BASES[base],), body)(*FILLED.get(base, ()))


class Liar:
    """Says it is an int."""

    __class__ = property(lambda self: int)


class Deceiver(str):
    """Text with lone surrogates whose own encode lies."""

    def encode(self, *args):
        return b"\xff\xfe\xc3\x28\xf8\xed"


class Encoder(str):
    def encode(self, *args):
        return 17


class Shrinking(list):
    def __iter__(self):
        for item in list.__iter__(self):
            self.clear()
            yield item


class Growing:
    def __len__(self):
        return 3

    def __getitem__(self, index):
        if index > 5000:
            raise IndexError
        return index


class Reentrant:
    """Runs programs of its own in the middle of everything."""

    def __str__(self):
        exec("import sys; sys.modules['__main__'].__dict__['re'] = 1; globals().clear", {})
        return "reentrant"

    __repr__ = __str__

    def __index__(self):
        import gc

        gc.collect()
        return 3

    def __eq__(self, other):
        sys.modules["__main__"].__dict__.clear()
        return True

    def __hash__(self):
        sys.modules["__main__"].__dict__.clear()
        return 1


class Immortal:
    """Comes back when it is deleted, and raises as well."""

    kept = []

    def __del__(self):
        Immortal.kept.append(self)
        del Immortal.kept[10:]
        raise Boom("del")


def cyclic_list():
    cycle = [1]
    cycle.append(cycle)
    return cycle


def cyclic_dict():
    cycle = {}
    cycle["self"] = cycle
    return cycle


def cyclic_pair():
    a, b = [], {}
    a.append(b)
    b[1] = a
    return (a, b)


def deep(levels, wrap):
    value = 1
    for _ in range(levels):
        value = wrap(value)
    return value


def surrogate_error():
    return ValueError("lone \ud800 surrogate")


def raised(make):
    try:
        raise make
    except BaseException as e:
        return e


def long_chain(length):
    error = None
    for i in range(length):
        inner = ValueError(str(i))
        inner.__cause__ = error
        error = inner
    return error


def cause_of_itself():
    first, second = ValueError("a"), ValueError("b")
    first.__context__, second.__context__ = second, first
    return first


def wide_group(width, depth):
    error = ValueError("leaf")
    if sys.version_info < (3, 11):
        return error
    for _ in range(depth):
        error = ExceptionGroup("group", [error] * width)
    return error


class BadNotes(Exception):
    __notes__ = 5


class BadTraceback(Exception):
    @property
    def __traceback__(self):
        raise Boom("traceback")

    @property
    def __cause__(self):
        return self

    @property
    def __context__(self):
        return 5

    @property
    def __class__(self):
        raise Boom("class")


class BadExit(SystemExit):
    @property
    def code(self):
        raise Boom("code")


class BadSyntax(SyntaxError):
    filename = property(boom)
    lineno = property(lambda self: self)
    text = property(lambda self: [self, cyclic_list()])


class BadImport(ImportError):
    name = property(lambda self: 5)


class EvilMeta(type):
    __name__ = property(boom)
    __module__ = property(boom)
    __instancecheck__ = boom
    __subclasscheck__ = boom
    __hash__ = boom
    __eq__ = boom
    __repr__ = boom


class NoName(Exception, metaclass=EvilMeta):
    pass


class Namesake(type):
    __name__ = property(lambda cls: 5)
    __module__ = property(lambda cls: None)


class Numbered(Exception, metaclass=Namesake):
    pass


def endless():
    while True:
        yield 1


class Endless:
    def __iter__(self):
        return endless()

    def __len__(self):
        while True:
            pass

    __bool__ = __str__ = __index__ = __float__ = __hash__ = __call__ = __len__


def closed_file():
    import io

    file = io.StringIO("x")
    file.close()
    return file


def running_generator():
    def g():
        yield next(me)

    me = g()
    return me


def released_view():
    view = memoryview(b"abc")
    view.release()
    return view


def dead_proxy():
    import weakref

    class Thing:
        pass

    return weakref.proxy(Thing())


def half_built(cls):
    return cls.__new__(cls)


def unbound(cls):
    return cls


OBJECTS = {}
for base in BASES:
    OBJECTS[f"raises in everything, {base}"] = lambda base=base: everything(boom, base, ("getattribute",))
    OBJECTS[f"raises in everything and getattribute, {base}"] = lambda base=base: everything(boom, base)
    OBJECTS[f"returns itself from everything, {base}"] = lambda base=base: everything(
        lambda self, *a: self, base, ("getattribute", "next")
    )
    OBJECTS[f"returns None from everything, {base}"] = lambda base=base: everything(lambda *a: None, base)
    OBJECTS[f"returns -1 from everything, {base}"] = lambda base=base: everything(lambda *a: -1, base)
    OBJECTS[f"returns 2**100 from everything, {base}"] = lambda base=base: everything(lambda *a: 2**100, base)
    OBJECTS[f"returns a surrogate from everything, {base}"] = lambda base=base: everything(
        lambda *a: "\udc80", base
    )
    OBJECTS[f"exits in everything, {base}"] = lambda base=base: everything(
        lambda *a: sys.exit(3), base, ("getattribute",)
    )
    OBJECTS[f"interrupts in everything, {base}"] = lambda base=base: everything(
        lambda *a: (_ for _ in ()).throw(KeyboardInterrupt()), base, ("getattribute",)
    )
    OBJECTS[f"recurses in everything, {base}"] = lambda base=base: everything(recurse, base, ("getattribute",))
for name in DUNDERS:
    OBJECTS[f"raises in {name}"] = lambda name=name: one(name, boom)
    end = ", endless" if name == "getitem" else ""
    OBJECTS[f"returns an int from {name}{end}"] = lambda name=name: one(name, 5)
    OBJECTS[f"returns a str subclass from {name}{end}"] = lambda name=name: one(name, Deceiver("x\ud800"))
OBJECTS.update(
    {
        "says it is an int": Liar,
        "str that lies about its bytes": lambda: Deceiver("x\ud800"),
        "str whose encode is an int": lambda: Encoder("x\ud800"),
        "object whose str lies about its bytes": lambda: one("str", Deceiver("x\ud800")),
        "list that shrinks": lambda: Shrinking([1, "a", None]),
        "list that shrinks, numbers": lambda: Shrinking(range(100)),
        "sequence longer than it says": Growing,
        "reentrant": Reentrant,
        "reentrant keys": lambda: {Reentrant(): 1},
        "comes back from the dead": Immortal,
        "cyclic list": cyclic_list,
        "cyclic dict": cyclic_dict,
        "cyclic pair": cyclic_pair,
        "deep list 999": lambda: deep(999, lambda v: [v]),
        "deep list 1000": lambda: deep(1000, lambda v: [v]),
        "deep list 1001": lambda: deep(1001, lambda v: [v]),
        "deep list 100,000": lambda: deep(100_000, lambda v: [v]),
        "deep tuple 5,000": lambda: deep(5_000, lambda v: (v,)),
        "deep dict 100,000": lambda: deep(100_000, lambda v: {1: v}),
        "deep frozenset 990": lambda: deep(990, lambda v: frozenset([v])),
        "large list": lambda: list(range(300_000)),
        "large mixed list": lambda: [i if i % 2 else str(i) for i in range(100_000)],
        "large dict": lambda: {i: str(i) for i in range(50_000)},
        "large str": lambda: "\U0001f600" * 300_000,
        "large bytes": lambda: bytes(3_000_000),
        "2**63": lambda: 2**63,
        "-2**63-1": lambda: -(2**63) - 1,
        "2**64 in a list": lambda: [1, 2, 2**64],
        "2**100000": lambda: 2**100_000,
        "-2**20000": lambda: -(2**20_000),
        "nan": lambda: float("nan"),
        "inf": lambda: float("-inf"),
        "-0.0": lambda: -0.0,
        "nan keys": lambda: {float("nan"): 1, float("nan"): 2, 0.0: 3},
        "Decimal nan": lambda: decimal.Decimal("nan"),
        "Decimal inf in a list": lambda: [decimal.Decimal("inf")],
        "Decimal with a huge exponent": lambda: decimal.Decimal("1e999999"),
        "Decimal with an exponent beyond Java": lambda: decimal.Decimal("1E+3000000000")
        if sys.maxsize > 2**32
        else 0,
        "NUL": lambda: "a\0b",
        "all planes": lambda: "".join(chr(p * 0x10000 + 0x1234) for p in range(17)),
        "lone surrogates": lambda: "\ud800\udfff\udc80x\ud83d",
        "surrogate keys": lambda: {"\ud800": "\udfff"},
        "keys that are one in Java": lambda: {(1, 2): 1, 1: 2, True: 3, 1.0: 4, "1": 5},
        "tuple keys": lambda: {(1, (2, frozenset([3]))): {4}},
        "object keys": lambda: {object(): 1, int: 2},
        "complex": lambda: 1j,
        "type": lambda: int,
        "module": lambda: sys,
        "generator": lambda: (i for i in range(3)),
        "raising generator": lambda: (1 // 0 for _ in range(3)),
        "running generator": running_generator,
        "exhausted iterator": lambda: iter(()),
        "coroutine": lambda: type("C", (), {"__await__": boom})(),
        "closed file": closed_file,
        "released memoryview": released_view,
        "dead proxy": dead_proxy,
        "NotImplemented": lambda: NotImplemented,
        "Ellipsis": lambda: Ellipsis,
        "half-built exception": lambda: half_built(ImportError),
        "half-built syntax error": lambda: half_built(SyntaxError),
        "half-built unicode error": lambda: half_built(UnicodeDecodeError),
        "surrogate in an exception": surrogate_error,
        "long chain": lambda: long_chain(5000),
        "cause of itself": cause_of_itself,
        "wide group": lambda: wide_group(12, 4),
        "deep group": lambda: wide_group(1, 3000),
        "bad notes": BadNotes,
        "bad traceback": lambda: raised(BadTraceback()),
        "bad exit": BadExit,
        "bad syntax": lambda: BadSyntax("x"),
        "bad import": lambda: BadImport("x"),
        "bad unicode error": lambda: UnicodeDecodeError("utf-8", b"", 5, -3, "r"),
        "no name": lambda: raised(NoName("x")),
        "numbered": lambda: raised(Numbered("x")),
        "class without a name": lambda: NoName,
        "exit with a cycle": lambda: SystemExit(cyclic_list()),
        "exit with itself": lambda: (lambda e: (setattr(e, "code", e), e)[1])(SystemExit()),
        "exception of huge text": lambda: ValueError("x" * 3_000_000),
        "exception with object args": lambda: ValueError(everything(boom, "object")),
        "function": lambda: boom,
        "builtin": lambda: len,
        "frame": lambda: sys._getframe(),
        "iterator": Endless,
        "endless": Endless,
    }
)
del OBJECTS["iterator"]
