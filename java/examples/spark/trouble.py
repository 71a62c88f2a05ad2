# SPDX-License-Identifier: Apache-2.0
# The functions of TroubleJob.java.
import os
import pathlib
import threading
import time


def column(batch, name):
    values = batch[name]
    return values.to_pylist() if hasattr(values, "to_pylist") else list(values)


def check(ids):
    if 777 in ids:
        raise ValueError("row 777 is no good")


def fails(batches):
    for batch in batches:
        check(column(batch, "id"))
        yield {"id": batch["id"]}


def endless(batches):
    for batch in batches:
        folder = pathlib.Path(column(batch, "folder")[0])
        name = f"{os.getpid()}-{threading.get_ident()}"
        (folder / f"runs-{name}").touch()
        try:
            while True:
                time.sleep(0.01)
        finally:
            (folder / f"ended-{name}").touch()
        yield {"id": batch["id"]}


def works(batches):
    for batch in batches:
        yield {"id": batch["id"]}
