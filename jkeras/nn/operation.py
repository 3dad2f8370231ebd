"""Operations that a platform may compute in its own way.

The maths of this folder is written once, for every platform. Where a platform has a better way, a table says so
(`cpu/lowerings.py`), and JAX chooses when it lowers a program, never while tracing: a program exported for CUDA from a machine
without a GPU holds nothing of that machine's. There are two kinds:

* `Operation`, mostly bilinear: a primitive of JAX, whose derivatives, if any, are other operations;
* `Choice`, any function: JAX traces and differentiates the ways of all platforms, and lowers one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jax.interpreters import ad, batching, mlir

from jkeras._base.types import Array, Tree

if TYPE_CHECKING:
    from jax.extend.core import Primitive

Compute: TypeAlias = Callable[..., Tree]


class Operation:
    """An operation of arrays; one of two that has gradients is linear in each.

    Args:
        name: in JAX.
        shape: `(*arrays, **parameters) -> shape` of the result, whose dtype is the first array's.
        general: `(*arrays, **parameters) -> result`, where a platform has no way of its own.
        left, right: the gradients of the operands, `(gradient, b, **parameters) -> gradient of a` and
            `(gradient, a, **parameters) -> gradient of b`; None for none.
        batch: the rule of `vmap`, `(operation, arrays, axes, **parameters) -> (result, axis)`; None for that of `general`.

    Attributes:
        rules: for each platform with its own way, how it is lowered.
        named: all operations by name.
    """

    named: ClassVar[dict[str, Operation]] = {}

    def __init__(
        self,
        name: str,
        shape: Callable[..., tuple[int, ...]],
        general: Compute,
        left: Compute | None = None,
        right: Compute | None = None,
        batch: Compute | None = None,
    ):
        self.name, self.general = name, general
        self.rules: dict[str, Any] = {}
        self._shape, self._transposes, self._batch = shape, (left, right), batch or _as_general
        self.named[name] = self

    def on(self, platform: str, compute: Compute) -> None:
        """Compute it like this on a platform. Call it before the operation is first used."""
        self.rules[platform] = mlir.lower_fun(_named(platform, compute), multiple_results=False)

    def __call__(self, *arrays: Array, **parameters: Any) -> Array:
        return self._primitive.bind(*arrays, **parameters)

    @functools.cached_property
    def _primitive(self) -> Primitive:
        # jax.extend loads Pallas, which `import jkeras` does not wait for.
        from jax.extend.core import Primitive

        primitive = Primitive(self.name)

        def abstract(*arrays: Array, **parameters: Any) -> jax.core.ShapedArray:
            return jax.core.ShapedArray(self._shape(*arrays, **parameters), arrays[0].dtype)

        compiled = jax.jit(lambda parameters, *arrays: primitive.bind(*arrays, **dict(parameters)), static_argnums=0)
        primitive.def_abstract_eval(abstract)
        primitive.def_impl(lambda *arrays, **parameters: compiled(tuple(parameters.items()), *arrays))
        mlir.register_lowering(primitive, mlir.lower_fun(self.general, multiple_results=False))
        for platform, rule in self.rules.items():
            mlir.register_lowering(primitive, rule, platform=platform)
        batching.primitive_batchers[primitive] = functools.partial(self._batch, self)
        left, right = self._transposes
        if left is not None and right is not None:
            ad.defbilinear(primitive, lambda dy, a, b, **kw: left(dy, b, **kw), lambda dy, a, b, **kw: right(dy, a, **kw))
        return primitive


def _as_general(
    operation: Operation, arrays: Sequence[Array], axes: Sequence[int | None], **parameters: Any
) -> tuple[Array, int]:
    return jax.vmap(functools.partial(operation.general, **parameters), axes)(*arrays), 0


class Choice:
    """A function that platforms may compute in ways of their own; JAX differentiates all of them.

    Args:
        general: `(*arrays, **options) -> pytree`, where a platform has no way of its own; options are hashable.

    Attributes:
        ways: the same for each platform that has its own.

    Example:
        >>> twice = Choice(lambda x, plus=0.0: x + x + plus)
        >>> twice.on("cpu", lambda x, plus=0.0: 2 * x + plus)
        >>> [e.primitive.name for e in jax.make_jaxpr(twice)(1.0).eqns], twice(2.0, plus=1.0).item()
        (['jit'], 5.0)
    """

    def __init__(self, general: Compute):
        self.general = general
        self.ways: dict[str, Compute] = {}

    def on(self, platform: str, compute: Compute) -> None:
        """Compute it like this on a platform. Call it before the choice is first made."""
        self.ways[platform] = _named(platform, compute)

    def __call__(self, *arrays: Tree, **options: Hashable) -> Tree:
        return self._compiled(tuple(sorted(options.items())), *arrays)

    @functools.cached_property
    def _compiled(self) -> Compute:
        """The choice as a compiled function, so that equal calls, as in a deep model's layers, are traced once."""

        def choose(options: tuple[tuple[str, Hashable], ...], *arrays: Tree) -> Tree:
            fixed = {platform: functools.partial(way, **dict(options)) for platform, way in self.ways.items()}
            return lax.platform_dependent(*arrays, default=functools.partial(self.general, **dict(options)), **fixed)

        return jax.jit(choose, static_argnums=0)


def _named(platform: str, compute: Compute) -> Compute:
    """The same function; in profiles and texts of programs its operations are named after its file, as in `cpu.conv_rule`."""

    @functools.wraps(compute)
    def run(*arrays: Tree, **options: Hashable) -> Tree:
        with jax.named_scope(f"{platform}.{compute.__module__.rpartition('.')[2]}"):
            return compute(*arrays, **options)

    return run


def is_known(a: Array) -> bool:
    """Whether our operations take arrays like this one. JAX's own are for integers and complex numbers, and for programs of many
    devices: the partitioner knows them, and would gather the rows of a batch for our forms.
    """
    return jnp.issubdtype(a.dtype, jnp.floating) and not on_many_devices()


def on_many_devices() -> bool:
    """Whether the program that is being traced is for a mesh of several devices, or of explicit axes."""
    mesh = jax.sharding.get_abstract_mesh()
    return not mesh.empty and (mesh.size > 1 or any(kind != jax.sharding.AxisType.Auto for kind in mesh.axis_types))
