"""Start a script in several processes of this machine, and again where they ask for it, as `torchrun` does.

    python examples/launch/local.py --processes 2 examples/launch/train.py --folder run

`torchrun --nproc-per-node 2 --max-restarts 20 examples/launch/train.py --folder run` starts the same script: it sets the same
variables. Several machines start it with `--nnodes`, `--node-rank` and `--master-addr` of torchrun.

Where one process ends badly the others get ten seconds to end by themselves. Then all are started again, if one of them ended
with status 75, or by a signal. After an exception all end with status 1, and stay so.
"""

import argparse
import os
import socket
import subprocess
import sys
import time

AGAIN = 75


def free_ports():
    """A port whose successor is free too: the launcher has the first of them, as torchrun does, and JAX the second."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = first.getsockname()[1]
            try:
                with socket.create_server(("127.0.0.1", port + 1)):
                    return port
            except (OSError, OverflowError):
                continue


def life(command, count, grace):
    """Start all processes and wait until they have ended; their statuses."""
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_ports()), "WORLD_SIZE": str(count)}
    shared["LOCAL_WORLD_SIZE"] = str(count)
    environments = [{**os.environ, **shared, "RANK": str(n), "LOCAL_RANK": str(n)} for n in range(count)]
    processes = [subprocess.Popen([sys.executable, *command], env=environment) for environment in environments]
    last = None  # when the others must have ended
    while any(process.poll() is None for process in processes):
        if last is None and any(process.poll() for process in processes):
            last = time.monotonic() + grace
        if last is not None and time.monotonic() > last:
            for process in processes:
                process.kill()
        time.sleep(0.05)
    return [process.returncode for process in processes]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--max-restarts", type=int, default=20)
    parser.add_argument("--grace", type=float, default=10.0, help="seconds to end in, where another process has ended badly")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="script and its arguments")
    arguments = parser.parse_args(argv)
    for number in range(arguments.max_restarts + 1):
        statuses = life(arguments.command, arguments.processes, arguments.grace)
        print(f"life {number}: {statuses}", flush=True)
        if not any(status == AGAIN or status < 0 for status in statuses):
            break
    return max(map(abs, statuses))


if __name__ == "__main__":
    sys.exit(main())
