# SPDX-License-Identifier: Apache-2.0
# What each scalar of Python and numpy has to be as each type of Java, by exact arithmetic: the rules of
# docs/types.md once more, for ExactnessTest. A cell is the class and the value, or `refused`.
import struct
from decimal import Context, Decimal
from enum import IntEnum
from fractions import Fraction

import numpy as np


class Level(IntEnum):
    HIGH = 200


class Index:
    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


class Real(float):
    pass


def sources():
    """Expressions, at and around each limit."""
    limits = {2**bits for bits in (7, 8, 15, 16, 24, 31, 32, 53, 63, 64, 127, 128, 1023, 1024)} | {0, 1, 65, 10**22, 10**23, 10**400}
    whole = sorted({sign * (limit + step) for limit in limits for sign in (1, -1) for step in (-1, 0, 1)})
    yield from map(repr, whole)
    yield from ("True", "False", "np.True_", "np.bool_(False)", "None", "'a'", "'ab'", "''", "'1'", "'\\U0001F600'", "np.str_('x')", "b'a'")
    yield from ("Level.HIGH", "Index(5)", "Index(2**70)", "Real(0.5)", "1j", "0j", "np.complex64(1)", "np.complex128(1 + 2j)", "object()", "[]")
    reals = "0.0 -0.0 0.1 0.5 1.0 1.5 -2.5 1e22 1e23 1e300 -1e300 5e-324 1e-46 1e-45 1.5e-45 3.4028234663852886e38 3.4028235677973366e38 3.5e38"
    reals += " 1.7976931348623157e308 2.2250738585072014e-308 1.1754943508222875e-38 16777217.0 9007199254740993.0"
    yield from reals.split()
    yield from ("float('nan')", "float('inf')", "-float('inf')")
    for width in (8, 16, 32, 64):
        for kind in (f"int{width}", f"uint{width}"):
            for edge in ("min", "max"):
                yield f"np.{kind}(np.iinfo('{kind}').{edge})"
            yield f"np.{kind}(1)"
    for kind in ("float16", "float32", "float64", "longdouble"):
        yield from (f"np.{kind}('{text}')" for text in "0.0 -0.0 0.1 1.5 nan inf -inf 5e-8 2048 3e4".split())
        yield from (f"np.finfo(np.{kind}).max", f"-np.finfo(np.{kind}).max", f"np.nextafter(np.{kind}(0), np.{kind}(1))")
    digits = "0 -0 0.1 0.5 1 1.50 1E+2 1E+22 1E+400 1E-400 0.12345678901234567 0.1234567890123456789 9007199254740993 NaN Infinity -Infinity sNaN"
    digits += " 3.4028235E+38 3.4028236E+38 16777217 0.30000000000000004 1E-320 123456789.125"
    yield from (f"Decimal('{text}')" for text in digits.split())
    yield "Decimal(0.1)"
    yield from (f"Fraction('{text}')" for text in "0 1 1/2 1/3 1/10 3 -7/8 9007199254740993 1/1267650600228229401496703205376 2/7".split())
    yield from ("np.datetime64('2024-01-01')", "np.timedelta64(5, 's')", "np.bytes_(b'a')")


LIMITS = {"byte": 8, "short": 16, "int": 32, "long": 64}
NAMES = {"byte": "Byte", "short": "Short", "int": "Integer", "long": "Long"}


def whole(value):
    """The int that a value is, or None."""
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    if isinstance(value, (int, np.integer)) and not isinstance(value, np.timedelta64):
        return int(value)
    return value.__index__() if isinstance(value, Index) else None


def nearest_float(exact):
    """The float of 32 bits next to a rational number, None beyond the largest."""
    try:
        with np.errstate(all="ignore"):
            start = np.float32(float(exact))
    except OverflowError:
        return None
    with np.errstate(all="ignore"):
        near = [x for x in (np.nextafter(start, np.float32(-np.inf)), start, np.nextafter(start, np.float32(np.inf))) if np.isfinite(x)]
    even = lambda x: struct.unpack("<I", struct.pack("<f", x))[0] & 1
    best = min(near, key=lambda x: (abs(Fraction(float(x)) - exact), even(x)))
    limit = Fraction(2**25 - 1) * 2**103
    return None if abs(exact) >= limit else float(best)


def nearest(exact, target):
    try:
        return float(exact) if target == "double" else nearest_float(exact)
    except OverflowError:
        return None


def bits(value, target):
    if value != value:
        return ("Double" if target == "double" else "Float") + " nan"
    return f"Double {struct.pack('>d', value).hex()}" if target == "double" else f"Float {struct.pack('>f', value).hex()}"


def terminating(exact):
    """A rational number as a Decimal, or None where its digits never end."""
    rest = exact.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return None
    context = Context(prec=100_000, Emax=10**9, Emin=-(10**9))
    return context.divide(Decimal(exact.numerator), Decimal(exact.denominator))


def keeps_digits(decimal, target):
    """The nearest binary number where no digit of a decimal is lost by it."""
    if not decimal:
        return -0.0 if decimal.is_signed() else 0.0
    if abs(decimal.adjusted()) > 500:
        return None
    near = nearest(Fraction(decimal), target)
    if near is None or near in (float("inf"), -float("inf")):
        return None
    digits = len(decimal.normalize(Context(prec=100_000)).as_tuple().digits)
    rounded = Context(prec=digits, Emax=10**9, Emin=-(10**9)).create_decimal(Decimal(near))
    return near if rounded == decimal or Fraction(near) == Fraction(decimal) else None


