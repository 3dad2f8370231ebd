"""Python's errors of a call with the wrong arguments, under the name of the class that the user knows.

Layers share constructors: Conv1D and Conv2D have that of `BaseConv`, and Python's error names `BaseConv.__init__()`, a class that
no document shows.
"""

from __future__ import annotations

from jkeras._base.registry import path_of

_HOME = f"{__name__.partition('.')[0]}."


def name_public_class(error: TypeError, obj: object) -> None:
    """Make the error of a wrong call name a public class, in place of the one that happens to define the method.

    Args:
        error: caught where the method was called; one raised inside it stays as it is.
        obj: whose method it is.

    Example:
        >>> from jkeras.layers import Conv2D
        >>> Conv2D(filters=3)
        Traceback (most recent call last):
            ...
        TypeError: Conv2D.__init__() missing 1 required positional argument: 'kernel_size'
    """
    if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
        return
    owner, dot, rest = str(error).partition(".")
    cls = next((c for c in type(obj).__mro__ if c.__name__ == owner and c.__module__.startswith(_HOME)), None)
    # For a user's class: the library's class that it extends.
    public = next((c for c in type(obj).__mro__ if c.__module__.startswith(_HOME) and path_of(c) is not None), cls)
    if dot and cls is not None and public is not None:
        error.args = (f"{public.__name__}.{rest}",)
