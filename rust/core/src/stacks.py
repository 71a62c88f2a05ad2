# SPDX-License-Identifier: Apache-2.0
# Where Python's threads stand, in the manner of faulthandler's dump, for stacks.rs. It leaves signal
# handlers and user code alone: no repr, no traceback module, nothing that a program may have replaced.
import linecache
import sys
from _thread import get_ident

_frames = sys._current_frames
_line = linecache.getline


def _names():
    threading = sys.modules.get("threading")
    try:
        return {ident: str(thread.name) for ident, thread in list(threading._active.items())}
    except Exception:
        return {}


def _stack(frame):
    lines = []
    while frame is not None and len(lines) < 200:
        code = frame.f_code
        if code.co_filename.startswith("<python4j "):  # our own files
            frame = frame.f_back
            continue
        number = frame.f_lineno
        text = ""
        try:
            text = _line(code.co_filename, number).strip()
        except Exception:
            pass
        line = f'  File "{code.co_filename}", line {number}, in {code.co_name}'
        lines.append(f"{line}\n    {text}" if text else line)
        frame = frame.f_back
    if frame is not None:
        lines.append("  ...")
    lines.reverse()
    return lines


def dump(owner):
    me = get_ident()
    names = _names()
    lines = []
    for ident, frame in sorted(_frames().items(), key=lambda item: item[0] != owner):
        if ident != me:
            name = names.get(ident)
            what = "Thread" if name is None or ident == owner else f"Thread {name!r}"
            what += " that has the turn" if ident == owner else ""
            lines.append(f"{what} ({ident:#x}), most recent call last:")
            lines.extend(_stack(frame))
    return "\n".join(lines).encode("utf-8", "backslashreplace")
