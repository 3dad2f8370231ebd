"""A workload: a name, sizes, and a measurement that one library makes in one process.

A `Training` defines one model three times: `model(keras)` for jkeras and Keras, which share the code, `module()` for PyTorch,
and `init` / `apply` in plain JAX for the two hand-written loops. All of them train on `data(rows)`, in float32, with the same
batch size, optimizer and distributions of initial weights, and report mean loss (and accuracy) of every epoch, so the losses
show that they did the same work.
"""

from __future__ import annotations

import importlib
import itertools
from typing import Any, ClassVar

import numpy as np

Record = dict[str, Any]

LIBRARIES = {
    "jkeras": "jkeras",
    "keras": "Keras 3 on JAX",
    "torch": "PyTorch",
    "optax": "hand-written optax loop",
    "scan": "hand-written scan",
    "tensorflow": "TensorFlow",
    "loader": "DataLoader into jkeras",
    "grain": "grain into jkeras",
    "h5py": "h5py alone",
}
TRAINERS = ("jkeras", "keras", "torch", "optax", "scan")


class Workload:
    """One row of the table.

    `run` measures one library and returns a record: `seconds` lists the times, whose median counts; the rest is extra
    information. `repeats` is how many processes of each library a round starts, `rounds` the most rounds it is worth (None: as
    many as requested), `environment` holds extra environment variables for its processes.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    libraries: ClassVar[tuple[str, ...]] = TRAINERS
    measures: ClassVar[str] = "epoch"
    repeats: ClassVar[int] = 1
    rounds: ClassVar[int | None] = None
    environment: ClassVar[dict[str, str]] = {}

    def sizes(self) -> str:
        """The sizes as text, for the report."""
        raise NotImplementedError

    def run(self, library: str, quick: bool) -> Record:
        raise NotImplementedError


class Training(Workload):
    """A model to train; only the times of epochs after the first count."""

    rows: ClassVar[int]
    quick_rows: ClassVar[int]
    batch: ClassVar[int]
    epochs: ClassVar[int] = 3
    accuracy: ClassVar[bool] = True
    optimizer: ClassVar[tuple[str, float]]
    """"adam" (epsilon 1e-7, Keras' default) or "sgd", and its learning rate."""
    channels_last: ClassVar[bool] = False
    """Whether PyTorch is faster with images in NHWC memory order."""
    patches: ClassVar[bool] = False
    """Whether the hand-written scan writes convolutions as patches and a product, as a loop body needs on XLA:CPU."""

    def data(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and integer labels."""
        raise NotImplementedError

    def keras_targets(self, y: np.ndarray) -> np.ndarray:
        """The labels in the form that the Keras model's loss expects."""
        return y

    def model(self, keras: Any) -> Any:
        """The compiled model; `keras` is the module of either library."""
        raise NotImplementedError

    def module(self) -> Any:
        """The `torch.nn.Module`, which returns logits."""
        raise NotImplementedError

    def init(self, key: Any) -> tuple[Any, Any]:
        """Parameters and state (moving statistics, or an empty tuple) for plain JAX."""
        raise NotImplementedError

    def apply(self, params: Any, state: Any, x: Any, conv: Any) -> tuple[Any, Any]:
        """Logits and new state in plain JAX; `conv` is the convolution to use."""
        raise NotImplementedError

    def infer(self, params: Any, state: Any, x: Any, conv: Any) -> Any:
        """Logits of a trained model in plain JAX."""
        return self.apply(params, state, x, conv)[0]

    def count(self, quick: bool) -> int:
        """The number of rows, a multiple of the batch size, so that every library compiles one shape."""
        rows = self.quick_rows if quick else self.rows
        if rows % self.batch:
            raise ValueError(f"{self.name}: {rows} rows are not a multiple of the batch size {self.batch}.")
        return rows

    def sizes(self) -> str:
        x, _ = self.data(self.batch)
        return f"{self.rows:,} rows of shape {x.shape[1:]}, batch {self.batch}, {self.optimizer[0]}"

    def run(self, library: str, quick: bool) -> Record:
        x, y = self.data(self.count(quick))
        epochs = 2 if quick else self.epochs
        return loop(library).train(self, library, x, y, epochs)


def loop(library: str) -> Any:
    """The module that trains with a library."""
    kind = "keras_fit" if library in ("jkeras", "keras") else f"{library}_loop"
    return importlib.import_module(f"bench.libraries.{kind}")


def record(times: list[float], losses: list[float], **more: Any) -> Record:
    """A training record from the times at which each epoch ended, counted from the moment before the model was built."""
    return {
        "start": times[0],
        "seconds": [after - before for before, after in itertools.pairwise(times)],
        "losses": losses,
        **more,
    }
