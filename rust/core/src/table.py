# SPDX-License-Identifier: Apache-2.0
# Tables column by column: where a table of Python's has the values of its columns, for Java to read (Tables.java), and
# columns that Java has filled, as pandas, polars and pyarrow take them. What is Arrow's is read and offered by table.rs.
import sys
from array import array as numbers
from types import SimpleNamespace

# How Arrow writes the types of numpy's numbers; "?" is our own letter for booleans of a byte each.
FORMATS = {
    "b1": "?", "i1": "c", "i2": "s", "i4": "i", "i8": "l", "u1": "C", "u2": "S", "u4": "I", "u8": "L", "f2": "e", "f4": "f", "f8": "g",
}  # fmt: skip

# How it is known which values of a column are null: by Arrow's bits, by a byte for each, or because they are NaT.
BITS, BYTES, NAT = 0, 1, 2


class Refused(TypeError):
    """There is no such table. The text says why or what to do."""


# ---- from Python ----


def described(value, names):
    """What keeps the memory, for each column its name, type, chunks and how it marks nulls, and the rows. None for what is no table.

    `names` has the names that each wanted column may have; without it all are wanted.
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(value, pandas.DataFrame):
        return of_pandas(value, names)
    chunks = read(value)
    if chunks is None and hasattr(type(value), "__dataframe__"):
        chunks = read(by_interchange(value))
    if chunks is None or chunks.schema[0] != "+s":
        return None
    parts = chunks.schema[2]
    arrays = chunks.arrays
    if any(array[2] and array[3][0] for array in arrays):
        raise Refused("It has rows that are null as a whole.")
    columns = []
    for place in chosen([part[1] for part in parts], names):
        # The rows of a slice begin further on in every column.
        each = [(array[0], array[1] + array[4][place][1], *array[4][place][2:]) for array in arrays]
        columns.append((parts[place][1], parts[place], each, BITS))
    return Memory([chunks]), columns, sum(array[0] for array in arrays)


class Memory:
    """What keeps the values in their places."""

    def __init__(self, keep):
        self.keep = keep


def read(value):
    kind = type(value)
    if hasattr(kind, "__arrow_c_stream__"):
        return Chunks(value.__arrow_c_stream__())
    if hasattr(kind, "__arrow_c_array__"):
        return Chunks(*value.__arrow_c_array__())
    return None


def by_interchange(value):
    """A table that speaks the older protocol, as one of a library that reads it."""
    arrow = imported("pyarrow.interchange")
    if arrow is not None:
        return arrow.from_dataframe(value)
    polars = imported("polars")
    if polars is not None:
        return polars.from_dataframe(value)
    raise Refused("It has __dataframe__ and not __arrow_c_stream__: install pyarrow or polars, which read that.")


def imported(name):
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def chosen(labels, names):
    """The places of the columns that are wanted."""
    if names is None:
        strange = [label for label in labels if not isinstance(label, str)]
        if strange:
            raise Refused(f"The name of its column {strange[0]!r} is no str.")
        return range(len(labels))
    places, missing = [], []
    for each in names:
        name = next((name for name in each if name in labels), None)
        if name is None:
            missing.append(each[0])
        elif labels.count(name) > 1:
            raise Refused(f"It has {labels.count(name)} columns of the name {name!r}.")
        else:
            places.append(labels.index(name))
    if missing:
        raise Refused(f"It has no {', '.join(map(repr, missing))}. Its columns are {', '.join(map(repr, labels[:20]))}.")
    return places


# ---- pandas, whose columns need not be Arrow's ----


def of_pandas(frame, names):
    keep, columns = [], []
    labels = list(frame.columns)
    for place in chosen(labels, names):
        name = labels[place]
        columns.append((name, *pandas_column(name, frame.iloc[:, place], keep)))
    return Memory(keep), columns, len(frame)


def pandas_column(name, series, keep):
    import numpy
    import pandas

    dtype = series.dtype
    if isinstance(dtype, numpy.dtype):
        if dtype.kind in "biufmM":
            return numpy_column(name, series.to_numpy(), keep) or objects(name, series, keep)
        # Others may be of several types, which Arrow would make one of.
        if pandas.api.types.infer_dtype(series, skipna=True) not in ("string", "date", "bytes"):
            return objects(name, series, keep)
    arrow = imported("pyarrow")
    if arrow is not None:
        try:
            chunks = read(arrow.array(series, from_pandas=True))
            keep.append(chunks)
            return chunks.schema, chunks.arrays, BITS
        except (TypeError, ValueError, OverflowError, NotImplementedError):
            return objects(name, series, keep)  # where each value gets a message of its own
    if isinstance(dtype, pandas.DatetimeTZDtype):
        return numpy_column(name, series.dt.tz_convert(None).to_numpy(), keep, zone=str(dtype.tz))
    plain = getattr(dtype, "numpy_dtype", None)
    if plain is not None and plain.kind in "biuf":
        return numpy_column(name, series.to_numpy(dtype=plain, na_value=0), keep, series.isna().to_numpy())
    return objects(name, series, keep)


def numpy_column(name, array, keep, mask=None, zone=""):
    """Its elements where numpy has them; None if Arrow has no type for them."""
    import numpy

    format = FORMATS.get(f"{array.dtype.kind}{array.dtype.itemsize}")
    nulls = BITS if mask is None else BYTES
    if array.dtype.kind in "mM":
        unit, step = numpy.datetime_data(array.dtype)
        if unit not in ("s", "ms", "us", "ns") or step != 1:
            coarse = array.astype(f"{array.dtype.kind}8[s]")
            if unit == "generic" or not (coarse.astype(array.dtype) == array)[~numpy.isnat(array)].all():
                return None
            array, unit = coarse, "s"
        format = f"tD{unit[0]}" if array.dtype.kind == "m" else f"ts{unit[0]}:{zone}"
        nulls = NAT
    if format is None:
        return None
    array = numpy.ascontiguousarray(array, array.dtype.newbyteorder("="))
    keep += [array, mask]
    addresses = [0 if part is None else part.__array_interface__["data"][0] for part in (mask, array)]
    return (format, name, [], None), [(len(array), 0, 0 if nulls == BITS else -1, addresses, [], None)], nulls


def objects(name, series, keep):
    """The values as they are, where pandas' own word for nothing is None."""
    values = [None if missing else value for value, missing in zip(series.tolist(), series.isna().tolist())]
    return ("O", name, [], None), [(len(values), 0, 0, values, [], None)], BITS


