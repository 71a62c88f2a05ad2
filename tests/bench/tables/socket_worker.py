# SPDX-License-Identifier: Apache-2.0
# The Python process of SocketPeer.java: does what each line asks for, by tables in Arrow's IPC format.
import socket
import struct
import sys

import numpy
import polars
import pyarrow
import pyarrow.compute

connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
file = connection.makefile("rwb", 1 << 16)


def answer(number):
    file.write(struct.pack(">d", number))
    file.flush()


def main():
    batch = None
    for line in file:
        what, _, count = line.decode().strip().partition(" ")
        if what == "make":
            n = numpy.arange(int(count))
            batch = pyarrow.record_batch([n if i % 2 else n * 0.5 for i in range(8)], list("abcdefgh"))
            answer(0)
        elif what == "out":
            with pyarrow.ipc.new_stream(file, batch.schema) as out:
                for _ in range(int(count)):
                    out.write_batch(batch)
            file.flush()
        else:
            stream = pyarrow.ipc.open_stream(file)
            if what == "polars":
                answer(polars.DataFrame(stream.read_all())["x"].sum())
            elif what == "pyarrow":
                answer(pyarrow.compute.sum(stream.read_all().column(0)).as_py())
            elif what == "stream.polars":
                answer(len(polars.DataFrame(stream.read_all())))
            else:
                answer(sum(len(each) for each in stream))


main()
