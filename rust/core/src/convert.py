# SPDX-License-Identifier: Apache-2.0
# What Java asks of a Python object that it wants as one of its own types (Conversion.java): numbers, times
# and the parts of containers in words that can be packed. Loaded when it is first needed.
import math
import operator
import sys
from collections import abc
from numbers import Rational

MISSING = object()


def is_asynchronous(value):
    return has(value, "__aiter__") and not has(value, "__iter__")


def has(value, name):
    """Whether the class of a value has a method. What `hasattr` finds in the class of the class, of enumerations say, is none."""
    return next((vars(each)[name] for each in type(value).__mro__ if name in vars(each)), None) is not None


class Refused(TypeError):
    """There is no such value. The text, a sentence or none, says why or what to do."""


def library(value):
    """The package that the class of a value says it is of."""
    module = type(value).__module__
    return module.partition(".")[0] if isinstance(module, str) else None


def is_numpy(value):
    numpy = sys.modules.get("numpy") if library(value) == "numpy" else None
    return numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic))


MASKED = "Put None in the place of masked values in Python."


def refuse_missing(value):
    """What pandas has for nothing at all is neither a number nor a time, nor is what numpy masks."""
    if type(value).__name__ in ("NAType", "NaTType"):
        raise Refused("Put None in the place of pandas' missing values in Python.")
    if is_numpy(value) and not value.shape and getattr(value, "mask", False):
        raise Refused(MASKED)


# ---- single values ----


def number(value):
    """An int, a float, a Decimal, or what `digits` says of a quotient."""
    refuse_missing(value)
    if isinstance(value, int):
        return int.__index__(value)
    if isinstance(value, float):
        return float.__float__(value)
    kind = value.dtype.kind if is_numpy(value) else ""
    if isinstance(value, complex) or kind == "c":
        raise Refused("It is complex: take .real or .imag in Python.")
    if kind and (value.shape or kind in "mMOVSU"):
        raise Refused("")
    if kind in ("b", "i", "u"):
        return value.item()  # an array without dimensions is its number
    if kind == "f":
        whole = float(value)
        if value.dtype.itemsize <= 8 or whole != whole or whole in (float("inf"), float("-inf")) and value == whole:
            return whole
        return digits(*value[()].as_integer_ratio())
    if isinstance(value, Rational):
        return digits(int(value.numerator), int(value.denominator))
    if hasattr(value, "is_signed"):
        from decimal import Decimal

        if isinstance(value, Decimal):
            exact = Decimal(value)  # without what a subclass says
            if exact.is_snan():
                raise Refused("It is a signaling NaN.")
            if not exact.is_finite() or not exact and exact.is_signed():
                return float(exact)  # which BigDecimal has not
            if abs(exact.as_tuple().exponent) >= 10**9:
                raise Refused("Its exponent is beyond those of Java's BigDecimal: use float() or round() in Python.")
            return exact
    try:
        return operator.index(value)
    except TypeError:
        if has(value, "__index__"):
            pass  # an array of floats, say
    if has(value, "__float__"):
        return float(value)
    raise Refused("")


def digits(numerator, denominator):
    """The digits of a fully reduced quotient as an int, and how many of them stand behind the point; nothing where they have no end."""
    twos = (denominator & -denominator).bit_length() - 1
    rest = denominator >> twos if denominator > 0 else 0
    least = int(rest.bit_length() / math.log2(5))
    fives = 0 if rest == 1 else next((n for n in (least - 1, least) if rest and rest % 5 == 0 and 5**n == rest), None)
    if fives is None or max(twos, fives) >= 2**31:
        return ()
    places = max(twos, fives)
    return (numerator << (places - twos)) * 5 ** (places - fives), places


# Seconds in so many units of numpy's times, and how many units are so many seconds.
UNITS = {"W": (604800, 1), "D": (86400, 1), "h": (3600, 1), "m": (60, 1), "s": (1, 1)}
UNITS.update((unit, (1, 1000**n)) for n, unit in enumerate(("ms", "us", "ns", "ps", "fs", "as"), 1))


def time64(kind, unit, count):
    """A time or a time span of numpy's, exactly: whole seconds and nanoseconds, or months since 1970."""
    if count == -(2**63):
        raise Refused("Put None in the place of NaT in Python.")
    if kind == "M" and unit in ("Y", "M"):
        return "months", count * (12 if unit == "Y" else 1)
    if unit not in UNITS:
        raise Refused(f"A span of the unit {unit} has no fixed length.")
    seconds, parts = UNITS[unit]
    nanos, rest = divmod(count * seconds * 10**9, parts)
    if rest:
        raise Refused("It is more exact than a nanosecond: use astype() in Python.")
    return "duration" if kind == "m" else "moment", *divmod(nanos, 10**9), unit in ("W", "D")


