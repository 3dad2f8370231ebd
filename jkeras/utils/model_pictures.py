"""`plot_model` and `model_to_dot`: a model as a picture with boxes and arrows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from jkeras._base.atomic import atomic_file
from jkeras._base.errors import unexpected_arguments
from jkeras._base.registry import export
from jkeras.layer.base import Layer
from jkeras.visualization.box_content import Shown
from jkeras.visualization.dot import DIRECTIONS, ENGINES, SPLINES, Dot
from jkeras.visualization.model_graph import model_graph
from jkeras.visualization.picture import Picture

_ARGUMENTS = (
    *("show_shapes", "show_dtype", "show_layer_names", "rankdir", "expand_nested", "dpi", "show_layer_activations"),
    *("show_trainable", "splines", "layer_range", "engine", "fold", "subgraph"),
)


@export("keras.utils.plot_model", "keras.utils.vis_utils.plot_model")
def plot_model(
    model: Layer,
    to_file: str | os.PathLike[str] | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float | None = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "spline",
    layer_range: Sequence[str] | None = None,
    engine: str | None = None,
    fold: int | None = None,
    **kwargs: object,
) -> Picture:
    """Draw a model's layers as boxes, and the tensors between them as arrows.

    No external program is needed. DOT and SVG need no other package either; PNG, PDF and the rest are drawn with matplotlib.
    If Graphviz' program `dot` is installed, it makes the picture, unless `engine="jkeras"`.

    A model with a `call` of its own has no graph: it is one box; with `expand_nested=True` its layers stand in order, without
    arrows.

    Args:
        model: built.
        to_file: path of the picture. The suffix tells its kind: `.png`, `.svg`, `.pdf`, `.dot`, or another that matplotlib
            writes; no suffix means PNG. None writes no file and returns an SVG picture.
        show_shapes: whether boxes show the shapes of inputs and outputs.
        show_dtype: whether they show the outputs' dtypes.
        show_layer_names: whether they show the layers' names; the default is that of Keras 2, while Keras 3 has False.
        rankdir: where arrows lead: `"TB"` downwards, `"LR"` to the right, `"BT"` upwards, `"RL"` to the left.
        expand_nested: whether the layers of inner models are shown, in a frame, rather than one box.
        dpi: pixels per inch; None means 200. A box's text is 9.5 points high.
        show_layer_activations: whether boxes show the layer's activation, if it has one.
        show_trainable: whether boxes of layers with weights say if these are trained.
        splines: `"spline"` and `"curved"` draw arrows as curves, `"line"` and `"polyline"` as straight lines; `"ortho"`, the
            default of Keras 3, has right angles with Graphviz and is a curve without it.
        layer_range: two regular expressions; boxes go from the first layer whose name begins with a match of the first to
            the last one of the second. For models too long for one page.
        engine: `"graphviz"`, `"jkeras"`, or None for Graphviz if it is installed.
        fold: how many strips side by side to cut a long picture into, at places where only one tensor goes on; None cuts
            pictures longer than 25 inches so that the page is about square, 1 never cuts. Graphviz does not cut.
        kwargs: none; an unknown name is an error.

    Returns:
        A picture that a notebook shows, with `data`, `format` and `filename`.

    Raises:
        ImportError: matplotlib is needed and not installed.
        OSError: the file cannot be written; the one that was there before stays whole.
        RuntimeError: `engine="graphviz"`, and Graphviz is missing or fails.
        TypeError: an argument has an unknown name, or `model` is not a model.
        ValueError: the model was not built; an argument has none of the values above; the suffix's kind cannot be written.

    Example:
        >>> import tempfile, jkeras
        >>> path = os.path.join(tempfile.mkdtemp(), "model.svg")
        >>> model = jkeras.Sequential([jkeras.Input((4,)), jkeras.layers.Dense(2)])
        >>> picture = plot_model(model, path, show_shapes=True)
        >>> picture.format, picture.data[:4], os.path.exists(path)
        ('svg', b'<svg', True)
    """
    if kwargs:
        raise unexpected_arguments("plot_model", kwargs, ("to_file", *_ARGUMENTS))
    dot = model_to_dot(
        model,
        show_shapes,
        show_dtype,
        show_layer_names,
        rankdir,
        expand_nested,
        dpi,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
        splines=splines,
        layer_range=layer_range,
        engine=engine,
        fold=fold,
    )
    kind = "svg" if to_file is None else Path(to_file).suffix[1:].lower() or "png"
    data = dot.create(format=kind)
    if to_file is None:
        return Picture(data, kind)
    with atomic_file(to_file) as temporary:
        temporary.write_bytes(data)
    return Picture(data, kind, os.fspath(to_file), png_size(data, dot.dpi) if kind == "png" else None)


@export("keras.utils.model_to_dot", "keras.utils.vis_utils.model_to_dot")
def model_to_dot(
    model: Layer,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float | None = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "spline",
    layer_range: Sequence[str] | None = None,
    engine: str | None = None,
    fold: int | None = None,
    **kwargs: object,
) -> Dot:
    """A model in DOT, the language of Graphviz. Neither Graphviz nor pydot is needed.

    Args:
        model: built.
        subgraph: whether the text is a cluster, to be placed in another graph.
        show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi, show_layer_activations, show_trainable, splines,
            layer_range, engine, fold, kwargs: as for `plot_model`.

    Returns:
        An object with `to_string()`, and with `create(format="svg")` and `write(path)` as in pydot's graphs.

    Raises:
        TypeError: an argument has an unknown name, or `model` is not a model.
        ValueError: the model was not built; an argument has none of the values above.

    Example:
        >>> import jkeras
        >>> model = jkeras.Sequential([jkeras.Input((4,)), jkeras.layers.Dense(2)], name="small")
        >>> print(model_to_dot(model).to_string().splitlines()[0])
        digraph "small" {
    """
    if kwargs:
        raise unexpected_arguments("model_to_dot", kwargs, _ARGUMENTS)
    for name, value, known in (("rankdir", rankdir, DIRECTIONS), ("splines", splines, SPLINES), ("engine", engine, ENGINES)):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}. Received: {name}={value!r}.")
    dpi = 200 if dpi is None else dpi
    if not 1 <= dpi <= 10_000:
        raise ValueError(f"dpi must be a number of pixels per inch, such as 96 or 200. Received: dpi={dpi!r}.")
    if fold is not None and (not isinstance(fold, int) or fold < 1):
        raise ValueError(f"fold must be a number of strips, 1 or more, or None. Received: fold={fold!r}.")
    shown = Shown(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable)
    return Dot(model_graph(model, shown, expand_nested, layer_range), rankdir, dpi, splines, engine, subgraph, fold)


def png_size(data: bytes, dpi: float) -> tuple[float, float]:
    """Width and height of a PNG file's picture in points, read from its header."""
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    return width * 72 / dpi, height * 72 / dpi
