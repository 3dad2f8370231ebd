"""The batch that a run of `fit` is at, and where its numbers went wrong, for callbacks that look inside.

The functions here are methods of `Model`.
"""

from __future__ import annotations

from jkeras._base.types import Batch, Logs
from jkeras.training.fit_loop import Dispatch
from jkeras.training.inspection.nonfinite import NonFinite, first_nonfinite, is_finite
from jkeras.training.programs.training import batch_of
from jkeras.training.steps import Steps


def current_batch(model: Steps) -> Batch:
    """The batch `(x, y, sample_weight)` that a running `fit` computed last; for callbacks.

    Raises:
        RuntimeError: no `fit` runs, or it has computed none.
    """
    dispatch = _last_dispatch(model, "current_batch")
    batch: Batch = batch_of(dispatch.data, dispatch.stop - 1)
    return batch


def find_nonfinite(model: Steps, logs: Logs | None = None) -> NonFinite | None:
    """Where NaN or infinity came in during the last dispatch of a running `fit`; for callbacks with `replays = True`.

    The dispatch is computed again, batch by batch, from the weights before it; then the layers are looked at in the first bad
    batch. As long as all is well it costs a look at the loss and at the weights.

    Args:
        logs: the results so far; None looks at the weights alone.

    Returns:
        None where loss and weights are finite.

    Raises:
        RuntimeError: no `fit` runs, or no callback with `replays = True` listens.
    """
    dispatch = _last_dispatch(model, "find_nonfinite")
    if dispatch.before is None:
        raise RuntimeError("find_nonfinite() looks back at the weights before a dispatch. Set `replays = True` in the callback.")
    loop = model._trainer.loop
    assert loop is not None
    loss = (logs or {}).get("loss", 0.0)
    if is_finite((loss, loop.run.state.params)):
        return None
    return first_nonfinite(model, dispatch)


def _last_dispatch(model: Steps, what: str) -> Dispatch:
    loop = model._trainer.loop
    if loop is None or loop.last is None:
        raise RuntimeError(f"{what}() is for callbacks of a running fit, from the first on_train_batch_end on.")
    return loop.last
