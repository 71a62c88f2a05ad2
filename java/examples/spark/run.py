# SPDX-License-Identifier: Apache-2.0
# Starts a Spark master and two workers on this machine, runs the same job by Java with python4j and by
# PySpark, kills an executor in the middle of others, has jobs fail and cancels one, prints a table, and ends all it has started.
# Usage: run.py FOLDER JOB-JAR LIBRARY-JARS [ROWS]; ./gradlew spark calls it. Loopback addresses only.
import ctypes
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import threading
import time

import numpy
import pyspark

HERE = pathlib.Path(__file__).parent
SPARK = pathlib.Path(pyspark.__file__).parent
LOCAL = "127.0.0.1"
SLOTS = 2  # of each worker
PARTITIONS = 16
ROUNDS = 3
LIMIT = 600  # seconds for one job; the whole run has eight of them
TICKS = os.sysconf("SC_CLK_TCK")

folder, job, libraries = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
rows = int(sys.argv[4]) if len(sys.argv) > 4 else 1_000_000
environment = dict(os.environ, SPARK_HOME=str(SPARK), SPARK_LOCAL_IP=LOCAL, SPARK_LOCAL_HOSTNAME=LOCAL,
                   SPARK_LOCAL_DIRS=str(folder / "local"), SPARK_LOG_DIR=str(folder), PYSPARK_PYTHON=sys.executable,
                   PYSPARK_DRIVER_PYTHON=sys.executable)


class Failed(Exception):
    pass


# ---- processes ----

started = []


def die_with_me():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, should this program be killed


def start(name, *command, **options):
    process = subprocess.Popen([str(part) for part in command], env=environment, stderr=open(folder / f"{name}.log", "w"),
                               start_new_session=True, preexec_fn=die_with_me, **options)
    started.append(process)
    return process


def end(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)  # its session is its own, and executors belong to their worker's
    except ProcessLookupError:
        pass
    process.wait()


def daemon(name, *arguments):
    return start(name, SPARK / "bin/spark-class", *arguments, "--host", LOCAL, "--port", 0, "--webui-port", 0,
                 stdout=subprocess.DEVNULL)


def line_of(name, pattern):
    """Waits until a log has what we look for."""
    end_of_patience = time.monotonic() + 60
    while time.monotonic() < end_of_patience:
        found = re.search(pattern, (folder / f"{name}.log").read_text())
        if found:
            return found.group(1)
        time.sleep(0.2)
    raise Failed(f"nothing like {pattern} in {folder / name}.log")


