# SPDX-License-Identifier: Apache-2.0
# What runs on event loops for Java: a bridge for each loop takes what Java's threads sent (queue.rs), makes tasks of it,
# and tells Java of results many at a time. The Java half is in internal/loop. Loaded late, since it imports asyncio.
import asyncio
import atexit
import builtins
import sys
import threading
import weakref
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Coroutine
from contextvars import Context, copy_context
from functools import partial
from itertools import count
from time import monotonic
from types import CoroutineType

# Messages to a loop, the same numbers as in Messages.java; -1 is one that cannot be read.
SUBMIT, RUN, CANCEL, RESOLVE, PUBLISH, REQUEST, CALL, ITERATE = range(8)

# News for Java, the same numbers.
VALUE, FAILED, CANCELLED, ITEMS, COMPLETE, LOST = range(6)

BATCH = 1024  # elements of a generator for one call of Java
WINDOW = 256  # elements of a publisher that wait for a loop
SLICE = 0.001  # for as long a generator that is not asynchronous collects elements

EAGER = sys.version_info >= (3, 12)

ids = count(-1, -1)  # Java's are positive
bridges = weakref.WeakValueDictionary()  # one for each loop, by its id
own = {}  # the bridges whose loop runs on a thread of ours, by the number of the queue


class Reader:
    """What the loop calls when something was sent. The loop alone has it: it goes when the loop is closed or forgotten."""

    def __init__(self, bridge):
        self.bridge = bridge

    def __call__(self):
        self.bridge.read()

    def __del__(self):
        self.bridge.lost()


class Receiver(Reader):
    """The same for the usual loop of Windows, which reads from what it is given and does not look at it otherwise."""

    def __init__(self, bridge, loop):
        super().__init__(bridge)
        bridge.receiver = weakref.ref(self)
        self.receive(loop)

    def fileno(self):
        return self.bridge.queue.fileno()

    def receive(self, loop):
        self.received = loop._proactor.recv(self, 64)
        self.received.add_done_callback(self)

    def __call__(self, received):
        if not received.cancelled() and received.exception() is None:
            self.receive(received.get_loop())
            super().__call__()


