"""A training on the workers of Ray Train.

    python examples/launch/ray_train.py --workers 4 --gpu --folder /shared/run

Ray says which worker this is; the first one offers an address, which the others learn through `broadcast`. Where a worker fails,
Ray starts all of them again, as often as `max_failures` says, and the training goes on from its backup.

The package is needed: `pip install "ray[train]"`.
"""

import argparse
import os
import runpy
import socket
from pathlib import Path


def own_address():
    """Where this worker can be reached, with a port that is free now."""
    import ray.util

    with socket.create_server(("", 0)) as probe:
        return f"{ray.util.get_node_ip_address()}:{probe.getsockname()[1]}"


def join():
    """Tell jkeras what Ray knows: it reads these variables."""
    import ray.train
    import ray.train.collective

    context = ray.train.get_context()
    rank = context.get_world_rank()
    os.environ["KERAS_DISTRIBUTION_PROCESS_ID"] = str(rank)
    os.environ["KERAS_DISTRIBUTION_NUM_PROCESSES"] = str(context.get_world_size())
    address = own_address() if rank == 0 else None
    os.environ["KERAS_DISTRIBUTION_JOB_ADDRESSES"] = ray.train.collective.broadcast_from_rank_zero(address)


def train(config):
    """The training of a script beside this one.

    Args:
        config: `{"script": path, "folder": text, "epochs": number}`.
    """
    return runpy.run_path(config["script"])["train"](config["folder"], config["epochs"])


def worker(config):
    """What each worker runs."""
    join()
    train(config)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--gpu", action="store_true", help="give each worker a GPU")
    parser.add_argument("--folder", required=True, help="for backup and model; all machines must see it")
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args(argv)
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.data_parallel_trainer import DataParallelTrainer

    script = Path(__file__).with_name("train.py").resolve()
    trainer = DataParallelTrainer(
        worker,
        train_loop_config={"folder": arguments.folder, "epochs": arguments.epochs, "script": str(script)},
        scaling_config=ScalingConfig(num_workers=arguments.workers, use_gpu=arguments.gpu),
        run_config=RunConfig(failure_config=FailureConfig(max_failures=20)),
    )
    trainer.fit()


if __name__ == "__main__":
    main()
