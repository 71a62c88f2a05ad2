# SPDX-License-Identifier: Apache-2.0
# Sends the records of the logging module to the process that this worker serves, which reads them from
# stderr (Printer.java). Each is a line: a mark, and its fields in base64.
import binascii
import logging
import os
import traceback

MARK = b"\x1epython4j "
# Bytes of a field. All of them fit in the longest line that Java takes as one.
LONG = 12_000
SHORT = 3_000


class JavaHandler(logging.Handler):
    def emit(self, record):
        try:
            fields = [packed(record.name), packed(str(record.levelno)), packed(record.threadName or ""), packed(record.getMessage(), LONG)]
            raised = record.exc_info[1] if record.exc_info else None
            if raised is not None:
                kind = type(raised)
                trace = "".join(traceback.format_exception(kind, raised, raised.__traceback__))
                fields += [packed(kind.__name__), packed(kind.__module__), packed(str(raised)), packed(trace[-LONG:], LONG)]
            os.write(2, MARK + b" ".join(fields) + b"\n")
        except RecursionError:
            raise
        except Exception:
            self.handleError(record)


def packed(text, most=SHORT):
    return binascii.b2a_base64(text.encode("utf-8", "replace")[:most], newline=False)


handler = JavaHandler()
level = logging.WARNING


def switch(on):
    """Java filters by its own configuration, so it is sent everything."""
    global level
    root = logging.getLogger()
    if on and handler not in root.handlers:
        level = root.level
        root.addHandler(handler)
        root.setLevel(1)
    elif not on and handler in root.handlers:
        root.removeHandler(handler)
        root.setLevel(level)
