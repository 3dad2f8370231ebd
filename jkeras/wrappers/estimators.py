"""Keras 3's wrappers: a model as a scikit-learn classifier, regressor or transformer."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from jkeras._base.errors import describe, unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.models.cloning import clone_model
from jkeras.models.model import Model
from jkeras.wrappers.sklearn_parts import Tagged, sklearn

_NOT_COMPILED = """{cls} needs a compiled model. Write

    model.compile(optimizer="adam", loss=...)

first, or at the end of the function that makes the model."""


class Estimator(Tagged):
    """What the three wrappers share.

    Args:
        model: a compiled model, which is cloned before each fit; or a function `(X, y, **model_kwargs)` that makes one.
        warm_start: continue with the model of the last fit, or with the given one itself.
        model_kwargs: further arguments of the function.
        fit_kwargs: arguments of `fit`, such as `{"epochs": 10}`.
    """

    model_: Model

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
    ):
        self.model, self.warm_start, self.model_kwargs, self.fit_kwargs = model, warm_start, model_kwargs, fit_kwargs

    @classmethod
    def _parameters(cls) -> list[str]:
        return list(inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments, which are attributes of the same names."""
        return {name: getattr(self, name) for name in self._parameters()}

    def set_params(self, **params: object) -> Self:
        """Change arguments of the constructor; returns the estimator.

        Raises:
            ValueError: an unknown name.
        """
        for name, value in params.items():
            if name not in self._parameters():
                raise unknown_name(f"parameter of {type(self).__name__}", name, self._parameters())
            setattr(self, name, value)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_clone__(self) -> Self:
        # A model is cloned before it is fitted, so the estimators may share it.
        return type(self)(**self.get_params())

    def fit(self, X: Tree, y: Tree = None, **kwargs: Any) -> Self:
        """Make or clone the model and train it.

        Args:
            X: `(rows, ...)`.
            y: targets.
            kwargs: for the model's `fit`; they override `fit_kwargs`.

        Returns:
            The estimator; `model_` and `history_` are the model and its `History`.

        Raises:
            RuntimeError: the model is not compiled.
            ValueError: there are no targets, or they are of no known kind.
        """
        check = sklearn().utils.validation
        X = check.check_array(X, allow_nd=True)
        y = self._encode(self._checked_targets(y))
        check.check_consistent_length(X, y)
        model = self.model_ if self.warm_start and hasattr(self, "model_") else self._make(X, y)
        if not model.compiled or (model.loss is None and type(model).compute_loss is Model.compute_loss):
            raise RuntimeError(_NOT_COMPILED.format(cls=type(self).__name__))
        self.n_features_in_ = X.shape[1] if X.ndim > 1 else 1
        self.history_ = model.fit(X, y, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def _checked_targets(self, y: Tree) -> np.ndarray:
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None. Write fit(X, y).")
        found: np.ndarray = sklearn().utils.validation.check_array(y, allow_nd=True, ensure_2d=False, dtype=None)
        if found.dtype == object:
            sklearn().utils.multiclass.type_of_target(found, raise_unknown=True)
        if self.kind != "transformer" and found.ndim == 2 and found.shape[1] == 1:
            column = f"{type(self).__name__} received y as a column, {found.shape}. Targets are one array: y.ravel()."
            warnings.warn(column, sklearn().exceptions.DataConversionWarning, stacklevel=3)
        return found

    def _make(self, X: Tree, y: Tree) -> Model:
        if not isinstance(self.model, Model):
            if not callable(self.model):
                raise TypeError(
                    f"{type(self).__name__} takes a model, or a function that makes one. Received: {describe(self.model)}."
                )
            return self.model(X=X, y=y, **(self.model_kwargs or {}))
        if self.warm_start:
            return self.model
        return clone_model(self.model)

    def _outputs(self, X: Tree) -> np.ndarray:
        validation = sklearn().utils.validation
        validation.check_is_fitted(self)
        X = validation.check_array(X, allow_nd=True)
        if (count := X.shape[1] if X.ndim > 1 else 1) != self.n_features_in_:
            name = type(self).__name__
            raise ValueError(f"X has {count} features, but {name} is expecting {self.n_features_in_} features as input.")
        found: np.ndarray = self.model_.predict(X, verbose=0)
        return found

    def _encode(self, y: np.ndarray) -> np.ndarray:
        self._flat = y.ndim == 1
        return y[:, None] if self._flat else y


@export("keras.wrappers.SKLearnClassifier")
class SKLearnClassifier(Estimator):
    """A model as a scikit-learn classifier. The model gets one-hot targets.

    Args:
        model, warm_start, model_kwargs, fit_kwargs: as above; a function gets the one-hot targets as y, so that
            `y.shape[1]` is the number of classes.

    Attributes:
        classes_: the classes, in the order of the outputs.

    Example:
        >>> from jkeras import layers, Sequential
        >>> def make(X, y):
        ...     model = Sequential([layers.Input(X.shape[1:]), layers.Dense(y.shape[1], activation="softmax")])
        ...     model.compile("adam", "categorical_crossentropy")
        ...     return model
        >>> X = np.eye(3, dtype="float32")
        >>> classifier = SKLearnClassifier(make, fit_kwargs={"verbose": 0}).fit(X, ["a", "b", "b"])
        >>> classifier.decision_function(X).shape, classifier.classes_.tolist()
        ((3, 2), ['a', 'b'])
    """

    kind = "classifier"
    classes_: np.ndarray

    def _encode(self, y: np.ndarray) -> np.ndarray:
        y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
        if y.ndim != 1:
            raise ValueError(f"A classifier needs one class for each row. Received: {describe(y)}.")
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) == 1:
            raise ValueError(f"There is only one class, {str(self.classes_[0])!r}: a classifier needs two or more.")
        return np.eye(len(self.classes_), dtype="float32")[numbers]

    def decision_function(self, X: Tree) -> np.ndarray:
        """The model's outputs, `(rows, classes)`."""
        return self._outputs(X)

    def predict_proba(self, X: Tree) -> np.ndarray:
        """The same."""
        return self._outputs(X)

    def predict(self, X: Tree) -> np.ndarray:
        """The class of each row."""
        numbers = np.argmax(self._outputs(X), axis=-1)
        return np.asarray(self.classes_[numbers])

    def score(self, X: Tree, y: Tree, sample_weight: Tree = None) -> float:
        """The fraction of rows that are classified correctly."""
        return float(sklearn().metrics.accuracy_score(y, self.predict(X), sample_weight=sample_weight))


