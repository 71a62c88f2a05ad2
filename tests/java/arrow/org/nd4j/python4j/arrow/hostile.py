# SPDX-License-Identifier: Apache-2.0
# Producers that break Arrow's C data interface where a consumer can see it: structs made by ctypes, over the buffers of a
# real batch, with one field of one struct changed. HostileTest reads them.
import ctypes as c

import pyarrow as pa


class Schema(c.Structure):
    pass


class Array(c.Structure):
    pass


class Stream(c.Structure):
    pass


Release = c.CFUNCTYPE(None, c.c_void_p)
Schema._fields_ = [("format", c.c_char_p), ("name", c.c_char_p), ("metadata", c.c_void_p), ("flags", c.c_int64), ("n_children", c.c_int64),
                   ("children", c.POINTER(c.POINTER(Schema))), ("dictionary", c.POINTER(Schema)), ("release", Release), ("private_data", c.c_void_p)]
Array._fields_ = [(name, c.c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")] + [
    ("buffers", c.POINTER(c.c_void_p)), ("children", c.POINTER(c.POINTER(Array))), ("dictionary", c.POINTER(Array)), ("release", Release),
    ("private_data", c.c_void_p)]
Stream._fields_ = [("get_schema", c.CFUNCTYPE(c.c_int, c.c_void_p, c.POINTER(Schema))), ("get_next", c.CFUNCTYPE(c.c_int, c.c_void_p, c.POINTER(Array))),
                   ("get_last_error", c.CFUNCTYPE(c.c_void_p, c.c_void_p)), ("release", Release), ("private_data", c.c_void_p)]

kept = []  # what the structs point to; cleared after each case
released = []  # the kind of each struct, in the order of their releases


def releasing(kind, struct):
    def release(address):
        released.append(kind)
        struct.from_address(address).release = Release()
    return Release(release)


RELEASE = {Schema: releasing("schema", Schema), Array: releasing("array", Array), Stream: releasing("stream", Stream)}
BELOW = Release(lambda address: None)


def copied(source, top=True):
    """A struct like another, with those below it, that is released by itself."""
    kind = type(source)
    own = kind()
    c.memmove(c.byref(own), c.byref(source), c.sizeof(kind))
    own.release = RELEASE[kind] if top else BELOW
    if kind is Array:
        own.buffers = (c.c_void_p * source.n_buffers)(*source.buffers[: source.n_buffers])
    if source.n_children:
        below = [copied(source.children[i].contents, False) for i in range(source.n_children)]
        own.children = (c.POINTER(kind) * len(below))(*map(c.pointer, below))
        kept.append(below)
    if source.dictionary:
        own.dictionary = c.pointer(copied(source.dictionary.contents, False))
    kept.append(own)
    return own


c.pythonapi.PyCapsule_New.restype = c.py_object
c.pythonapi.PyCapsule_New.argtypes = [c.c_void_p, c.c_char_p, c.c_void_p]


def capsule(struct, name):
    kept.append((struct, name))
    return c.pythonapi.PyCapsule_New(c.addressof(struct), name, None)


c.pythonapi.PyCapsule_GetPointer.restype = c.c_void_p
c.pythonapi.PyCapsule_GetPointer.argtypes = [c.py_object, c.c_char_p]


def struct_in(capsule, name, kind):
    return kind.from_address(c.pythonapi.PyCapsule_GetPointer(capsule, name))


def batch():
    """Columns of every form that buffers have, three rows each."""
    return pa.record_batch({
        "number": pa.array([1, None, 3], pa.int64()), "flag": [True, False, None], "text": ["a", "bc", None], "large": pa.array(["a", "", "c"], pa.large_string()),
        "list": [[1, 2], [], [3]], "fixed": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int32(), 2)), "struct": [{"x": 1, "y": "a"}, {"x": 2, "y": "b"}, None],
        "words": pa.array(["x", "y", "x"]).dictionary_encode(), "view": pa.array(["short", "long enough to be elsewhere", None], pa.string_view()),
        "runs": pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array(["p", "q"])),
        "map": pa.array([[("k", 1)], [], [("l", 2)]], pa.map_(pa.string(), pa.int32())),
        "union": pa.UnionArray.from_dense(pa.array([0, 1, 0], pa.int8()), pa.array([0, 0, 1], pa.int32()), [pa.array([5, 6]), pa.array(["u"])]),
        "none": pa.nulls(3),
    })


