"""Several processes as one: who they are, and where they meet."""

from __future__ import annotations

import os

import jax

from jkeras._base import processes
from jkeras._base.registry import export
from jkeras.distribution.watch import Watch
from jkeras.state import random

_PORT = 29501
_SILENCE = 100  # seconds that JAX allows a process by default


@export("keras.distribution.initialize")
def initialize(
    job_addresses: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    *,
    stuck_after: float | None = 1800.0,
) -> None:
    """Join the processes that work together; call it first, before anything is computed.

    What is not given is taken from `KERAS_DISTRIBUTION_JOB_ADDRESSES`, `..._NUM_PROCESSES` and `..._PROCESS_ID`; then from
    torchrun's `MASTER_ADDR`, `MASTER_PORT`, `WORLD_SIZE` and `RANK`, or SkyPilot's variables; then from what JAX finds of Slurm,
    Open MPI or a Kubernetes Job. Where nothing says that there are several processes, nothing happens. All take process 0's seed.
    When one of them dies, leaves early or is stuck, the others end with status 75 and say which one it was; after an exception
    with 1, as it does (`watch.py`). For that they connect to a second port of process 0: any that is free, or the one of
    `JKERAS_WATCH_PORT` in its environment.

    Of several processes on one machine (torchrun's `LOCAL_WORLD_SIZE`) each takes one GPU, that of its `LOCAL_RANK`, unless
    `CUDA_VISIBLE_DEVICES` has given it others; CPUs are not divided.

    Args:
        job_addresses: `"10.0.0.1:1234"` or `"[fd00::1]:1234"`, where process 0 listens; of several, separated by commas, the
            first counts.
        num_processes: how many there are.
        process_id: number of this one.
        stuck_after: seconds; a process that is behind the others, or silent, for so long is stuck. Longer than anything that one
            of them does alone: a compilation, a large file, the wait for data. None for never. (Keras has no such argument.)

    Raises:
        ValueError: a number out of range.
        TimeoutError, ConnectionError: processes do not reach process 0's second port.
    """
    if stuck_after is not None and not stuck_after > 0:
        raise ValueError(f"stuck_after is a number of seconds, or None for never. Received: {stuck_after!r}.")
    address, count, number = _asked(job_addresses, num_processes, process_id)
    if count is not None and number is not None and not 0 <= number < count:
        raise ValueError(f"process_id is from 0 to num_processes - 1. Received: {number} of {count}.")
    if address is None and count is None and number is None and not _is_cluster():
        return
    if count == 1:
        return
    # JAX notices silent processes too, and ends the others without a word: the watch is to be the first.
    silence = _SILENCE if stuck_after is None else max(_SILENCE, int(stuck_after) + 60)
    jax.distributed.initialize(address, count, number, _own_gpu(), heartbeat_timeout_seconds=silence)
    if jax.process_count() > 1:
        host = None if address is None else address.rpartition(":")[0].strip("[]")
        port = int(os.environ.get("JKERAS_WATCH_PORT", "0"))
        processes.use_link(Watch(jax.process_index(), jax.process_count(), host, stuck_after, port))
    random.set_random_seed(processes.of_first(random.next_seed(), "the seed"))


def _asked(addresses: str | None, count: int | None, number: int | None) -> tuple[str | None, int | None, int | None]:
    env = os.environ
    addresses = addresses or env.get("KERAS_DISTRIBUTION_JOB_ADDRESSES")
    count = _number(count, "KERAS_DISTRIBUTION_NUM_PROCESSES")
    number = _number(number, "KERAS_DISTRIBUTION_PROCESS_ID")
    if addresses is None and count is None and number is None:
        if {"MASTER_ADDR", "WORLD_SIZE", "RANK"} <= env.keys():  # torchrun listens on that port itself
            addresses = f"{env['MASTER_ADDR']}:{int(env.get('MASTER_PORT', '29500')) + 1}"
            count, number = int(env["WORLD_SIZE"]), int(env["RANK"])
        elif {"SKYPILOT_NODE_IPS", "SKYPILOT_NODE_RANK"} <= env.keys():
            hosts = env["SKYPILOT_NODE_IPS"].split()
            addresses, count, number = f"{hosts[0]}:{_PORT}", len(hosts), int(env["SKYPILOT_NODE_RANK"])
    return None if addresses is None else addresses.split(",")[0].strip(), count, number


def _own_gpu() -> list[int] | None:
    """The number of this process' GPU, where torchrun has started several processes on the machine; JAX has no such for CPUs."""
    env = os.environ
    count = int(env.get("LOCAL_WORLD_SIZE", "1"))
    seen = env.get("CUDA_VISIBLE_DEVICES")
    if (
        count < 2
        or "LOCAL_RANK" not in env
        or "JAX_LOCAL_DEVICE_IDS" in env
        or (seen is not None and len(seen.split(",")) < count)
    ):
        return None
    return [int(env["LOCAL_RANK"])]


def _number(given: int | None, name: str) -> int | None:
    return int(os.environ[name]) if given is None and name in os.environ else given


def _is_cluster() -> bool:
    """Whether the environment is that of a cluster which JAX knows, with several processes."""
    counts = ("SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE")
    return "JOB_COMPLETION_INDEX" in os.environ or any(os.environ.get(name, "1") not in ("", "1") for name in counts)
