"""AdamW: Adam with decoupled weight decay, on by default."""

from __future__ import annotations

from typing import Unpack

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.optimizers.adam import Adam
from jkeras.optimizers.moments import MomentOptimizerArguments


@export("keras.optimizers.AdamW")
class AdamW(Adam):
    """Adam whose weights shrink by `weight_decay * learning_rate` of themselves in every step.

        w <- w - w * weight_decay * learning_rate, then Adam's step

    Args:
        learning_rate: number or schedule. Default 0.001.
        weight_decay: fraction per unit of learning rate. Default 0.004.
        beta_1: share of the old mean of gradients. Default 0.9.
        beta_2: share of the old mean of squares. Default 0.999.
        epsilon: added to the root of the mean of squares. Default 1e-7.
        amsgrad: divide by the largest mean of squares so far. Default False.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
        gradient_accumulation_steps, name: as in `Optimizer`.

    Raises:
        ValueError: `weight_decay` is None.

    Example:
        >>> import jax.numpy as jnp
        >>> optimizer = AdamW(0.1, weight_decay=0.5)
        >>> params, grads = {"w": jnp.asarray(1.0)}, {"w": jnp.asarray(0.0)}
        >>> round(float(optimizer.update(grads, optimizer.init(params), params)[0]["w"]), 4)
        0.95

    Source: Loshchilov, Hutter, "Decoupled weight decay regularization", 2019.
    """

    @expand_kwargs(after={"weight_decay": "learning_rate", "amsgrad": "epsilon"}, weight_decay=0.004)
    def __init__(
        self,
        learning_rate: object = 0.001,
        *,
        amsgrad: bool = False,
        **kwargs: Unpack[MomentOptimizerArguments],
    ):
        super().__init__(learning_rate, amsgrad=amsgrad, **kwargs)
        if kwargs["weight_decay"] is None:
            raise ValueError("AdamW needs a weight_decay, such as 0.004; received None. For no decay use Adam.")
