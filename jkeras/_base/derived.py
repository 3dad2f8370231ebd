"""`Derived`: an attribute that is computed when it is read, unless the object has been given one of that name.

Keras' own names with an underscore, which packages read, are such: a user's class may well assign one of them for itself, and a
property would refuse that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Self, TypeVar, overload

Owner = TypeVar("Owner")
Value = TypeVar("Value")


class Derived(Generic[Owner, Value]):
    """A property that an assignment replaces.

    Args:
        compute: the value, from the object.

    Example:
        >>> class Team:
        ...     members = Derived(lambda team: ["a", "b"])
        >>> team = Team()
        >>> before = team.members
        >>> team.members = ["c"]
        >>> before, team.members
        (['a', 'b'], ['c'])
    """

    def __init__(self, compute: Callable[[Owner], Value]):
        self.compute = compute

    @overload
    def __get__(self, owner: None, cls: type) -> Self: ...
    @overload
    def __get__(self, owner: Owner, cls: type) -> Value: ...
    def __get__(self, owner: Owner | None, cls: type) -> Self | Value:
        return self if owner is None else self.compute(owner)
