# SPDX-License-Identifier: Apache-2.0
# Python's output and log records on their way to Java (PythonOutput.java). Loaded when first asked for.
import codecs
import io
import logging
import sys


class JavaBytes(io.RawIOBase):
    """What is below an ordinary text stream in the place of a file. Its bytes become text again, of which whole lines go
    to Java at once, and the rest of a line when it is flushed. `write` and `flush` are those of Lines (lines.rs), which calls
    this class where the bytes are no plain text, and where the last receiver does not take it."""

    mode = "wb"
    closefd = False
    closed = False  # the text stream asks at each write, and a property takes longer

    def __init__(self, name, place, original):
        self.name = f"<{name}>"
        self._place = place
        self._original = original
        self._decoder = None
        self._encoding = None
        # Writes through, as the streams that Python has here, so that nothing waits above. A line ends with "\n" on Windows, too: Java gets text.
        self.text = io.TextIOWrapper(self, "utf-8", "surrogatepass", newline="\n", write_through=True)
        self.text.mode = "w"
        self.lines = Lines(self, self.text, place)
        self.write = self.lines.write
        self.flush = self.lines.flush

    def writable(self):
        return True

    def _check(self):
        if self.closed:
            raise ValueError("I/O operation on closed file")

    def fileno(self):
        self._check()
        if self._original is None:
            raise io.UnsupportedOperation("fileno")
        return self._original.fileno()

    def close(self):
        try:
            super().close()
        finally:
            self.closed = True
            self.lines.tell_utf8(None)

    def _write(self, data):
        self._check()
        data = bytes(data)
        self.lines.written(self._decode(data).encode("utf-8", "surrogatepass"))
        return len(data)

    def _decode(self, data):
        try:
            encoding = self.text.encoding
        except ValueError:  # detached: whoever writes here now goes on as the stream did
            encoding = self._encoding or "utf-8"
        if encoding != self._encoding:
            name = codecs.lookup(encoding).name
            if name in ("utf-16", "utf-32"):  # the text stream writes no mark that tells the order of the bytes
                name += "-le" if sys.byteorder == "little" else "-be"
            self._decoder = codecs.getincrementaldecoder(name)("surrogatepass")
            self._encoding = encoding
        try:
            return self._decoder.decode(data)
        except UnicodeDecodeError:  # not from the stream above
            self._decoder.errors = "replace"
            try:
                return self._decoder.decode(data)
            finally:
                self._decoder.errors = "surrogatepass"
        finally:
            self.lines.tell_utf8(encoding if encoding == "utf-8" and not self._decoder.buffer else None)

    def _send(self, text):
        """To the last receiver whose application is still there, or where Python wrote before if there is none."""
        text = text.decode("utf-8", "surrogatepass")
        for receivers in reversed(_receivers):
            receive = receivers[self._place]
            try:
                if not receive(text):
                    return
            except BaseException:
                if receive._is_open:
                    raise
                forget(receivers)
        if self._original is not None:
            self._original.write(text)


_streams = {}
_receivers = ()  # of all applications in this process; replaced as a whole, since threads print meanwhile


def redirect(receivers):
    """Has two functions get what is printed to sys.stdout and sys.stderr, until restore(). They return what they do not take."""
    global _receivers
    flush()  # what was printed before belongs to the receiver before
    forget(None)
    _receivers = (*_receivers, receivers)
    for place, name in enumerate(("stdout", "stderr")):
        now = getattr(sys, name, None)
        if name not in _streams or now is not _streams[name].text:
            _streams[name] = JavaBytes(name, place, now)
            setattr(sys, name, _streams[name].text)
    _tell()


def _tell():
    """Lines have the last receivers, so that none has to be looked for."""
    Lines.capture([stream.lines for stream in _streams.values()], _receivers[-1] if _receivers else ())


def restore(receivers):
    """Ends redirect(). The receiver before gets what is printed from then on."""
    try:
        flush()
    finally:  # a receiver that fails gets nothing more
        forget(receivers)


