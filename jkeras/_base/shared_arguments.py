"""Arguments that a family of classes shares, declared once.

Every optimizer takes `weight_decay`, `clipnorm` and eight more; every loss takes `reduction`, `name` and `dtype`. The family
declares them, with their defaults, in a `TypedDict`, and a constructor hands all of them on as its `**kwargs`:

    class LossArguments(TypedDict, total=False):
        reduction: Annotated[str | None, "sum_over_batch_size"]
        name: Annotated[str | None, None]
        dtype: Annotated[Any, None]

    class Huber(LossFunctionWrapper):
        @expand_kwargs(name="huber_loss")
        def __init__(self, delta: float = 1.0, **kwargs: Unpack[LossArguments]):
            super().__init__(huber, delta=delta, **kwargs)

Type checkers and editors read the `TypedDict`. At run time `expand_kwargs` writes it out, so that the constructor is the one that
Keras documents: `(self, delta=1.0, reduction="sum_over_batch_size", name="huber_loss", dtype=None)`, by position as well.

The shared arguments stand where the `*` of the constructor is, or after its own ones if it has no `*`. A key without a default
is an argument that is accepted but not shown; where there is one, the signature ends in `**kwargs`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin, get_type_hints

from jkeras._base.forwarding import forwarder
from jkeras._base.types import FunctionLike

F = TypeVar("F", bound=Callable[..., Any])
_ALIASES = {FunctionLike: "FunctionLike"}  # which signatures show by their names
_NOWHERE: Mapping[str, str] = MappingProxyType({})
_OWN_FIRST, _OWN_LAST, _SHARED = (
    inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD
)  # fmt: skip


def expand_kwargs(*, after: Mapping[str, str] = _NOWHERE, **defaults: object) -> Callable[[F], F]:
    """Decorator of a constructor: its `**kwargs: Unpack[Family]` becomes the arguments that the family declares.

    Args:
        after: arguments that stand elsewhere in Keras, each with the one that it follows.
        defaults: of shared arguments, where they are not the family's.

    Returns:
        A decorator. The constructor gets all shared arguments, whether they were given or not.
    """

    def expand(constructor: F) -> F:
        own = list(inspect.signature(constructor).parameters.values())
        family, rest = _family(constructor, own[-1]), own.pop()
        shared = [
            inspect.Parameter(name, _OWN_FIRST, default=defaults.get(name, default), annotation=annotation)
            for name, annotation, default in shown(family)
        ]
        last = [p.replace(kind=_OWN_FIRST) for p in own if p.kind is _OWN_LAST]
        parameters = {p.name: p for p in (*(p for p in own if p.kind is not _OWN_LAST), *shared, *last)}
        unknown = {*defaults, *after, *after.values()} - set(parameters)
        if unknown:
            raise TypeError(f"{constructor.__qualname__} and {family.__name__} have no arguments {sorted(unknown)}.")
        ordered = [name for name in parameters if name not in after]
        for name, before in after.items():
            ordered.insert(ordered.index(before) + 1, name)
        final = [parameters[name] for name in ordered]
        if len(shared) < len(family.__annotations__):
            final.append(rest.replace(annotation="Any"))
        made: Any = forwarder(constructor, final, by_name=[p.name for p in (*shared, *last)])
        made.__wrapped__, made.__signature__ = constructor, inspect.Signature(final)
        return cast(F, made)

    return expand


@functools.cache
def shown(family: object) -> tuple[tuple[str, str, Any], ...]:
    """The arguments of a family that signatures show: name, annotation and default of each.

    Example:
        >>> from typing import TypedDict
        >>> class Demo(TypedDict, total=False):
        ...     rate: Annotated[float | None, 0.5]
        ...     lr: float
        >>> shown(Demo)
        (('rate', 'float | None', 0.5),)
    """
    hints = get_type_hints(family, include_extras=True).items()
    return tuple(
        (name, _ALIASES.get(hint.__origin__) or inspect.formatannotation(hint.__origin__), hint.__metadata__[0])
        for name, hint in hints
        if get_origin(hint) is Annotated
    )


def _family(constructor: Callable[..., object], rest: inspect.Parameter) -> Any:
    annotation = rest.annotation
    if isinstance(annotation, str):
        annotation = eval(annotation, constructor.__globals__)  # type: ignore[attr-defined]
    families = get_args(annotation)
    if rest.kind is not _SHARED or not families:
        raise TypeError(f"{constructor.__qualname__} must end in `**kwargs: Unpack[Family]`, with the family's TypedDict.")
    return families[0]