def stat(pid):
    """The parent and the CPU seconds of a process, its ended children's too."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[1]), sum(map(int, fields[11:15])) / TICKS


def executors(number=None):
    """The pids of the executors, or of so many of them, and those with all of their descendants."""
    children, own = {}, []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = stat(path.name)[0]
            children.setdefault(parent, []).append(int(path.name))
            if parent in workers and "CoarseGrainedExecutorBackend" in (path / "cmdline").read_text():
                own.append(int(path.name))
        except (FileNotFoundError, ProcessLookupError):
            pass
    own = own[:number]
    family, queue = [], list(own)
    while queue:
        family.append(queue.pop())
        queue += children.get(family[-1], [])
    return own, family


def summed(pids, what):
    total = 0
    for pid in pids:
        try:
            total += what(pid)
        except (FileNotFoundError, ProcessLookupError, AttributeError):
            pass
    return total


def megabytes(pid):
    """What the process has in memory; what it shares with others counts in part."""
    return int(re.search(r"Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()).group(1)) / 1000


def cpu():
    return summed(executors()[1], lambda pid: stat(pid)[1])


# ---- jobs ----

def submit(name, arguments, rounds, kill=False, workers=0):
    """Runs a job; gives the seconds until its first scores, of each round, CPU seconds, memory, and what came out."""
    python = f" -Dorg.eclipse.python4j.python={sys.prefix}" if workers else ""  # worker processes need pyarrow
    confs = {
        "spark.driver.host": LOCAL, "spark.driver.bindAddress": LOCAL, "spark.ui.enabled": "false",
        "spark.driver.memory": "1g", "spark.executor.memory": "1g", "spark.executor.cores": SLOTS,
        "spark.sql.shuffle.partitions": 4, "spark.log.level": "WARN",
        "spark.executorEnv.OMP_NUM_THREADS": 1, "spark.executorEnv.OPENBLAS_NUM_THREADS": 1,
        "spark.executorEnv.PYTHONPATH": os.environ["PYTHONPATH"],  # numpy, for PySpark's workers
        "spark.executor.extraJavaOptions": f"-Dorg.eclipse.python4j.cache={folder / 'cache'}{python}",
        **({"spark.python4j.workers": workers} if workers else {}),
    }
    options = [part for key, value in confs.items() for part in ("--conf", f"{key}={value}")]
    process = start(name, SPARK / "bin/spark-submit", "--master", master, *options, *arguments, stdout=subprocess.PIPE, text=True)
    watchdog = threading.Timer(LIMIT, end, [process])
    watchdog.start()
    outcome = {"took": [], "cpu": [], "results": [], "memory": 0, "said": {}}
    over = threading.Event()

    def watch():
        while not over.wait(0.5):
            outcome["memory"] = max(outcome["memory"], summed(executors()[1], megabytes))

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    try:
        for line in process.stdout:
            if line == "> session\n":
                outcome["session"] = time.monotonic() - began
            elif line == "> first\n":
                outcome["first"] = time.monotonic() - began - outcome["session"]
                outcome["start"] = cpu()
            elif line == "> round\n":
                before = cpu()
                if kill:
                    time.sleep(2)
                    [victim], outcome["killed"] = executors(1)
                    os.kill(victim, signal.SIGKILL)
            elif line.startswith("> took "):
                outcome["took"].append(float(line.split()[2]))
                outcome["cpu"].append(cpu() - before)
            elif line.startswith("> result "):
                outcome["results"].append([int(n) for n in re.findall(r"-?\d+", line)])
            elif line.startswith("> "):
                what, _, text = line[2:-1].partition(" ")
                outcome["said"][what] = text
    finally:
        over.set()
        watcher.join()
        watchdog.cancel()
    if process.wait() != 0 or len(outcome["took"]) != rounds:
        raise Failed(f"{name} ended with status {process.returncode}, see {folder / name}.log")
    if any(result != outcome["results"][0] for result in outcome["results"]):
        raise Failed(f"{name} gave different results: {outcome['results']}")
    return outcome


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def loss(name, arguments, workers):
    """Kills an executor in the middle of a job. What it has started has to end, too."""
    outcome = submit(name, arguments + [1], 1, kill=True, workers=workers)
    lost = re.findall(r"Lost executor.*", (folder / f"{name}.log").read_text())
    if not lost or len(outcome["killed"]) < 1 + workers:
        raise Failed(f"{name}: Spark lost the executors {lost}, and the processes {outcome['killed']} were to end")
    end_of_patience = time.monotonic() + 20
    while left := [pid for pid in outcome["killed"] if alive(pid)]:
        if time.monotonic() > end_of_patience:
            raise Failed(f"{name}: of the killed executor the processes {left} are left")
        time.sleep(0.2)
    print(f"an executor was killed 2 s into a job of {outcome['took'][0]:.1f} s, with {workers} workers in each; executors that Spark lost: {len(lost)}",
          flush=True)
    return outcome["results"][0]


def trouble(name, workers):
    """A job that fails, one that is cancelled, and one after them."""
    files = folder / name
    files.mkdir()
    running = 2 * SLOTS if workers else 2  # in a process of its own each; otherwise the tasks of an executor take turns
    options = ["--class", "org.nd4j.python4j.examples.spark.TroubleJob", "--jars", libraries, job, files, 2 * SLOTS, running]
    said = submit(name, options, 0, workers=workers)["said"]
    failed, cancelled = said.get("failed", ""), said.get("cancelled", "")
    for part in ("Python failed in partition ", "ValueError: row 777 is no good", "at Python.check(", "at Python.fails("):
        if part not in failed:
            raise Failed(f"{name}: '{part}' is not in what the failed job said: {failed}")
    if "cancelled" not in cancelled or said.get("worked") != "[[1000,499500]]":
        raise Failed(f"{name}: the cancelled job said {cancelled}, the one after it {said.get('worked')}")
    pids = {file.name.split("-")[1] for file in files.glob("runs-*")}
    if len(pids) != running:
        raise Failed(f"{name}: the tasks ran in the processes {pids}")
    print(f"a job failed with Python's frames, another was cancelled and ended its Python, the next one worked; {workers} workers in each executor", flush=True)


def main():
    score = ["--class", "org.nd4j.python4j.examples.spark.ScoreJob", "--jars", libraries, job, rows, PARTITIONS]
    pyspark_job = ["--py-files", HERE / "score.py", HERE / "pyspark_job.py"]
    jobs = [("java with python4j", score, 0), ("python4j, workers", score, SLOTS), ("pyspark, arrow", pyspark_job + ["arrow", rows, PARTITIONS], 0),
            ("pyspark, pickle", pyspark_job + ["pickle", rows, PARTITIONS], 0)]
    print(f"{rows} rows of 16 doubles in {PARTITIONS} partitions; 2 workers with {SLOTS} tasks each; "
          f"Spark {pyspark.__version__}, CPython {sys.version.split()[0]}, numpy {numpy.__version__}\n", flush=True)
    submit("unpacking", score + [0], 0)  # a first start on this machine unpacks the embedded CPython
    print(f"{'':20}{'first scores after':>20}{'rows/s':>10}{'CPU per million rows':>22}{'memory':>10}")
    results = []
    for name, arguments, workers in jobs:
        outcome = submit(name.replace(", ", "-").replace(" ", "-"), arguments + [ROUNDS], ROUNDS, workers=workers)
        start = f"{outcome['first']:.1f} s, {outcome['start']:.1f} s CPU"
        print(f"{name:20}{start:>20}{rows / statistics.median(outcome['took']):10.0f}"
              f"{statistics.median(outcome['cpu']) * 1e6 / rows:20.1f} s{outcome['memory']:7.0f} MB", flush=True)
        results.append(outcome["results"][0])
    print()
    for workers in (0, SLOTS):
        results.append(loss(f"loss-{workers}", score, workers))
        trouble(f"trouble-{workers}", workers)
    sums = results[0]
    print("rows scored:", sum(sums[1::3]), " sums of millionths:", *sums[2::3])
    if sum(sums[1::3]) != rows or any(result != sums for result in results):
        raise Failed(f"the results differ: {results}")
    print("all of them gave the same result")


folder.mkdir(parents=True, exist_ok=True)
workers = []
signal.alarm(4 * LIMIT)
try:
    daemon("master", "org.apache.spark.deploy.master.Master")
    master = line_of("master", rf"Starting Spark master at (spark://{LOCAL}:\d+)")
    for i in (1, 2):
        worker = daemon(f"worker{i}", "org.apache.spark.deploy.worker.Worker", "--cores", SLOTS, "--memory", "1g",
                        "--work-dir", folder / f"work{i}", master)
        workers.append(worker.pid)
    for i in (1, 2):
        line_of(f"worker{i}", "(Successfully registered with master)")
    main()
except Failed as failure:
    sys.exit(f"FAILED: {failure}")
finally:
    for process in reversed(started):
        end(process)
