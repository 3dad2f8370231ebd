"""Methods that Keras 2 scripts call on a model: `predict_classes`, `fit_generator`, ...

New code uses `predict`, `fit` and `evaluate`, which take generators and datasets as they are.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from jkeras._base.errors import describe
from jkeras._base.types import Tree
from jkeras.callbacks import History
from jkeras.data.py_dataset import PyDataset
from jkeras.training.arguments.fit import keras2_arguments
from jkeras.training.objective.containers import CompiledLoss, CompiledMetrics
from jkeras.training.trainer import Trainer


class Keras2Methods:
    """Methods that models had in Keras 2."""

    fit: Callable[..., History]
    evaluate: Callable[..., Tree]
    predict: Callable[..., Tree]
    _trainer: Trainer

    def predict_proba(self, x: Tree, batch_size: int | None = None, verbose: int = 0) -> np.ndarray:
        """`predict`, for models that give probabilities.

        Args:
            x, batch_size, verbose: as for `predict`.

        Returns:
            The outputs, with a warning where they are not probabilities.
        """
        probabilities = self.predict(x, batch_size=batch_size, verbose=verbose)
        if np.min(probabilities) < 0 or np.max(probabilities) > 1:
            warnings.warn(
                "The outputs are not between 0 and 1, so they are not probabilities. Give the last layer a softmax or a sigmoid.",
                stacklevel=2,
            )
        return probabilities

    def predict_classes(self, x: Tree, batch_size: int | None = None, verbose: int = 0) -> np.ndarray:
        """The class of each row: the index of its largest output, or whether its only output is above 0.5.

        Args:
            x, batch_size, verbose: as for `predict`.

        Returns:
            `(rows,)` int64; for models with one output unit `(rows, 1)` int32.

        Raises:
            ValueError: the model has several outputs.

        Example:
            >>> from jkeras import layers, Sequential
            >>> model = Sequential([layers.Input((2,)), layers.Softmax()])
            >>> model.predict_classes(np.array([[1.0, 5.0], [3.0, 0.0]]))
            array([1, 0])
        """
        probabilities = self.predict(x, batch_size=batch_size, verbose=verbose)
        if not isinstance(probabilities, np.ndarray):
            raise ValueError(
                f"predict_classes is for models with one output. This one gives {describe(probabilities)}: write "
                "numpy.argmax(y, axis=-1) for each of its outputs."
            )
        if probabilities.shape[-1] > 1:
            return np.argmax(probabilities, axis=-1)
        return (probabilities > 0.5).astype("int32")

    def fit_generator(
        self,
        generator: object,
        steps_per_epoch: int | None = None,
        epochs: int = 1,
        verbose: int | str = 1,
        callbacks: object = None,
        validation_data: object = None,
        validation_steps: int | None = None,
        validation_freq: int | list[int] = 1,
        class_weight: object = None,
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
        shuffle: bool = True,
        initial_epoch: int = 0,
        **kwargs: object,
    ) -> History:
        """`fit` on a generator or a dataset.

        Args:
            generator: yields `(x, y)` or `(x, y, sample_weight)`; or a `PyDataset` (`keras.utils.Sequence`).
            steps_per_epoch: batches of an epoch; needed for endless generators.
            max_queue_size, workers, use_multiprocessing: how a `PyDataset` makes its batches. A generator always runs in one
                thread, a few batches ahead.
            epochs, verbose, callbacks, validation_data, validation_steps, validation_freq, class_weight, shuffle, initial_epoch:
                as for `fit`.
            kwargs: older names of these arguments.

        Returns:
            The `History`.
        """
        shuffle = isinstance(generator, PyDataset) and shuffle
        return self.fit(
            generator, steps_per_epoch=steps_per_epoch, verbose=verbose, callbacks=callbacks, validation_data=validation_data,
            validation_steps=validation_steps, validation_freq=validation_freq, class_weight=class_weight, shuffle=shuffle,
            max_queue_size=max_queue_size, workers=workers, use_multiprocessing=use_multiprocessing,
            initial_epoch=initial_epoch, epochs=keras2_arguments(self.fit_generator, generator, kwargs, epochs),
        )  # fmt: skip

    def evaluate_generator(
        self,
        generator: object,
        steps: int | None = None,
        callbacks: object = None,
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
        verbose: int = 0,
        **kwargs: object,
    ) -> Tree:
        """`evaluate` on a generator or a dataset; arguments as for `fit_generator`."""
        return self.evaluate(
            generator, steps=steps, callbacks=callbacks, verbose=verbose, max_queue_size=max_queue_size, workers=workers,
            use_multiprocessing=use_multiprocessing, **kwargs,
        )  # fmt: skip

    def predict_generator(
        self,
        generator: object,
        steps: int | None = None,
        callbacks: object = None,
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
        verbose: int = 0,
        **kwargs: object,
    ) -> Tree:
        """`predict` on a generator or a dataset; arguments as for `fit_generator`."""
        return self.predict(
            generator, steps=steps, callbacks=callbacks, verbose=verbose, max_queue_size=max_queue_size, workers=workers,
            use_multiprocessing=use_multiprocessing, **kwargs,
        )  # fmt: skip

    @property
    def compiled_loss(self) -> CompiledLoss:
        """The compiled losses, as steps for Keras 2 call them."""
        return CompiledLoss(self._trainer)

    @property
    def compiled_metrics(self) -> CompiledMetrics:
        """The compiled metrics, as steps for Keras 2 call them."""
        return CompiledMetrics(self._trainer)

    @property
    def updates(self) -> list[object]:
        """Empty: what changes in a step is part of the step's results."""
        return []

    state_updates = updates
