"""`TensorBoard`: training as TensorBoard shows it.

    log_dir/train         epoch_loss, epoch_learning_rate, ...; batch_loss, ...; histograms; the model as graph and as text
    log_dir/validation    epoch_loss, ...; evaluation_loss_vs_iterations, ...

Show it with `tensorboard --logdir logs`.
"""

from __future__ import annotations

import inspect
import os
import time
from typing import Any

import jax
import numpy as np

from jkeras._base.errors import describe, unexpected_arguments, unknown_name
from jkeras._base.old_arguments import Gone, leave_out
from jkeras._base.registry import export
from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.batch_counter import check_frequency
from jkeras.callbacks.event_writer import EventWriter, require_tensorboard
from jkeras.callbacks.learning_rate import get_rate, rates_of
from jkeras.layers.embedding import Embedding

_BAD_RANGE = """profile_batch must be the number of a batch (from 1; 0 for none), or the first and last one: (10, 20) or "10,20".
Received: {given}."""
_MOST_IMAGES = 3
_GONE = {
    "batch_size": Gone(),
    "write_grads": Gone((False,), "Put the callback LayerStatistics before this one; it gives statistics of the gradients."),
    "embeddings_layer_names": Gone((None, [], ()), "All Embedding layers are written."),
    "embeddings_data": Gone((None,), "The tables of Embedding layers are written, and they need no data."),
}


