"""What the wrappers need of scikit-learn, which is imported on first use."""

from __future__ import annotations

from typing import Any


def sklearn() -> Any:
    """The package.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import sklearn.base
        import sklearn.exceptions
        import sklearn.metrics
        import sklearn.utils.multiclass
        import sklearn.utils.validation
    except ImportError:
        raise ImportError("The wrappers are for scikit-learn, which is not installed: pip install scikit-learn") from None
    return sklearn


class Tagged:
    """An estimator that tells scikit-learn its kind: `"classifier"`, `"regressor"` or `"transformer"`."""

    kind = "regressor"

    def __sklearn_tags__(self) -> Any:
        base = sklearn().base
        mixins = {"classifier": base.ClassifierMixin, "regressor": base.RegressorMixin, "transformer": base.TransformerMixin}
        found = type("Estimator", (mixins[self.kind], base.BaseEstimator), {})().__sklearn_tags__()
        found.non_deterministic = True
        found.input_tags.three_d_array = True
        return found
