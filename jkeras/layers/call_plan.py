"""What a layer class' signatures say, read once per class.

Two things are found here. First, which of the reserved arguments `training`, `mask`, `rng` its maths takes. Second, how a
weight reads inside `call`. A researcher writes `jnp.matmul(x, self.kernel)`; JAX refuses any object but an array there, so
inside `call` the attribute *is* the array. But `self.total.assign_add(x)` needs the box. The rule: a weight's attribute reads
as its array inside `call`, unless the class' own code uses it as a box (`.assign`, `.assign_add`, `.assign_sub`, `.value`,
`.numpy`, `.path`, ...); which ones it does is read off the bytecode of its methods. Outside `call` the attribute is always the
box.
"""

from __future__ import annotations

import dataclasses
import dis
import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

BOX_ATTRIBUTES = frozenset(
    {"assign", "assign_add", "assign_sub", "value", "numpy", "path", "trainable", "name", "constraint", "regularizer"}
)
_READS = ("LOAD_ATTR", "LOAD_METHOD")


@dataclasses.dataclass(frozen=True)
class CallPlan:
    """What `__call__` needs to know about a class.

    Attributes:
        own_call: the class overrides `call`, Keras style.
        takes_training, takes_mask, takes_rng: whether its maths names the reserved argument.
        training_default: of the signature.
        names: of all its arguments that can be given by position, in order.
        makes_mask: the class overrides `compute_mask`.
    """

    own_call: bool
    takes_training: bool
    takes_mask: bool
    takes_rng: bool
    training_default: Any
    names: tuple[str, ...]
    makes_mask: bool


def read_plan(cls: type, base: type) -> CallPlan:
    """The plan of a layer class; `base` is `Layer` itself."""
    own_call = cls.call is not base.call  # type: ignore[attr-defined]
    fn = cls.call if own_call else cls.forward  # type: ignore[attr-defined]
    parameters = list(inspect.signature(fn).parameters.values())[1 if own_call else 2 :]
    by_name = {p.name: p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    training = by_name.get("training")
    default = None if training is None or training.default is inspect.Parameter.empty else training.default
    return CallPlan(
        own_call=own_call,
        takes_training="training" in by_name,
        takes_mask="mask" in by_name,
        takes_rng="rng" in by_name and not own_call,
        training_default=default,
        names=tuple(n for n, p in by_name.items() if p.kind is not p.KEYWORD_ONLY),
        makes_mask=cls.compute_mask is not base.compute_mask,  # type: ignore[attr-defined]
    )


def arrange(plan: CallPlan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call's arguments as `Layer` works on them: data by position, `training` and `mask` by name.

    Keras' own layers call their first argument `inputs`, whatever name it has here.
    """
    kwargs = dict(kwargs)
    reserved = [i for i, name in enumerate(plan.names[: len(args)]) if name in ("training", "mask")]
    for i in reserved:
        kwargs[plan.names[i]] = args[i]
    data = [a for i, a in enumerate(args) if i not in reserved]
    if not data and not plan.own_call and "inputs" in kwargs:
        data.append(kwargs.pop("inputs"))
    for name in [n for n in plan.names if n not in ("training", "mask")][len(data) :]:
        if name not in kwargs:
            break
        data.append(kwargs.pop(name))
    return tuple(data), kwargs


def used_as_boxes(cls: Any) -> frozenset[str]:
    """Names of the attributes on which the methods of a class, and of its bases, use an attribute that only boxes have.

    They are kept on the class, so that they go when the class goes.
    """
    found: frozenset[str] | None = cls.__dict__.get("_used_as_boxes")
    if found is None:
        found = frozenset(_find_receivers(cls))
        cls._used_as_boxes = found
    return found


def _find_receivers(cls: type) -> set[str]:
    found: set[str] = set()
    for base in cls.__mro__:
        for member in vars(base).values():
            fn = getattr(member, "fget", member)
            fn = getattr(fn, "__func__", fn)
            if isinstance(fn, FunctionType):
                found.update(_receivers(fn.__code__))
    return found


def _receivers(code: CodeType) -> Iterator[str]:
    previous: dis.Instruction | None = None
    for instruction in dis.get_instructions(code):
        of_attribute = previous is not None and previous.opname in _READS
        if of_attribute and instruction.opname in _READS and instruction.argval in BOX_ATTRIBUTES:
            yield previous.argval  # type: ignore[union-attr]
        if instruction.opname not in ("NOP", "PUSH_NULL", "EXTENDED_ARG", "CACHE"):
            previous = instruction
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _receivers(constant)
