"""How a model is quantized by means of data: its kernels are rounded with a view to the activations that they meet.

The data are tokens, or texts and a tokenizer. They run through the model block by block. Files hold neither of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jkeras._base.configurable import init_arguments
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras.quantizers.config import QuantizationConfig

Structure = dict[str, list[Any]]


class CalibratedConfig(QuantizationConfig):
    """Base of both: the data, and the form of the kernels. The arguments are those of `GPTQConfig`."""

    bits: tuple[int, ...]

    def __init__(
        self,
        dataset: Iterable[Any] | None,
        tokenizer: Any,
        weight_bits: int,
        num_samples: int,
        sequence_length: int,
        group_size: int,
        quantization_layer_structure: Structure | None,
    ):
        super().__init__()
        if weight_bits not in self.bits:
            raise ValueError(f"weight_bits of {type(self).__name__} is one of {self.bits}. Received: {describe(weight_bits)}.")
        self.dataset, self.tokenizer = dataset, tokenizer
        self.weight_bits = weight_bits
        self.num_samples = at_least_one("num_samples", num_samples)
        self.sequence_length = at_least_one("sequence_length", sequence_length)
        self.group_size = group_size if group_size == -1 else at_least_one("group_size", group_size, ", or -1 for whole channels")
        self.quantization_layer_structure = quantization_layer_structure

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, with None in place of data, tokenizer and layers."""
        return init_arguments(self) | dict.fromkeys(("dataset", "tokenizer", "quantization_layer_structure"))

    def dtype_policy_string(self) -> str:
        """What the policies of quantized layers begin with, such as `"gptq/4/128"`."""
        return f"{self.mode}/{self.weight_bits}/{self.group_size}"


@export("keras.quantizers.GPTQConfig")
class GPTQConfig(CalibratedConfig):
    """Kernels rounded row by row, where each error is made up for in the rows that follow.

    Args:
        dataset: texts, or arrays of tokens: anything to iterate over.
        tokenizer: an object whose method `tokenize` makes tokens of a text.
        weight_bits: of an entry: 2, 3, 4 (default) or 8.
        num_samples: how many stretches of tokens to calibrate with, 128 by default.
        per_channel: False: all columns of a group share a scale.
        sequence_length: tokens of a stretch, 512 by default.
        hessian_damping: share of its mean diagonal that is added to the diagonal of the Hessian, 0.01 by default.
        group_size: how many rows share a scale, 128 by default; -1: all.
        symmetric: use scales whose range has 0 in the middle.
        activation_order: take the rows in the order of their activations' size, largest first.
        quantization_layer_structure: `{"pre_block_layers": layers, "sequential_blocks": layers}`: what comes before the blocks,
            and the blocks, each of which takes the output of the one before it; None: the model's
            `get_quantization_layer_structure` says it.

    Raises:
        ValueError: a number out of its range.

    Example:
        >>> config = GPTQConfig(dataset=["a text"], tokenizer=None, group_size=64)
        >>> config.dtype_policy_string(), config.get_config()["dataset"]
        ('gptq/4/64', None)

    Source: Elias Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers", 2022.
    """

    mode = "gptq"
    bits = (2, 3, 4, 8)

    def __init__(
        self,
        dataset: Iterable[Any] | None,
        tokenizer: Any,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        per_channel: bool = True,
        sequence_length: int = 512,
        hessian_damping: float = 0.01,
        group_size: int = 128,
        symmetric: bool = False,
        activation_order: bool = False,
        quantization_layer_structure: Structure | None = None,
    ):
        data_and_form = (dataset, tokenizer, weight_bits, num_samples, sequence_length, group_size)
        super().__init__(*data_and_form, quantization_layer_structure)
        if not 0 <= hessian_damping <= 1:
            raise ValueError(f"hessian_damping is a share between 0 and 1. Received: {describe(hessian_damping)}.")
        self.per_channel = per_channel
        self.hessian_damping = hessian_damping
        self.symmetric = symmetric
        self.activation_order = activation_order


@export("keras.quantizers.AWQConfig")
class AWQConfig(CalibratedConfig):
    """Kernels scaled by the size of the activations that they meet, and rounded then.

    Args:
        dataset: texts, or arrays of tokens: anything to iterate over.
        tokenizer: an object whose method `tokenize` makes tokens of a text.
        weight_bits: of an entry: 4.
        num_samples: how many stretches of tokens to calibrate with, 128 by default.
        sequence_length: tokens of a stretch, 512 by default.
        group_size: how many rows share a scale, 128 by default; -1: all.
        num_grid_points: how many powers of the activations' size to try, 20 by default.
        quantization_layer_structure: as for `GPTQConfig`.

    Raises:
        ValueError: a number out of its range.

    Example:
        >>> AWQConfig(dataset=None, tokenizer=None, group_size=-1).dtype_policy_string()
        'awq/4/-1'

    Source: Ji Lin et al., "AWQ: Activation-aware Weight Quantization for LLM Compression and Acceleration", 2023.
    """

    mode = "awq"
    bits = (4,)

    def __init__(
        self,
        dataset: Iterable[Any] | None,
        tokenizer: Any,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        sequence_length: int = 512,
        group_size: int = 128,
        num_grid_points: int = 20,
        quantization_layer_structure: Structure | None = None,
    ):
        data_and_form = (dataset, tokenizer, weight_bits, num_samples, sequence_length, group_size)
        super().__init__(*data_and_form, quantization_layer_structure)
        self.num_grid_points = at_least_one("num_grid_points", num_grid_points)


def at_least_one(name: str, value: int, otherwise: str = "") -> int:
    """The number itself.

    Raises:
        ValueError: it is below 1.
    """
    if value < 1:
        raise ValueError(f"{name} is a whole number, 1 or more{otherwise}. Received: {describe(value)}.")
    return value
