# SPDX-License-Identifier: Apache-2.0
# What Java's objects are in Python: one class for each kind, whose methods are calls of `_java` with
# the name of an operation (ByReference.java). Below them: values that have no packed form. Loaded late.
from _thread import _local
from collections import abc
from operator import ge, gt, le, lt

MISSING = object()
iterate = iter
step = next


class Shown(_local):
    """The containers whose text is being made on this thread."""

    def __init__(self):
        self.open = []


shown = Shown()


def text_of(it, write, again):
    """The text of a container, as Python writes it: `again` stands for one that contains itself."""
    if it._java("among", shown.open) is not None:
        return again
    shown.open.append(it)
    try:
        return write()
    finally:
        shown.open.pop()


def same(it, other):
    """Whether both are references to one Java object."""
    return isinstance(other, Reference) and it._java("among", [other]) is not None  # noqa: F821


def by_comparing(test):
    def compare(self, other):
        order = self._java("compare", other) if isinstance(other, Reference) else None  # noqa: F821
        return NotImplemented if order is None else test(order, 0)

    return compare


class JavaObject(Reference):  # noqa: F821, the base comes from callback.rs
    """An object of Java's. It has the attributes and methods that the Java program named, no others: see callback.rs."""

    __slots__ = ()

    def __setattr__(self, name, value):
        self._java("assign", str.__str__(name), value)  # an enum's member, say, is a str of another class

    def __dir__(self):
        return sorted({*object.__dir__(self), *self._java("names")})

    def __eq__(self, other):
        return self._java("equals", other) if isinstance(other, Reference) else NotImplemented  # noqa: F821

    def __hash__(self):
        return self._java("hash")

    __lt__, __le__, __gt__, __ge__ = map(by_comparing, (lt, le, gt, ge))

    def __str__(self):
        return self._java("text")

    def __repr__(self):
        return f"<java {self._java('text')}>"

    # Java has no common way to copy: like a function, the object stays the one that it is. Containers do copy.
    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce_ex__(self, protocol):
        raise TypeError(f"a Java object ({type(self).__name__}) cannot be pickled: it lives in the JVM of this process")


class JavaCallable(JavaObject):
    """An object whose class has one method to call, or a class whose objects can be made."""

    __slots__ = ()

    def __call__(self, *args, **kwargs):
        return self._java("callable")(*args, **kwargs)


class JavaIterable(JavaObject, abc.Iterable):
    __slots__ = ()

    def __iter__(self):
        return self._java("iterate")

    def __aiter__(self):
        return self._java("asynchronously")(self)


class JavaIterator(JavaObject, abc.Iterator):
    __slots__ = ()

    __next__ = Reference._next  # noqa: F821

    def __aiter__(self):
        return self._java("asynchronously")(self)

    def __copy__(self):
        raise TypeError("an iterator of Java's cannot be copied")

    def __deepcopy__(self, memo):
        return self.__copy__()


class JavaCollection(JavaIterable, abc.Collection):
    """A collection that is neither list nor set, such as a queue."""

    __slots__ = ()
    _plain = list

    def __len__(self):
        return self._java("length")

    def __contains__(self, value):
        return self._java("contains", value)

    def __repr__(self):
        return text_of(self, lambda: f"[{', '.join(map(repr, self))}]", "[...]")

    def __str__(self):
        return repr(self)

    def add(self, value):
        self._java("add", value)

    def discard(self, value):
        self._java("discard", value)

    def remove(self, value):
        if not self._java("discard", value):
            raise ValueError(f"{value!r} is not in the collection")

    def clear(self):
        self._java("clear")

    def copy(self):
        return self._plain(self)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return deep_copy(self, self, memo)


def deep_copy(it, parts, memo):
    """A container of Python's. There is one for each Java object, also for one that contains itself."""
    from copy import deepcopy

    known, copies = memo.setdefault(JavaCollection, ([], []))
    place = it._java("among", known)
    if place is not None:
        return copies[place]
    made = it._plain()
    known.append(it)
    copies.append(made)
    (made.extend if it._plain is list else made.update)(deepcopy(part, memo) for part in parts)
    return made


