"""What the wrappers need of scikit-learn, which is imported on first use."""

from __future__ import annotations

import inspect
from typing import Any, Self

from jkeras._base.errors import unknown_name


def sklearn() -> Any:
    """The package.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import sklearn.base
        import sklearn.metrics
        import sklearn.utils.validation
    except ImportError:
        raise ImportError("The wrappers are for scikit-learn, which is not installed: pip install scikit-learn") from None
    return sklearn


def tags(kind: str) -> Any:
    """scikit-learn's tags for an estimator of a kind, `"classifier"`, `"regressor"` or `"transformer"`."""
    base = sklearn().base
    mixin = {"classifier": base.ClassifierMixin, "regressor": base.RegressorMixin, "transformer": base.TransformerMixin}[kind]
    found = type("Estimator", (mixin, base.BaseEstimator), {})().__sklearn_tags__()
    found.non_deterministic = True
    found.input_tags.three_d_array = True
    return found


class Parameters:
    """`get_params` and `set_params` from the constructor's arguments, which are attributes of the same names."""

    @classmethod
    def _names(cls) -> list[str]:
        return list(inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments by name."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: object) -> Self:
        """Change arguments of the constructor; returns the estimator.

        Raises:
            ValueError: an unknown name.
        """
        for name, value in params.items():
            if name not in self._names():
                raise unknown_name(f"parameter of {type(self).__name__}", name, self._names())
            setattr(self, name, value)
        return self
