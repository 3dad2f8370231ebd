"""`clear_session`: start the automatic names again."""

from __future__ import annotations

from jkeras._base.naming import reset_names
from jkeras._base.registry import export


@export("keras.utils.clear_session", "keras.backend.clear_session")
def clear_session(free_memory: bool = True) -> None:
    """Let the next layer be called `dense` again.

    There is no session to clear: models and their arrays go when nobody holds them.

    Args:
        free_memory: Keras' argument; Python frees what nobody holds in any case.

    Example:
        >>> from jkeras.layers import Dense
        >>> clear_session()
        >>> Dense(1).name
        'dense'
    """
    reset_names()