class JavaSet(JavaCollection, abc.MutableSet):
    __slots__ = ()
    __hash__ = None
    __lt__, __le__, __gt__, __ge__ = abc.Set.__lt__, abc.Set.__le__, abc.Set.__gt__, abc.Set.__ge__
    _plain = set

    @classmethod
    def _from_iterable(cls, values):
        return set(values)

    def __eq__(self, other):
        if not isinstance(other, abc.Set):
            return NotImplemented
        return same(self, other) or len(self) == len(other) and all(Views.contains(other, value) for value in self)

    def __repr__(self):
        return text_of(self, self._text, "{...}")

    def _text(self):
        try:
            return repr(set(self))
        except TypeError:  # of elements that cannot be hashed
            return f"{{{', '.join(map(repr, self))}}}"

    def remove(self, value):
        if not self._java("discard", value):
            raise KeyError(value)

    def update(self, *others):
        for other in others:
            for value in other:
                self.add(value)

    def union(self, *others):
        return set(self).union(*others)

    def intersection(self, *others):
        return set(self).intersection(*others)

    def difference(self, *others):
        return set(self).difference(*others)

    def issubset(self, other):
        return set(self).issubset(other)

    def issuperset(self, other):
        return set(self).issuperset(other)


def by_elements(test):
    def compare(self, other):
        return test(list(self), list(other)) if isinstance(other, (list, JavaList)) else NotImplemented

    return compare


class JavaList(JavaCollection, abc.MutableSequence):
    __slots__ = ()
    __hash__ = None
    __lt__, __le__, __gt__, __ge__ = map(by_elements, (lt, le, gt, ge))

    def _index(self, index):
        try:
            index = index.__index__()
        except AttributeError:
            raise TypeError(f"list indices must be integers or slices, not {type(index).__name__}") from None
        return index if index >= 0 else index + len(self)

    def __getitem__(self, index):
        if not isinstance(index, slice):
            return self._java("get", self._index(index))
        start, stop, step = index.indices(len(self))
        if step == 1:
            return self._java("slice", start, max(start, stop))
        return [self._java("get", at) for at in range(start, stop, step)]

    def __setitem__(self, index, value):
        if not isinstance(index, slice):
            self._java("set", self._index(index), value)
            return
        length = len(self)
        start, stop, step = index.indices(length)
        values = list(value)
        if step == 1:
            stop = max(start, stop)
            same = self._same(values, range(start, stop))
            order = [-1 if place is None else place for place in same]
            fresh = [value for place, value in zip(same, values) if place is None]
            self._java("arrange", start, stop, order, fresh)
            return
        places = range(start, stop, step)
        if len(places) != len(values):
            raise ValueError(
                f"attempt to assign sequence of size {len(values)} to extended slice of size {len(places)}"
            )
        order, fresh = list(range(length)), {}
        for place, same, value in zip(places, self._same(values, places), values):
            order[place] = -1 if same is None else same
            if same is None:
                fresh[place] = value
        self._java("arrange", 0, length, order, [fresh[place] for place in sorted(fresh)])

    def _same(self, values, places):
        """Where in the list each value is, first in these places; None for a value that is not there.

        What is assigned and was in the list is the same Java object afterwards, as with Python's lists.
        """
        found = [None] * len(values)
        for among in (places, range(len(self))):
            if None not in found:
                break
            there = {}
            for place in reversed(among):
                there.setdefault(known_by(self[place]), []).append(place)
            for at, value in enumerate(values):
                same = there.get(known_by(value)) if found[at] is None else None
                if same:
                    found[at] = same.pop() if len(same) > 1 else same[0]
        return found

    def __delitem__(self, index):
        if not isinstance(index, slice):
            self._java("delete", self._index(index))
            return
        for at in sorted(range(*index.indices(len(self))), reverse=True):
            self._java("delete", at)

    def __eq__(self, other):
        if not isinstance(other, (list, JavaList)):
            return NotImplemented
        return same(self, other) or len(self) == len(other) and all(a is b or a == b for a, b in zip(self, other))

    def __add__(self, other):
        return [*self, *other] if isinstance(other, (list, JavaList)) else NotImplemented

    def __radd__(self, other):
        return [*other, *self] if isinstance(other, list) else NotImplemented

    def insert(self, index, value):
        length = len(self)
        index = index + length if index < 0 else index
        self._java("insert", min(max(index, 0), length), value)

    def append(self, value):
        self._java("add", value)

    def index(self, value, *bounds):
        try:
            return super().index(value, *bounds)
        except ValueError as e:
            raise e if e.args else ValueError(f"{value!r} is not in list") from None

    def remove(self, value):
        del self[self.index(value)]

    def __contains__(self, value):
        told = self._java("contains", value)
        return any(one is value or one == value for one in self) if told is None else told

    def __mul__(self, times):
        return list(self) * times

    __rmul__ = __mul__

    def __imul__(self, times):
        self[:] = list(self) * times
        return self

    def reverse(self):
        self._java("reverse")

    def sort(self, *, key=None, reverse=False):
        values = list(self) if key is None else [key(value) for value in self]
        order = sorted(range(len(values)), key=values.__getitem__, reverse=reverse)
        self._java("arrange", 0, len(order), order, [])