class Bridge:
    """Between one event loop and Java's threads."""

    def __init__(self, loop, host, deliver=None, deliver_objects=None):
        self.loop = weakref.ref(loop)
        self.queue = Queue(host)  # noqa: F821, from script.rs
        self.number = self.queue.number
        self.deliver = deliver
        self.deliver_objects = deliver_objects
        self.ready = []  # news, three places for each
        self.scheduled = False
        self.tasks = {}
        self.flows = {}  # generators that Java subscribed to
        self.waiting = {}  # futures, and elements of publishers, that wait for Java
        self.space = {"__name__": "__main__", "__builtins__": builtins}
        self.over = False
        self.receiver = None

    def join(self):
        """On the loop's thread, or before it runs."""
        loop = self.loop()
        if loop is not None and not self.over:
            bridges.setdefault(id(loop), self)
            # In no context: tasks that come without one have none of whoever opened the loop.
            if hasattr(loop, "_proactor"):
                Context().run(Receiver, self, loop)
            else:
                Context().run(loop.add_reader, self.queue.fileno(), Reader(self))

    def arrive(self):
        """The first thing on the loop's thread."""
        self.join()
        if not self.over:
            self.deliver([])  # Java learns which thread it is

    def leave(self):
        loop = self.loop()
        if loop is None or loop.is_closed():
            return
        receiver = self.receiver and self.receiver()
        if receiver is None:
            loop.remove_reader(self.queue.fileno())
        else:
            receiver.received.cancel()

    def lost(self):
        """The loop is closed or gone. On any thread, in the midst of anything."""
        if self.over:
            return
        self.over = True
        self.queue.close()
        self.tasks.clear()
        self.flows.clear()
        if self.deliver is not None:
            try:
                self.deliver([0, LOST, None])
            except Exception:
                pass  # there is no Java program any more

    # ---- from Java ----

    def read(self):
        messages = self.queue.take()
        if messages is None:  # the Java program is gone
            self.wind_up() if self.number in own else self.leave()
            return
        self.scheduled = True  # flushed at the end of this
        self.eager = EAGER and self.loop().get_task_factory() is None
        for i in range(0, len(messages), 2):
            message = messages[i]
            kind = message[0]
            try:
                if kind == SUBMIT or kind == CALL:
                    _, id, mode, function, *arguments = message
                    if kind == CALL:
                        function = eval(function, self.space)
                    self.start(id, mode, messages[i + 1], function, arguments)
                elif kind == CANCEL:
                    task = self.tasks.get(message[1])
                    if task is not None:
                        task.cancel()
                elif kind == RESOLVE:
                    self.resolve(*message[1:])
                elif kind == REQUEST:
                    flow = self.flows.get(message[1])
                    if flow is not None:
                        flow.request(message[2])
                elif kind == PUBLISH or kind == ITERATE:
                    _, id, mode, credit, function, *arguments = message
                    if kind == ITERATE:
                        function = eval(function, self.space)
                    flow = self.flows[id] = Flow(self, id, mode, credit)
                    self.start(id, None, messages[i + 1], flow.pump, (function, arguments))
                elif kind == RUN:
                    _, id, mode, text, how = message
                    self.start(id, mode, messages[i + 1], self.run, (text, how))
                elif message[1] in self.waiting:
                    self.resolve(message[1], FAILED, RuntimeError(message[2]))
                else:
                    self.put(message[1], FAILED, RuntimeError(message[2]))
            except BaseException as e:  # nothing that one message does may keep the others from being read
                self.put(message[1], FAILED, e)
        self.flush()

    def run(self, text, how):
        return eval(compile(text, "<async>", how, PyCF_ALLOW_TOP_LEVEL_AWAIT, True), self.space)

    def start(self, id, mode, context, function, arguments):
        if context is not None:
            context = context.copy()
        made = function
        if arguments or callable(function):
            made = function(*arguments) if context is None else context.run(function, *arguments)
        if type(made) is CoroutineType and self.eager:
            task = asyncio.Task(made, loop=self.loop(), context=context, eager_start=True)
        elif not issubclass(type(made), Awaitable):
            self.put(id, VALUE, made, mode)
            return
        elif context is None:
            task = asyncio.ensure_future(made, loop=self.loop())
        else:
            task = context.run(partial(asyncio.ensure_future, made, loop=self.loop()))
        if task.done():
            self.finish(id, mode, task)
        else:
            self.tasks[id] = task
            task.add_done_callback(partial(self.finish, id, mode))

    def finish(self, id, mode, task):
        self.tasks.pop(id, None)
        self.flows.pop(id, None)
        if task.cancelled():
            self.put(id, CANCELLED, None)
        elif task.exception() is not None:
            self.put(id, FAILED, task.exception())
        else:
            self.put(id, VALUE, task.result(), mode)

    def resolve(self, id, kind, value):
        future = self.waiting.get(id)
        if isinstance(future, Inbox):
            future.put((kind, value))
            return
        self.waiting.pop(id, None)
        if future is None or future.done():
            return
        if kind == VALUE:
            future.set_result(value)
        elif kind == CANCELLED:
            future.cancel()
        else:
            future.set_exception(value)

    # ---- to Java ----

    def put(self, id, kind, value, mode=0):
        if mode == 1 and kind == VALUE:
            self.flush()
            self.deliver_objects(value, **{str(id): None})
            return
        self.ready += (id, COMPLETE if mode is None and kind == VALUE else kind, value)
        if not self.scheduled:
            self.scheduled = True
            self.loop().call_soon(self.flush)

    def flush(self):
        ready, self.ready = self.ready, []
        self.scheduled = False
        if not ready:
            return
        try:
            self.deliver(ready)
        except Exception:
            if self.queue.is_closed():
                return
            self.each(ready)

    def each(self, ready):
        """One by one: one of them cannot be handed over."""
        for i in range(0, len(ready), 3):
            id, kind, value = ready[i : i + 3]
            try:
                self.deliver([id, kind, value])
            except Exception as e:
                self.deliver([id, FAILED, e])

    # ---- the end ----

    def wind_up(self):
        """Cancels all tasks, and stops the loop when they have ended."""
        if not self.over and not getattr(self, "ending", None):
            self.ending = self.loop().create_task(self.end())

    async def end(self):
        loop = self.loop()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await loop.shutdown_asyncgens()
        self.flush()
        loop.stop()

    def work(self, loop):
        """What the thread of a loop of ours does."""
        try:
            self.deliver([])
            while True:
                try:
                    loop.run_forever()
                    break
                except (SystemExit, KeyboardInterrupt):
                    pass  # of a task, which has it as its result
            if not getattr(self, "ending", None):  # somebody stopped it
                self.wind_up()
                loop.run_forever()
        finally:
            own.pop(self.number, None)
            try:
                loop.close()
            finally:  # a loop whose selector is broken cannot even be closed
                self.lost()