def times(array):
    """All times of an array of one dimension."""
    import numpy

    kind = array.dtype.kind
    unit, step = numpy.datetime_data(array.dtype)
    counts = array.astype("i8").tolist()
    if None in counts:
        raise Refused(MASKED)
    return [time64(kind, unit, count * step if count != -(2**63) else count) for count in counts]


def moment(value):
    text = value.isoformat()
    return "time", f"+{text}" if value.year > 9999 else text, key(value.tzinfo)


def key(zone):
    """The name of a time zone, or None: the attribute may be anything in a class of the program's."""
    name = getattr(zone, "key", None)
    return str.__str__(name) if isinstance(name, str) else None


def day_or_time(value):
    return "time", value.isoformat(), None


def span(value):
    nanos = value.microseconds * 1000 + getattr(value, "nanoseconds", 0)
    return "duration", operator.index(value.days * 86400 + value.seconds), operator.index(nanos)


def unique(value):
    return "uuid", str(value), None


def path(value):
    return "path", os.fsdecode(value), None


# What is made of values that are of these classes themselves, which needs no other questions. The classes of pathlib come when one is met.
EXACT = {}


def learn():
    """Imports what only `plain` needs, when it is first asked."""
    global datetime, enum, os, uuid
    import datetime
    import enum
    import os
    import uuid

    EXACT.update({datetime.date: day_or_time, datetime.time: day_or_time, datetime.datetime: moment, datetime.timedelta: span})
    EXACT[uuid.UUID] = unique


