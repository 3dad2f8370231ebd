"""The files under `examples/launch/`: shell and YAML are read, their logic runs, and two processes train through them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAUNCH = ROOT / "examples" / "launch"
SRUN = """#!/usr/bin/env bash
echo "$@" >> "$LIVES"
exit "$(sed -n "$(wc -l < "$LIVES")p" "$STATUSES")"
"""


@pytest.mark.parametrize(("statuses", "ends_with"), [("75 137 0", 0), ("75 1", 1), ("75 75 75 75", 75)])
def test_slurm_starts_all_again_where_they_ask_for_it(statuses, ends_with, tmp_path):
    (tmp_path / "srun").write_text(SRUN)
    (tmp_path / "srun").chmod(0o755)
    (tmp_path / "statuses").write_text("\n".join(statuses.split()))
    lives = tmp_path / "lives"
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "LIVES": str(lives), "JKERAS_RESTARTS": "3"}
    environment["STATUSES"] = str(tmp_path / "statuses")
    lives.touch()
    done = subprocess.run(["bash", LAUNCH / "slurm.sh", "/shared/run"], env=environment, capture_output=True, check=False)
    assert done.returncode == ends_with
    started = lives.read_text().splitlines()
    assert len(started) == len(statuses.split())
    assert all("--kill-on-bad-exit=1" in one and one.endswith("train.py --folder /shared/run") for one in started)
    assert subprocess.run(["bash", LAUNCH / "slurm.sh"], capture_output=True, check=False).returncode == 1  # without a folder
    tasks = dict(re.findall(r"#SBATCH --([a-z-]+)=(\S+)", (LAUNCH / "slurm.sh").read_text()))
    assert tasks["ntasks-per-node"] == "1" and tasks["nodes"] == "4"


def test_the_jobset_gives_each_pod_what_initialize_reads():
    yaml = pytest.importorskip("yaml")
    found = yaml.safe_load((LAUNCH / "jobset.yaml").read_text())
    assert (found["apiVersion"], found["kind"]) == ("jobset.x-k8s.io/v1alpha2", "JobSet")
    (workers,), job = found["spec"]["replicatedJobs"], found["metadata"]["name"]
    spec = workers["template"]["spec"]
    assert spec["completionMode"] == "Indexed" and spec["backoffLimit"] == 0 and spec["completions"] == spec["parallelism"]
    assert spec["template"]["spec"]["restartPolicy"] == "Never" and found["spec"]["failurePolicy"]["maxRestarts"] > 0
    (container,) = spec["template"]["spec"]["containers"]
    variables = {entry["name"]: entry for entry in container["env"]}
    port = container["ports"][0]["containerPort"]
    assert variables["KERAS_DISTRIBUTION_JOB_ADDRESSES"]["value"] == f"{job}-{workers['name']}-0-0.{job}:{port}"
    assert variables["KERAS_DISTRIBUTION_NUM_PROCESSES"]["value"] == str(spec["completions"])
    assert "job-completion-index" in variables["KERAS_DISTRIBUTION_PROCESS_ID"]["valueFrom"]["fieldRef"]["fieldPath"]
    mounted, volumes = container["volumeMounts"], spec["template"]["spec"]["volumes"]
    assert [one["name"] for one in mounted] == [one["name"] for one in volumes]
    assert container["command"][-1].startswith(mounted[0]["mountPath"])


@pytest.mark.slow
def test_two_processes_train_through_the_launcher_and_the_worker_of_ray(tmp_path):
    """The first life of process 1 ends with status 75; both are started again. What Ray would say, torchrun's variables say."""
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import os, pathlib, runpy, sys\n"
        f"mark = pathlib.Path({str(tmp_path / 'mark')!r})\n"
        "if os.environ['RANK'] == '1' and not mark.exists():\n"
        "    mark.touch()\n"
        "    sys.exit(75)\n"
        f"ray = runpy.run_path({str(LAUNCH / 'ray_train.py')!r})\n"
        f"config = dict(script={str(LAUNCH / 'train.py')!r}, folder={str(tmp_path)!r}, epochs=2)\n"
        "assert ray['train'](config) > 0\n"
    )
    command = [sys.executable, LAUNCH / "local.py", "--processes", "2", "--grace", "0.2", worker]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"life 0: \[-9, 75\]\n", done.stdout) and "life 1: [0, 0]" in done.stdout
    assert (tmp_path / "model.keras").is_file() and not (tmp_path / "backup").exists()
