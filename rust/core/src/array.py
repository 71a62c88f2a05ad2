# SPDX-License-Identifier: Apache-2.0
# The parts of array.rs that are shorter in Python.


def through_ctypes(memory, size, shape, dtype, offset, strides, writeable):
    """An array over a buffer of bytes, made without numpy's C API."""
    import ctypes
    import numpy

    held = (ctypes.c_char * size).from_buffer(memory)
    array = numpy.ndarray(shape, dtype, held, offset, strides)
    array.flags.writeable = writeable
    return array


def in_mapped_file(array):
    """Whether the memory of a read-only array is a mapped file: writing there ends the process."""
    import sys

    mmap = getattr(sys.modules.get("mmap"), "mmap", None)
    while mmap is not None and array is not None:
        if isinstance(array, mmap):
            return True
        array = array.obj if isinstance(array, memoryview) else getattr(array, "base", None)
    return False
