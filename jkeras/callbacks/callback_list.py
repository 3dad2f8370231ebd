"""`CallbackList`: the callbacks of one run, called as one.

When it is made, it notes which callbacks listen to which event, by comparing their methods with those of `Callback`. An event
without listeners costs nothing, and the engine asks `has_train_batch_hooks` to know whether it must go step by step.

An exception keeps its type; a note says which callback raised it at which event.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Array
from jkeras.callbacks.base import HOOKS, Callback, Logs
from jkeras.callbacks.history import History
from jkeras.callbacks.progbar_logger import ProgbarLogger

if TYPE_CHECKING:
    from jkeras.training.steps import Steps

C = TypeVar("C")

_TRAIN = ("on_train_batch_begin", "on_train_batch_end")
_TEST = ("on_test_batch_begin", "on_test_batch_end")
_PREDICT = ("on_predict_batch_begin", "on_predict_batch_end")
_BATCHES = (*_TRAIN, *_TEST, *_PREDICT)
# A train-batch event reaches a callback that overrides only the older name.
_ALIASES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


@export("keras.callbacks.CallbackList")
class CallbackList(Callback):
    """Calls every callback at every event.

    Args:
        callbacks: a callback, or a (nested) list of them; any object with some of the methods of `Callback` will do.
        add_history: add a `History` at the end if the list has none.
        add_progbar: add a `ProgbarLogger` at the front if the list has none. It is at the front so that what other callbacks
            print at the end of an epoch appears below the line of the epoch.
        model: the model that runs.
        **params: passed to every callback's `set_params`: `verbose`, `epochs`, `steps`.

    Attributes:
        steps_per_event: batches from one batch event to the next, 1 unless a run sets it; see `Callback.exact_batches`.

    Example:
        >>> from jkeras.callbacks.lambda_callback import LambdaCallback
        >>> events = CallbackList([LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))])
        >>> events.on_epoch_end(0, {"loss": np.float32(0.5)})
        0 {'loss': 0.5}
        >>> events.has_train_batch_hooks
        False

        In a loop of your own, `CallbackList([...], model=model, add_history=True)` and the events in the order of `Callback`:

        >>> events = CallbackList(add_history=True)
        >>> events.on_train_begin()
        >>> events.on_epoch_end(0, {"loss": 0.25})
        >>> events.history.history
        {'loss': [0.25]}
    """

    steps_per_event: int = 1

    def __init__(
        self,
        callbacks: object = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Steps | None = None,
        **params: object,
    ):
        self.callbacks = _flat(callbacks)
        if add_progbar and self.find(ProgbarLogger) is None:
            self.callbacks.insert(0, ProgbarLogger())
        if add_history and self.find(History) is None:
            self.callbacks.append(History())
        self._listeners = self._who_listens()
        if model is not None:
            self.set_model(model)
        self.set_params(params)

    def append(self, callback: object) -> None:
        """Add a callback at the end of the list."""
        self.callbacks += _flat(callback)
        self._listeners = self._who_listens()

    def _who_listens(self) -> dict[str, list[tuple[Callback, Callable[..., object]]]]:
        ordered = sorted(self.callbacks, key=lambda c: bool(getattr(c, "acts_last", False)))
        return {hook: [(c, m) for c in ordered if (m := _listener(c, hook))] for hook in HOOKS}

    def find(self, kind: type[C]) -> C | None:
        """The first callback of a class, or None."""
        return next((c for c in self.callbacks if isinstance(c, kind)), None)

    @property
    def history(self) -> History | None:
        """The run's `History`, if there is one."""
        return self.find(History)

    @property
    def hears_train_batches(self) -> bool:
        """Whether a callback listens to training batches, to each of them or to some."""
        return any(self._listeners[hook] for hook in _TRAIN)

    @property
    def needs_prompt_batches(self) -> bool:
        """Whether a callback that listens to training batches does more than show results."""
        heard = [c for hook in _TRAIN for c, _ in self._listeners[hook]]
        return any(getattr(c, "prompt", True) and not isinstance(c, ProgbarLogger) for c in heard)

    @property
    def all_may_lag(self) -> bool:
        """Whether all may hear of an epoch after later ones are computed, and need none of its batches."""
        # The progress line listens to batches only to move within an epoch; with many epochs in a dispatch nothing moves.
        heard = [c for hook in _TRAIN for c, _ in self._listeners[hook]]
        if self.wants_replay or not all(isinstance(c, ProgbarLogger) for c in heard):
            return False
        return all(vars(type(c)).get("may_lag") and not any(hook in vars(c) for hook in HOOKS) for c in self.callbacks)

    @property
    def wants_replay(self) -> bool:
        """Whether a callback may ask for the values at the start of a chunk."""
        return any(getattr(c, "replays", False) for c in self.callbacks)

    @property
    def wants_resume(self) -> bool:
        """Whether a callback has loaded a training run to resume."""
        return any(getattr(c, "resumes", False) for c in self.callbacks)

    @property
    def has_train_batch_hooks(self) -> bool:
        """Whether a callback must hear of every training batch."""
        return self._must_hear(_TRAIN)

    @property
    def has_test_batch_hooks(self) -> bool:
        """Whether a callback must hear of every batch of an evaluation."""
        return self._must_hear(_TEST)

    @property
    def has_predict_batch_hooks(self) -> bool:
        """Whether a callback must hear of every batch of a prediction."""
        return self._must_hear(_PREDICT)

    def _must_hear(self, hooks: tuple[str, ...]) -> bool:
        return any(getattr(c, "every_batch", True) for hook in hooks for c, _ in self._listeners[hook])

    def set_params(self, params: dict[str, object]) -> None:
        """Pass the run's parameters to all."""
        self.params = params
        for callback in self.callbacks if params else ():
            getattr(callback, "set_params", lambda _: None)(params)

    def set_model(self, model: Steps) -> None:
        """Pass the model to all."""
        self.model = model
        if self.history is not None:
            model.history = self.history
        for callback in self.callbacks:
            getattr(callback, "set_model", lambda _: None)(model)

    def remembered(self) -> list[dict[str, object]]:
        """What the callbacks must know to resume in another process.

        Returns:
            For each callback with a state: its class, its `get_state()` (numbers by name) and, if it has that method and it
            returns some, its `get_arrays()` (copies of weights by name).
        """
        found: list[dict[str, object]] = []
        for callback in self.callbacks:
            state: dict[str, object] = getattr(callback, "get_state", dict)()
            arrays: dict[str, Array] = getattr(callback, "get_arrays", dict)()
            if state or arrays:
                found.append({"class": type(callback).__name__, "state": state, **({"arrays": arrays} if arrays else {})})
        return found

    def remind(self, remembered: list[dict[str, object]]) -> None:
        """Give the callbacks back what they remembered, class by class in order; a new callback keeps its own state.

        Args:
            remembered: as from `remembered()`.
        """
        waiting = list(self.callbacks)
        for entry in remembered:
            found = next((c for c in waiting if type(c).__name__ == entry["class"] and hasattr(c, "set_state")), None)
            if found is not None:
                waiting.remove(found)
                found.set_state(entry["state"])
                if entry.get("arrays") and hasattr(found, "set_arrays"):
                    found.set_arrays(entry["arrays"])

    def _tell(self, hook: str, *place: int, logs: Logs) -> None:
        plain: Logs = None  # one dict for all: what a callback adds (a learning rate), later ones see
        for callback, method in self._listeners[hook]:
            # Reading a result waits for the device; a callback that does not need every batch reads when it wants to.
            given = logs
            if "batch" not in hook or getattr(callback, "every_batch", True):
                given = plain = plain_logs(logs) if plain is None else plain
            numbers = place
            if self.steps_per_event > 1 and hook.endswith("batch_end") and not _is_exact(callback, hook):
                numbers = tuple(number + -(number + 1) % self.steps_per_event for number in place)
            try:
                method(*numbers, given)  # by position: in Keras 2 its name was free
            except Exception as error:
                arguments = ", ".join([*map(str, numbers), "logs"])
                error.add_note(f"Raised by the callback {type(callback).__name__}, in {hook}({arguments}).")
                raise

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._tell("on_batch_begin", batch, logs=logs)

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._tell("on_batch_end", batch, logs=logs)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._tell("on_epoch_begin", epoch, logs=logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._tell("on_epoch_end", epoch, logs=logs)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._tell("on_train_batch_begin", batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._tell("on_train_batch_end", batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._tell("on_test_batch_begin", batch, logs=logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._tell("on_test_batch_end", batch, logs=logs)

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._tell("on_predict_batch_begin", batch, logs=logs)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._tell("on_predict_batch_end", batch, logs=logs)

    def on_train_begin(self, logs: Logs = None) -> None:
        self._tell("on_train_begin", logs=logs)

    def on_train_end(self, logs: Logs = None) -> None:
        self._tell("on_train_end", logs=logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        self._tell("on_test_begin", logs=logs)

    def on_test_end(self, logs: Logs = None) -> None:
        self._tell("on_test_end", logs=logs)

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._tell("on_predict_begin", logs=logs)

    def on_predict_end(self, logs: Logs = None) -> None:
        self._tell("on_predict_end", logs=logs)


def overrides(callback: object, hook: str) -> bool:
    """Whether a callback has its own method for an event, from its class, a base class, or an attribute of the object."""
    method = getattr(callback, hook, None)
    return method is not None and getattr(method, "__func__", method) is not getattr(Callback, hook)


def _listener(callback: object, hook: str) -> Callable[..., object] | None:
    # A callback that gets its methods while it runs, as tqdm's does, says by Keras' method that it will have some.
    if hook in _BATCHES and getattr(callback, f"_implements_{hook.split('_')[1]}_batch_hooks", bool)():
        return lambda *args: getattr(callback, hook, lambda *_: None)(*args)
    for name in (hook, _ALIASES.get(hook)):
        if name is not None and overrides(callback, name):
            return getattr(callback, name)
    return None


def _is_exact(callback: object, hook: str) -> bool:
    """`exact_batches`; that of a class is not for the methods that its subclasses override."""
    for owner in (callback, *type(callback).__mro__):
        if "exact_batches" in (own := getattr(owner, "__dict__", {})):
            return bool(own["exact_batches"])
        if hook in own or _ALIASES.get(hook) in own:
            break
    return False


def plain_logs(logs: Logs) -> dict[str, object]:
    """Results as Python numbers if they are scalars, otherwise as they are.

    Example:
        >>> plain_logs({"loss": np.float32(0.5), "name": "a"})
        {'loss': 0.5, 'name': 'a'}
    """
    return {k: float(v) if _is_scalar(v) else v for k, v in (logs or {}).items()}


def _is_scalar(value: Any) -> bool:
    return getattr(value, "shape", None) == () and np.dtype(value.dtype).kind not in "OSU"


def _flat(callbacks: Any) -> list[Callback]:
    if callbacks is None:
        return []
    if isinstance(callbacks, (list, tuple)):
        return [c for item in callbacks for c in _flat(item)]
    if isinstance(callbacks, CallbackList):
        return list(callbacks.callbacks)
    if inspect.isclass(callbacks):
        raise TypeError(f"Received the class {callbacks.__name__} as a callback; make an object of it: {callbacks.__name__}().")
    if not any(hasattr(callbacks, hook) for hook in HOOKS):
        raise TypeError(
            f"A callback must have methods such as `on_epoch_end(epoch, logs)`. Received {describe(callbacks)}. "
            "For a plain function write LambdaCallback(on_epoch_end=your_function)."
        )
    return [callbacks]
