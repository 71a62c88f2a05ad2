# SPDX-License-Identifier: Apache-2.0
# What stop.rs has to know and to do where a thread is to end its call: what it imports, and waking it where
# it waits in C. What wakes it is what would wake it for no reason at all; it then sees the exception that was raised.
import sys

_frames = sys._current_frames


def _code(module, *names):
    found = sys.modules.get(module)
    for name in names:
        found = getattr(found, name, None)
    return getattr(found, "__code__", None)


def imports(thread):
    """The names of the modules that the thread is importing."""
    names = []
    frame = _frames().get(thread)
    while frame is not None:
        code = frame.f_code
        if code.co_name == "_find_and_load" and code.co_filename == "<frozen importlib._bootstrap>":
            names.append(frame.f_locals["name"])
        frame = frame.f_back
    return names


def take_back(names):
    """Removes what an import that was ended left of packages: CPython removes a package, but not its complete submodules."""
    for name in names:
        while name:
            if name not in sys.modules:
                for left in [module for module in sys.modules if module.startswith(name + ".")]:
                    sys.modules.pop(left, None)
            name = name.rpartition(".")[0]


def wake(thread):
    frame = _frames().get(thread)
    if frame is None:
        return
    code = frame.f_code
    if code is _code("threading", "Condition", "wait"):
        # Event, Semaphore, Barrier, queue.Queue and Future wait here, for a lock that only this wait has.
        waiter = frame.f_locals.get("waiter")
        if waiter is not None and waiter.locked():
            waiter.release()
        return
    if code.co_name in ("_poll", "_select"):  # where the selectors of Windows wait
        frame = frame.f_back
    if frame is not None and frame.f_code.co_name == "select":  # of an event loop's selector
        frame = frame.f_back
        if frame is not None and frame.f_code is _code("asyncio.base_events", "BaseEventLoop", "_run_once"):
            frame.f_locals["self"]._write_to_self()