def forget(receivers):
    """With the last receiver of an application that is still there goes what redirect() did, where a program has not put
    something else there since."""
    global _receivers
    _receivers = tuple(other for other in _receivers if other is not receivers and other[0]._is_open)
    if _receivers:
        _tell()
        return
    ours = list(_streams.values())
    for name, stream in _streams.items():
        if getattr(sys, name, None) is stream.text:
            setattr(sys, name, stream._original)
    _streams.clear()
    _tell()
    _flush(ours)  # what other threads wrote since the last receiver went


def flush():
    _flush(list(_streams.values()))


def _flush(streams):
    """All of them, also after one whose receiver fails."""
    if streams:
        try:
            flush_stream(streams[0])
        finally:
            _flush(streams[1:])


def flush_stream(stream):
    """Both layers, unless the program closed or detached them."""
    try:
        usable = not stream.text.closed
    except ValueError:
        usable = False
    if usable:
        io.TextIOWrapper.flush(stream.text)  # whatever a program made of its attribute
    stream.flush()


def is_open_stream(stream):
    """Whether the stream at sys.stdout is one of ours that can be flushed, and by our method."""
    if type(stream) is not io.TextIOWrapper or "flush" in vars(stream):
        return False
    return type(stream.buffer) is JavaBytes and not stream.closed


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
                end_route(self)


_routes = {}  # the handlers that go to Java, and whom to tell that a program has taken one away


def watching(change):
    """A list's own method, after which those are told whose handler it has taken away."""

    def method(self, *args):
        before = _gone(self)
        try:
            return change(self, *args)
        finally:
            for handler in _gone(self):
                if handler not in before:
                    _routes[handler]()

    return method


def _gone(handlers):
    return [handler for handler in _routes if handler not in handlers]


class Handlers(list):
    """The handlers of the root logger while some of them go to Java: Logger.removeHandler and programs change this list."""

    __delitem__, __setitem__, __imul__ = map(watching, (list.__delitem__, list.__setitem__, list.__imul__))
    clear, pop, remove = map(watching, (list.clear, list.pop, list.remove))


def _assign(root, handlers):
    """`root.handlers = handlers`: another list, which may lack ours."""
    ours = root.__dict__["handlers"]
    before = _gone(ours)
    kept = [handler for handler in _routes if handler in handlers]
    root.__dict__["handlers"] = Handlers(handlers) if kept and not isinstance(handlers, Handlers) else handlers
    for handler in _gone(handlers):
        if handler not in before:
            _routes[handler]()


def _watch(root):
    if not isinstance(root.__dict__["handlers"], Handlers):
        root.__dict__["handlers"] = Handlers(root.__dict__["handlers"])
    kind = type(root)
    if "_python4j" not in vars(kind):
        handlers = property(lambda root: root.__dict__["handlers"], _assign)
        root.__class__ = type(kind.__name__, (kind,), {"handlers": handlers, "_python4j": True})


def end_route(handler):
    root = logging.getLogger()
    _routes.pop(handler, None)
    root.removeHandler(handler)
    if not _routes and "_python4j" in vars(type(root)):
        root.__class__ = type(root).__base__
        root.handlers = list(root.handlers)


def log_to(send, lost):
    """The root logger sends everything to Java, which filters by its own configuration.

    `lost` is called when a program ends that, as logging.basicConfig(force=True), dictConfig and handlers.clear() do. Gives
    two functions: one puts it back and says whether it was gone, the other one ends it.
    """
    root = logging.getLogger()
    handler = JavaHandler(send)
    before = root.level

    def put_back():
        gone = handler not in root.handlers
        _watch(root)
        root.addHandler(handler)
        root.setLevel(1)
        return gone

    def stop():
        end_route(handler)
        root.setLevel(before)

    _routes[handler] = lost
    put_back()
    return put_back, stop
