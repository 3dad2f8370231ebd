"""`model.quantize`: the kernels of all layers in another form.

Layers that hold others are not asked, and those that have no such form warn and stay as they are. GPTQ and AWQ need data: they
are for the layers in the blocks of a model, which `calibration.py` runs one after the other.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from jkeras._base.errors import describe
from jkeras.layer.base import Layer
from jkeras.models.calibration import Structure, blocks_of, calibrate, token_samples
from jkeras.quantizers.calibrated_config import CalibratedConfig
from jkeras.quantizers.config import QuantizationConfig
from jkeras.quantizers.resolve import resolve_config
from jkeras.state.variable import Variable

if TYPE_CHECKING:
    from jkeras.models.model import Model

Filters = str | Sequence[str] | Callable[[Layer], bool] | None
_NO_STRUCTURE = """{mode!r} needs to know which layers follow each other. Pass quantization_layer_structure in the config, or
override get_quantization_layer_structure(mode): {{"pre_block_layers": [embedding], "sequential_blocks": [block, ...]}}."""


def quantize(
    self: Model, mode: str | None = None, config: QuantizationConfig | str | None = None, filters: Filters = None, **kwargs: Any
) -> None:
    """Keep the kernels in another form from now on. Compile the model anew before you train it.

    Args:
        mode: `"int8"`, `"int4"`, `"float8"`, `"gptq"` or `"awq"`; not needed with a config.
        config: an object of `keras.quantizers`; default that of the mode. `"gptq"` and `"awq"` need one.
        filters: which layers: a regular expression that their names contain, a list of them, or a function of the layer.
        kwargs: `type_check=False` also quantizes layers of classes of yours that extend one of Keras.

    Raises:
        ValueError: a layer is not built, or quantized already; arguments do not fit.

    Example:
        >>> import jkeras
        >>> from jkeras.layers import Dense
        >>> model = jkeras.Sequential([jkeras.Input((4,)), Dense(8, name="body"), Dense(2, name="head")])
        >>> model.quantize("int8", filters="body")
        >>> [layer.quantization_mode for layer in model.layers]
        ['int8', None]
    """
    type_check = kwargs.pop("type_check", True)
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments of quantize: {sorted(kwargs)}. Known is type_check.")
    config = resolve_config(mode, config)
    chosen = _filter(filters)
    if isinstance(config, CalibratedConfig):
        _quantize_with_data(self, config, chosen, type_check)
        return
    shared = _shared(self)
    for layer in filter(chosen, _leaves(self)):
        with _warning():
            _check_own(layer, shared)
            layer.quantize(config=config, type_check=type_check)


def get_quantization_layer_structure(self: Model, mode: str | None = None) -> Structure | None:
    """Which layers follow each other, for `"gptq"` and `"awq"`; a class of yours may override it.

    Args:
        mode: of the two.

    Returns:
        `{"pre_block_layers": layers, "sequential_blocks": layers}`, None if the model does not define it.
    """
    return None


def _quantize_with_data(model: Model, config: CalibratedConfig, chosen: Callable[[Layer], bool], type_check: bool) -> None:
    structure = config.quantization_layer_structure or model.get_quantization_layer_structure(config.mode)
    if structure is None:
        raise ValueError(_NO_STRUCTURE.format(mode=config.mode))
    blocks = blocks_of(structure)
    samples = token_samples(config)
    layers = {id(layer): layer for block in blocks for layer in _leaves(block) if chosen(layer)}
    waiting = {key: layer for key, layer in layers.items() if layer.quantization_mode != config.mode} or layers
    changes, shared = {}, _shared(model)
    for key, layer in waiting.items():
        with _warning():
            _check_own(layer, shared)
            layer._check_quantizable(config.mode)
            changes[key] = layer._change(config, type_check)
    calibrate(config, structure.get("pre_block_layers", []), blocks, samples, changes)


@contextlib.contextmanager
def _warning() -> Iterator[None]:
    """A block in which the error of a layer that has no such form is a warning."""
    try:
        yield
    except NotImplementedError as error:
        warnings.warn(str(error), stacklevel=4)


def _shared(model: Model) -> set[int]:
    """The ids of layers one of whose Variables another layer holds as well."""
    holders: dict[int, set[int]] = {}
    for layer in model._flatten_layers():
        for held in vars(layer).values():
            if isinstance(held, Variable):
                holders.setdefault(id(held), set()).add(id(layer))
    return {layer for layers in holders.values() if len(layers) > 1 for layer in layers}


def _check_own(layer: Layer, shared: set[int]) -> None:
    if id(layer) in shared:
        raise NotImplementedError(f"{layer.name!r} stays as it is: another layer uses one of its weights.")


def _leaves(layer: Layer) -> Iterator[Layer]:
    """A layer and those below it that hold no others."""
    return (part for part in layer._flatten_layers() if not part._sublayers())


def _filter(filters: Filters) -> Callable[[Layer], bool]:
    if filters is None:
        return lambda layer: True
    if callable(filters):
        return filters
    patterns = [filters] if isinstance(filters, str) else filters
    if not isinstance(patterns, (list, tuple)):
        raise ValueError(
            f"filters is a regular expression, a list of them, or a function of a layer. Received: {describe(filters)}."
        )
    return lambda layer: any(re.search(pattern, layer.name) for pattern in patterns)