class JavaBytes(JavaList):
    """A byte[], whose elements are Java's: from -128 to 127."""

    __slots__ = ()

    def __bytes__(self):
        return self._java("bytes")


def known_by(value):
    """What tells values apart more strictly than ==, which holds for 1 and True, and for the same moment in two zones."""
    return id(value) if isinstance(value, Reference) else (type(value), repr(value))  # noqa: F821


def plain(mapping):
    return mapping.copy() if isinstance(mapping, JavaMap) else mapping


class JavaMap(JavaIterable, abc.MutableMapping):
    __slots__ = ()
    __hash__ = None
    _plain = dict

    def __eq__(self, other):
        if not isinstance(other, abc.Mapping):
            return NotImplemented
        found = ((Views.lookup(other, key), value) for key, value in self.items())
        return same(self, other) or len(self) == len(other) and all(a is b or a == b for a, b in found)

    def __reversed__(self):
        return reversed(list(self))

    def __len__(self):
        return self._java("length")

    def __contains__(self, key):
        return self._java("contains", key)

    def __getitem__(self, key):
        found = self._java("item", key)
        if found is None:
            raise KeyError(key)
        return found[0]

    def __setitem__(self, key, value):
        self._java("put", key, value)

    def __delitem__(self, key):
        if not self._java("delete", key):
            raise KeyError(key)

    def __repr__(self):
        return text_of(self, lambda: f"{{{', '.join(f'{key!r}: {value!r}' for key, value in self.items())}}}", "{...}")

    def __str__(self):
        return repr(self)

    def __or__(self, other):
        return {**self.copy(), **plain(other)} if isinstance(other, abc.Mapping) else NotImplemented

    def __ror__(self, other):
        return {**other, **self.copy()} if isinstance(other, abc.Mapping) else NotImplemented

    def __ior__(self, other):
        self.update(other)
        return self

    def keys(self):
        return JavaKeys(self)

    def values(self):
        return JavaValues(self)

    def items(self):
        return JavaItems(self)

    # Other threads may change the map, so nothing is looked up twice here, as the abstract base does.

    def pop(self, key, default=MISSING):
        found = self._java("take", key)
        if found is None and default is MISSING:
            raise KeyError(key)
        return default if found is None else found[0]

    def popitem(self):
        for key in self:
            found = self._java("take", key)
            if found is not None:
                return key, found[0]
        raise KeyError("popitem(): the map is empty")

    def clear(self):
        self._java("clear")

    def copy(self):
        return dict(self.items())

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return deep_copy(self, self.items(), memo)


class Backwards:
    """Views of dicts can be iterated over from their end."""

    __slots__ = ()

    def __reversed__(self):
        return reversed(list(self))


class JavaKeys(Backwards, abc.KeysView):
    __slots__ = ()


class JavaValues(Backwards, abc.ValuesView):
    __slots__ = ()

    def __iter__(self):
        return (value for _, value in self._mapping.items())

    def __contains__(self, value):
        return any(each is value or each == value for each in self)


class JavaItems(Backwards, abc.ItemsView):
    """The entries of a map: one call for each, where the usual view makes two."""

    __slots__ = ()

    def __iter__(self):
        return self._mapping._java("entries")

    def __contains__(self, item):
        return isinstance(item, tuple) and len(item) == 2 and super().__contains__(item)


# ---- what Java asks of a Python object ----


