# SPDX-License-Identifier: Apache-2.0
# Python's output and log records on their way to Java (PythonOutput.java). Loaded when first asked for.
import codecs
import collections
import io
import logging
import sys


class JavaStream(io.TextIOBase):
    """A text stream whose whole lines go to Java at once, and the rest of a line when it is flushed."""

    encoding = "utf-8"
    errors = "surrogatepass"

    def __init__(self, name, original, send):
        self._name = name
        self._original = original
        self._send = send
        # No lock: who is ended right after taking one, by a time limit say, leaves it taken for ever.
        self._parts = collections.deque()
        self.buffer = JavaBytes(self)

    @property
    def name(self):
        return f"<{self._name}>"

    def writable(self):
        return True

    def fileno(self):
        if self._original is None:
            raise io.UnsupportedOperation("fileno")
        return self._original.fileno()

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._parts.append(text)
        if "\n" in text:
            ready, line, rest = self._take().rpartition("\n")
            if rest:
                self._parts.appendleft(rest)
            if line:
                self._send(self._name, ready + line)
        return len(text)

    def flush(self):
        ready = self._take()
        if ready:
            self._send(self._name, ready)

    def _take(self):
        """All parts as one; what other threads add meanwhile comes now or later."""
        taken = []
        try:
            while True:
                taken.append(self._parts.popleft())
        except IndexError:
            return "".join(taken)


class JavaBytes(io.RawIOBase):
    """What writes bytes to sys.stdout.buffer: they are UTF-8, as everywhere here."""

    def __init__(self, text):
        self._text = text
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")

    def writable(self):
        return True

    def write(self, data):
        data = bytes(data)
        self._text.write(self._decode.decode(data))
        return len(data)

    def flush(self):
        if not self.closed:
            self._text.flush()


_streams = {}


def redirect(send):
    """Puts streams that go to `send` at sys.stdout and sys.stderr, unless they are there."""
    for name in ("stdout", "stderr"):
        now = getattr(sys, name, None)
        if not isinstance(now, JavaStream):
            _streams[name] = now, JavaStream(name, now, send)
            setattr(sys, name, _streams[name][1])


def restore():
    """Puts back what redirect() found, where a program has not put something else there since."""
    for name, (original, ours) in _streams.items():
        if getattr(sys, name, None) is ours:
            setattr(sys, name, original)
    _streams.clear()


def flush():
    _flush([ours for _, ours in _streams.values()])


def _flush(streams):
    """All of them, also after one whose receiver fails."""
    if streams:
        try:
            streams[0].flush()
        finally:
            _flush(streams[1:])


class JavaHandler(logging.Handler):
    """Sends the records of the logging module to Java."""

    def __init__(self, send):
        super().__init__()
        self._send_record = send

    def emit(self, record):
        try:
            raised = record.exc_info[1] if record.exc_info else None
            self._send_record(record.name, record.levelno, record.getMessage(), record.threadName, raised)
        except RecursionError:
            raise
        except Exception:
            self.handleError(record)


_routes = {}  # the handlers that go to Java, and whom to tell that a program has taken one away


def _remove_handler(handler):
    root = logging.getLogger()
    was_there = handler in root.handlers
    type(root).removeHandler(root, handler)
    if was_there and handler in _routes:
        _routes[handler]()


def log_to(send, lost):
    """The root logger sends everything to Java, which filters by its own configuration.

    `lost` is called when a program ends that, as logging.basicConfig(force=True) and dictConfig do. Gives two
    functions: one puts it back and says whether it was gone, the other one ends it.
    """
    root = logging.getLogger()
    handler = JavaHandler(send)
    before = root.level

    def put_back():
        gone = handler not in root.handlers
        root.addHandler(handler)
        root.setLevel(1)
        return gone

    def stop():
        del _routes[handler]
        if not _routes:
            del root.removeHandler
        root.removeHandler(handler)
        root.setLevel(before)

    _routes[handler] = lost
    root.removeHandler = _remove_handler
    put_back()
    return put_back, stop