def open_loop(host, deliver, deliver_objects, wanted):
    """A loop on a thread of ours: a new one of a module's, or one that is given. Its queue, and the loop."""
    loop = wanted
    if isinstance(wanted, str):
        __import__(wanted)
        module = sys.modules[wanted]
        # The usual loop of Windows does not look at sockets of others.
        loop = module.SelectorEventLoop() if sys.platform == "win32" and wanted == "asyncio" else module.new_event_loop()
    bridge = Bridge(loop, host, deliver, deliver_objects)
    bridge.join()
    own[bridge.number] = bridge
    if len(own) == 1:
        atexit.unregister(end_all)
        atexit.register(end_all)
    bridge.thread = threading.Thread(target=bridge.work, args=(loop,), name="python4j-async", daemon=True)
    bridge.thread.start()
    return bridge.number, loop


def attach_loop(host, deliver, deliver_objects, loop):
    """A loop that somebody else runs."""
    bridge = Bridge(loop, host, deliver, deliver_objects)
    loop.call_soon_threadsafe(bridge.arrive)
    return bridge.number, loop


def end_loop(number, patience):
    """Ends a loop of ours, and waits until it has, but not forever."""
    bridge = own.get(number)
    if bridge is None:
        return
    try:
        bridge.loop().call_soon_threadsafe(bridge.wind_up)
    except RuntimeError:
        return  # it is closed
    if threading.current_thread() is not bridge.thread:
        bridge.thread.join(patience)


def end_all():
    end = monotonic() + 1
    for number in list(own):
        end_loop(number, max(0.01, end - monotonic()))


# ---- generators for Java ----


class Flow:
    """A generator whose elements somebody in Java asks for."""

    def __init__(self, bridge, id, mode, credit):
        self.bridge = bridge
        self.id = id
        self.mode = mode
        self.credit = credit
        self.items = []
        self.asked = None

    def request(self, number):
        self.credit += number
        if self.asked is not None and not self.asked.done():
            self.asked.set_result(None)

    async def more(self):
        self.flush()
        while self.credit == 0:
            self.asked = self.bridge.loop().create_future()
            await self.asked

    def flush(self):
        items = self.items[:]
        if items:
            self.items.clear()
            if self.mode == 1:
                self.bridge.deliver_objects(*items, **{f"{self.id} ": None})
                return
            try:
                self.bridge.deliver([self.id, ITEMS, items])
            except Exception as e:  # an element that cannot be handed over, or a subscriber that throws
                self.bridge.put(self.id, FAILED, e)
                task = self.bridge.tasks.get(self.id)
                if task is None:  # it is being started
                    raise
                task.cancel()

    async def pump(self, source, arguments):
        if arguments or callable(source):
            source = source(*arguments)
        if isinstance(source, Coroutine):  # asyncio takes generators for such, too, before 3.12
            source = await source
        try:
            if issubclass(type(source), AsyncIterable):
                await self.pump_async(source)
            else:
                await self.pump_in_thread(iter(source))
        finally:
            self.flush()

    async def pump_async(self, source):
        loop, items = self.bridge.loop(), self.items
        try:
            if self.credit == 0:
                await self.more()
            left = BATCH
            async for item in source:
                items.append(item)
                if len(items) == 1:
                    loop.call_soon(self.flush)  # when this waits for something
                left -= 1
                self.credit -= 1
                if self.credit == 0:
                    await self.more()
                if left == 0:
                    self.flush()
                    await asyncio.sleep(0)  # others have their turn
                    left = BATCH
        finally:
            close = getattr(source, "aclose", None)
            if close is not None:
                await close()

    async def pump_in_thread(self, source):
        loop = self.bridge.loop()
        context = copy_context()
        run = None
        try:
            over = False
            while not over:
                if self.credit == 0:
                    await self.more()
                run = loop.run_in_executor(None, context.run, pull, source, min(self.credit, BATCH))
                items, over = await asyncio.shield(run)
                self.items += items
                self.credit -= len(items)
                self.flush()
            if over is not True:
                raise over
        finally:
            close = getattr(source, "close", None)
            if close is not None and run is not None and not run.done():
                run.add_done_callback(lambda _: close())
            elif close is not None:
                close()