def bind(target, names, getter, setter, single, *more):
    """How a method of a Java interface is called: the first attribute of these names, if there is one, or else the third."""
    from functools import partial

    if single and isinstance(target, type):  # a class is called, and makes an object: its methods are those of its objects
        names = [name for name in names if is_own(target, name)]
    whole = partial(invoke, target, names, getter, setter, single, *more)
    return target, tuple(names), target if single and callable(target) and not getter and not setter else whole, whole


def is_own(target, name):
    """Whether a class has an attribute that can be called without an object of it."""
    for kind in target.__mro__:
        if name in vars(kind):
            return isinstance(vars(kind)[name], (staticmethod, classmethod, type))
    return False


def invoke(target, names, getter, setter, single, optional, *args):
    """The first attribute of these names, called if it can be."""
    for name in names:
        found = getattr(target, name, MISSING)
        if found is not MISSING:
            return found(*args) if args or callable(found) else found
    if setter:
        name = next((name for name in setter if hasattr(target, name)), setter[0])
        return setattr(target, name, *args)
    for name in getter:
        found = getattr(target, name, MISSING)
        if found is not MISSING:
            return found() if callable(found) else found
    if single and callable(target):
        return target(*args)
    if names[0] == "compareTo" and len(args) == 1:
        return (target > args[0]) - (target < args[0])
    if optional:
        return MISSING
    for name in (*names, *getter):
        if any(name in vars(each) for each in type(target).__mro__):
            getattr(target, name)  # a property, which says itself what failed in it
    raise AttributeError(f"{type(target).__name__!r} object has no attribute {names[0]!r}")


class Unsupported(TypeError):
    """A Python object does not have what a method of a Java collection needs."""


def collections_of(it):
    """The collections of Java's that an object can be used as."""
    defined = {}  # and not what `hasattr` finds in the class of the class, of enumerations say
    for each in reversed(type(it).__mro__):
        defined.update(vars(each))
    has = {name for name in ("keys", "__getitem__", "__len__", "__iter__", "__contains__") if defined.get(name) is not None}
    mapping = isinstance(it, abc.Mapping) or {"keys", "__getitem__"} <= has
    elements = "__iter__" in has or "__getitem__" in has
    if mapping:
        yield "Map"
    if isinstance(it, abc.Sequence) or {"__getitem__", "__len__"} <= has and not isinstance(it, abc.Mapping):
        yield "List"
    if isinstance(it, abc.Set) or {"__len__", "__iter__", "__contains__"} <= has and "__getitem__" not in has:
        yield "Set"
    if elements and "__len__" in has:
        yield "Collection"
    if elements:
        yield from ("Iterable", "Iterator")


class Views:
    """What Java's collections over a Python object do to it."""

    def check(it, wanted):
        can = list(collections_of(it))
        if wanted not in can:
            name = f"an object of the type {type(it).__name__} cannot be used as a Java {wanted}"
            raise TypeError(f"{name}: it can be used as a {', '.join(can)}" if can else name)

    kind = staticmethod(lambda it: "list" if isinstance(it, abc.Sequence) else "set" if isinstance(it, abc.Set) else "other")
    size = staticmethod(len)
    iterator = staticmethod(iter)
    snapshot = staticmethod(list)
    next = staticmethod(lambda it, each: step(each, MISSING))
    one = staticmethod(lambda it, all, at: all[at])

    def get(it, at):
        if at < 0:
            raise IndexError(f"index {at}")
        return it[at]

    def set(it, at, value):
        before = Views.get(it, at)
        able(it, "__setitem__")[at] = value
        return before

    def insert(it, at, value):
        if not 0 <= at <= len(it):
            raise IndexError(f"index {at}, size {len(it)}")
        able(it, "insert").insert(at, value)

    def pop(it, at):
        value = Views.get(it, at)
        del able(it, "__delitem__")[at]
        return value

    def clear(it):
        able(it, "clear").clear()

    def contains(it, value):
        try:
            return value in it
        except TypeError:  # of a value that cannot be hashed
            return False

    def add(it, value):
        if isinstance(it, abc.Set) and value in it:
            return False
        it.add(value) if hasattr(it, "add") else able(it, "append").append(value)
        return True

    def remove(it, value):
        found = Views.contains(it, value)
        if found and isinstance(it, abc.MutableSet):
            it.discard(value)  # another thread may have removed it meanwhile
        elif found:
            able(it, "remove").remove(value)
        return found

    def remove_one(it, all, at):
        """Removes what an iterator gave, unless it is gone: the iterator goes over what was there when it began."""
        if isinstance(it, abc.MutableSet):
            it.discard(all[at])
        elif isinstance(it, abc.MutableMapping):
            it.pop(all[at], None)
        elif hasattr(it, "remove"):
            it.remove(all[at])
        else:
            del able(it, "__delitem__")[all[at]]

    def lookup(it, key):
        return it[key] if Views.contains(it, key) else MISSING

    def put(it, key, value):
        before = Views.lookup(it, key)
        able(it, "__setitem__")[key] = value
        return before

    def take(it, key):
        before = Views.lookup(it, key)
        if before is not MISSING:
            del able(it, "__delitem__")[key]
        return before

    def lookup_one(it, keys, at):
        return Views.lookup(it, keys[at])

    def put_one(it, keys, at, value):
        return Views.put(it, keys[at], value)


