"""The forms in which a class may write `train_step`, `test_step` and `predict_step`.

The loops run one form, `(TrainState, batch) -> (TrainState, logs)`. `pure_step` gives a model's step in it, whatever form the
class chose; the loops know nothing of the others. A step that takes data alone has TensorFlow's form (`tape_step.py`). Two forms
take a state and a batch: this package's, and Keras' own on JAX (`keras_step.py`). They are told apart by what the step does with
its state. It first runs up to the point where it uses one: this package's has attributes (`state.params`), Keras' is unpacked
into lists. A step that leaves this open runs in both forms, and what it returns decides. A step that fits no form is an error.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import jax

from jkeras._base.types import Batch, Tree
from jkeras.data.batch import pack_x_y_sample_weight
from jkeras.layer.leaks import hide_tracers
from jkeras.layer.pure import layer_positions
from jkeras.state.functionalize import functionalize
from jkeras.training.keras_step import LISTS, Step, from_keras, in_keras_form
from jkeras.training.state import TrainState
from jkeras.training.tape_step import step_by_line, taped_step
from jkeras.training.whole_step import all_places, value_at, whole_step

if TYPE_CHECKING:
    from jkeras.training.steps import Steps

_LIBRARY = f"{__name__.partition('.')[0]}."

_OWN = {
    "train_step": """        x, y, sample_weight = batch
        grads, outcome = jax.grad(self.objective, has_aux=True)(
            state.params, state.state, x, y, sample_weight, state.key)
        state = self.apply_gradients(state._replace(state=outcome.state), grads)
        return self.update_metrics(state, y, outcome, sample_weight)""",
    "test_step": """        x, y, sample_weight = batch
        _, outcome = self.objective(state.params, state.state, x, y, sample_weight, state.key, training=False)
        return self.update_metrics(state._replace(state=outcome.state), y, outcome, sample_weight)""",
    "predict_step": """        y_pred, _ = self.apply(state.params, state.state, batch[0])
        return state, y_pred""",
}

_FORMS = """{cls}.{name} {what}. There are three forms of it. A pure function of a `TrainState` and a batch:

    def {name}(self, state, batch):
{own}

Or Keras' form on JAX, with lists of arrays:

    def {name}(self, state, data):
        {lists} = state
        ...
        return {result}

Or TensorFlow's, which changes variables and may use tf.GradientTape:

    def {name}(self, data):
        ...
        return {returned}
"""


class Dialect(NamedTuple):
    """A form of steps.

    Attributes:
        adapt: `(model, name, step) -> step` of the form that the loops run.
        fits: `(name, found) -> bool`, whether a step of this form gives such a thing.
    """

    adapt: Callable[[Steps, str, Callable[..., Any]], Step]
    fits: Callable[[str, object], bool]


def _gives_state_first(name: str, found: object) -> bool:
    pair = isinstance(found, (tuple, list)) and len(found) == 2 and isinstance(found[0], TrainState)
    return pair and (name == "predict_step" or isinstance(found[1], Mapping))  # type: ignore[index]


def _gives_lists_last(name: str, found: object) -> bool:
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        return False
    result, lists = found
    if isinstance(lists, TrainState) or isinstance(result, TrainState) or not isinstance(lists, (tuple, list)):
        return False
    if name == "predict_step":
        return True
    whole = len(lists) == len(LISTS[name]) and all(isinstance(part, (tuple, list)) for part in lists)
    return isinstance(result, Mapping) and whole


OWN = Dialect(lambda model, name, step: step, _gives_state_first)
KERAS = Dialect(from_keras, _gives_lists_last)


def pure_step(model: Steps, name: str) -> Step:
    """A model's step in the form that the loops run.

    Args:
        model: whose step it is.
        name: `train_step`, `test_step` or `predict_step`.

    Raises:
        TypeError: it takes other arguments; or, when it runs, it fits no form.
    """
    check_arguments(model, name)
    if is_taped(model, name):
        return taped_step(model, name)
    step: Callable[..., Any] = getattr(model, name)
    if step.__module__.startswith(_LIBRARY):
        return step
    found: list[Step] = []

    def run(state: TrainState, batch: Batch) -> tuple[TrainState, Tree]:
        if not found:
            dialect = _dialect_of(model, name, step, state, batch)
            found.append(dialect.adapt(model, name, _checked(model, name, step, dialect)))
        return found[0](state, batch)

    return run


def complete_step(model: Steps, name: str) -> Step:
    """A model's step for the loops, with all variables that it uses; as plain Python where the class wrote it so.

    Args:
        model: whose step it is.
        name: `train_step`, `test_step` or `predict_step`.
    """
    if is_taped(model, name) and not model._trainer.jit:
        return step_by_line(model, name)
    return whole_step(model, pure_step(model, name))


def is_taped(model: Steps, name: str = "train_step") -> bool:
    """Whether a step takes data alone, as in TensorFlow's form."""
    own = not getattr(model, name).__module__.startswith(_LIBRARY)  # reading a signature takes longer than a small step's Python
    return own and not _takes(model, name, 2) and _takes(model, name, 1)


