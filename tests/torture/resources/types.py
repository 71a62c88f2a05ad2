# SPDX-License-Identifier: Apache-2.0
# Random values for random Java types, and what each has to be in Java and back in Python, by the rules of
# docs/types.md once more: the oracle of TypedDifferential. A type is a tuple of its name and its arguments.
import collections
import datetime
import decimal
import enum
import fractions
import random
import struct
import types
import uuid

RECORDS = {}  # name: (variables, [(component, type)])
INTERFACES = {}  # name: (variables, [(method, type)], [(interface, arguments)])

WHOLE = {"byte": 8, "Byte": 8, "short": 16, "Short": 16, "int": 32, "Integer": 32, "long": 64, "Long": 64}
BOXES = {"byte": "Byte", "short": "Short", "int": "Integer", "long": "Long", "float": "Float", "double": "Double",
         "boolean": "Boolean", "char": "Character"}
UNITS = ["NANOSECONDS", "MICROSECONDS", "MILLISECONDS", "SECONDS", "MINUTES", "HOURS", "DAYS"]


class Refused(Exception):
    """There is no such Java value; the text is the way to what is wrong."""


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 100


class Unit(enum.Enum):
    DAYS = 1
    NEVER = 2


class Text(str):
    pass


class Bag:
    pass


def substituted(kind, meanings):
    if kind[0] == "var":
        return meanings[kind[1]]
    return (kind[0], *(substituted(part, meanings) if isinstance(part, tuple) else part for part in kind[1:]))


def components(kind):
    variables, found = RECORDS[kind[1]]
    meanings = dict(zip(variables, kind[2:]))
    return [(name, substituted(each, meanings)) for name, each in found]


def methods(name, arguments=()):
    """The methods of an interface and of those that it extends, with their types."""
    variables, own, above = INTERFACES[name]
    meanings = dict(zip(variables, arguments))
    found = {method: substituted(kind, meanings) for method, kind in own}
    for interface, arguments in above:
        found.update(methods(interface, [substituted(each, meanings) for each in arguments]))
    return found


# ---- random values ----


def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


ODD = [None, True, 0, 1, -1, 127, 128, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**30, 0.5, -0.0, 1e300, float("nan"), float("inf"), "", "a", "ab",
       "2024-02-29", b"", b"a\xff", [], [1], (), (1, "a"), {}, {"a": 1}, {1, 2}, 1j, decimal.Decimal("0.1"), decimal.Decimal("1E+400"),
       fractions.Fraction(1, 3), fractions.Fraction(1, 4), Level.LOW, Unit.DAYS, Text("t"), datetime.date(2024, 2, 29), datetime.timedelta(1),
       datetime.datetime(2024, 1, 2), uuid.UUID(int=5), object(), len, range(3), bytearray(b"x")]


