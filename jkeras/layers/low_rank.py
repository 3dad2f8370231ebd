"""LoRA: a kernel that stays as it is, plus a product of two small matrices that are trained in its place.

A layer with a kernel of n inputs and m outputs reads `kernel + alpha / rank * a @ b`, with `a` of shape `(n, rank)` and `b` of
shape `(rank, m)`: `rank * (n + m)` numbers to train instead of `n * m`. Since `b` begins as zeros, the layer computes at first
what it did before.

`.keras` and `.weights.h5` files hold the sum in place of the kernel, so everything that reads a file of the plain layer reads
this one. `.h5` files of Keras 2's form, as Keras writes them, and `.safetensors` files hold all weights as they are: the frozen
kernel and the two matrices. They are for layers with an update of the same rank.

Source: Hu, Shen, Wallis, Allen-Zhu, Li, Wang, Wang, Chen, "LoRA: Low-rank adaptation of large language models", 2021.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

import jax.numpy as jnp

from jkeras._base.plain_numbers import INTEGERS
from jkeras._base.types import Array, FunctionLike, Tree, Weights
from jkeras.layer.base import Layer
from jkeras.layer.rewrite import Rewrite
from jkeras.layers.form import PLAIN, Form
from jkeras.layers.weight_arguments import WeightedLayer
from jkeras.nn.kernel import Kernel, Table
from jkeras.nn.quantized_kernels import UpdatedKernel, UpdatedTable
from jkeras.state.variable import Variable


class LowRankLayer(WeightedLayer):
    """A layer one of whose weights may get a low-rank update.

    Args:
        lora_rank: rank of the update; None for none.
        lora_alpha: the update is scaled by `lora_alpha / lora_rank`; by default by 1.
        kwargs: as for `WeightedLayer`.
    """

    _low_rank_role = "kernel"

    def __init__(self, *, lora_rank: int | None = None, lora_alpha: float | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if lora_rank is not None:
            self._check_rank(lora_rank)
        self.lora_rank, self.lora_alpha = lora_rank, lora_alpha

    def _declare_weights(self, specs: tuple[Tree, ...]) -> None:
        super()._declare_weights(specs)
        if self.lora_rank is not None:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    @property
    def lora_enabled(self) -> bool:
        """Whether the layer has a low-rank update."""
        return isinstance(self._rewrite, LowRank)

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: FunctionLike = "he_uniform",
        b_initializer: FunctionLike = "zeros",
    ) -> None:
        """Freeze the kernel, and train a low-rank update of it instead. Compile the model anew afterwards.

        Args:
            rank: of the update, much less than the kernel's sizes.
            lora_alpha: the update is scaled by `lora_alpha / rank`; by default by 1.
            a_initializer, b_initializer: of the two matrices, names or objects.

        Raises:
            ValueError: the layer is not built, has a low-rank update already, or constrains its kernel.

        Example:
            >>> from jkeras.layers import Dense
            >>> layer = Dense(64)
            >>> layer.build((None, 128))
            >>> layer.enable_lora(rank=4)
            >>> [(w.name, w.shape) for w in layer.trainable_weights]
            [('bias', (64,)), ('lora_kernel_a', (128, 4)), ('lora_kernel_b', (4, 64))]
        """
        self._check_rank(rank)
        role, what = self._low_rank_role, f"{type(self).__name__} {self.name!r}"
        if getattr(self, f"{role}_constraint", None) is not None:
            raise ValueError(f"{what} constrains its {role}, which a low-rank update would evade. Leave out {role}_constraint.")
        form = self._rewrite if isinstance(self._rewrite, Form) else PLAIN
        if form is PLAIN and not isinstance(self.__dict__.get(role), Variable):
            raise ValueError(f"{what} is not built: the sizes of its {role} are not known. First call it, or build(input_shape).")
        if not form.takes_update:
            raise NotImplementedError(
                f"{what} is kept as {self.dtype_policy.name}, and only int8 and int4 take a low-rank update."
            )
        if self.lora_enabled:
            raise ValueError(f"{what} has a low-rank update already, of rank {self.lora_rank}.")
        shape = form.shape(self, role)
        self.lora_rank, self.lora_alpha = int(rank), rank if lora_alpha is None else lora_alpha
        regularizer = getattr(self, f"{role}_regularizer", None)
        for half, sizes, initializer in (
            ("a", (*shape[:-1], rank), a_initializer),
            ("b", (rank, shape[-1]), b_initializer),
        ):
            name = f"lora_{role}_{half}"
            setattr(self, name, self.add_weight(sizes, initializer, "float32", regularizer=regularizer, name=name))
        self._rewrite = LowRank(role, form)
        for variable in self._own:
            variable.trainable = variable.trainable and variable.name not in self._rewrite.frozen

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments in Keras' JSON shape, with rank and scale of a low-rank update if there is one."""
        config = {k: v for k, v in super().get_config().items() if k not in ("lora_rank", "lora_alpha")}
        return config if self.lora_rank is None else {**config, "lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha}

    def _check_rank(self, rank: object) -> None:
        if not isinstance(rank, INTEGERS) or isinstance(rank, bool) or rank <= 0:
            raise ValueError(f"{type(self).__name__} takes a positive integer as the rank of an update. Received: {rank!r}.")


class LowRank(Rewrite):
    """The sum of a frozen weight and a product of two matrices.

    Args:
        role: the weight's name.
        form: how the layer keeps its weights.
    """

    def __init__(self, role: str, form: Form = PLAIN):
        self.role, self.a, self.b, self.form = role, f"lora_{role}_a", f"lora_{role}_b", form
        self.frozen = (role,)

    def read(self, layer: Any, w: Weights) -> Weights:
        """The weights with the sum in place of the frozen one, added in float32, or what multiplies like it."""
        a, b, factor = getattr(w, self.a), getattr(w, self.b), layer.lora_alpha / layer.lora_rank
        w = self.form.read(layer, w)
        weight = getattr(w, self.role)
        if isinstance(weight, Kernel):
            weight = UpdatedKernel(weight, a, b, factor)
        elif isinstance(weight, Table):
            weight = UpdatedTable(weight, a, b, factor)
        else:
            weight = layer._cast_weight(self._sum(layer))
        setattr(w, self.role, weight)
        return w

    def save(self, layer: Layer, store: MutableMapping[str, Tree]) -> None:
        """Store the sum, and the other weights as they are."""
        self.form.save_with(layer, store, {self.role: self._sum(layer)})

    def load(self, layer: Layer, store: Mapping[str, Tree]) -> None:
        """Take the stored sum as the frozen weight; the update begins anew."""
        self.form.load(layer, store)
        half = getattr(layer, self.b)
        half.assign(jnp.zeros(half.shape))

    def _sum(self, layer: Any) -> Array:
        weight, a, b = self.form.floats(layer, self.role), *(getattr(layer, name).stored for name in (self.a, self.b))
        return (weight + layer.lora_alpha / layer.lora_rank * jnp.matmul(a, b)).astype(weight.dtype)
