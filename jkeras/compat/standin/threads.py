"""`tf.config.threading`: the number of threads, which XLA reads from the environment before JAX starts."""

from __future__ import annotations

import os
import warnings


def set_intra_op_parallelism_threads(num_threads: int) -> None:
    """Warn that XLA uses as many threads as the process may use cores.

    Args:
        num_threads: 0 leaves it to the system, as is always the case.
    """
    if num_threads not in (0, os.cpu_count()):
        warnings.warn(
            f"XLA uses as many threads as the process has cores; {num_threads} is ignored. Write `taskset -c 0,1 python ...` "
            "to give the process fewer cores.",
            stacklevel=2,
        )


set_inter_op_parallelism_threads = set_intra_op_parallelism_threads


def get_intra_op_parallelism_threads() -> int:
    """0: the system's choice."""
    return 0


get_inter_op_parallelism_threads = get_intra_op_parallelism_threads