# ---- from Java ----


class Column:
    """A column that Java has filled: a sequence, an array of numpy's and one of Arrow's."""

    def __init__(self, format, name, length, nulls, buffers, parts):
        self.format, self.name, self.length, self.nulls = format, name, length, nulls
        self.buffers = tuple(buffers)
        self.parts = tuple(Column(*part) for part in parts)
        self._values = None

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return self.values()[index]

    def __iter__(self):
        return iter(self.values())

    def __repr__(self):
        return f"<column {self.name!r} of {self.length} values>"

    def named(self, name):
        """The same column under another name."""
        column = Column(self.format, name, self.length, self.nulls, self.buffers, [])
        column.parts = self.parts
        return column

    def values(self):
        """All values in a list."""
        if self._values is None:
            self._values = values(self)
        return self._values

    def __arrow_c_array__(self, requested_schema=None):
        return capsules(self)

    def __array__(self, dtype=None, copy=None):
        array = as_numpy(self)
        return array if dtype is None else array.astype(dtype)


class Columns(dict):
    """Columns by their names, which are what a table is made of. As a whole it is a table of Arrow's."""

    def __arrow_c_array__(self, requested_schema=None):
        for name, column in self.items():
            if not isinstance(name, str) or not isinstance(column, Column):
                kind = type(column if isinstance(name, str) else name).__name__
                raise Refused(f"What is at {name!r} is no column of Java's, but a {kind}: make a DataFrame or a dict() of all.")
        lengths = {column.length: name for name, column in self.items()}
        if len(lengths) > 1:
            raise Refused("Its columns have different lengths: " + ", ".join(f"{name!r} {length}" for length, name in lengths.items()) + ".")
        whole = Column("+s", "", *lengths or [0], 0, [None], [])
        whole.parts = tuple(column.named(name) for name, column in self.items())
        return capsules(whole)


