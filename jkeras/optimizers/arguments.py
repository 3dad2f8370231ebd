"""What every optimizer takes beside its own arguments, in Keras' order and with Keras' defaults."""

from __future__ import annotations

from typing import Annotated, TypedDict


class OptimizerArguments(TypedDict, total=False):
    """The arguments of `Optimizer`, which explains them, but for the learning rate, whose default differs from class to class."""

    weight_decay: Annotated[float | None, None]
    clipnorm: Annotated[float | None, None]
    clipvalue: Annotated[float | None, None]
    global_clipnorm: Annotated[float | None, None]
    use_ema: Annotated[bool, False]
    ema_momentum: Annotated[float, 0.99]
    ema_overwrite_frequency: Annotated[int | None, None]
    loss_scale_factor: Annotated[float | None, None]
    gradient_accumulation_steps: Annotated[int | None, None]
    name: Annotated[str | None, None]
    # From Keras 2: accepted, not shown. The last two choose an engine, not a rule.
    lr: object
    decay: float
    jit_compile: bool
    is_legacy_optimizer: bool