source, source_schema, source_array = batch(), Schema(), Array()
source._export_to_c(c.addressof(source_array), c.addressof(source_schema))


class Pair:
    def __init__(self, schema, array):
        self.structs = schema, array

    def __arrow_c_array__(self, requested_schema=None):
        schema, array = self.structs
        return capsule(schema, b"arrow_schema"), capsule(array, b"arrow_array")


class Streamed:
    """A stream whose functions are Python's."""

    def __init__(self, schema, *arrays, **fields):
        self.stream = stream(schema, arrays, **fields)

    def __arrow_c_stream__(self, requested_schema=None):
        return capsule(self.stream, b"arrow_array_stream")


def moved(struct, out):
    c.memmove(out, c.byref(struct), c.sizeof(struct))
    return 0


def stream(schema, arrays, error=None, **fields):
    arrays = iter(arrays)

    def get_next(_, out):
        array = next(arrays, Array())
        return array if isinstance(array, int) else moved(array, out)

    own = Stream(get_schema=Stream._fields_[0][1](lambda _, out: moved(schema, out)), get_next=Stream._fields_[1][1](get_next),
                 get_last_error=Stream._fields_[2][1](lambda _: error), release=RELEASE[Stream])
    for name, value in fields.items():
        setattr(own, name, value)
    kept.append(own)
    return own


def nodes(struct, path=""):
    yield path, struct
    for i in range(struct.n_children):
        yield from nodes(struct.children[i].contents, f"{path}/{i}")
    if struct.dictionary:
        yield from nodes(struct.dictionary.contents, f"{path}/dictionary")


def set_to(name, value):
    return f"{name} = {value}", lambda struct: setattr(struct, name, value)


def no_child(struct):
    struct.children[0] = c.POINTER(type(struct))()


def first_offset(number):
    def change(struct):
        values = (c.c_int64 * 8)(number)
        kept.append(values)
        struct.buffers[1] = c.addressof(values)
    return f"first offset = {number}", change


def no_buffer(place):
    def change(struct):
        struct.buffers[place] = None
    return f"buffer {place} = null", change


OF_ALL = [set_to("n_children", -1), set_to("children", None), ("child 0 = null", no_child), set_to("dictionary", None)]
OF_SCHEMAS = OF_ALL + [set_to("format", text) for text in (None, b"", b"+", b"?", b"\xff", b"+w:-1", b"+w:", b"w:9999999999999999999", b"d:", b"d:1", b"+ud:",
                                                           b"+us:9", b"+ud:0,1", b"+l", b"+m", b"+s", b"+r", b"n", b"i", b"tss:", b"ts")]
OF_ARRAYS = OF_ALL + [set_to("length", -1), set_to("length", 1 << 62), set_to("offset", -1), set_to("offset", 1 << 62), set_to("offset", (1 << 63) - 1),
                      set_to("n_buffers", -1), set_to("n_buffers", 0), set_to("n_buffers", 1), set_to("buffers", None), set_to("null_count", -7),
                      ("release = null", lambda struct: setattr(struct, "release", Release())), no_buffer(1), no_buffer(2), first_offset(-5), first_offset(1 << 62)]


def is_possible(what, path, struct):
    if what == "first offset = 4611686018427387904" and path.endswith("dictionary"):
        return False  # who sees that has to read them all
    if what == "child 0 = null":
        return struct.n_children > 0
    if what.startswith("buffer "):
        return struct.n_buffers > int(what.split()[1])
    return not what.startswith("first offset") or struct.n_buffers > 1


def cases():
    """What is changed, and an object with these structs: every change in every struct of the batch, by an array and by a stream."""
    for changed, changes in (0, OF_SCHEMAS), (1, OF_ARRAYS):
        for place, (path, struct) in enumerate(nodes((source_schema, source_array)[changed])):
            for what, change in changes:
                for kind in (Pair, Streamed) if is_possible(what, path, struct) else ():
                    structs = copied(source_schema), copied(source_array)
                    change(list(nodes(structs[changed]))[place][1])
                    yield f"{('schema', 'array')[changed]} {path or '/'}: {what}, {kind.__name__}", kind(*structs)
                    kept.clear()
                    released.clear()
