"""Runs one process and says what it cost: CPU seconds of it and its children, wall time, peak resident memory.

Keep this process small: Linux counts the parent's resident size into the child's peak until the child has called exec."""
import os
import subprocess
import time
from dataclasses import dataclass


@dataclass
class Cost:
    cpu_s: float
    wall_s: float
    peak_mb: float
    exit_code: int


def run(argv, env=None, cwd=None, log=None):
    """argv: list of str. Output of the process goes to `log` (a path), else nowhere."""
    with open(log or os.devnull, "wb") as out:
        start = time.perf_counter()
        process = subprocess.Popen(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, process.returncode)
