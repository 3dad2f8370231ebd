"""Policies of quantized layers: what a layer computes in, and the form in which its kernels are kept.

| mode              | kernels are kept as                              | class                      |
|-------------------|--------------------------------------------------|----------------------------|
| `int8`, `int4`    | integers, with a scale for each channel          | QuantizedDTypePolicy       |
| `float8`          | 8-bit floats, scaled by the largest recent value | QuantizedFloat8DTypePolicy |
| `int4/<n>`        | 4-bit integers, with a scale for n of them       | Int4DTypePolicy            |
| `gptq/<bits>/<n>` | integers, each error made up for in later rows   | GPTQDTypePolicy            |
| `awq/<bits>/<n>`  | integers, scaled by the size of activations      | AWQDTypePolicy             |

n = -1 stands for one scale for each channel. Layers that have the form follow the policy (`layers/quantization/`). Others refuse
it, but where it is the global one they follow the policy that it is made from.
"""

from __future__ import annotations

import contextlib

from jkeras._base.dtypes import DTypePolicy, dtype_policy
from jkeras._base.errors import describe, unknown_name
from jkeras._base.registry import export

MODES = ("int8", "float8", "int4", "gptq", "awq")


@export("keras.dtype_policies.QuantizedDTypePolicy")
class QuantizedDTypePolicy(DTypePolicy):
    """Kernels in one of the forms of the table above.

    Args:
        mode: one of int8, float8, int4, gptq, awq.
        source_name: the policy before quantization, which says what the layer computes in; default the global one.

    Raises:
        ValueError: another mode; `"int8"` with `"float16"`, whose range is too small for sums of products.

    Example:
        >>> policy = QuantizedDTypePolicy("int8", "mixed_bfloat16")
        >>> policy.name, policy.quantization_mode, policy.compute_dtype, policy.variable_dtype
        ('int8_from_mixed_bfloat16', 'int8', 'bfloat16', 'float32')
    """

    def __init__(self, mode: str, source_name: str | None = None):
        self.source_name = dtype_policy().name if source_name is None else source_name
        super().__init__(self.source_name)
        self._mode = mode
        if self.quantization_mode not in MODES:
            raise unknown_name("quantization mode", mode, MODES)
        if self.quantization_mode == "int8" and self.compute_dtype == "float16":
            raise ValueError("Sums of int8 products leave float16's range. Write source_name='mixed_bfloat16' instead.")
        self.name = f"{mode}_from_{self.source_name}"

    @property
    def quantization_mode(self) -> str | None:
        """The form of the kernels, without its numbers."""
        return self._mode.partition("/")[0] if isinstance(self._mode, str) else None


@export("keras.dtype_policies.QuantizedFloat8DTypePolicy")
class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """Kernels as 8-bit floats.

    Args:
        mode: `"float8"`.
        source_name: the policy before quantization; default the global one.
        amax_history_length: how many steps are looked back on for the largest value, which sets the scale; 1024 by default.

    Raises:
        TypeError: a length that is no whole number.
        ValueError: one below 1.

    Example:
        >>> QuantizedFloat8DTypePolicy("float8", "mixed_bfloat16").amax_history_length
        1024
    """

    default_amax_history_length = 1024

    def __init__(self, mode: str, source_name: str | None = None, amax_history_length: int = 1024):
        super().__init__(mode, source_name)
        if not isinstance(amax_history_length, int) or isinstance(amax_history_length, bool):
            raise TypeError(f"amax_history_length is a whole number. Received: {describe(amax_history_length)}.")
        if amax_history_length < 1:
            raise ValueError(f"amax_history_length is 1 or more. Received: {describe(amax_history_length)}.")
        self.amax_history_length = amax_history_length

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) and other.amax_history_length == self.amax_history_length  # type: ignore[attr-defined]

    __hash__ = QuantizedDTypePolicy.__hash__


class _Grouped(QuantizedDTypePolicy):
    """Base of the policies whose mode holds numbers.

    Attributes:
        form: of the mode.
        bits: that an entry may have, where the mode says it.
    """

    form: str
    bits: tuple[int, ...] = ()

    def __init__(self, mode: str, source_name: str | None = None):
        self._numbers = _numbers_in(mode, self.form, self.bits)
        super().__init__(mode, source_name)

    @property
    def mode(self) -> str | None:
        """The form of the kernels, without its numbers."""
        return self.quantization_mode


