"""What old Keras scripts for TensorFlow 1 begin with: `ConfigProto`, `Session`, `set_random_seed`, ...

There are no graphs here: operations return values at once. So a session only returns values that exist already.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import jax
import numpy as np

from jkeras import utils
from jkeras._base.errors import describe, unexpected_arguments
from jkeras._base.types import Tree
from jkeras.compat.standin import defaults, devices, randomness
from jkeras.state import Variable

set_random_seed = randomness.set_seed


class _Options:
    """Attributes with defaults; another name is an error."""

    _defaults: dict[str, object] = {}

    def __init__(self, **options: object):
        unknown = set(options) - set(self._defaults)
        if unknown:
            raise unexpected_arguments(type(self).__name__, sorted(unknown), self._defaults)
        for name, value in {**self._defaults, **options}.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in self._defaults:
            raise AttributeError(str(unexpected_arguments(type(self).__name__, [name], self._defaults)))
        object.__setattr__(self, name, value)


class GPUOptions(_Options):
    """Memory options. `allow_growth` has an effect only before JAX starts; see `tf.config.set_memory_growth`.

    Example:
        >>> GPUOptions(allow_growth=False).allow_growth
        False
    """

    _defaults = {
        "allow_growth": False,
        "allocator_type": "",
        "per_process_gpu_memory_fraction": 0.0,
        "visible_device_list": "",
        "force_gpu_compatible": False,
    }

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "allow_growth" and value:
            devices.set_memory_growth(None, True)


class ConfigProto(_Options):
    """Options of a session: you can set them, but JAX makes its own choices about everything except memory.

    Example:
        >>> config = ConfigProto(log_device_placement=True)
        >>> config.allow_soft_placement = True
        >>> config.soft_placement = True
        Traceback (most recent call last):
            ...
        AttributeError: ConfigProto does not take the argument 'soft_placement'. Did you mean 'allow_soft_placement'?
    """

    _defaults = {
        "gpu_options": None,
        "graph_options": None,
        "device_count": None,
        "intra_op_parallelism_threads": 0,
        "inter_op_parallelism_threads": 0,
        "allow_soft_placement": False,
        "log_device_placement": False,
        "use_per_session_threads": False,
    }

    def __init__(self, **options: object):
        made = {
            "gpu_options": GPUOptions(),
            "graph_options": SimpleNamespace(optimizer_options=SimpleNamespace()),
            "device_count": {},
        }
        super().__init__(**{**made, **options})


class Session:
    """For lines such as `with tf.Session() as session:`. It runs only what already has a value.

    Args:
        target, graph: must be omitted; there are no servers and no graphs.
        config: a `ConfigProto`.

    Example:
        >>> with Session(config=ConfigProto()) as session:
        ...     session.run(global_variables_initializer())
        ...     session.run([np.float32(1.5), Variable([2.0])])
        [np.float32(1.5), array([2.], dtype=float32)]
    """

    def __init__(self, target: str = "", graph: object = None, config: ConfigProto | None = None):
        if target or graph is not None:
            raise ValueError(f"TensorFlow's servers and graphs do not exist here. Received: target={target!r}, graph={graph!r}.")
        self.config = config
        self.graph = None

    def run(self, fetches: Tree, feed_dict: object = None, options: object = None, run_metadata: object = None) -> Tree:
        """The values of arrays and variables, in the given structure; None for an initializer.

        Raises:
            ValueError: values are fed, or something has no value.
        """
        if feed_dict:
            raise ValueError(
                "session.run(..., feed_dict=...) feeds placeholders of a graph, which jkeras does not have. Write "
                "model.predict(x), model.predict_on_batch(x) or keras.backend.function(inputs, outputs)([x])."
            )
        return jax.tree.map(_value, fetches, is_leaf=lambda leaf: leaf is None)

    def close(self) -> None:
        """Nothing to close."""

    @contextmanager
    def as_default(self) -> Iterator[Session]:
        """A block in which this is the session."""
        yield self

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


InteractiveSession = Session


def _value(fetch: Tree) -> Tree:
    if fetch is _INITIALIZED:
        return None
    if isinstance(fetch, Variable):
        return fetch.numpy()
    if isinstance(fetch, (jax.Array, np.ndarray, np.generic, bool, int, float)):
        return np.asarray(fetch)[()]
    raise ValueError(
        f"session.run() received {describe(fetch)}, which has no value. Values come from a call: model.predict(x), or "
        "keras.backend.function(inputs, outputs)([x])."
    )


class _Initialized:
    """In place of the operation that would initialize variables, which already have their values."""

    def run(self, session: Session | None = None) -> None:
        """Nothing to do."""


_INITIALIZED = _Initialized()


def global_variables_initializer() -> object:
    """Something for `session.run`: variables have their values from the start."""
    return _INITIALIZED


local_variables_initializer = initialize_all_variables = tables_initializer = global_variables_initializer


def disable_eager_execution() -> None:
    """Does nothing: operations return values at once, and `fit` compiles what it runs."""


disable_v2_behavior = disable_resource_variables = enable_eager_execution = enable_v2_behavior = disable_eager_execution


def enable_numpy_behavior(prefer_float32: bool = False, dtype_conversion_mode: str = "legacy") -> None:
    """Does nothing: arrays behave as NumPy's do."""


def reset_default_graph() -> None:
    """Let the next layer be called `dense` again; there is no graph."""
    utils.clear_session()


def set_session(session: Session) -> None:
    """Remember a session for `get_session`."""
    defaults.process.session = session


def get_session() -> Session:
    """The session that was set, or a new one."""
    if defaults.process.session is None:
        defaults.process.session = Session()
    return defaults.process.session
