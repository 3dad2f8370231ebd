"""What the signature of a layer class' maths says, read once per class: which of the reserved arguments `training`, `mask` and
`rng` it takes, and how a call's arguments bind to it.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable

from jkeras._base.types import Tree

_RESERVED = ("training", "mask", "rng")
_HOME = f"{__name__.partition('.')[0]}."


@dataclasses.dataclass(frozen=True)
class CallPlan:
    """What `__call__` needs to know about a class.

    Attributes:
        own_call: the class overrides `call`, Keras style.
        takes_training, takes_mask, takes_rng: whether its maths names the reserved argument.
        training_default: its default for `training`.
        names: of the arguments that can be given by position, in order; as in Keras, also `mask` and `training` of a `forward`.
        masked: where a class of yours takes several inputs, names of those whose mask it takes too, as `{name}_mask`.
        takes_more: whether it takes any number of arguments by position.
        needed: names of the arguments that every call must give; `__call__` fills in the reserved ones.
        known: names of all its arguments; None where it takes any.
        renames_inputs: whether its first argument may be given as `inputs`, its name in Keras' own layers.
        makes_mask: the class overrides `compute_mask`.
        weightless: its maths is a `forward`, and it neither declares weights nor overrides `build`: there is nothing to build.
    """

    own_call: bool
    takes_training: bool
    takes_mask: bool
    takes_rng: bool
    training_default: bool | None
    names: tuple[str, ...]
    masked: tuple[str, ...]
    takes_more: bool
    needed: tuple[str, ...]
    known: tuple[str, ...] | None
    renames_inputs: bool
    makes_mask: bool
    weightless: bool


def read_plan(cls: type, base: type) -> CallPlan:
    """The plan of a layer class; `base` is `Layer` itself."""
    own_call = cls.call is not base.call  # type: ignore[attr-defined]
    fn = cls.call if own_call else cls.forward  # type: ignore[attr-defined]
    parameters = list(inspect.signature(fn).parameters.values())[1 if own_call else 2 :]
    by_name = {p.name: p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    training = by_name.get("training")
    default = None if training is None or training.default is inspect.Parameter.empty else training.default
    names = [n for n, p in by_name.items() if not (own_call and p.kind is p.KEYWORD_ONLY) and n != "rng"]
    if not own_call and "training" not in names:
        names.append("training")
    library = fn.__module__.startswith(_HOME)
    needed = tuple(n for n, p in by_name.items() if p.default is p.empty and n not in _RESERVED)
    masked = () if library else tuple(n for n in names if f"{n}_mask" in by_name)
    return CallPlan(
        own_call=own_call,
        takes_training="training" in by_name,
        takes_mask="mask" in by_name,
        takes_rng="rng" in by_name and not own_call,
        training_default=default,
        names=tuple(names),
        masked=masked if len(masked) > 1 or len(needed) > 1 else (),
        takes_more=any(p.kind is p.VAR_POSITIONAL for p in parameters),
        needed=needed,
        known=None if any(p.kind is p.VAR_KEYWORD for p in parameters) else tuple(by_name),
        renames_inputs=library,
        makes_mask=cls.compute_mask is not base.compute_mask,  # type: ignore[attr-defined]
        weightless=fn is not base.forward and not own_call and cls.build is base.build and not hasattr(cls, "declare"),  # type: ignore[attr-defined]
    )


def arrange(plan: CallPlan, args: tuple[Tree, ...], kwargs: dict[str, Tree]) -> tuple[tuple[Tree, ...], dict[str, Tree]]:
    """A call's arguments, bound to the names of the signature: the first ones by position, the others by name.

    Arguments up to `training`, `mask` or the first one left out stay positional, so none ever takes the place of one that
    `__call__` fills in. Keras' own layers call their first argument `inputs`, whatever its name is here.

    Raises:
        TypeError: too many arguments, or one that is unknown, given twice, or missing.
    """
    if len(args) > len(plan.names):
        if plan.takes_more:
            return args, dict(kwargs)
        raise TypeError(f"takes {len(plan.names)} positional argument(s), {', '.join(plan.names)}, but {len(args)} were given")
    bound = dict(zip(plan.names, args))
    twice = bound.keys() & kwargs.keys()
    if twice:
        raise TypeError(f"got multiple values for argument {min(twice)!r}")
    bound.update(kwargs)
    if plan.renames_inputs and "inputs" in bound and plan.names and plan.names[0] not in bound:
        bound[plan.names[0]] = bound.pop("inputs")
    _check_names(plan, bound)
    data: list[Tree] = []
    for name in plan.names:
        if name in ("training", "mask") or name not in bound:
            break
        data.append(bound.pop(name))
    return tuple(data), bound


def _check_names(plan: CallPlan, bound: dict[str, Tree]) -> None:
    if plan.known is not None:
        unknown = [name for name in bound if name not in plan.known and (plan.own_call or name != "mask") and name != "training"]
        if unknown:
            raise TypeError(f"does not take {_listed(unknown)}; its arguments are {_listed(n for n in plan.known if n != 'rng')}")
    missing = [name for name in plan.needed if name not in bound]
    if missing and not plan.takes_more:
        raise TypeError(f"was called without {_listed(missing)}; it needs {_listed(plan.needed)}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