def make(kind, rnd, depth=0):
    if rnd.random() < 0.02:
        return rnd.choice(ODD)
    name = kind[0]
    if name in WHOLE or name == "BigInteger":
        bits = WHOLE.get(name, 80)
        edge = rnd.choice([0, 1, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1)), rnd.getrandbits(bits - 1), -rnd.getrandbits(bits - 1)])
        return rnd.choice([edge, edge, edge, Level.HIGH, True])
    if name in ("double", "Double", "float", "Float"):
        real = rnd.choice([0.0, -0.0, 0.5, rnd.random(), rnd.uniform(-1e30, 1e30), float("inf"), float("nan"), rnd.randrange(10**6), True])
        return decimal.Decimal(repr(real)) if isinstance(real, float) and name[0] in "dD" and rnd.random() < 0.1 else real
    if name == "BigDecimal":
        return rnd.choice([rnd.getrandbits(70), rnd.random(), decimal.Decimal(rnd.getrandbits(60)).scaleb(-rnd.randrange(30)),
                           fractions.Fraction(rnd.getrandbits(30), 2 ** rnd.randrange(20))])
    if name in ("boolean", "Boolean"):
        return rnd.random() < 0.5
    if name == "String":
        text = "".join(chr(rnd.choice([rnd.randrange(0x20, 0x7F), rnd.randrange(0xA0, 0xD800), rnd.randrange(0x10000, 0x110000)]))
                       for _ in range(rnd.randrange(5)))
        return Text(text) if rnd.random() < 0.1 else text
    if name in ("char", "Character"):
        return chr(rnd.randrange(0x20, 0xD800))
    if name == "LocalDate":
        return datetime.date.fromordinal(rnd.randrange(1, datetime.date.max.toordinal() + 1))
    if name == "LocalDateTime":
        return datetime.datetime(1, 1, 1) + datetime.timedelta(microseconds=rnd.randrange(3 * 10**17))
    if name == "Duration":
        return datetime.timedelta(microseconds=rnd.randrange(-(10**18), 10**18))
    if name == "UUID":
        return uuid.UUID(int=rnd.getrandbits(128))
    if name == "TimeUnit":
        return rnd.choice([*UNITS, Unit.DAYS])
    if name == "Object":
        return rnd.choice([v for v in ODD if type(v) is not object and v is not len and not isinstance(v, Unit)])
    if name == "Optional":
        return None if rnd.random() < 0.3 else make(kind[1], rnd, depth + 1)
    count = 0 if depth > 4 else rnd.randrange(4)
    if name == "array" and kind[1] == ("byte",) and rnd.random() < 0.5:
        return rnd.choice([bytes, bytearray])(rnd.getrandbits(8) for _ in range(count))
    if name in ("List", "Set", "array"):
        made = [make(kind[1], rnd, depth + 1) for _ in range(count)]
        if name == "Set" and rnd.random() < 0.5:
            try:
                return rnd.choice([set, frozenset])(made)
            except TypeError:
                return made
        return rnd.choice([list, list, tuple, collections.deque, collections.UserList])(made)
    if name == "Map":
        made = {}
        for _ in range(count):
            try:
                made[make(kind[1], rnd, depth + 1)] = make(kind[2], rnd, depth + 1)
            except TypeError:
                pass  # a key that cannot be one
        return rnd.choice([dict, dict, collections.OrderedDict, types.MappingProxyType, collections.UserDict])(made)
    if depth > 4:
        return None
    fields = [(field, make(part, rnd, depth + 1)) for field, part in components(kind)]
    form = rnd.randrange(6)
    if rnd.random() < 0.02 and fields:
        fields.pop(rnd.randrange(len(fields)))
    if form == 0:
        return {(snake(field) if rnd.random() < 0.5 else field): value for field, value in fields}
    if form in (1, 2):
        return (list if form == 1 else tuple)(value for _, value in fields)
    if form == 3:
        return collections.namedtuple("Any", [field for field, _ in fields])(*(value for _, value in fields))
    if form == 4:
        bag = Bag()
        bag.__dict__.update((snake(field), value) for field, value in fields)
        return bag
    return types.MappingProxyType(dict(fields))


# ---- what it has to be ----


def real(value):
    return "nan" if value != value else struct.pack(">d", value).hex()


def plain(value):
    value = value.normalize(decimal.Context(prec=10_000, Emax=10**6, Emin=-(10**6)))
    return format(value, "f") if value else "0"


def text(value):
    return " ".join(f"{ord(c):x}" for c in value)


def narrowed(value):
    """A float as Java's float, None where nothing of it is left."""
    if value != value or value in (float("inf"), -float("inf")):
        return value
    try:
        narrow = struct.unpack(">f", struct.pack(">f", value))[0]
    except OverflowError:
        return None
    return narrow if (narrow == 0) == (value == 0) else None


def digits_kept(value, narrow):
    """A Decimal as the nearest float that has all its digits, or None."""
    if not value:
        return float(value)
    try:
        near = float(value)
    except OverflowError:
        return None
    near = narrowed(near) if narrow else near
    if near is None or near in (float("inf"), -float("inf")):
        return None
    exact = decimal.Decimal(near)
    digits = len(value.normalize(decimal.Context(prec=10_000)).as_tuple().digits)
    return near if exact == value or decimal.Context(prec=digits).create_decimal(exact) == value else None


