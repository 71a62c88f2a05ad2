# SPDX-License-Identifier: Apache-2.0
# debugpy in a JVM: opens its port, and lets it tell Java's frames when a thread stops. Loaded by PythonDebugger.
import builtins
import sys


def listen(host, port, java_stack):
    import debugpy

    port = debugpy.listen((host, port))[1]
    builtins.java_stack = java_stack
    try:
        tell(java_stack)
    except (ImportError, AttributeError):  # another debugpy; java_stack() is there in any case
        print("python4j: this debugpy does not show Java's frames in the message of a stop.", file=sys.stderr)
    return port


def tell(java_stack):
    """debugpy has no hook for the message, so this is put around what makes all messages, on the thread that stops."""
    from _pydevd_bundle import pydevd_net_command_factory_json as messages

    make = messages.NetCommand

    def with_java(kind, number, message, *more, **named):
        if getattr(message, "event", None) == "stopped":
            frames = java_stack()
            if frames:
                body = message.body
                body.description = f"{body.description or 'Paused on ' + body.reason}, called by {frames.partition(chr(10))[0]}"
                body.text = body.text or frames
        return make(kind, number, message, *more, **named)

    messages.NetCommand = with_java