@export("keras.wrappers.SKLearnRegressor")
class SKLearnRegressor(Estimator):
    """A model as a scikit-learn regressor.

    Args:
        model, warm_start, model_kwargs, fit_kwargs: as above; y is `(rows, targets)`.
    """

    def predict(self, X: Tree) -> np.ndarray:
        """The outputs, `(rows,)` if the targets were."""
        found = self._outputs(X)
        return found[:, 0] if self._flat and found.ndim == 2 and found.shape[1] == 1 else found

    def score(self, X: Tree, y: Tree, sample_weight: Tree = None) -> float:
        """The share of the variance explained, R squared."""
        return float(sklearn().metrics.r2_score(y, self.predict(X), sample_weight=sample_weight))


@export("keras.wrappers.SKLearnTransformer")
class SKLearnTransformer(Estimator):
    """A model as a scikit-learn transformer, such as an encoder in a pipeline.

    Args:
        model, warm_start, model_kwargs, fit_kwargs: as above; without y the model is fitted to reproduce its input.
    """

    kind = "transformer"

    def fit(self, X: Tree, y: Tree = None, **kwargs: Any) -> Self:
        """As above; y is by default X."""
        return super().fit(X, X if y is None else y, **kwargs)

    def transform(self, X: Tree) -> np.ndarray:
        """The model's outputs."""
        return self._outputs(X)

    def fit_transform(self, X: Tree, y: Tree = None, **kwargs: object) -> np.ndarray:
        """`fit`, then `transform`."""
        found: np.ndarray = self.fit(X, y, **kwargs).transform(X)
        return found