def plain(value):
    """A value of the standard library's or numpy's in words that Java can read, or None."""
    if not EXACT:
        learn()
    known = EXACT.get(type(value))
    if known is not None:
        return known(value)
    refuse_missing(value)
    if is_numpy(value) and value.dtype.kind in "mM" and not value.shape:
        return times(value.reshape(1))[0]
    if isinstance(value, enum.Enum):
        return "enum", value.name, value.value
    if isinstance(value, datetime.datetime):
        return moment(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return day_or_time(value)
    if isinstance(value, datetime.tzinfo):
        offset = value.utcoffset(None)
        fixed = offset is not None and datetime.datetime(2000, 1, 1, tzinfo=value).isoformat()[19:]
        return "zone", key(value) or fixed or str(value), None
    if isinstance(value, datetime.timedelta):
        return span(value)
    if isinstance(value, str):
        return "str", str.__str__(value), None
    if isinstance(value, uuid.UUID):
        return unique(value)
    if isinstance(value, os.PathLike):
        if library(value) == "pathlib":
            EXACT[type(value)] = path
        return path(value)
    if isinstance(value, (bytes, bytearray)) or isinstance(value, memoryview) and value.format in ("B", "b", "c"):
        return "bytes", bytes(value)
    return None


def base(value):
    """A list of the value as the built-in type that its class is derived from, or None."""
    own = type(value)  # a mock says that it is of another class
    if issubclass(own, str):
        return [str.__str__(value)]
    if issubclass(own, int):
        return [int.__index__(value)]
    if issubclass(own, float):
        return [float.__float__(value)]
    if issubclass(own, bytes):
        return [bytes.__getitem__(value, slice(None))]  # its own __bytes__ may return itself
    for kind in (list, tuple, set, frozenset, dict):
        if issubclass(own, kind):
            return [kind(value)]
    return None


def natural(values, registered):
    """What `base` gives for each; False for a value of a registered type, which is given by itself or by its name."""
    themselves = set()
    for value in values:
        kind = type(value)
        if kind in themselves and value.__class__ is kind:
            yield None
            continue
        names = kind.__qualname__, f"{kind.__module__}.{kind.__qualname__}"
        is_registered = any(each is kind or isinstance(each, str) and each in names for each in registered)
        made = False if is_registered else base(value)
        if made is None:
            themselves.add(kind)
        yield made


def ahead(tool, values, more):
    """What a function of these makes of each value, up to the first one that it refuses."""
    made = []
    try:
        if tool == "natural":
            made.extend(natural(values, more))
        elif tool == "fields":
            made.extend(fields(value, more) for value in values)
        else:
            made.extend(map(globals()[tool], values))
    except Exception:
        pass  # this one is asked for by itself
    return made


# ---- containers ----


def bits(value):
    """The bytes of what consists of them in one dimension, as bytes(value) does for those of 8 bits; else None."""
    try:
        view = memoryview(value)
    except TypeError:
        return None
    return view.tobytes() if view.ndim == 1 and view.format.lstrip("@=<>") in ("B", "b", "c") else None


def rows(array):
    """An array of bytes with those of the last dimension as they are."""
    return array.tobytes() if array.ndim == 1 else [rows(row) for row in array]


def memory(value):
    """What the numbers are that lie in memory in one dimension: their kind and how many bytes each has; else None."""
    if type(value).__module__ == "array":
        return ("f" if value.typecode in "fd" else "i" if value.typecode in "hilq" else "") + str(value.itemsize)
    if is_numpy(value) and type(value).__name__ == "ndarray" and value.ndim == 1 and value.dtype.isnative:
        return value.dtype.str[1:]
    return None


def elements(value, primitive, words, bytes_within):
    """
    Whether the elements are words of `plain`, if `words` allows it; all of them in a list; whether they are all different.
    None, where they lie in memory as the primitives do that Java wants.
    """
    if primitive and memory(value) == primitive:
        return None
    if is_numpy(value):
        if not value.shape:
            raise Refused("")
        kind = value.dtype.kind
        if bytes_within and kind in "iu" and value.dtype.itemsize == 1 and value.ndim > 1:
            return False, rows(value), False
        if kind == "V" or kind == "O" and primitive:
            raise Refused(
                f"It is a numpy array of dtype {value.dtype}: give it a plain dtype in Python by astype(), "
                + ("or hand over one field of it." if kind == "V" else "or hand over tolist().")
            )
        if kind in "mM" and value.ndim == 1 and words:
            return True, times(value), False
        return False, list(value) if kind in "mM" or value.dtype.itemsize > 8 and kind == "f" else value.tolist(), False
    return False, objects(value), isinstance(value, abc.Set)


def objects(value):
    """The elements in a list."""
    if isinstance(value, (str, abc.Mapping)):
        raise Refused("Take list() of it in Python.")
    try:
        each = iter(value)
    except TypeError:
        if has(value, "__iter__"):
            raise  # what that said
        raise Refused("It cannot be iterated over.") from None
    return list(each)


def entries(value):
    """The keys and values in turn."""
    if not isinstance(value, abc.Mapping) and not has_keys(value):
        raise Refused("Take dict() of it in Python.")
    return [part for key in value.keys() for part in (key, value[key])]


def has_keys(value):
    """Whether it can be read as `dict` does: rows of pandas and sqlite3."""
    return has(value, "__getitem__") and has(value, "keys") and callable(value.keys)


def fields(value, names):
    """The components of a Java record: each by one of its names, or all by their places."""
    own = getattr(type(value), "_fields", None) if isinstance(value, tuple) else None
    if isinstance(own, tuple):
        places = [own.index(name) for each in names for name in [next(filter(own.__contains__, each), None)] if name is not None]
        if len(places) == len(names):
            return [value[place] for place in places]
    if isinstance(value, (str, bytes, bytearray, memoryview, abc.Set)):
        raise Refused("It has neither fields nor places.")
    columns = getattr(value.dtype, "names", None) if is_numpy(value) else None
    if columns:
        found, missing = by_name(names, columns, lambda name: value[name])
    elif isinstance(value, abc.Sequence) or is_numpy(value):
        placed = list(value)
        if len(placed) != len(names):
            expected = ", ".join(each[0] for each in names)
            raise Refused(f"{len(names)} values expected, {expected}: {len(placed)} given.")
        return placed
    elif isinstance(value, abc.Mapping) or has_keys(value):
        found, missing = by_name(names, list(value.keys()), lambda name: value[name])
    else:
        found, missing = [], []
        for each in names:
            field = next((field for name in each if (field := getattr(value, name, MISSING)) is not MISSING), MISSING)
            (missing if field is MISSING else found).append(each[0] if field is MISSING else field)
    if missing:
        raise Refused("It has no " + ", ".join(map(repr, missing)) + ".")
    return found


def by_name(names, known, read):
    found, missing = [], []
    for each in names:
        name = next((name for name in each if name in known), None)
        if name is None:
            missing.append(each[0])
        else:
            found.append(read(name))
    return found, missing
