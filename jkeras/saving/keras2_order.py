"""The order in which Keras 2 counts the layers and weights of a user's own class.

Keras 3 counts layers in the order in which they were added, and so does jkeras. Keras 2 counts a list where the attribute was
set, whatever was appended later, and a dict by its keys; and the weights of a model itself come after those of its layers.
Files of Keras 2 only say which is the first, the second, ...
"""

from __future__ import annotations

from collections.abc import Iterator

from jkeras.layer.base import Layer
from jkeras.layer.tracking import NOT_TRACKED, own_variables
from jkeras.saving.model_classes import is_graph, is_model
from jkeras.state.variable import Variable


def layers_below(layer: Layer) -> list[Layer]:
    """The layers directly below a layer or model.

    Example:
        >>> import jkeras
        >>> class Net(jkeras.Model):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.hidden = []
        ...         self.out = jkeras.layers.Dense(1, name="out")
        ...         self.hidden.append(jkeras.layers.Dense(2, name="hidden"))
        >>> net = Net()
        >>> [layer.name for layer in net.layers], [layer.name for layer in layers_below(net)]
        (['out', 'hidden'], ['hidden', 'out'])
    """
    if is_graph(layer):
        return layer._sublayers()
    found = {id(part): part for name, value in vars(layer).items() if name not in NOT_TRACKED for part in _in(value)}
    return list(found.values())


def trained_variables(layer: Layer) -> list[Variable]:
    """The weights below a layer or model that gradient descent changes."""
    return list({id(variable): variable for variable in _below(layer, trained=True)}.values())


def all_variables(layer: Layer) -> list[Variable]:
    """All weights below a layer or model."""
    return list({id(variable): variable for variable in _below(layer, trained=False)}.values())


def _below(layer: Layer, trained: bool) -> Iterator[Variable]:
    if trained and not layer._trainable:
        return
    own = [variable for variable in own_variables(layer) if variable.trainable or not trained]
    below = (variable for part in layers_below(layer) for variable in _below(part, trained))
    yield from (*below, *own) if is_model(layer) else (*own, *below)


def _in(value: object) -> Iterator[Layer]:
    if isinstance(value, Layer):
        yield value
    elif isinstance(value, dict):
        for key in sorted(value, key=str):
            yield from _in(value[key])
    elif isinstance(value, (list, tuple, set)):
        for part in value:
            yield from _in(part)
