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

    def __init__(self, name, original):
        self._name = name
        self._original = original
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
                _send(self, ready + line)
        return len(text)

    def flush(self):
        ready = self._take()
        if ready:
            _send(self, ready)

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
_receivers = ()  # of all applications in this process: the last one gets what is printed


def _send(stream, text):
    """To the last receiver whose application is still there; where there is none, to where Python printed before."""
    for receive in reversed(_receivers):
        try:
            return receive(stream._name, text)
        except BaseException:
            if receive._is_open:
                raise
            stop_sending(receive)
    if stream._original is not None:
        stream._original.write(text)


def redirect(receive):
    """Has `receive` get what is printed, until restore()."""
    global _receivers
    flush()  # what was printed before belongs to the receiver before
    _receivers = (*_receivers, receive)
    for name in ("stdout", "stderr"):
        now = getattr(sys, name, None)
        if not isinstance(now, JavaStream):
            _streams[name] = now, JavaStream(name, now)
            setattr(sys, name, _streams[name][1])


def restore(receive):
    """The end of redirect(). After the last one Python prints where it did before."""
    try:
        flush()
    finally:  # a receiver that fails gets nothing more
        stop_sending(receive)


def stop_sending(receive):
    global _receivers
    _receivers = tuple(other for other in _receivers if other is not receive)
    if _receivers:
        return
    ended = dict(_streams)
    _streams.clear()
    for name, (original, ours) in ended.items():
        if getattr(sys, name, None) is ours:  # a program may have put something else there
            setattr(sys, name, original)
        ours.flush()  # what another thread has printed meanwhile


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
            if self._send_record._is_open:
                self.handleError(record)
            else:  # its application is gone
                logging.getLogger().removeHandler(self)


def log_to(send):
    """The root logger sends everything to Java, which filters by its own configuration."""
    root = logging.getLogger()
    handler = JavaHandler(send)
    before = root.level
    root.addHandler(handler)
    root.setLevel(1)

    def stop():
        root.removeHandler(handler)
        root.setLevel(before)

    return stop
