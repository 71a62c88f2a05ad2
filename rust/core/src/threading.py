# SPDX-License-Identifier: Apache-2.0
# Threads of Java's have their Java names in Python's module threading. Runs when a program imports that module;
# a name is asked for when a program wants to know it, so that a thread's way into Python costs nothing.
from _thread import get_ident


def prepare(threading, java_name):
    base = threading.Thread.name

    def get(thread):
        # Virtual threads share what their carrier is to Python, and any thread may be renamed.
        if thread._named_by_java and thread._ident == get_ident():
            name = java_name()
            if name is not None:
                thread._name = name
        return base.fget(thread)

    def put(thread, name):
        base.fset(thread, name)
        thread._named_by_java = False

    # The threads that Python did not make, and the one that started it or imported threading first.
    for kind in (threading._DummyThread, threading._MainThread):
        kind._named_by_java = True
        kind.name = property(get, put, doc=base.__doc__)

    make = threading._DummyThread.__init__

    def make_and_name(thread):
        make(thread)
        get(thread)  # for those who look at it from other threads

    threading._DummyThread.__init__ = make_and_name