def columns(described):
    return Columns((each[1], Column(*each)) for each in described)


# ---- columns of numpy's without another library, for the modules that send batches ----

# How `struct` writes the numbers in the buffers of each type, and how many bytes they have.
LETTERS = {"c": "b", "C": "B", "s": "h", "S": "H", "i": "i", "I": "I", "l": "q", "L": "Q", "f": "f", "g": "d"}


def columns_of(value):
    """The columns of one array of Arrow's, over its memory."""
    chunks = read(value)
    (whole,) = chunks.arrays
    parts = [over(chunks, part, array) for part, array in zip(chunks.schema[2], whole[4])]
    return Columns((column.name, column) for column in parts)


def over(keep, schema, array):
    """A column over memory that begins where the values do."""
    format, name, parts, dictionary = schema
    length, offset, nulls, addresses, arrays, _ = array
    if offset or dictionary:
        raise Refused(f"The column {name!r} is part of a larger one, or has a dictionary: install pyarrow.")
    letter = LETTERS.get(format) or {"t": "i" if format in ("tdD", "tts", "ttm") else "q", "u": "i", "z": "i", "+l": "i"}.get(
        format if format[0] == "+" else format[0]
    )
    bits = (length + 7) // 8
    buffers = [memory(keep, addresses[0], bits) if nulls and addresses[0] else None]
    if buffers[0] is not None and nulls < 0:
        valid = int.from_bytes(buffers[0], "little") & (1 << length) - 1
        nulls = length - bin(valid).count("1")
    if letter is not None:
        count = length + (format in ("u", "z", "+l"))
        size = memoryview(bytes(8)).cast(letter).itemsize
        values = memory(keep, addresses[1], count * size if addresses[1] else 0)
        buffers.append(values.cast(letter))
        if format in ("u", "z"):
            buffers.append(memory(keep, addresses[2], buffers[1][-1] if addresses[1] else 0))
    elif format == "b":
        buffers.append(memory(keep, addresses[1], bits if addresses[1] else 0))
    elif format[0] == "d":
        sizes = format.split(",")[2:] or ["128"]
        buffers.append(memory(keep, addresses[1], length * int(sizes[0]) // 8))
    elif format != "+s":
        raise Refused(f"The column {name!r} is of Arrow's type {format!r}: install pyarrow.")
    column = Column(format, name, length, 0 if buffers[0] is None else nulls, buffers, [])
    column.parts = tuple(over(keep, part, each) for part, each in zip(parts, arrays))
    return column


def shape(value):
    """The names and the types of a table's columns."""
    return [(part[1], part[0]) for part in read(value).schema[2]]


def filled(name, format, given):
    """A column of such a type, of values in an array of numpy's or anything that can be iterated over."""
    import numpy

    if isinstance(given, Column):
        if given.format != format:
            raise Refused(f"The column {name!r} is of Arrow's type {given.format!r} and should be of {format!r}.")
        return given.named(name)
    if format in LETTERS or format == "b" or format == "tdD" or format[:2] in ("ts", "tD"):
        array = given if isinstance(given, numpy.ndarray) else objects_of(given)
        mask = numpy.ma.getmaskarray(array) if isinstance(array, numpy.ma.MaskedArray) else None
        if array.dtype == object:
            mask = numpy.array([value is None for value in array], bool)
            array = numpy.array([0 if value is None else value for value in array]) if format[0] != "t" else array.astype(time_of(format))
        array = numpy.asarray(array)
        kind = "?" if format == "b" else time_of(format) if format[0] == "t" else "=" + LETTERS[format]
        if format[0] == "t":
            missing = numpy.isnat(array)
            mask = missing if mask is None else mask | missing
        cast = array.astype(kind)
        left = cast.astype(array.dtype) == array if array.dtype.kind not in "f" or cast.dtype.kind != "f" else True
        wrong = ~(left | (False if mask is None else mask)) if array.dtype != cast.dtype else False
        if array.dtype.kind == "f" and cast.dtype.kind == "f":
            wrong = False  # a float is rounded, as everywhere
        if numpy.any(wrong) or array.dtype.kind == "b" and format != "b" or array.dtype.kind in "US":
            raise Refused(f"The column {name!r} has a value that its type {format!r} does not hold: {array[numpy.argmax(wrong)]!r}.")
        nulls = 0 if mask is None else int(mask.sum())
        valid = memoryview(numpy.packbits(~mask, bitorder="little")) if nulls else None
        if format == "b":
            cast = numpy.packbits(cast, bitorder="little")
        elif format[0] == "t":
            cast = cast.view("i8").astype("i4") if format == "tdD" else cast.view("i8")
        return Column(format, name, len(array), nulls, [valid, memoryview(numpy.ascontiguousarray(cast))], [])
    if format not in ("u", "z"):
        raise Refused(f"The column {name!r} is of Arrow's type {format!r}: install pyarrow, which makes one.")
    given = list(given)
    parts = [b"" if value is None else value.encode() if format == "u" else bytes(value) for value in given]
    offsets = numbers("i", [0])
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    nulls = sum(value is None for value in given)
    valid = memoryview(numpy.packbits([value is not None for value in given], bitorder="little")) if nulls else None
    return Column(format, name, len(given), nulls, [valid, memoryview(offsets), memoryview(b"".join(parts))], [])


def objects_of(given):
    import numpy

    given = list(given)
    array = numpy.empty(len(given), object)
    for place, value in enumerate(given):
        array[place] = value
    return array


def time_of(format):
    return "M8[D]" if format == "tdD" else f"{'m' if format[1] == 'D' else 'M'}8[{UNITS[format[2]]}]"


def made(parts):
    return Columns((column.name, column) for column in parts)


def is_valid(column):
    """For each value whether it is none of the nulls."""
    bits = column.buffers[0]
    if not column.nulls:
        return [True] * column.length
    whole = bytes(bits)
    return [bool(whole[i >> 3] >> (i & 7) & 1) for i in range(column.length)]


UNITS = {"s": "s", "m": "ms", "u": "us", "n": "ns"}


def as_numpy(column):
    import numpy

    format = column.format
    if format[0] == "t" and format[1] != "t" and not (format[1] == "s" and format[4:]):
        unit = "D" if format == "tdD" else UNITS[format[2]]
        array = numpy.asarray(column.buffers[1]).astype("i8").view(f"{'m' if format[1] == 'D' else 'M'}8[{unit}]")
        if column.nulls:
            array[~numpy.array(is_valid(column))] = "NaT"
        return array
    if format in FORMATS.values() and not column.nulls:
        return numpy.asarray(column.buffers[1])
    if format == "b" and not column.nulls:
        bits = numpy.asarray(column.buffers[1])
        return numpy.unpackbits(bits, count=column.length, bitorder="little").view(bool)
    pandas = sys.modules.get("pandas")
    if format[:2] == "ts" and pandas is not None:
        times = as_numpy(Column(format[:4], column.name, column.length, column.nulls, column.buffers, ()))
        return pandas.to_datetime(times, utc=True).tz_convert(format[4:]).to_numpy(dtype=object)
    array = numpy.empty(column.length, object)
    for place, value in enumerate(column.values()):
        array[place] = value
    return array


def values(column):
    import datetime
    from decimal import Decimal

    format, buffers, length = column.format, column.buffers, column.length
    if format == "+s":
        names = [part.name for part in column.parts]
        found = [dict(zip(names, row)) for row in zip(*column.parts)] if names else [{}] * length
    elif format in ("+l", "u", "z"):
        offsets = buffers[1].tolist()
        whole = column.parts[0].values() if format == "+l" else bytes(buffers[2])
        found = [whole[start:end] for start, end in zip(offsets, offsets[1:])]
        if format == "u":
            found = [text.decode() for text in found]
    elif format == "b":
        whole = bytes(buffers[1])
        found = [bool(whole[i >> 3] >> (i & 7) & 1) for i in range(length)]
    elif format[0] == "d":
        scale = int(format[2:].split(",")[1])
        whole = bytes(buffers[1])
        size = len(whole) // length if length else 16
        numbers = (int.from_bytes(whole[i * size : (i + 1) * size], "little", signed=True) for i in range(length))
        found = [Decimal(f"{number}E{-scale}") for number in numbers]
    else:
        found = buffers[1].tolist()
        if format == "tdD":
            found = [datetime.date.fromordinal(day + 719163) for day in found]
        elif format[0] == "t":
            parts = {"s": 1, "m": 1000, "u": 1000**2, "n": 1000**3}[format[2]]
            zone = datetime.timezone.utc if format[4:] else None
            start = datetime.datetime(1970, 1, 1, tzinfo=zone)
            micros = [divmod(count, parts) for count in found]
            spans = [datetime.timedelta(seconds=whole, microseconds=rest * 1000**2 // parts) for whole, rest in micros]
            found = spans if format[1] == "D" else [start + span for span in spans]
            if format[1] == "t":
                found = [moment.time() for moment in found]
    return [value if valid else None for value, valid in zip(found, is_valid(column))] if column.nulls else found


shared = SimpleNamespace(columns_of=columns_of, columns=made, filled=filled, shape=shape, is_valid=is_valid, FORMATS=FORMATS)


# ---- for another process, in Arrow's IPC format ----


def by_pyarrow():
    try:
        import pyarrow.ipc
    except ImportError as e:
        raise Refused("A table crosses to another process by pyarrow, which its Python has not: install pyarrow there.") from e
    return pyarrow


COLUMN = {b"python4j": b"column"}  # the metadata of a table that only carries a column; PythonArrow.java knows it too


def of_stream(bytes):
    """The table or the column in an array of bytes, over the same memory."""
    pyarrow = by_pyarrow()
    table = pyarrow.ipc.open_stream(pyarrow.py_buffer(bytes)).read_all()
    return table.column(0).chunk(0) if table.schema.metadata == COLUMN else table


def as_stream(value):
    """A table or a column as an array of bytes, of one batch without dictionaries. It is copied once, and once more before if it
    has several batches."""
    pyarrow = by_pyarrow()
    table = None
    if isinstance(value, pyarrow.Table):
        table = value
    elif not isinstance(value, (pyarrow.Array, pyarrow.ChunkedArray)):
        try:
            table = pyarrow.table(value)
        except (pyarrow.ArrowInvalid, TypeError):  # a Series, say
            value = pyarrow.chunked_array(value)
    if table is None:
        table = pyarrow.table({"": value}, metadata=COLUMN)
    schema = table.schema
    for place, field in enumerate(schema):
        if pyarrow.types.is_dictionary(field.type):
            schema = schema.set(place, field.with_type(field.type.value_type))
    table = table.cast(schema).combine_chunks()
    size = pyarrow.MockOutputStream()
    write(pyarrow, size, table)
    try:
        import numpy
    except ImportError:
        bytes = bytearray(size.size())
    else:
        bytes = numpy.empty(size.size(), "u1")  # in shared memory, if it is large
    write(pyarrow, pyarrow.FixedSizeBufferWriter(pyarrow.py_buffer(bytes)), table)
    return bytes


def write(pyarrow, file, table):
    with pyarrow.ipc.new_stream(file, table.schema) as out:
        out.write_table(table)
