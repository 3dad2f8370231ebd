"""The few process-wide settings: default float type, fuzz factor, image layout, dtype policy, options of compiled programs.

They are read when an object is built, never inside a compiled step. This and `state/` are the only places with global values.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from jkeras._base.errors import unknown_name


@dataclasses.dataclass
class Settings:
    """The current values; `jkeras.config` has a getter and a setter for each."""

    floatx: str = "float32"
    epsilon: float = 1e-7
    image_data_format: str = "channels_last"
    policy: Any = None  # a DTypePolicy; None: follow floatx
    interactive_logging: bool = True
    check_finite: bool = False
    resident_data_limit: int | None = None  # bytes; None: half of an accelerator's memory
    remat: Any = None  # the innermost open RematScope
    matmul_precision: str | None = None  # None: as JAX has it
    recompile_check: str = "off"
    distribution: Any = None  # the Distribution that `set_distribution` set
    keras2_files: bool = False  # whether `to_json`, and names of files without a suffix, mean what they did in Keras 2
    restored: Any = None  # what `load_weights` returns for a name without a suffix
    lenient: bool = False  # whether an argument without meaning that Keras lets pass is a warning, not an error
    shape: type[tuple[Any, ...]] = tuple  # what shapes are that methods such as `build` get
    max_epochs: int | None = None
    max_steps_per_epoch: int | None = None
    flash_attention: bool | None = None  # None: where it fits


def _limit(name: str, value: object) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f"{name} is a whole number, 1 or more, or None for no limit. Received: {value!r}.")
    return value


def _from_environment(name: str) -> int | None:
    text = os.environ.get(name, "").strip()
    return _limit(name, int(text) if text.isdecimal() else text or None)


settings = Settings(
    max_epochs=_from_environment("KERAS_MAX_EPOCHS"), max_steps_per_epoch=_from_environment("KERAS_MAX_STEPS_PER_EPOCH")
)

_FLOATS = ("float16", "bfloat16", "float32", "float64")


def backend() -> str:
    """The library that computes: `'jax'`, always."""
    return "jax"


def floatx() -> str:
    """The default float dtype, `'float32'` unless changed."""
    return settings.floatx


def set_floatx(value: str) -> None:
    """Set the default float dtype: one of float16, bfloat16, float32, float64."""
    if value not in _FLOATS:
        raise unknown_name("float dtype", value, _FLOATS)
    settings.floatx = value


def epsilon() -> float:
    """The fuzz factor that losses use to stay away from log(0); 1e-7 unless changed."""
    return settings.epsilon


def set_epsilon(value: float) -> None:
    """Set the fuzz factor."""
    settings.epsilon = float(value)


def image_data_format() -> str:
    """`'channels_last'` (default) or `'channels_first'`."""
    return settings.image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set the default image layout of layers built from now on."""
    settings.image_data_format = standardize_data_format(data_format)


def standardize_data_format(data_format: str | None) -> str:
    """None -> the default layout; anything but the two layouts is an error."""
    if data_format is None:
        return settings.image_data_format
    if str(data_format).lower() not in ("channels_last", "channels_first"):
        raise unknown_name("data_format", data_format, ("channels_last", "channels_first"))
    return str(data_format).lower()


def check_finite() -> bool:
    """Whether `fit` and `evaluate` look for NaN and infinities in the data first; False unless changed."""
    return settings.check_finite


def set_check_finite(value: bool) -> None:
    """Look for NaN and infinities in the data of `fit` and `evaluate`, and refuse them."""
    settings.check_finite = bool(value)


def recompile_check() -> str:
    """What happens when a step of training is compiled again: `'off'` unless changed."""
    return settings.recompile_check


def set_recompile_check(value: str) -> None:
    """Watch the compiled steps of `fit`, `evaluate` and `predict` for needless compiles.

    Args:
        value: `"off"`, `"warn"` (a warning that names the argument which changed, and how) or `"raise"` (an error in its place).
            It counts for steps made from now on, so set it before `compile`.

    Raises:
        ValueError: another word.
    """
    if value not in ("off", "warn", "raise"):
        raise unknown_name("recompile check", value, ("off", "warn", "raise"))
    settings.recompile_check = value


def resident_data_limit() -> int | None:
    """Bytes of arrays that `fit` keeps on an accelerator; None, unless changed, for half of its memory."""
    return settings.resident_data_limit


def set_resident_data_limit(value: int | None) -> None:
    """Set how large arrays may be that `fit`, `evaluate` and `predict` put on an accelerator whole; larger ones go in batch
    stacks.

    Args:
        value: bytes; 0 for never, None for half of the device's memory.

    Raises:
        ValueError: not a whole number, or a negative one.
    """
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ValueError(f"A limit is a number of bytes, 0 or more, or None. Received: {value!r}.")
    settings.resident_data_limit = value


def max_epochs() -> int | None:
    """How many epochs `fit` runs at most; None, unless changed or set by `KERAS_MAX_EPOCHS`, for no limit."""
    return settings.max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of every `fit`, to see soon whether a script works.

    Args:
        max_epochs: 1 or more; None for no limit.

    Raises:
        ValueError: anything else.
    """
    settings.max_epochs = _limit("max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """How many batches an epoch has at most; None, unless changed or set by `KERAS_MAX_STEPS_PER_EPOCH`, for no limit."""
    return settings.max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the batches of every `fit` (in an epoch), `evaluate` and `predict`, to see soon whether a script works.

    Args:
        max_steps_per_epoch: 1 or more; None for no limit.

    Raises:
        ValueError: anything else.
    """
    settings.max_steps_per_epoch = _limit("max_steps_per_epoch", max_steps_per_epoch)


def enable_flash_attention() -> None:
    """Let attention layers and `ops.dot_product_attention` use cuDNN's flash attention where it fits, as they do unless changed.

    It fits on an NVIDIA GPU that has it, for half precision and sizes it can take. Layers made from now on follow the switch; an
    argument `flash_attention` of theirs goes before it.
    """
    settings.flash_attention = None


def disable_flash_attention() -> None:
    """Let attention layers that are made from now on do without flash attention, if they do not ask for it themselves."""
    settings.flash_attention = False


def is_flash_attention_enabled() -> bool | None:
    """None where flash attention is used wherever it fits, False where `disable_flash_attention` was called; as in Keras.

    Example:
        >>> disable_flash_attention()
        >>> is_flash_attention_enabled()
        False
        >>> enable_flash_attention()
        >>> is_flash_attention_enabled() is None
        True
    """
    return settings.flash_attention


def is_nnx_enabled() -> bool:
    """Whether layers are modules of flax.nnx too: False, always; `flax.nnx` takes a model's `init` and `apply` as they are."""
    return False


def enable_unsafe_deserialization() -> None:
    """Refuses: jkeras has no unsafe mode, because nothing in a file is ever run.

    Raises:
        RuntimeError: always; it says how to load your own code.
    """
    raise RuntimeError(
        "jkeras runs no code from files, so it has no unsafe mode. Load a model with classes and functions of your own by "
        "load_model(path, custom_objects={'MyLayer': MyLayer}), or register them with register_keras_serializable."
    )
