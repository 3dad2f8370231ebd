"""Keras 2's module `keras.wrappers.scikit_learn`: a function that makes a model, as a scikit-learn estimator.

def make(units=8):
    ...
    return model            # compiled

GridSearchCV(KerasClassifier(make, epochs=10), {"units": [8, 16], "batch_size": [16, 32]}).fit(X, y)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from jkeras._base.errors import describe, unexpected_arguments
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.callbacks import History
from jkeras.losses import CategoricalCrossentropy, categorical_crossentropy
from jkeras.models.model import Model
from jkeras.wrappers.sklearn_parts import Tagged

_METHODS = ("fit", "predict", "evaluate")
_QUEUE = ("workers", "use_multiprocessing", "max_queue_size", "nb_epoch")


class BaseWrapper(Tagged):
    """What both estimators share.

    Args:
        build_fn: a function, or an object with `__call__`, that makes a compiled model; a subclass may define `__call__`
            instead.
        sk_params: arguments of `build_fn`, and of the model's `fit`, `predict` and `evaluate`; arguments of a call override
            them.

    Raises:
        TypeError: an argument that none of these takes.
    """

    model: Model

    def __init__(self, build_fn: Callable[..., object] | None = None, **sk_params: object):
        self.build_fn, self.sk_params = build_fn, sk_params
        self.check_params(sk_params)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model")

    def _builder(self) -> Callable[..., Any]:
        if self.build_fn is not None:
            return self.build_fn
        if not callable(self):
            raise TypeError(
                f"{type(self).__name__} needs a function that makes a compiled model: {type(self).__name__}(make_model)."
            )
        return self

    def check_params(self, params: dict[str, object]) -> None:
        """Raise TypeError if neither the function nor the model's methods take one of the arguments."""
        takes = inspect.signature(self._builder()).parameters
        if any(p.kind is p.VAR_KEYWORD for p in takes.values()):
            return
        known = {*takes, *_QUEUE}.union(*(inspect.signature(getattr(Model, method)).parameters for method in _METHODS))
        unknown = [name for name in params if name not in known]
        if unknown:
            raise unexpected_arguments(type(self).__name__, unknown, known - {"self", "keras2"})

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """The constructor's arguments."""
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> Self:
        """Change arguments; returns the estimator."""
        self.build_fn = params.pop("build_fn", self.build_fn)
        self.check_params(params)
        self.sk_params.update(params)
        return self

    def filter_sk_params(self, fn: Callable[..., object], override: Mapping[str, object] | None = None) -> dict[str, Any]:
        """The arguments that a function takes, overridden by those of `override`."""
        takes = inspect.signature(fn).parameters
        every = any(p.kind is p.VAR_KEYWORD for p in takes.values()) and fn is self._builder()
        return {**{k: v for k, v in self.sk_params.items() if every or k in takes}, **(override or {})}

    def fit(self, x: Tree, y: Tree, **kwargs: Any) -> History:
        """Make the model and train it.

        Args:
            x: `(rows, ...)`.
            y: targets.
            kwargs: for the model's `fit`.

        Returns:
            The `History`, as in Keras 2.
        """
        builder = self._builder()
        self.model = builder(**self.filter_sk_params(builder))
        if not isinstance(self.model, Model):
            raise TypeError(f"The function must return a compiled model. It returned: {describe(self.model)}.")
        y = np.asarray(y)
        if is_one_hot_loss(self.model.loss) and y.ndim < 2:
            y = np.eye(int(y.max()) + 1, dtype="float32")[y]
        settings = self.filter_sk_params(Model.fit)
        settings.update({name: self.sk_params[name] for name in _QUEUE if name in self.sk_params})
        self.history = self.model.fit(np.asarray(x), y, **{**settings, **kwargs})
        return self.history

    def _evaluate(self, x: Tree, y: np.ndarray, kwargs: Mapping[str, object]) -> dict[str, float]:
        if is_one_hot_loss(self.model.loss) and y.ndim < 2:
            y = np.eye(self.model.output_shape[-1], dtype="float32")[y]
        settings = {"verbose": 0, **self.filter_sk_params(Model.evaluate, kwargs), "return_dict": True}
        found: dict[str, float] = self.model.evaluate(np.asarray(x), y, **settings)
        return found

    def _predict(self, x: Tree, kwargs: Mapping[str, object]) -> np.ndarray:
        found: np.ndarray = self.model.predict(np.asarray(x), **{"verbose": 0, **self.filter_sk_params(Model.predict, kwargs)})
        return found


