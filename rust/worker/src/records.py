# SPDX-License-Identifier: Apache-2.0
# Sends the records of the logging module to the process that this worker serves, which reads them from
# stderr (Printer.java). Each is a line: a mark, and its fields in base64.
import binascii
import logging
import os
import traceback

MARK = b"\x1epython4j "
MOST_BYTES = 14_000  # of a field; all of them fit in the longest line that Java takes as one


class JavaHandler(logging.Handler):
    def emit(self, record):
        try:
            fields = [record.name, str(record.levelno), record.threadName or "", record.getMessage()]
            raised = record.exc_info[1] if record.exc_info else None
            if raised is not None:
                kind = type(raised)
                lines = traceback.format_exception(kind, raised, raised.__traceback__)
                fields += [kind.__name__, kind.__module__, str(raised), "".join(lines)]
            os.write(2, MARK + b" ".join(map(packed, fields)) + b"\n")
        except RecursionError:
            raise
        except Exception:
            self.handleError(record)


def packed(text):
    return binascii.b2a_base64(text.encode("utf-8", "replace")[:MOST_BYTES], newline=False)


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