def able(it, method):
    if not hasattr(it, method):
        raise Unsupported(f"{type(it).__name__!r} object has no {method}")
    return it


def view(operation, it, *operands):
    return getattr(Views, operation)(it, *operands)


# ---- how Python objects suit Java's parameters ----


def suits(target, names, count):
    """How well an object can be called with so many arguments: 0 exactly, 1 by defaults, 2 perhaps, None not at all."""
    if not callable(target):
        return 2 if any(hasattr(target, name) for name in names) else None
    from inspect import signature

    try:
        parameters = signature(target).parameters.values()
    except (TypeError, ValueError):
        return 2  # written in C, and does not say
    places = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    least = sum(each.default is each.empty for each in places)
    rest = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    if any(each.kind is each.KEYWORD_ONLY and each.default is each.empty for each in parameters):
        return None
    if count < least or count > len(places) and not rest:
        return None
    return 0 if count == least and not rest else 1


def is_array(value):
    """Whether an object is a sequence or an array of numbers, of which a variable number of arguments is made."""
    if isinstance(value, abc.Sequence) or type(value).__module__ == "array":
        return not isinstance(value, str)
    return hasattr(value, "__array__") and hasattr(value, "__len__")


def is_iterator(value):
    return isinstance(value, abc.Iterator)


# ---- values of Java that have a counterpart in the standard library ----


def make_datetime(year, month, day, hour, minute, second, micros, offset, zone):
    from datetime import datetime, timedelta, timezone

    where = None
    if zone is not None:
        try:
            from zoneinfo import ZoneInfo

            where = ZoneInfo(zone)
        except Exception:
            pass  # a machine without that zone: the offset tells the same moment
    if where is None and offset is not None:
        where = timezone(timedelta(seconds=offset)) if offset else timezone.utc
    made = datetime(year, month, day, hour, minute, second, micros, where)
    if zone is not None and offset is not None and made.utcoffset() != timedelta(seconds=offset):
        made = made.replace(fold=1)  # the second of the two hours when clocks go back
    return made


def make_date(year, month, day):
    from datetime import date

    return date(year, month, day)


def make_time(hour, minute, second, micros, offset=None):
    from datetime import time

    return time(hour, minute, second, micros, None if offset is None else make_zone(None, offset))


def make_zone(name, offset):
    from datetime import timedelta, timezone

    if offset is None:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            return ZoneInfo(name)
        except ZoneInfoNotFoundError:
            reason = f"No time zone found with key {name}. Python finds none on Windows: install the package tzdata."
            raise ZoneInfoNotFoundError(reason) from None
    return timezone(timedelta(seconds=offset)) if offset else timezone.utc


def make_duration(seconds, micros):
    from datetime import timedelta

    return timedelta(seconds=seconds, microseconds=micros)


def make_uuid(text):
    from uuid import UUID

    return UUID(text)


def make_path(text):
    from pathlib import Path

    return Path(text)


RECORDS = {}


def make_record(name, names, values):
    from collections import namedtuple
    from keyword import iskeyword

    kind = (name, *names)
    made = RECORDS.get(kind)
    if made is None:
        written = [each + "_" if iskeyword(each) else each for each in names]
        made = RECORDS[kind] = namedtuple(name, written, rename=True)
    return made._make(values)
