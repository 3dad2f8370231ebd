"""Stand-ins for what Keras 2 scripts do with TensorFlow's sessions, and counters of names."""

from __future__ import annotations

from contextvars import ContextVar

import jax

from jkeras import utils
from jkeras._base.naming import next_number, reset_names
from jkeras._base.types import Tree
from jkeras.backend.functions import function
from jkeras.backend.values import get_value
from jkeras.graph.keras_tensor import KerasTensor, is_leaf, symbolic_leaves


class Session:
    """In place of TensorFlow 1's session: `run` computes symbolic tensors, given values for the inputs they need."""

    def run(self, fetches: Tree, feed_dict: dict[KerasTensor, Tree] | None = None) -> Tree:
        """The values of tensors.

        Args:
            fetches: symbolic tensors, Variables or arrays, in any structure; None (from an initializer of variables) stays None.
            feed_dict: `{symbolic input: array}`; `{K.learning_phase(): 1}` as well.

        Raises:
            ValueError: an input that the tensors need is not in `feed_dict`.
        """
        if symbolic_leaves(fetches):
            feeds = feed_dict or {}
            return function(list(feeds), fetches)(list(feeds.values()))
        return jax.tree.map(lambda v: v if v is None else get_value(v), fetches, is_leaf=lambda v: v is None or is_leaf(v))

    def close(self) -> None:
        """Nothing to close."""

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        return None


_session: ContextVar[Session | None] = ContextVar("jkeras_session", default=None)


def get_session(op_input_list: object = ()) -> Session:
    """The session passed to `set_session` in this thread, or a new `Session`."""
    return _session.get() or Session()


def set_session(session: Session | None) -> None:
    """Remember a session for `get_session`. Its settings, such as memory on a GPU, have no effect: JAX manages devices."""
    _session.set(session)


def clear_session(free_memory: bool = True) -> None:
    """Call `utils.clear_session`, and forget the remembered session.

    Args:
        free_memory: Keras 3's argument; Python frees unused memory in any case.
    """
    utils.clear_session(free_memory)
    _session.set(None)


def get_uid(prefix: str = "") -> int:
    """A number that is new for this prefix, from 1.

    Example:
        >>> reset_uids()
        >>> get_uid("block"), get_uid("block")
        (1, 2)
    """
    return next_number(prefix)


def reset_uids() -> None:
    """Restart the counters of automatic names."""
    reset_names()


def manual_variable_initialization(value: bool) -> None:
    """For compatibility: Variables draw their initial values when needed, and no session has to initialize them."""
