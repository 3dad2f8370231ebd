"""The three public functions of a family of parts, such as all constraints: `get`, `serialize`, `deserialize`.

`get` takes what you may write for a member: a name, a class, a config, or the object itself. `deserialize` takes the same, and
your own objects by name; `serialize` gives the config. Families differ in a few words and rules, which they declare.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter
from typing import Any, NamedTuple

from jkeras._base import configurable
from jkeras._base.errors import describe
from jkeras._base.forwarding import forwarder
from jkeras._base.types import CustomObjects

Convert = Callable[[object], Any]
NOT_ONE = "Not {a_member}: {given}. Expected {expected}."
EXPECTED = "Expected {a_member}: {expected}; received {given}."


class Functions(NamedTuple):
    """What `family` makes."""

    get: Convert
    serialize: Convert
    deserialize: Callable[..., Any]


def _callable(found: object) -> object:
    return found if callable(found) else None


def family(
    area: str,
    member: str,
    expected: str,
    example: str,
    *,
    refusal: str = NOT_ONE,
    none: object = None,
    adapt: Convert = _callable,
    by_name: bool = False,
    config_argument: str = "config",
) -> Functions:
    """Make the public functions of a family.

    Args:
        area: among Keras' names, such as `"constraints"`.
        member: what a member is called, such as `"constraint"`.
        expected: what users may write for one; ends documentation and errors.
        example: the name of a member, for the documentation.
        refusal: the error for anything else.
        none: what None stands for.
        adapt: makes a member of what was found, or None if it is none. By default it must be something to call.
        by_name: whether the config of a function means the one that has its name in this area, registered or not.
        config_argument: Keras' name for the first argument of `deserialize`.

    Example:
        >>> get, serialize, deserialize = family("constraints", "constraint", "a function", "max_norm")
        >>> serialize(get("max_norm"))["config"]
        {'max_value': 2, 'axis': 0}
        >>> get(3)
        Traceback (most recent call last):
            ...
        ValueError: Not a constraint: 3. Expected a function.
    """
    a_member = f"{'an' if member[0] in 'aeiou' else 'a'} {member}"

    def deserialize(config: object, custom_objects: CustomObjects = None) -> Any:
        if by_name and configurable.is_object_config(config) and config["class_name"] == "function":
            config = config["config"]
        found = configurable.resolve(area, config, custom_objects)
        if found is None:
            return none
        made = adapt(found)
        if made is None:
            raise ValueError(refusal.format(a_member=a_member, expected=expected, given=describe(config)))
        return made

    def get(identifier: object) -> Any:
        return deserialize(identifier)

    def serialize(obj: object) -> object:
        return configurable.serialize(obj)

    shown = f"""
    Example:
        >>> from jkeras import {area}
        >>> config = {area}.serialize({area}.get({example!r}))
        >>> {area}.serialize({area}.deserialize(config)) == config
        True
    """
    raises = f"""
    Raises:
        ValueError: an unknown name, or anything else that does not stand for {a_member}.
    """
    get.__doc__ = f"""The {member} that an identifier stands for.

    Args:
        identifier: {expected};
            or a class, for an instance with default arguments. None gives {getattr(none, "__name__", none)}.
{raises}{shown}"""
    serialize.__doc__ = f"""The config dict of {a_member}, or the name of a function.
{shown}"""
    deserialize.__doc__ = f"""The {member} for what `serialize` gave.

    Args:
        {config_argument}: as for `get`.
        custom_objects: your own members of `{area}` by name.
{raises}{shown}"""
    return Functions(
        _public(get, area, identifier="Any"),
        _public(serialize, area, **{member: "Any"}),
        _public(deserialize, area, **{config_argument: "Any"}, custom_objects="Mapping[str, Any] | None"),
    )


def _public(function: Callable[..., object], area: str, **arguments: str) -> Callable[..., object]:
    """The function under its public name, with Keras' names of its arguments; custom objects may be left out."""
    function.__module__, function.__qualname__ = f"jkeras.{area}", function.__name__
    defaults = {"custom_objects": None}
    parameters = [
        Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, annotation=kind, default=defaults.get(name, Parameter.empty))
        for name, kind in arguments.items()
    ]
    public = forwarder(function, parameters)
    public.__annotations__["return"] = "Any"
    return public