def ended(value):
    """A Fraction as a Decimal, None where its digits have no end."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return decimal.Context(prec=10_000).divide(decimal.Decimal(value.numerator), decimal.Decimal(value.denominator)) if rest == 1 else None


def number(value, name, way):
    """A number for Java, and as Python gets it back."""
    box = BOXES.get(name, name)
    if isinstance(value, int):
        if name in WHOLE:
            half = 2 ** (WHOLE[name] - 1)
            if -half <= value < half:
                return f"{box} {int(value)}", f"int {int(value)}"
        elif name == "BigInteger":
            return f"{box} {int(value)}", f"int {int(value)}"
        elif name == "BigDecimal":
            return f"{box} {plain(decimal.Decimal(int(value)))}", f"Decimal {plain(decimal.Decimal(int(value)))}"
        else:
            try:
                near = float(value)
            except OverflowError:
                raise Refused(way)
            near = narrowed(near) if box == "Float" else near
            if near is not None and near == value:
                return f"{box} {real(near)}", f"float {real(near)}"
        raise Refused(way)
    if name in WHOLE or name == "BigInteger":
        raise Refused(way)
    if isinstance(value, fractions.Fraction):
        value = ended(value)
    if isinstance(value, (float, decimal.Decimal)) and name == "BigDecimal" and value == 0 and str(value).startswith("-"):
        raise Refused(way)  # BigDecimal has no negative zero
    if isinstance(value, decimal.Decimal) and value.is_finite():
        if name == "BigDecimal":
            return f"{box} {plain(value)}", f"Decimal {plain(value)}"
        near = digits_kept(value, box == "Float")
    elif isinstance(value, (float, decimal.Decimal)):
        near = float(value)
        if name == "BigDecimal":
            if near != near or near in (float("inf"), -float("inf")):
                raise Refused(way)
            exact = decimal.Decimal(repr(near))
            return f"{box} {plain(exact)}", f"Decimal {plain(exact)}"
        near = narrowed(near) if box == "Float" else near
    else:
        near = None
    if near is None:
        raise Refused(way)
    return f"{box} {real(near)}", f"float {real(near)}"


def anything(value, way):
    """What has no type named: by the type of the value."""
    if value is None:
        return "null", "NoneType None"
    if isinstance(value, bool):
        return f"Boolean {str(value).lower()}", f"bool {value}"
    if isinstance(value, int):
        return f"{'Long' if -(2**63) <= value < 2**63 else 'BigInteger'} {int(value)}", f"int {int(value)}"
    if isinstance(value, float):
        return f"Double {real(value)}", f"float {real(value)}"
    if isinstance(value, str):
        return f"String {text(value)}", f"str {text(value)}"
    if isinstance(value, bytes):
        return f"byte[][{', '.join(f'Byte {b - 256 if b > 127 else b}' for b in value)}]", f"bytes {value.hex()}"
    if isinstance(value, decimal.Decimal):
        return f"BigDecimal {plain(value)}", f"Decimal {plain(value)}"
    if isinstance(value, (list, tuple, range)):
        pairs = [anything(each, way) for each in value]
        return f"[{', '.join(a for a, _ in pairs)}]", f"list [{', '.join(b for _, b in pairs)}]"
    if isinstance(value, (set, frozenset)):
        pairs = [anything(each, way) for each in value]
        return f"{{{', '.join(sorted(a for a, _ in pairs))}}}", f"set {sorted(b for _, b in pairs)}"
    if isinstance(value, dict):
        pairs = [(anything(key, way), anything(each, way)) for key, each in value.items()]
        return f"{{{', '.join(f'{k[0]}: {v[0]}' for k, v in pairs)}}}", f"dict {[(k[1], v[1]) for k, v in pairs]}"
    return "PythonObject", back_view(value)


def scalar(value, name, way):
    if name in ("boolean", "Boolean") and isinstance(value, bool):
        return f"Boolean {str(value).lower()}", f"bool {value}"
    if name == "String" and isinstance(value, str):
        return f"String {text(value)}", f"str {text(value)}"
    if name in ("char", "Character") and isinstance(value, str) and len(value.encode("utf-16-le", "surrogatepass")) == 2:
        return f"Character {text(value)}", f"str {text(value)}"
    if name == "TimeUnit":
        unit = value.name if isinstance(value, Unit) else value
        if isinstance(unit, str) and unit in UNITS:
            return f"TimeUnit {str(unit)}", f"str {text(unit)}"
    if name == "LocalDate":
        value = datetime.date(2024, 2, 29) if value == "2024-02-29" else value
        if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            return f"LocalDate {value.isoformat()}", f"date {value.isoformat()}"
    if name == "LocalDateTime" and isinstance(value, datetime.datetime):
        micros = (value - datetime.datetime(1, 1, 1)) // datetime.timedelta(microseconds=1)
        return f"LocalDateTime {micros}", f"datetime {micros}"
    if name == "Duration" and isinstance(value, datetime.timedelta):
        micros = value // datetime.timedelta(microseconds=1)
        return f"Duration {micros}", f"timedelta {micros}"
    if name == "UUID" and isinstance(value, uuid.UUID):
        return f"UUID {value}", f"UUID {value}"
    raise Refused(way)


def elements(value, way):
    if isinstance(value, (str, dict, types.MappingProxyType, collections.UserDict)):
        raise Refused(way)
    try:
        return list(value)
    except TypeError:
        raise Refused(way) from None


def view(value, kind, way=""):
    """What Java has to have of a value, and what Python has to get back of that."""
    name = kind[0]
    if name == "Object":
        return anything(value, way)
    if name == "Optional":
        if value is None:
            return "Optional()", "NoneType None"
        java, back = view(value, kind[1], way)
        return (f"Optional({java})", back) if java != "null" else ("Optional()", "NoneType None")
    if value is None:
        if name in BOXES:
            raise Refused(way)
        return "null", "NoneType None"
    if name in WHOLE or name in ("BigInteger", "BigDecimal", "float", "Float", "double", "Double"):
        return number(value, name, way)
    if name == "array" and kind[1] == ("byte",) and isinstance(value, (bytes, bytearray)):
        return anything(bytes(value), way)
    if name == "array" and kind[1] == ("char",) and isinstance(value, str):
        units = value.encode("utf-16-le", "surrogatepass")
        units = [chr(units[i] + 256 * units[i + 1]) for i in range(0, len(units), 2)]
        return f"char[][{', '.join('Character ' + text(u) for u in units)}]", f"list [{', '.join('str ' + text(u) for u in units)}]"
    if name in ("List", "Set", "array"):
        pairs = [view(each, kind[1], None if way is None else f"{way}[{i}]") for i, each in enumerate(elements(value, way))]
        if name == "Set":
            distinct = dict(pairs)
            if len(distinct) != len(pairs) and isinstance(value, (set, frozenset)):
                raise Refused(None)
            return f"{{{', '.join(sorted(distinct))}}}", f"set {sorted(distinct.values())}"
        java, back = [a for a, _ in pairs], [b for _, b in pairs]
        if name == "array":
            is_bytes = kind[1] == ("byte",)
            back = f"bytes {bytes(e & 255 for e in map(int, value)).hex()}" if is_bytes else f"list [{', '.join(back)}]"
            return f"{array_name(kind)}[{', '.join(java)}]", back
        return f"[{', '.join(java)}]", f"list [{', '.join(back)}]"
    if name == "Map":
        if not isinstance(value, (dict, types.MappingProxyType, collections.UserDict)):
            raise Refused(way)
        entries = {}
        for key, each in value.items():
            java = view(key, kind[1], None)
            entries[java] = view(each, kind[2], None)
        if len(entries) != len(value):
            raise Refused(None)
        return (f"{{{', '.join(f'{k[0]}: {v[0]}' for k, v in entries.items())}}}", f"dict {[(k[1], v[1]) for k, v in entries.items()]}")
    if name == "rec":
        return record(value, kind, way)
    return scalar(value, name, way)


def array_name(kind):
    return array_name(kind[1]) + "[]" if kind[0] == "array" else {"rec": kind[1:2] and kind[1]}.get(kind[0], kind[0])


def record(value, kind, way):
    parts = components(kind)
    names = [(field, snake(field)) for field, _ in parts]
    if isinstance(value, (str, bytes, bytearray, set, frozenset)):
        raise Refused(way)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        if all(any(name in value._fields for name in each) for each in names):
            found = [getattr(value, next(name for name in each if name in value._fields)) for each in names]
        else:
            found = list(value)
    elif isinstance(value, (dict, types.MappingProxyType, collections.UserDict)):
        found = [value[next(name for name in each if name in value)] for each in names if any(name in value for name in each)]
    elif isinstance(value, (list, tuple, range, collections.deque, collections.UserList)):
        found = list(value)
    else:
        found = [getattr(value, next(name for name in each if hasattr(value, name))) for each in names if any(hasattr(value, n) for n in each)]
    if len(found) != len(parts):
        raise Refused(way)
    pairs = [view(each, part, None if way is None else f"{way}.{field}") for (field, part), each in zip(parts, found)]
    java = ", ".join(f"{field}={pair[0]}" for (field, _), pair in zip(parts, pairs))
    back = ", ".join(f"{field}={pair[1]}" for (field, _), pair in zip(parts, pairs))
    return f"{kind[1]}({java})", f"{kind[1]}({back})"


def back_view(value):
    """What Python has, in the same words."""
    name = type(value).__name__
    if isinstance(value, float):
        return f"float {real(value)}"
    if isinstance(value, str):
        return f"str {text(value)}"
    if isinstance(value, bytes):
        return f"bytes {value.hex()}"
    if isinstance(value, decimal.Decimal):
        return f"Decimal {plain(value)}"
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return f"{name}({', '.join(f'{field}={back_view(each)}' for field, each in zip(value._fields, value))})"
    if isinstance(value, list):
        return f"list [{', '.join(map(back_view, value))}]"
    if isinstance(value, set):
        return f"set {sorted(map(back_view, value))}"
    if isinstance(value, dict):
        return f"dict {[(back_view(k), back_view(v)) for k, v in value.items()]}"
    if isinstance(value, datetime.datetime):
        return f"datetime {(value - datetime.datetime(1, 1, 1)) // datetime.timedelta(microseconds=1)}"
    if isinstance(value, datetime.timedelta):
        return f"timedelta {value // datetime.timedelta(microseconds=1)}"
    if isinstance(value, (int, type(None), datetime.date, uuid.UUID)):
        return f"{name} {value}"
    return f"{name} itself"


def case(kind, seed):
    """A value of a type, what Java has to have of it, what Python gets back; or the way to what is wrong, None if that is not said."""
    value = make(kind, random.Random(seed))
    try:
        java, back = view(value, kind)
        return value, java, back, True
    except Refused as e:
        return value, e.args[0], "", False


def by_reference(kind, held, seed):
    """Moves the elements of a list of Java's and adds a new one: what Python was told, and what has to become of it."""
    rnd = random.Random(seed)
    for _ in range(6 if held else 0):
        i, j, way = rnd.randrange(len(held)), rnd.randrange(len(held)), rnd.randrange(5)
        if way == 0:
            held[i], held[j] = held[j], held[i]
        elif way == 1:
            held.append(held.pop(i))
        elif way == 2:
            held[:] = held[::-1]
        elif way == 3:
            held.insert(j, held.pop(i))
        else:
            rnd.shuffle(held)
    value, *told = case(kind[1], rnd.getrandbits(32))
    try:
        held.append(value)
    except TypeError as e:
        return [str(e), *told]
    return [None, *told]


def of_interface(name, seed):
    """An object for an interface, and what its methods have to give."""
    rnd = random.Random(seed)
    made, cases = Bag(), []
    for method, kind in sorted(methods(name).items()):
        found = case(kind, rnd.getrandbits(32))
        setattr(made, snake(method) if rnd.random() < 0.5 else method, lambda value=found[0]: value)
        cases.append((method, *found[1:]))
    made.told = back_view
    return made, cases
