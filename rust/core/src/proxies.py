# SPDX-License-Identifier: Apache-2.0
# What Java's objects are in Python: one class for each kind, whose methods are calls of `_java` with
# the name of an operation (Reference.java). Below them: values that have no packed form. Loaded late.
from collections import abc

MISSING = object()
iterate = iter
step = next


class JavaObject(Reference):  # noqa: F821, the base comes from callback.rs
    """An object of Java's. It has the attributes and methods that the Java program named, no others."""

    __slots__ = ()

    def __getattr__(self, name):
        if name[:2] == "__":  # what Python looks for by itself: no Java member is named so
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self._java("member", name)

    def __setattr__(self, name, value):
        self._java("assign", name, value)

    def __dir__(self):
        return sorted({*object.__dir__(self), *self._java("names")})

    def __eq__(self, other):
        return self._java("equals", other) if isinstance(other, Reference) else NotImplemented  # noqa: F821

    def __hash__(self):
        return self._java("hash")

    def __str__(self):
        return self._java("text")

    def __repr__(self):
        return f"<java {self._java('text')}>"


class JavaCallable(JavaObject):
    """An object whose class has one method to call, or a class whose objects can be made."""

    __slots__ = ()

    def __call__(self, *args, **kwargs):
        return self._java("callable")(*args, **kwargs)


class JavaIterable(JavaObject, abc.Iterable):
    __slots__ = ()

    def __iter__(self):
        return self._java("iterate")


class JavaIterator(JavaObject, abc.Iterator):
    __slots__ = ()

    def __next__(self):
        return self._java("next")


class JavaCollection(JavaIterable, abc.Collection):
    """A collection that is neither list nor set, such as a queue."""

    __slots__ = ()

    def __len__(self):
        return self._java("length")

    def __contains__(self, value):
        return self._java("contains", value)

    def __repr__(self):
        return repr(list(self))

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


class JavaSet(JavaCollection, abc.MutableSet):
    __slots__ = ()
    __eq__ = abc.Set.__eq__
    __hash__ = None

    @classmethod
    def _from_iterable(cls, values):
        return set(values)

    def __repr__(self):
        return repr(set(self))

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

    def copy(self):
        return set(self)


class JavaList(JavaCollection, abc.MutableSequence):
    __slots__ = ()
    __hash__ = None

    def _index(self, index):
        index = index.__index__()
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
        start, stop, step = index.indices(len(self))
        values = list(value)
        if step == 1:
            self._java("splice", start, max(start, stop), values)
            return
        places = range(start, stop, step)
        if len(places) != len(values):
            raise ValueError(
                f"attempt to assign sequence of size {len(values)} to extended slice of size {len(places)}"
            )
        for at, one in zip(places, values):
            self._java("set", at, one)

    def __delitem__(self, index):
        if not isinstance(index, slice):
            self._java("delete", self._index(index))
            return
        for at in sorted(range(*index.indices(len(self))), reverse=True):
            self._java("delete", at)

    def __eq__(self, other):
        if not isinstance(other, (list, JavaList)):
            return NotImplemented
        return len(self) == len(other) and all(a is b or a == b for a, b in zip(self, other))

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

    def remove(self, value):
        del self[self.index(value)]

    def sort(self, *, key=None, reverse=False):
        self._java("splice", 0, len(self), sorted(self, key=key, reverse=reverse))

    def copy(self):
        return list(self)


class JavaMap(JavaIterable, abc.MutableMapping):
    __slots__ = ()
    __eq__ = abc.Mapping.__eq__
    __hash__ = None

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
        return repr(dict(self.items()))

    def __str__(self):
        return repr(self)

    def __or__(self, other):
        return {**self, **other} if isinstance(other, abc.Mapping) else NotImplemented

    def __ror__(self, other):
        return {**other, **self} if isinstance(other, abc.Mapping) else NotImplemented

    def __ior__(self, other):
        self.update(other)
        return self

    def items(self):
        return JavaItems(self)

    def clear(self):
        self._java("clear")

    def copy(self):
        return dict(self.items())


class JavaItems(abc.ItemsView):
    """The entries of a map: one call for each, where the usual view makes two."""

    __slots__ = ()

    def __iter__(self):
        return map(tuple, self._mapping._java("entries"))


# ---- what Java asks of a Python object ----


def bind(*method):
    """A method of a Java interface, to be called with its arguments."""
    from functools import partial

    return partial(invoke, *method)


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
    if optional:
        return MISSING
    raise AttributeError(f"{type(target).__name__!r} object has no attribute {names[0]!r}")


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


def make_time(hour, minute, second, micros):
    from datetime import time

    return time(hour, minute, second, micros)


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

    kind = (name, *names)
    made = RECORDS.get(kind)
    if made is None:
        made = RECORDS[kind] = namedtuple(name, names, rename=True)
    return made._make(values)
