"""Arrays over devices, and over processes: putting them there, and getting them whole."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, Sharding
from jax.typing import DTypeLike

from jkeras._base import processes
from jkeras._base.types import Tree


def put(value: Tree, sharding: Sharding) -> jax.Array:
    """An array in a sharding; each process passes the same, and copies its own part.

    Args:
        value: an array of the host or of devices, a number, or a key.
        sharding: where it shall lie.
    """
    if isinstance(value, jax.Array) and value.sharding == sharding:
        return value
    if sharding.is_fully_addressable:
        return jax.device_put(value, sharding)
    if isinstance(value, jax.Array) and not value.is_fully_addressable:
        return _mover(sharding)(value)
    if isinstance(value, jax.Array) and jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(put(jax.random.key_data(value), sharding), impl=jax.random.key_impl(value))
    whole = np.asarray(value)
    return jax.make_array_from_callback(whole.shape, sharding, lambda part: whole[part])


@functools.lru_cache(maxsize=64)
def _mover(sharding: Sharding) -> Callable[[jax.Array], jax.Array]:
    moved: Callable[[jax.Array], jax.Array] = jax.jit(lambda a: a, out_shardings=sharding)
    return moved


def put_at(value: object, dtype: DTypeLike, place: Sharding | None) -> jax.Array:
    """An array of the host where it belongs, if that is on several devices; else on the default device."""
    if place is not None and place.num_devices > 1:
        return put(np.asarray(value).astype(jnp.dtype(dtype)), place)
    return jnp.asarray(value, dtype)


def as_before(value: jax.Array, before: jax.Array) -> jax.Array:
    """An array on the devices on which another one lies, if these are several."""
    return put(value, before.sharding) if before.sharding.num_devices > 1 else value


def whole(value: object) -> np.ndarray:
    """An array on the host; where parts of it lie with other processes, these must call this too.

    The array does not keep what is copied to the host, as it does after `np.asarray`: reading a model leaf by leaf takes the
    memory of one leaf.
    """
    if not isinstance(value, jax.Array):
        return np.asarray(value)
    if not can_show(value):
        assert isinstance(value.sharding, NamedSharding)
        # One that failed before is waited for no more: the others hear that here, and not in the sum over all devices.
        processes.go_on("gathering an array")
        value = put(value, NamedSharding(value.sharding.mesh, jax.sharding.PartitionSpec()))
    elif value.sharding.num_devices > 1:
        pieces = [shard.data for shard in value.addressable_shards]
        value = jax.make_array_from_single_device_arrays(value.shape, value.sharding, pieces)
    with processes.waiting():
        return np.asarray(value)


def gathered(value: jax.Array) -> jax.Array:
    """An array on the default device, if it lies on several."""
    return jnp.asarray(whole(value)) if value.sharding.num_devices > 1 else value


def can_show(value: jax.Array) -> bool:
    """Whether this process alone can read an array."""
    return value.is_fully_addressable or value.is_fully_replicated


def put_rows(take: Callable[[slice], np.ndarray], shape: tuple[int, ...], sharding: Sharding) -> jax.Array:
    """An array `(capacity, rows, ...)` whose rows are dealt out; each process makes its own rows alone.

    Args:
        take: `rows -> array` with all of the first axis, and these of the second.
        shape: of the whole.
        sharding: cuts the second axis, or nothing.
    """
    if sharding.is_fully_addressable:
        return jax.device_put(take(slice(0, shape[1])), sharding)
    parts = [part[1] for part in sharding.addressable_devices_indices_map(shape).values() if part is not None]
    first = min(part.start or 0 for part in parts)
    last = max(shape[1] if part.stop is None else part.stop for part in parts)
    own = take(slice(first, last))

    def piece(part: Any) -> np.ndarray:
        rows = part[1]
        return own[:, (rows.start or 0) - first : (shape[1] if rows.stop is None else rows.stop) - first]

    return jax.make_array_from_callback(shape, sharding, piece)
