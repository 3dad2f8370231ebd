"""AdamW: Adam with decoupled weight decay, on by default."""

from __future__ import annotations

from typing import Any

from jkeras._base.registry import export
from jkeras.optimizers.adam import Adam


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

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            amsgrad=amsgrad,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            loss_scale_factor=loss_scale_factor,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
            **kwargs,
        )
        if weight_decay is None:
            raise ValueError("AdamW needs a weight_decay, such as 0.004; received None. For no decay use Adam.")