@export("keras.callbacks.TensorBoard")
class TensorBoard(Callback):
    """Writes results, distributions of weights, and the model itself to event files.

    Results of callbacks before it are written too; names with a slash, such as those of `LayerStatistics`, stay as they are.

    Args:
        log_dir: the folder; created if missing. Give each run its own.
        histogram_freq: write histograms of the weights every so many epochs; 0 for never.
        write_graph: write the model: its graph (from its config, for functional and sequential models) and its summary as text.
        write_images: write weights as images too, when histograms are written. They are scaled from black to white, while Keras
            clips them to [0, 1].
        write_steps_per_second: write the speed, of epochs and of batches.
        update_freq: `"epoch"`, `"batch"`, or a number of batches after which to write the results so far. Unless it is
            `"epoch"`, training goes step by step.
        profile_batch: batches to profile with `jax.profiler`, counted from 1 over the whole training: a number,
            `(first, last)` or `"first,last"`; 0 for none. With it, training goes step by step.
        embeddings_freq: write the tables of Embedding layers for the projector every so many epochs, as tab-separated text,
            which it can read without TensorFlow; 0 for never.
        embeddings_metadata: path of the labels of the rows, or `{layer name: path}`.
        kwargs: Keras 2's `batch_size`, `write_grads=False` and others that have no effect.

    Raises:
        ImportError: tensorboard is not installed; TensorFlow is not needed.
        ValueError: a frequency is not valid, or metadata are for something other than an Embedding layer.

    Example:
        >>> import tempfile, numpy as np, jkeras
        >>> folder = tempfile.mkdtemp()
        >>> model = jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x, y = np.ones((8, 2)), np.ones((8, 1))
        >>> _ = model.fit(x, y, validation_data=(x, y), verbose=0, callbacks=[TensorBoard(folder, histogram_freq=1)])
        >>> sorted(os.listdir(folder))
        ['train', 'validation']
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: int | str | tuple[int, int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: str | dict[str, str] | None = None,
        **kwargs: object,
    ):
        if left := leave_out("TensorBoard", kwargs, _GONE):
            raise unexpected_arguments("TensorBoard", left, inspect.signature(TensorBoard).parameters)
        self._parts = require_tensorboard()
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq: str | int = 1 if update_freq == "batch" else update_freq
        check_frequency("update_freq", self.update_freq)
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        self._first_profiled, self._last_profiled = _batch_range(profile_batch)
        self._writers: dict[str, EventWriter] = {}
        self._batches = 0  # of the run so far
        self._training = self._profiling = False
        self._epoch_began, self._batch_began, self._iterations = 0.0, 0.0, 0
        if self.update_freq != "epoch" or self._last_profiled:
            # Listen to batches only if needed: a callback that does makes training go step by step.
            self.on_train_batch_begin = self._before_batch  # type: ignore[method-assign]
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]

    def get_state(self) -> dict[str, object]:
        """What a resumed training run must know: the number of batches."""
        return {"batches": self._batches}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned."""
        self._batches = int(state.get("batches", self._batches))

    def _writer(self, name: str) -> EventWriter:
        if name not in self._writers:
            self._writers[name] = EventWriter(os.path.join(self.log_dir, name))
        return self._writers[name]

    # events -------------------------------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs = None) -> None:
        self._close()
        self._training, self._batches = True, 0
        if self.write_graph:
            self._write_model()
        if self.embeddings_freq:
            self._write_projector_config()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch_began, self._iterations = time.perf_counter(), self._iteration()

    def _before_batch(self, batch: int, logs: Logs = None) -> None:
        self._batches += 1
        self._batch_began = time.perf_counter()
        if self._batches == self._first_profiled and not self._profiling:
            jax.profiler.start_trace(os.path.join(self.log_dir, "train"))
            self._profiling = True

    def _after_batch(self, batch: int, logs: Logs = None) -> None:
        if self._profiling and self._batches >= self._last_profiled:
            self._stop_profile()
        if self.update_freq == "epoch" or self._batches % int(self.update_freq):
            return
        results = dict(logs or {})
        if self.write_steps_per_second:
            results["steps_per_second"] = 1.0 / max(time.perf_counter() - self._batch_began, 1e-9)
        self._write("train", "batch_{}", results, self._batches)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        results = {name: value for name, value in (logs or {}).items() if not name.startswith("val_")}
        validation = {name[4:]: value for name, value in (logs or {}).items() if name.startswith("val_")}
        for name, optimizer in rates_of(self.model.optimizer).items():
            if hasattr(optimizer, "learning_rate"):
                results[name] = get_rate(optimizer)
        if self.write_steps_per_second:
            seconds = max(time.perf_counter() - self._epoch_began, 1e-9)
            results["steps_per_second"] = (self._iteration() - self._iterations) / seconds
        self._write("train", "epoch_{}", results, epoch)
        if validation:
            self._write("validation", "epoch_{}", validation, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings()
        for writer in self._writers.values():
            writer.flush()

    def on_test_end(self, logs: Logs = None) -> None:
        if self.model.optimizer is not None and hasattr(self.model.optimizer, "iterations"):
            self._write("validation", "evaluation_{}_vs_iterations", logs or {}, self._iteration())
        if not self._training:
            self._close()

    def on_train_end(self, logs: Logs = None) -> None:
        self._training = False
        if self._profiling:
            self._stop_profile()
        self._close()

    def _iteration(self) -> int:
        return int(getattr(self.model.optimizer, "iterations", 0))

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _stop_profile(self) -> None:
        jax.profiler.stop_trace()
        self._profiling = False

    # what is written ----------------------------------------------------------------------------------------------------

    def _write(self, where: str, form: str, results: dict[str, Any], step: int) -> None:
        for name, value in results.items():
            if np.ndim(value) == 0:
                self._writer(where).scalar(name if "/" in name else form.format(name), value, step)

    def _write_model(self) -> None:
        lines: list[str] = []
        self.model.summary(print_fn=lambda text, **_: lines.append(text))
        block = "\n".join(f"    {line}" for line in "\n".join(lines).splitlines())
        self._writer("train").text("model_summary", block, 0)
        if hasattr(self.model, "outputs"):
            try:
                config = self.model.to_json()
            except TypeError:  # the model holds something without a config; the summary must do
                return
            self._writer("train").keras_graph("keras", config, 0)

    def _write_weights(self, epoch: int) -> None:
        writer = self._writer("train")
        for layer in self.model.layers:
            for variable in layer.weights:
                values, name = variable.numpy().astype(np.float32), variable.path.replace(":", "_")
                writer.histogram(f"{name}/histogram", values, epoch)
                if self.write_images and (images := as_images(values)) is not None:
                    writer.images(f"{name}/image", images[:_MOST_IMAGES], epoch)

    def _embeddings(self) -> list[Embedding]:
        return [layer for layer in self.model.layers if isinstance(layer, Embedding)]

    def _write_projector_config(self) -> None:
        config, known = self._parts.ProjectorConfig(), [layer.name for layer in self._embeddings()]
        metadata = self.embeddings_metadata
        for name in metadata if isinstance(metadata, dict) else ():
            if name not in known:
                raise unknown_name("Embedding layer in `embeddings_metadata`", name, known)
        for name in known:
            path = metadata.get(name) if isinstance(metadata, dict) else metadata
            config.embeddings.add(tensor_name=name, tensor_path=f"{name}.tsv", **({"metadata_path": path} if path else {}))
        os.makedirs(self.log_dir, exist_ok=True)
        with open(os.path.join(self.log_dir, "projector_config.pbtxt"), "w") as file:
            file.write(str(config))

    def _write_embeddings(self) -> None:
        for layer in self._embeddings():
            table = layer.weights[0].numpy().astype(np.float32)
            np.savetxt(os.path.join(self.log_dir, f"{layer.name}.tsv"), table, fmt="%.7g", delimiter="\t")


def as_images(weight: np.ndarray) -> np.ndarray | None:
    """A weight as grey or coloured images, sliced as in Keras; None if it has no such form.

    Args:
        weight: a bias `(n,)` is one column, a matrix one image, `(height, width, filters)` one image per filter.

    Returns:
        uint8 `(number, height, width, channels)`, the least value black, the greatest white.

    Example:
        >>> as_images(np.array([[0.0, 1.0], [0.5, -1.0]]))[0, :, :, 0]
        array([[127, 255],
               [191,   0]], dtype=uint8)
    """
    values = np.squeeze(weight)
    if values.ndim == 1:
        values = values[None, :, None, None]  # a column
    elif values.ndim == 2:
        values = (values.T if values.shape[0] > values.shape[1] else values)[None, :, :, None]
    elif values.ndim == 3:
        values = values.transpose(2, 0, 1)[..., None]
    if values.ndim != 4 or values.shape[-1] not in (1, 3, 4) or not np.isfinite(values).all():
        return None
    low, high = values.min(), values.max()
    return ((values - low) / max(high - low, np.finfo(np.float32).tiny) * 255).astype(np.uint8)


def _batch_range(given: object) -> tuple[int, int]:
    """First and last batch to profile."""
    numbers: object = given
    if isinstance(given, str):
        parts = given.split(",")
        numbers = tuple(int(part) for part in parts) if all(part.strip().isdigit() for part in parts) else ()
    elif type(given) is int:
        numbers = (given,)
    if not isinstance(numbers, (tuple, list)) or len(numbers) not in (1, 2) or any(type(n) is not int for n in numbers):
        raise ValueError(_BAD_RANGE.format(given=describe(given)))
    first, last = numbers[0], numbers[-1]
    if not 0 <= first <= last:
        raise ValueError(_BAD_RANGE.format(given=describe(given)))
    return first, last