def pull(source, most):
    """Some elements, and whether there are no more, or why."""
    items = []
    end = monotonic() + SLICE
    try:
        for item in source:
            items.append(item)
            if len(items) >= most or monotonic() >= end:
                return items, False
    except StopIteration as e:  # of somebody's own iterator, and no result of a future
        return items, RuntimeError(f"generator raised {e!r}")
    except BaseException as e:
        return items, e
    return items, True


# ---- Java's futures and publishers ----


def bridge_of(loop):
    bridge = bridges.get(id(loop))
    if bridge is None or bridge.over:
        bridge = Bridge(loop, 0)
        bridge.join()
    return bridge


class JavaFuture(JavaObject):  # noqa: F821, from script.rs
    """A CompletionStage of Java's."""

    __slots__ = ()

    def __await__(self):
        done = self._java("await", 0, 0)
        if done:
            return done[0]
        if done is not None:
            raise asyncio.CancelledError
        loop = asyncio.get_running_loop()
        bridge = bridge_of(loop)
        number = next(ids)
        future = bridge.waiting[number] = loop.create_future()
        done = self._java("await", bridge.number, number)
        if done is not None:  # meanwhile
            bridge.resolve(number, VALUE if done else CANCELLED, *done or (None,))
        try:
            return (yield from future)
        except asyncio.CancelledError:
            if bridge.waiting.pop(number, None) is not None:
                self._java("cancel")
            raise


class Inbox:
    """Elements that Java sent, for one iteration."""

    def __init__(self, loop):
        self.loop = loop
        self.items = deque()
        self.asked = None

    def put(self, item):
        self.items.append(item)
        if self.asked is not None and not self.asked.done():
            self.asked.set_result(None)


class JavaPublisher(JavaObject):  # noqa: F821, from script.rs
    """A Flow.Publisher of Java's."""

    __slots__ = ()

    async def __aiter__(self):
        loop = asyncio.get_running_loop()
        bridge = bridge_of(loop)
        number = next(ids)
        inbox = bridge.waiting[number] = Inbox(loop)
        subscription = None
        taken = 0
        try:
            subscription = self._java("subscribe", bridge.number, number, WINDOW)
            while True:
                while inbox.items:
                    kind, value = inbox.items.popleft()
                    if kind == FAILED:
                        raise value
                    if kind == COMPLETE:
                        return
                    taken += 1
                    if taken == WINDOW // 2:
                        taken = 0
                        subscription(WINDOW // 2)
                    yield value
                inbox.asked = loop.create_future()
                await inbox.asked
        finally:
            del bridge.waiting[number]
            if subscription is not None:
                subscription(0)


async def elements(source):
    """The elements of an iterator of Java's, which may have to wait for them."""
    loop = asyncio.get_running_loop()
    iterator = iter(source)
    over = False
    while not over:
        items, over = await loop.run_in_executor(None, pull, iterator, BATCH)
        for item in items:
            yield item
    if over is not True:
        raise over
