# SPDX-License-Identifier: Apache-2.0
# The parts of array.rs that are shorter in Python: numpy's advice when it is missing, an array made
# through ctypes, and the question whether writing to a read-only array would be fatal.


def executable():
    import sys

    return sys.executable


def through_ctypes(memory, size, shape, dtype, offset, strides, writeable):
    import ctypes
    import numpy

    held = (ctypes.c_char * size).from_buffer(memory)
    array = numpy.ndarray(shape, dtype, held, offset, strides)
    array.flags.writeable = writeable
    return array


def mapped_read_only(array):
    """Whether a read-only array looks at a mapped file: the system forbids to write there."""
    import sys

    mmap = getattr(sys.modules.get("mmap"), "mmap", None)
    while mmap is not None and array is not None:
        if isinstance(array, mmap):
            return True
        array = array.obj if isinstance(array, memoryview) else getattr(array, "base", None)
    return False
