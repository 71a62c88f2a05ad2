# SPDX-License-Identifier: Apache-2.0
# The Python half of PythonTask.java: what functions of jobs are called with, and what becomes of their results. `table` has
# what our own core does to Arrow's memory where there is no pyarrow.
import importlib
import linecache
import sys
import types

try:
    import pyarrow
except ImportError:
    pyarrow = None


def load(module, function, text, find):
    """A job's function: of a module that is found, or else of a text."""
    space = None
    if find:
        try:
            space = importlib.import_module(module)
        except ModuleNotFoundError as e:
            if text is None or e.name != module.partition(".")[0] and e.name != module:
                raise
    if space is None:
        file = f"<{module}.py>"
        space = types.ModuleType(module)
        space.__file__ = file
        linecache.cache[file] = (len(text), None, text.splitlines(True), file)
        sys.modules[module] = space
        try:
            exec(compile(text, file, "exec"), space.__dict__)
        except BaseException:
            del sys.modules[module]
            raise
    found = space
    for part in function.split("."):
        found = getattr(found, part)
    return found


def forget(module):
    """No function of a module is kept any more: if it was a text, nothing else of it is either."""
    if linecache.cache.pop(f"<{module}.py>", None):
        sys.modules.pop(module, None)


def batch(raw):
    if pyarrow is None:
        return table.columns_of(raw)
    if isinstance(raw, pyarrow.Table):  # which a worker process gets
        return raw.to_batches()[0] if len(raw) else pyarrow.RecordBatch.from_pylist([], raw.schema)
    return pyarrow.record_batch(raw)


def result(made, shape):
    """What a function made, with the columns that are wanted."""
    if pyarrow is None:
        if hasattr(made, "__arrow_c_array__") or hasattr(made, "__arrow_c_stream__") and not hasattr(made, "iloc"):
            return made
        return table.columns([table.filled(name, format, made[name]) for name, format in table.shape(shape)])
    schema = batch(shape).schema
    if hasattr(made, "iloc"):
        if not all(name in made.columns for name in schema.names):  # but in the index, perhaps
            return pyarrow.Table.from_pandas(made, schema=schema, preserve_index=False).replace_schema_metadata()
        return pyarrow.table([pyarrow.array(made[field.name], field.type, from_pandas=True) for field in schema], schema=schema)
    if isinstance(made, dict):
        return pyarrow.table([array(made[field.name], field.type) for field in schema], schema=schema)
    return pyarrow.table(made).select(schema.names).cast(schema)


def array(values, type):
    if hasattr(values, "__arrow_c_array__") or hasattr(values, "__arrow_c_stream__"):
        found = pyarrow.chunked_array(values) if hasattr(values, "__arrow_c_stream__") else pyarrow.array(values)
        return found.cast(type)
    mask = getattr(values, "mask", None)
    if mask is not None and type_is_masked(values):
        return pyarrow.array(values.data, type=type, mask=values.mask if values.mask.shape else None)
    return pyarrow.array(values, type=type)


def type_is_masked(values):
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(values, numpy.ma.MaskedArray)


def mapped(function, next_batch, shape):
    def batches():
        while (raw := next_batch()) is not None:
            yield batch(raw)

    empty = True
    for made in function(batches()):
        empty = False
        yield result(made, shape)
    if empty:
        yield shape  # which has the types, and no rows


def grouped(functions, raw, shape):
    return result(functions[0](batch(raw)), shape)


def argument(column):
    """A column as numpy has it; masked where there are nulls among numbers."""
    if not column.nulls or column.format not in table.FORMATS.values():
        return column.__array__()
    import numpy

    return numpy.ma.MaskedArray(numpy.asarray(column.buffers[1]), ~numpy.array(table.is_valid(column)))


def evaluated(functions, raw, counts, rows, shape):
    columns = table.columns_of(raw).values() if table is not None else batch(raw).columns
    arguments = [argument(column) if table is not None else argument_of_pyarrow(column) for column in columns]
    wanted = batch(shape).schema if pyarrow is not None else table.shape(shape)
    made, at = [], 0
    for function, count, field in zip(functions, counts, wanted):
        values = function(*arguments[at : at + count])
        at += count
        if getattr(values, "shape", None) == ():
            raise TypeError(f"{function.__name__} gave a single value for {rows} rows: it must give one for each.")
        made.append(table.filled(*field, values) if pyarrow is None else array(values, field.type))
        if len(values) != rows:
            raise ValueError(f"{function.__name__} gave {len(values)} values for {rows} rows: it must give one for each.")
    return table.columns(made) if pyarrow is None else pyarrow.table(made, schema=wanted)


# ---- in a worker process, which has pyarrow and not `table` ----

KEPT = 100  # as in Executor.java
functions = {}  # the one used last is the last
generators = {}


def loaded(script):
    script = tuple(script)
    function = functions.pop(script, None) or load(*script)
    functions[script] = function
    if len(functions) > KEPT:
        oldest = next(iter(functions))
        del functions[oldest]
        if not any(module == oldest[0] for module, *_ in functions):
            forget(oldest[0])
    return function


def start(script, next_batch, shape):
    key = str(len(generators))
    generators[key] = mapped(loaded(script), lambda: next_batch(None), shape)
    return key


def step(key):
    return next(generators[key], None)


def stop():
    while generators:
        generators.popitem()[1].close()


def in_worker(tool, arguments):
    scripts, *rest = arguments
    return globals()[tool]([loaded(script) for script in scripts], *rest)


def argument_of_pyarrow(column):
    """What `argument` makes of the same column."""
    import numpy

    kind = pyarrow.types
    type = column.type
    if kind.is_integer(type) or kind.is_floating(type):
        if not column.null_count:
            return column.to_numpy()
        return numpy.ma.MaskedArray(column.fill_null(0).to_numpy(), column.is_null().to_numpy(zero_copy_only=False))
    if kind.is_boolean(type) and not column.null_count or kind.is_date32(type) or kind.is_timestamp(type) and type.tz is None or kind.is_duration(type):
        return column.to_numpy(zero_copy_only=False)
    values = numpy.empty(len(column), object)
    for place, value in enumerate(column.to_pylist()):
        values[place] = value
    return values