def _numbers_in(mode: str, form: str, bits: tuple[int, ...]) -> list[int]:
    kind, *names = form.split("/")
    given, *texts = mode.split("/") if isinstance(mode, str) else [""]
    numbers: list[int] = []
    with contextlib.suppress(ValueError):
        numbers = [int(text) for text in texts]
    if given != kind or len(numbers) != len(names):
        raise ValueError(f"The mode has the form '{form}', with whole numbers. Received: {mode!r}.")
    if bits and numbers[0] not in bits:
        raise ValueError(f"{names[0]} of '{form}' is one of {bits}. Received: {mode!r}.")
    if numbers[-1] < 1 and numbers[-1] != -1:
        raise ValueError(f"{names[-1]} of '{form}' is 1 or more, or -1 for whole channels. Received: {mode!r}.")
    return numbers


@export("keras.dtype_policies.Int4DTypePolicy")
class Int4DTypePolicy(_Grouped):
    """Kernels as 4-bit integers, with a scale for each block of them.

    Args:
        mode: `"int4/<block_size>"`.
        source_name: the policy before quantization; default the global one.

    Example:
        >>> Int4DTypePolicy("int4/128", "float32").block_size
        128
    """

    form = "int4/<block_size>"

    @property
    def block_size(self) -> int:
        """How many entries share a scale; -1: all of a channel."""
        return self._numbers[0]


class _Calibrated(_Grouped):
    """Base of the policies whose mode says bits and group size."""

    @property
    def weight_bits(self) -> int:
        """The bits of an entry."""
        return self._numbers[0]

    @property
    def group_size(self) -> int:
        """How many entries share a scale; -1: all of a channel."""
        return self._numbers[1]


@export("keras.dtype_policies.GPTQDTypePolicy")
class GPTQDTypePolicy(_Calibrated):
    """Kernels rounded row by row, each error made up for in the rows that follow.

    Args:
        mode: `"gptq/<weight_bits>/<group_size>"`, with 2, 3, 4 or 8 bits.
        source_name: the policy before quantization; default the global one.

    Example:
        >>> policy = GPTQDTypePolicy("gptq/4/128", "float32")
        >>> policy.quantization_mode, policy.weight_bits, policy.group_size
        ('gptq', 4, 128)

    Source: Elias Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers", 2022.
    """

    form = "gptq/<weight_bits>/<group_size>"
    bits = (2, 3, 4, 8)


@export("keras.dtype_policies.AWQDTypePolicy")
class AWQDTypePolicy(_Calibrated):
    """Kernels scaled by the size of the activations that they meet, and quantized then.

    Args:
        mode: `"awq/4/<group_size>"`.
        source_name: the policy before quantization; default the global one.

    Example:
        >>> AWQDTypePolicy("awq/4/64", "float32").group_size
        64

    Source: Ji Lin et al., "AWQ: Activation-aware Weight Quantization for LLM Compression and Acceleration", 2023.
    """

    form = "awq/<weight_bits>/<group_size>"
    bits = (4,)


@export("jkeras.dtype_policies.quantized_policy")
def quantized_policy(name: str) -> QuantizedDTypePolicy:
    """The policy of a name.

    Args:
        name: `"<mode>_from_<policy>"`.

    Raises:
        ValueError: no such mode or policy.

    Example:
        >>> quantized_policy("gptq/4/128_from_float32")
        <GPTQDTypePolicy "gptq/4/128_from_float32">
    """
    mode, marked, source = name.partition("_from_")
    kind, grouped, _ = mode.partition("/")
    if not (marked and source):
        raise ValueError(f"A quantized policy is named '<mode>_from_<policy>', as in 'int8_from_float32'. Received: {name!r}.")
    if kind == "int4" and not grouped:
        return QuantizedDTypePolicy(mode, source)
    return _BY_MODE.get(kind, QuantizedDTypePolicy)(mode, source)


_BY_MODE = {
    "float8": QuantizedFloat8DTypePolicy,
    "int4": Int4DTypePolicy,
    "gptq": GPTQDTypePolicy,
    "awq": AWQDTypePolicy,
}
