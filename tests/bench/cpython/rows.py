# SPDX-License-Identifier: Apache-2.0
# The same work inside plain CPython, with no other language about. Speaks the protocol of
# Child.java: a line on standard input for each turn, with a row, how many samples and of how many ms. What Python has no counterpart of is NONE.
import sys
import time

LINES = "".join(f"v{i} = {i} + 1\n" for i in range(200))


def f(a, b):
    return a + b


class Thing:
    def __init__(self):
        self.x = 7

    def m(self):
        return 7


def raised():
    try:
        exec(DIVISION, {})
    except ZeroDivisionError as error:
        return error


DIVISION = compile("1 / 0", "rows", "exec")
TEXT = "0123456789"
MEGABYTE = (TEXT * 104858)[: 1 << 20]

# Name of the row: what goes before, what is timed. The number of elements is N.
ROWS = {
    "exec": ("c = compile('x = 1', 'rows', 'exec'); g = {}", "exec(c, g)"),
    "code": ("c = compile('x = 1', 'rows', 'exec'); g = {}", "exec(c, g)"),
    "exec.200lines": ("c = compile(LINES, 'rows', 'exec'); g = {}", "exec(c, g)"),
    "exec.new": ("g = {}", "exec('x = %d' % n, g)"),
    "exec.new200": ("g = {}", "exec('w = %d\\n%s' % (n, LINES), g)"),
    "ints": ("c = compile('z = x + y', 'rows', 'exec'); g = {}", "g['x'] = n; g['y'] = 1; exec(c, g); g['z']"),
    "code.ints": ("c = compile('z = x + y', 'rows', 'exec'); g = {}", "g['x'] = n; g['y'] = 1; exec(c, g); g['z']"),
    "call": ("", "f(n, 1)"),
    "callable": ("", "f(n, 1)"),
    "attribute": ("o = Thing()", "o.x"),
    "item": ("l = [1, 2, 7]", "l[2]"),
    "iterate": ("l = list(range(1000, 2000))", "sum(l)"),
    "method": ("o = Thing()", "o.m()"),
    "error": ("", "raised()"),
    "callback": ("j = lambda x: x", "j(1)"),
    "str.10": ("g = {}", "g['s'] = TEXT; g['t'] = g['s']; g['t']"),
    "str.1MB": ("g = {}", "g['s'] = MEGABYTE.encode().decode(); g['t'] = g['s']; g['t'].encode()"),
    "bytes.1MB": ("b = bytearray(MEGABYTE.encode())", "bytearray(bytes(b))"),
}
# A process by itself, from nothing to its end.
ROWS["pool.start"] = (
    "import os; command = [sys.executable, '-c', 'pass']",
    "os.waitpid(os.posix_spawn(command[0], command, os.environ), 0)",
)
LOOP = """import asyncio, threading
events = asyncio.new_event_loop()
async def now(x): return x
async def awaits():
    for _ in range(N):
        future = events.create_future()
        future.set_result(None)
        await future
async def ints():
    for i in range(N): yield i
async def consume():
    async for i in ints(): pass
async def waits():
    await asyncio.gather(*[asyncio.sleep(0.1) for _ in range(N)])
"""
ROWS["async.submit"] = (
    f"{LOOP}threading.Thread(target=events.run_forever, daemon=True).start()",
    "[f.result() for f in [asyncio.run_coroutine_threadsafe(now(1), events) for _ in range(N or 1)]]",
)
ROWS["async.await"] = (LOOP, "events.run_until_complete(awaits())")
ROWS["async.items"] = (LOOP, "events.run_until_complete(consume())")
ROWS["async.waits"] = (LOOP, "events.run_until_complete(waits())")
for way in "in", "out":
    ROWS[f"longs.{way}"] = ("", "[i for i in range(1000, N + 1000)]")
    ROWS[f"doubles.{way}"] = ("", "[i * 0.5 for i in range(N)]")
    ROWS[f"strings.{way}"] = ("b = b'01234567'", "[str(b, 'utf-8') for i in range(N)]")
    ROWS[f"dict.{way}"] = ("keys = [b'k%d' % i for i in range(N)]", "{str(k, 'utf-8'): 0.5 * 3 for k in keys}")
    ROWS[f"dicts.{way}"] = ("b = b'n1234'", "[{'id': i, 'name': str(b, 'utf-8'), 'score': i * 0.5} for i in range(N)]")


def measure(row, samples, seconds):
    name, _, n = row.partition("/")
    if name not in ROWS:
        return None
    before, step = ROWS[name]
    scope = dict(globals(), N=int(n or 0), perf_counter=time.perf_counter)
    program = f"{before}\ndef loop(count):\n    begin = perf_counter()\n    for n in range(count):\n        {step}\n    return perf_counter() - begin\n"
    # What goes before belongs to the function, so that its names are as fast as those of a function are.
    program = "def make():\n" + "".join(f"    {line}\n" for line in program.splitlines()) + "    return loop\nloop = make()"
    exec(program, scope)
    loop = scope["loop"]
    count = 1
    while loop(count) < seconds / 2:
        count *= 2
    times = []
    for _ in range(samples):
        print("READY", row, sep="\t", flush=True)
        sys.stdin.readline()
        times.append(loop(count) / count * 1e9)
    return times


def main():
    for line in sys.stdin:
        row, samples, millis = line.split()
        times = measure(row, int(samples), int(millis) / 1e3)
        if times is None:
            print("NONE", row, sep="\t", flush=True)
        else:
            print("DONE", row, "", " ".join(f"{t:.3f}" for t in times), "", sep="\t", flush=True)


if __name__ == "__main__":
    main()
