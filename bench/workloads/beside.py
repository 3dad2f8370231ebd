"""Two trainings at once: the epochs of a process while another one like it runs on the same machine."""

from __future__ import annotations

import json
import subprocess
import sys

from bench.workload import Record, Workload
from bench.workloads import workload


class Beside(Workload):
    """Two processes train the CIFAR CNN; the times are those of both."""

    name = "beside"
    title = "two fits at once, CIFAR CNN"
    measures = "epoch of each, while both train"
    libraries = ("jkeras", "keras", "torch")
    repeats = 1

    def sizes(self) -> str:
        return workload("cnn").sizes()

    def run(self, library: str, quick: bool) -> Record:
        command = [sys.executable, "-m", "bench.worker", "cnn", library, *(["--quick"] if quick else [])]
        jobs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        said = [job.communicate()[0].strip().splitlines() for job in jobs]
        if any(job.returncode for job in jobs):
            return {"failed": f"exit codes {[job.returncode for job in jobs]}"}
        found = [json.loads(lines[-1]) for lines in said]
        return {"seconds": [time for record in found for time in record["seconds"]], "start": max(r["start"] for r in found)}


WORKLOAD = Beside()