def is_one_hot_loss(loss: Tree) -> bool:
    """Whether a loss takes one-hot targets."""
    return loss in ("categorical_crossentropy", categorical_crossentropy) or isinstance(loss, CategoricalCrossentropy)


@export("keras.wrappers.scikit_learn.KerasClassifier")
class KerasClassifier(BaseWrapper):
    """A classifier.

    Args:
        build_fn, sk_params: as above.

    Attributes:
        classes_, n_classes_: the classes in the order of the outputs, and their number.
        model: the model of the last fit.

    Example:
        >>> from jkeras import layers, Sequential
        >>> def make(units=4):
        ...     model = Sequential([layers.Input((2,)), layers.Dense(units), layers.Dense(2, activation="softmax")])
        ...     model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        ...     return model
        >>> classifier = KerasClassifier(make, units=3, epochs=1, verbose=0)
        >>> history = classifier.fit(np.eye(2), ["no", "yes"])
        >>> classifier.predict_proba(np.eye(2)).shape, classifier.model.layers[0].units
        ((2, 2), 3)
    """

    kind = "classifier"
    classes_: np.ndarray

    def fit(self, x: Tree, y: Tree, **kwargs: Any) -> History:
        """Make the model and train it; as above.

        Args:
            x: `(rows, ...)`.
            y: classes `(rows,)`, or one-hot.
            kwargs: for the model's `fit`.

        Raises:
            ValueError: y has another form.
        """
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
        elif y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1):
            self.classes_, y = np.unique(y, return_inverse=True)
            y = y.reshape(-1)
        else:
            raise ValueError(f"A classifier takes classes (rows,) or one-hot targets (rows, classes). Received: {describe(y)}.")
        self.n_classes_ = len(self.classes_)
        return super().fit(x, y, **kwargs)

    def predict(self, x: Tree, **kwargs: object) -> np.ndarray:
        """The class of each row."""
        found = self._predict(x, kwargs)
        numbers = np.argmax(found, axis=-1) if found.shape[-1] > 1 else (found[:, 0] > 0.5).astype("int32")
        return np.asarray(self.classes_[numbers])

    def predict_proba(self, x: Tree, **kwargs: object) -> np.ndarray:
        """The probability of each class, `(rows, classes)`; a model with one output has two classes."""
        found = self._predict(x, kwargs)
        return np.hstack([1 - found, found]) if found.shape[1] == 1 else found

    def score(self, x: Tree, y: Tree, **kwargs: object) -> float:
        """The model's accuracy.

        Raises:
            ValueError: the model was not compiled with it.
        """
        y = np.asarray(y)
        if y.ndim < 2 or y.shape[1] == 1:
            y = np.searchsorted(self.classes_, y.reshape(-1))
        found = self._evaluate(x, y, kwargs)
        for name in ("accuracy", "acc", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy"):
            if name in found:
                return found[name]
        raise ValueError('The score of a classifier is its accuracy. Compile the model with metrics=["accuracy"].')


@export("keras.wrappers.scikit_learn.KerasRegressor")
class KerasRegressor(BaseWrapper):
    """A regressor.

    Args:
        build_fn, sk_params: as above.
    """

    def predict(self, x: Tree, **kwargs: object) -> np.ndarray:
        """The outputs, `(rows,)` for a model with one."""
        found = self._predict(x, kwargs)
        return found[..., 0] if found.shape[-1] == 1 else found

    def score(self, x: Tree, y: Tree, **kwargs: object) -> float:
        """Minus the loss, so that more is better, as in Keras 2."""
        return -self._evaluate(x, np.asarray(y), kwargs)["loss"]
