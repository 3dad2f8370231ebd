"""`clear_session`: restart automatic names."""

from __future__ import annotations

from jkeras._base.config import settings
from jkeras._base.naming import reset_names
from jkeras._base.registry import export
from jkeras.state.scope import current


@export("keras.utils.clear_session", "keras.backend.clear_session")
def clear_session(free_memory: bool = True) -> None:
    """Let the next layer be called `dense` again, and forget the learning phase and the global dtype policy.

    There is no session to clear: models and their arrays are freed when nothing refers to them. `jax.clear_caches()` frees what
    JAX keeps of unused programs (about 0.1 MB per fitted model, up to its own limit), but also drops the programs in use.

    Args:
        free_memory: Keras 3's argument; Python frees unused memory in any case.

    Example:
        >>> from jkeras.layers import Dense
        >>> clear_session()
        >>> Dense(1).name
        'dense'
    """
    reset_names()
    settings.policy = None
    current().training = None