def check_arguments(model: Steps, name: str) -> None:
    """Refuse a step that takes neither a state and a batch nor data alone.

    Raises:
        TypeError: with the forms that there are.
    """
    if not (_takes(model, name, 2) or _takes(model, name, 1)):
        parameters = inspect.signature(getattr(model, name)).parameters
        raise TypeError(_text(model, name, f"takes {tuple(parameters)}"))


def _takes(model: Steps, name: str, count: int) -> bool:
    """Whether a step can be called with this many arguments."""
    try:
        inspect.signature(getattr(model, name)).bind(*[None] * count)
    except TypeError:
        return False
    return True


def any_form(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step of the library that a class may also call in Keras' form, `super().train_step(state, data)`."""

    @functools.wraps(step)
    def method(self: Steps, state: Any, batch: Tree) -> Any:
        if isinstance(state, TrainState):
            return step(self, state, batch)
        if isinstance(state, _State):
            return state.results
        return in_keras_form(self, step.__name__, functools.partial(step, self), state, batch)

    return method


def _checked(model: Steps, name: str, step: Callable[..., Any], dialect: Dialect) -> Callable[..., Any]:
    def run(state: Any, batch: Tree) -> Any:
        result = step(state, batch)
        if not dialect.fits(name, result):
            raise TypeError(_text(model, name, f"gives {_described(result)}"))
        return result

    return run


def _dialect_of(model: Steps, name: str, step: Callable[..., Any], state: TrainState, batch: Batch) -> Dialect:
    """What form a step has. It may run several times for this, without any effect."""
    places = all_places(model, state)
    values = [value_at(state, place) for place in places]

    def without_effect(fn: Callable[..., Any], *args: Any) -> Any:
        kept: list[Any] = []  # what is no array may not be a result of a pure function
        pure = functionalize(lambda: kept.append(fn(*args)), [place.variable for place in places], layer_positions(model))
        try:
            pure(values, rng=jax.random.fold_in(state.key, 0))
        finally:
            hide_tracers(model)
        return kept[0]

    for data in (batch, pack_x_y_sample_weight(*batch)):
        use = _State()
        try:
            found = without_effect(step, use, data)
        except _Told as told:
            return told.dialect
        except Exception:  # the data may have another form, and what fails anyway will say so below
            continue
        if found is use.results:
            return OWN if data is batch else KERAS  # all is left to the step of the library
    failures: list[Exception] = []
    for dialect in (OWN, KERAS):
        given: list[object] = []

        def noted(*args: Any, given: list[object] = given) -> Any:
            given.append(step(*args))
            return given[-1]

        try:
            without_effect(dialect.adapt(model, name, noted), state, batch)
        except Exception as error:
            failures += [] if given else [error]
        if given and dialect.fits(name, given[0]):
            return dialect
    if failures:
        failure = next((error for error in failures if "unpack" not in str(error)), failures[0])
        failure.add_note(_text(model, name, "did not get as far as a form"))
        raise failure
    raise TypeError(_text(model, name, f"gives {_described(given[-1])}"))


class _Told(BaseException):
    """The step has used its state, and so said its form. No `except Exception` of the step's swallows it."""

    def __init__(self, dialect: Dialect):
        super().__init__()
        self.dialect = dialect


class _State:
    """In place of a step's state: the first use says the form.

    Attributes:
        results: what the library's step gives for it.
    """

    def __init__(self) -> None:
        self.results = (_Result(OWN, KERAS), _Result(KERAS, OWN))

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__") or not hasattr(TrainState, name):
            raise AttributeError(name)
        raise _Told(OWN)

    def _lists(self, *_: object) -> NoReturn:
        raise _Told(KERAS)

    __iter__ = __getitem__ = __len__ = _lists


class _Result:
    """One of the two things that a step of the library gives, before it is known which of them is the state.

    Args:
        state: the form in which it is the state.
        logs: the form in which it is the logs.
    """

    def __init__(self, state: Dialect, logs: Dialect):
        self._state, self._logs = state, logs

    def __getattr__(self, name: str) -> NoReturn:
        if not name.startswith("__") and hasattr(TrainState, name) and self._state is OWN:
            raise _Told(OWN)
        if hasattr(dict, name):
            raise _Told(self._logs)
        raise AttributeError(name)

    def __getitem__(self, key: object) -> NoReturn:
        raise _Told(self._logs if isinstance(key, str) else self._state)

    def __setitem__(self, key: object, value: object) -> NoReturn:
        self.__getitem__(key)

    def __iter__(self) -> NoReturn:
        raise TypeError("It is not known yet whether this is a state or the logs.")  # so it is tried in both forms


def _text(model: Steps, name: str, what: str) -> str:
    lists = ", ".join(LISTS[name])
    returned = "outputs" if name == "predict_step" else "logs"
    result = "outputs, non_trainable_variables" if name == "predict_step" else f"logs, ({lists})"
    words = {"own": _OWN[name], "lists": lists, "result": result, "returned": returned}
    return _FORMS.format(cls=type(model).__name__, name=name, what=what, **words)


def _described(found: object) -> str:
    """A result in a few words."""
    if isinstance(found, (tuple, list)):
        return f"a {type(found).__name__} of {', '.join(type(part).__name__ for part in found) or 'nothing'}"
    return f"a {type(found).__name__}"
