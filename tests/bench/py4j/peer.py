# SPDX-License-Identifier: Apache-2.0
# The Python half of Py4jPeer.java: prints the port at which its functions can be called.
import sys
import threading

from py4j.clientserver import ClientServer, JavaParameters, PythonParameters


class Calls:
    def exec(self, text):
        exec(text, {})

    def ints(self, x, y):
        space = {"x": x, "y": y}
        exec("z = x + y", space)
        return space["z"]

    def echo(self, data):
        return data

    class Java:
        implements = ["org.nd4j.python4j.bench.Py4jPeer$Calls"]


server = ClientServer(JavaParameters(port=0), PythonParameters(port=0, daemonize=True), python_server_entry_point=Calls())
print(server.get_callback_server().get_listening_port(), flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), __import__("os")._exit(0))).start()