def text(decimal):
    plain = format(decimal.normalize(Context(prec=100_000, Emax=10**9, Emin=-(10**9))), "f")
    return "BigDecimal " + (plain if decimal else "0")


def is_negative_zero(value):
    """Which BigDecimal has not."""
    return isinstance(value, (float, np.floating, Decimal)) and value == 0 and str(value).startswith("-")


def expected(value, target):
    number = whole(value)
    is_bool = isinstance(value, (bool, np.bool_))
    is_float = isinstance(value, (float, np.floating)) and not isinstance(value, np.longdouble)
    if target == "boolean":
        return f"Boolean {str(bool(value)).lower()}" if is_bool else "refused"
    if value is None:
        return "null" if target[0].isupper() else "refused"
    if target in ("String", "char"):
        fits = isinstance(value, str) and (target == "String" or len(value.encode("utf-16-le")) == 2)
        return f"{'String' if target == 'String' else 'Character'} {value}" if fits else "refused"
    exact = None
    if isinstance(value, np.longdouble) and np.isfinite(value):
        exact = Fraction(*value.as_integer_ratio())
    elif isinstance(value, Fraction):
        exact = value
    if target in LIMITS:
        half = 2 ** (LIMITS[target] - 1)
        return f"{NAMES[target]} {number}" if number is not None and -half <= number < half else "refused"
    if target == "BigInteger":
        return "refused" if number is None else f"BigInteger {number}"
    if target in ("float", "double"):
        if number is not None:
            near = nearest(Fraction(number), target)
            return "refused" if near is None or Fraction(near) != number else bits(near, target)
        if is_float or isinstance(value, np.longdouble) and exact is None:
            wide = float(value)
            if target == "double" or wide != wide or wide in (float("inf"), -float("inf")):
                return bits(wide, target)
            near = nearest_float(Fraction(wide))
            if near is None or (near == 0) != (wide == 0):
                return "refused"
            return bits(wide if wide == 0 else near, target)
        if isinstance(value, Decimal):
            if not value.is_finite():
                return "refused" if value.is_snan() else bits(float(value), target)
            near = keeps_digits(value, target)
            return "refused" if near is None else bits(near, target)
        if exact is not None:
            decimal = terminating(exact)
            near = None if decimal is None else keeps_digits(decimal, target)
            return "refused" if near is None else bits(near, target)
        return "refused"
    if target == "BigDecimal":
        if number is not None:
            return text(Decimal(number))
        if is_float:
            wide = float(value)
            return text(Decimal(repr(wide))) if np.isfinite(wide) and not is_negative_zero(wide) else "refused"
        if isinstance(value, Decimal):
            return text(value) if value.is_finite() and not is_negative_zero(value) else "refused"
        decimal = None if exact is None else terminating(exact)
        return "refused" if decimal is None else text(decimal)
    if target == "Number":
        if is_bool:
            return "refused"
        if number is not None:
            return f"{'Long' if -(2**63) <= number < 2**63 else 'BigInteger'} {number}"
        if is_float or isinstance(value, np.longdouble) and exact is None:
            return bits(float(value), "double")
        if isinstance(value, Decimal):
            if value.is_finite() and not is_negative_zero(value):
                return text(value)
            return "refused" if value.is_snan() else bits(float(value), "double")
        return "refused"
    raise AssertionError(target)


TARGETS = ("byte", "short", "int", "long", "BigInteger", "float", "double", "BigDecimal", "Number", "boolean", "char", "String")


def table():
    """Rows of an expression and a cell for each target."""
    rows = []
    for source in sources():
        with np.errstate(all="ignore"):
            value = eval(source)
        rows.append([source] + [expected(value, target) for target in TARGETS])
    return rows


# ---- arrays ----


def arrays():
    """An expression of an array, the type of Java's array, and what its elements have to be."""
    rows = []
    for kind in "i1 u1 i2 u2 i4 u4 i8 u8 >i2 >u4 >i8".split():
        info = np.iinfo(kind)
        for target, width in LIMITS.items():
            half = 2 ** (width - 1)
            for values in ([0, 1, 2], [int(info.min), 1], [int(info.max), 1], []):
                fits = all(-half <= value < half for value in values)
                if kind == "u1" and target == "byte":  # the same bits
                    values_there = str([(value + 128) % 256 - 128 for value in values])
                else:
                    values_there = str(values) if fits else "refused"
                rows.append([f"np.array({values}, '{kind}')", target, values_there])
        rows.append([f"np.array([1, 2], '{kind}')[::-1]", "int", "[2, 1]"])
        rows.append([f"np.array([1, 2], '{kind}')", "double", "[1.0, 2.0]"])
    for kind in "f2 f4 f8 >f8".split():
        rows.append([f"np.array([0.5, 2], '{kind}')", "double", "[0.5, 2.0]"])
        rows.append([f"np.array([0.5, 2], '{kind}')", "float", "[0.5, 2.0]"])
        rows.append([f"np.array([1, 2], '{kind}')", "int", "refused"])
    for code in "bBhHiIlLqQ":
        rows.append([f"__import__('array').array('{code}', [1, 2])", "byte", "[1, 2]"])
    return rows
