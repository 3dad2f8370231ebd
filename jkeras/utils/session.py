"""`clear_session`: start the automatic names again."""

from __future__ import annotations

from jkeras._base.naming import reset_names
from jkeras._base.registry import export
from jkeras.state.scope import current


@export("keras.utils.clear_session", "keras.backend.clear_session")
def clear_session(free_memory: bool = True) -> None:
    """Let the next layer be called `dense` again, and forget the learning phase.

    There is no session to clear: models and their arrays go when nobody holds them. What JAX keeps of programs that are gone
    (about 0.1 MB a fitted model, up to a bound of its own) goes with `jax.clear_caches()`, which drops the programs in use too.

    Args:
        free_memory: Keras 3's argument; Python frees what nobody holds in any case.

    Example:
        >>> from jkeras.layers import Dense
        >>> clear_session()
        >>> Dense(1).name
        'dense'
    """
    reset_names()
    current().training = None
