# SPDX-License-Identifier: Apache-2.0
# Arrays of every type of Arrow's, with nulls and without, whole and as slices, made by pyarrow; and what pyarrow says
# of two of them. The tests and the torture suite run it.
import datetime as dt
import decimal
import random

import pyarrow as pa


def _text(r):
    return "".join(r.choice("abc é€😀\0") for _ in range(r.choice((0, 1, 5, 11, 12, 13, 40))))


def _bytes(r):
    return _text(r).encode()


def _int(bits, signed):
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return lambda r: r.choice((low, high, 0, r.randint(low, high)))


def _float(r):
    return r.choice((0.0, -0.0, 1.5, -2.25, float("inf"), r.randint(-1000, 1000) / 8))


def _decimal(digits, scale):
    return lambda r: decimal.Decimal(r.randint(-(10**digits) + 1, 10**digits - 1)).scaleb(-scale, decimal.Context(prec=80))


def _stamp(r):
    return r.randint(-(10**9), 4 * 10**9)


#: each type that has no other one in it, and how to make a value
FLAT = {
    pa.null(): lambda r: None,
    pa.bool_(): lambda r: r.random() < 0.5,
    **{getattr(pa, f"{'' if signed else 'u'}int{bits}")(): _int(bits, signed) for bits in (8, 16, 32, 64) for signed in (True, False)},
    pa.float16(): _float,
    pa.float32(): _float,
    pa.float64(): _float,
    pa.decimal128(20, 3): _decimal(20, 3),
    pa.decimal256(60, 10): _decimal(60, 10),
    pa.date32(): lambda r: dt.date(1970, 1, 1) + dt.timedelta(days=r.randint(-200000, 200000)),
    pa.date64(): lambda r: dt.date(1970, 1, 1) + dt.timedelta(days=r.randint(-200000, 200000)),
    pa.time32("s"): lambda r: r.randint(0, 86399),
    pa.time32("ms"): lambda r: r.randint(0, 86399999),
    pa.time64("us"): lambda r: r.randint(0, 86399999999),
    pa.time64("ns"): lambda r: r.randint(0, 86399999999999),
    **{pa.timestamp(unit, zone): _stamp for unit in ("s", "ms", "us", "ns") for zone in (None, "UTC", "Europe/Berlin")},
    **{pa.duration(unit): _stamp for unit in ("s", "ms", "us", "ns")},
    pa.month_day_nano_interval(): lambda r: pa.MonthDayNano([r.randint(-99, 99), r.randint(-99, 99), r.randint(-(10**12), 10**12)]),
    pa.string(): _text,
    pa.large_string(): _text,
    pa.string_view(): _text,
    pa.binary(): _bytes,
    pa.large_binary(): _bytes,
    pa.binary_view(): _bytes,
    pa.binary(3): lambda r: bytes(r.randrange(256) for _ in range(3)),
}


def _flat(type, count, nulls, r):
    values = [None if nulls and r.random() < 0.3 else FLAT[type](r) for _ in range(count)]
    if type == pa.float16():
        import numpy

        values = [None if value is None else numpy.float16(value) for value in values]
    return pa.array(values, type)


def array(type, count, nulls, r):
    """An array of a type with random values."""
    if type in FLAT:
        return _flat(type, count, nulls, r)
    if pa.types.is_dictionary(type):
        values = array(type.value_type, 5, False, r)
        indices = [None if nulls and r.random() < 0.3 else r.randrange(5) for _ in range(count)]
        return pa.DictionaryArray.from_arrays(pa.array(indices, type.index_type), values, ordered=type.ordered)
    if pa.types.is_run_end_encoded(type):
        ends, end = [], 0
        while end < count:
            end = min(count, end + r.randint(1, 4))
            ends.append(end)
        return pa.RunEndEncodedArray.from_arrays(pa.array(ends, type.run_end_type), array(type.value_type, len(ends), nulls, r))
    mask = pa.array([nulls and r.random() < 0.3 for _ in range(count)], pa.bool_())
    if pa.types.is_struct(type):
        children = [array(field.type, count, nulls, r) for field in type]
        return pa.StructArray.from_arrays(children, fields=list(type), mask=mask)
    if pa.types.is_fixed_size_list(type):
        return pa.FixedSizeListArray.from_arrays(array(type.value_type, count * type.list_size, nulls, r), type=type, mask=mask)
    if pa.types.is_union(type):
        ids = [r.randrange(type.num_fields) for _ in range(count)]
        names = [type.field(i).name for i in range(type.num_fields)]
        if type.mode == "sparse":
            children = [array(type.field(i).type, count, nulls, r) for i in range(type.num_fields)]
            return pa.UnionArray.from_sparse(pa.array(ids, pa.int8()), children, names)
        offsets = [ids[:i].count(id) for i, id in enumerate(ids)]
        children = [array(type.field(i).type, ids.count(i), nulls, r) for i in range(type.num_fields)]
        return pa.UnionArray.from_dense(pa.array(ids, pa.int8()), pa.array(offsets, pa.int32()), children, names)
    lengths = [r.randrange(4) for _ in range(count)]
    if pa.types.is_map(type):
        keys = array(type.key_type, sum(lengths), False, r)
        items = array(type.item_type, sum(lengths), nulls, r)
        return pa.MapArray.from_arrays(_offsets(lengths, pa.int32()), keys, items, type=type, mask=mask)
    values = array(type.value_type, sum(lengths), nulls, r)
    if isinstance(type, (pa.ListViewType, pa.LargeListViewType)):
        wide = pa.int64() if isinstance(type, pa.LargeListViewType) else pa.int32()
        kind = pa.LargeListViewArray if isinstance(type, pa.LargeListViewType) else pa.ListViewArray
        starts = _offsets(lengths, wide)[: len(lengths)]
        return kind.from_arrays(starts, pa.array(lengths, wide), values, type=type, mask=mask)
    kind, wide = (pa.LargeListArray, pa.int64()) if pa.types.is_large_list(type) else (pa.ListArray, pa.int32())
    return kind.from_arrays(_offsets(lengths, wide), values, type=type, mask=mask)


def _offsets(lengths, type):
    offsets = [0]
    for length in lengths:
        offsets.append(offsets[-1] + length)
    return pa.array(offsets, type)


NESTED = [
    pa.list_(pa.int32()),
    pa.list_(pa.bool_()),
    pa.list_(pa.string()),
    pa.large_list(pa.string_view()),
    pa.list_(pa.int16(), 3),
    pa.list_(pa.bool_(), 3),
    pa.list_(pa.large_string(), 2),
    pa.list_view(pa.int64()),
    pa.large_list_view(pa.string()),
    pa.struct([("a", pa.int8()), ("b", pa.string()), ("c", pa.bool_())]),
    pa.map_(pa.string(), pa.float64()),
    pa.map_(pa.int32(), pa.list_(pa.string())),
    pa.list_(pa.struct([("x", pa.list_(pa.int64())), ("y", pa.list_(pa.bool_(), 2))])),
    pa.struct([("in", pa.struct([("most", pa.binary()), ("when", pa.timestamp("us", "UTC"))])), ("n", pa.null())]),
    pa.list_(pa.list_(pa.list_(pa.uint8()))),
    pa.dense_union([pa.field("i", pa.int64()), pa.field("t", pa.string())]),
    pa.sparse_union([pa.field("i", pa.int64()), pa.field("t", pa.string())]),
    pa.dictionary(pa.int32(), pa.string()),
    pa.dictionary(pa.int8(), pa.large_string()),
    pa.dictionary(pa.uint16(), pa.int64()),
    pa.dictionary(pa.int64(), pa.string(), True),
    pa.run_end_encoded(pa.int32(), pa.string()),
    pa.run_end_encoded(pa.int16(), pa.float64()),
    pa.run_end_encoded(pa.int64(), pa.bool_()),
]

TYPES = [*FLAT, *NESTED]

SLICES = [(0, None), (3, None), (8, 5), (13, 7), (64, 70), (1, 0), (0, 0)]


def cases(type, seed=1, count=150):
    """Arrays of a type: what it is, and the array."""
    for nulls in (False, True):
        whole = array(type, count, nulls, random.Random(seed))
        for start, length in SLICES:
            yield f"{type}{' with nulls' if nulls else ''}[{start}:+{length}]", whole.slice(start, length)


def random_type(r, depth=0):
    """A type, with others in it."""
    if depth == 3 or r.random() < 0.5:
        return r.choice(list(FLAT))
    inner = lambda: random_type(r, depth + 1)
    kind = r.randrange(6)
    if kind == 0:
        return pa.list_(inner())
    if kind == 1:
        return pa.large_list(inner())
    if kind == 2:
        return pa.list_(inner(), r.randint(1, 3))
    if kind == 3:
        return pa.struct([(f"f{i}", inner()) for i in range(r.randint(1, 3))])
    if kind == 4:
        return pa.map_(pa.string(), inner())
    return pa.run_end_encoded(pa.int32(), r.choice([pa.string(), pa.int64(), pa.bool_()]))


def random_batch(seed):
    """A batch with random columns, as a slice."""
    r = random.Random(seed)
    rows = r.choice((0, 1, 7, 8, 9, 64, 100, 1000))
    columns = [array(random_type(r), rows, r.random() < 0.7, r) for _ in range(r.randint(1, 5))]
    batch = pa.record_batch(columns, [f"c{i}" for i in range(len(columns))])
    start = r.randint(0, rows)
    return batch.slice(start, r.randint(0, rows - start))


def plain(array):
    """The values without dictionaries and runs, as Python has them; nan is one value."""
    if isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in plain(chunk)]
    if pa.types.is_timestamp(array.type) or pa.types.is_duration(array.type) or pa.types.is_time64(array.type):
        return array.view(pa.int64()).to_pylist() if len(array) else []
    return [repr(value) for value in array.to_pylist()]


def difference(name, expected, found, types=True):
    """What is not the same in two arrays; empty if nothing is."""
    found = pa.chunked_array([found]) if isinstance(found, pa.Array) else found
    found.validate(full=True)
    if types and found.type != expected.type:
        return f"{name}: the type {found.type} instead of {expected.type}\n"
    a, b = plain(expected), plain(found)
    if len(a) != len(b):
        return f"{name}: {len(b)} values instead of {len(a)}\n"
    at = [i for i in range(len(a)) if a[i] != b[i]]
    return f"{name}: at {at[0]} {b[at[0]]} instead of {a[at[0]]}, and {len(at) - 1} others\n" if at else ""


def to_ipc(array):
    """The bytes of a stream with one column."""
    sink = pa.BufferOutputStream()
    batch = array if isinstance(array, pa.RecordBatch) else pa.record_batch([array], ["x"])
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def from_ipc(data):
    """The batches of a stream."""
    return pa.ipc.open_stream(data).read_all()
