"""`tf.nn`: activations and losses on logits."""

from __future__ import annotations

from collections.abc import Sequence

from jkeras import ops, random
from jkeras._base.types import Tree
from jkeras.compat.standin.mathematics import in_top_k as in_top_k
from jkeras.compat.standin.mathematics import l2_normalize as l2_normalize
from jkeras.compat.standin.mathematics import top_k as top_k
from jkeras.compat.standin.renamed import renamed as _renamed
from jkeras.ops.wrapper import Tensor

globals().update(
    _renamed(
        {
            "features": "elu relu relu6 selu silu softplus softsign swish=silu",
            "features alpha": "leaky_relu",
            "logits axis|dim": "log_softmax softmax",
            "x": "sigmoid tanh",
            "x axes keepdims|keep_dims": "moments",
        }
    )
)


def gelu(features: Tree, approximate: bool = False, name: object = None) -> Tensor:
    """The Gaussian error linear unit, exact unless told otherwise."""
    return ops.gelu(features, approximate)


def dropout(
    x: Tree, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, name: object = None
) -> Tensor:
    """The array with a share `rate` of its entries 0 and the others scaled up."""
    return random.dropout(x, rate, noise_shape, seed)


def l2_loss(t: Tree, name: object = None) -> Tensor:
    """Half the sum of squares."""
    return ops.divide(ops.sum(ops.square(t)), 2)


def softmax_cross_entropy_with_logits(labels: Tree, logits: Tree, axis: int = -1, name: object = None) -> Tensor:
    """The cross-entropy of rows of probabilities and rows of logits, one value per row.

    Example:
        >>> softmax_cross_entropy_with_logits(labels=[[1.0, 0.0]], logits=[[0.0, 0.0]]).round(4).tolist()
        [0.6930999755859375]
    """
    return ops.categorical_crossentropy(ops.convert_to_tensor(labels), ops.convert_to_tensor(logits), from_logits=True, axis=axis)


softmax_cross_entropy_with_logits_v2 = softmax_cross_entropy_with_logits


def sparse_softmax_cross_entropy_with_logits(labels: Tree, logits: Tree, name: object = None) -> Tensor:
    """The cross-entropy of classes and rows of logits, one value per row."""
    return ops.sparse_categorical_crossentropy(ops.convert_to_tensor(labels), ops.convert_to_tensor(logits), from_logits=True)


def sigmoid_cross_entropy_with_logits(labels: Tree, logits: Tree, name: object = None) -> Tensor:
    """The cross-entropy of probabilities and logits, entry by entry."""
    return ops.binary_crossentropy(ops.convert_to_tensor(labels), ops.convert_to_tensor(logits), from_logits=True)


def embedding_lookup(params: Tree, ids: Tree, max_norm: float | None = None, name: object = None) -> Tensor:
    """The rows of a table at indices; `max_norm` scales longer ones down to this length."""
    rows = ops.take(params, ids, axis=0)
    if max_norm is None:
        return rows
    return ops.multiply(rows, ops.minimum(1.0, max_norm / ops.maximum(ops.norm(rows, axis=-1, keepdims=True), 1e-12)))


def bias_add(value: Tree, bias: Tree, data_format: str | None = None, name: object = None) -> Tensor:
    """The array with a number added to each channel."""
    if data_format is not None and data_format.startswith("NC") and len(ops.shape(value)) > 2:
        bias = ops.reshape(bias, (-1, *(1,) * (len(ops.shape(value)) - 2)))
    return ops.add(value, bias)


def batch_normalization(
    x: Tree, mean: Tree, variance: Tree, offset: Tree, scale: Tree, variance_epsilon: float, name: object = None
) -> Tensor:
    """`(x - mean) / sqrt(variance + variance_epsilon) * scale + offset`; offset and scale may be None."""
    factor = ops.rsqrt(ops.add(variance, variance_epsilon))
    factor = factor if scale is None else ops.multiply(factor, scale)
    found = ops.multiply(ops.subtract(x, mean), factor)
    return found if offset is None else ops.add(found, offset)


def depth_to_space(input: Tree, block_size: int, data_format: str = "NHWC", name: object = None) -> Tensor:
    """Channels moved into blocks of pixels."""
    return ops.depth_to_space(input, block_size, _axes_format(data_format))


def space_to_depth(input: Tree, block_size: int, data_format: str = "NHWC", name: object = None) -> Tensor:
    """Blocks of pixels moved into channels."""
    return ops.space_to_depth(input, block_size, _axes_format(data_format))


def conv2d(
    input: Tree,
    filters: Tree,
    strides: int | Sequence[int],
    padding: str,
    data_format: str = "NHWC",
    dilations: int | Sequence[int] | None = None,
    name: object = None,
) -> Tensor:
    """A convolution over images with a kernel `(height, width, channels, filters)`.

    Example:
        >>> conv2d(ops.ones((1, 4, 4, 1)), ops.ones((3, 3, 1, 2)), strides=1, padding="VALID").shape
        (1, 2, 2, 2)
    """
    form = _axes_format(data_format)
    return ops.conv(input, filters, _spatial(strides, form), padding.lower(), form, _spatial(dilations or 1, form))


def conv1d(
    input: Tree,
    filters: Tree,
    stride: int | Sequence[int],
    padding: str,
    data_format: str = "NWC",
    dilations: int | Sequence[int] | None = None,
    name: object = None,
) -> Tensor:
    """A convolution over sequences with a kernel `(steps, channels, filters)`."""
    form = _axes_format(data_format)
    return ops.conv(input, filters, _spatial(stride, form, 1), padding.lower(), form, _spatial(dilations or 1, form, 1))


def depthwise_conv2d(
    input: Tree,
    filter: Tree,
    strides: int | Sequence[int],
    padding: str,
    data_format: str = "NHWC",
    dilations: int | Sequence[int] | None = None,
    name: object = None,
) -> Tensor:
    """A convolution of each channel with its own kernels, `(height, width, channels, multiplier)`."""
    form = _axes_format(data_format)
    return ops.depthwise_conv(input, filter, _spatial(strides, form), padding.lower(), form, _spatial(dilations or 1, form))


def conv2d_transpose(
    input: Tree,
    filters: Tree,
    output_shape: Sequence[int],
    strides: int | Sequence[int],
    padding: str = "SAME",
    data_format: str = "NHWC",
    dilations: int | Sequence[int] | None = None,
    name: object = None,
) -> Tensor:
    """The transpose of `conv2d`, with a kernel `(height, width, filters, channels)`.

    Raises:
        ValueError: another `output_shape` than a stride of whole steps gives.
    """
    form = _axes_format(data_format)
    found = ops.conv_transpose(
        input, filters, _spatial(strides, form), padding.lower(), data_format=form, dilation_rate=_spatial(dilations or 1, form)
    )
    if tuple(found.shape[1:]) != tuple(int(n) for n in output_shape[1:]):
        raise ValueError(
            f"tf.nn.conv2d_transpose: the result has the shape {found.shape}, not output_shape={tuple(output_shape)}."
        )
    return found


def max_pool2d(
    input: Tree,
    ksize: int | Sequence[int],
    strides: int | Sequence[int],
    padding: str,
    data_format: str = "NHWC",
    name: object = None,
) -> Tensor:
    """The greatest value of each window."""
    form = _axes_format(data_format)
    return ops.max_pool(input, _spatial(ksize, form), _spatial(strides, form), padding.lower(), form)


def avg_pool2d(
    input: Tree,
    ksize: int | Sequence[int],
    strides: int | Sequence[int],
    padding: str,
    data_format: str = "NHWC",
    name: object = None,
) -> Tensor:
    """The mean of each window."""
    form = _axes_format(data_format)
    return ops.average_pool(input, _spatial(ksize, form), _spatial(strides, form), padding.lower(), form)


max_pool, avg_pool = max_pool2d, avg_pool2d


def compute_average_loss(
    per_example_loss: Tree, sample_weight: Tree = None, global_batch_size: int | None = None, name: object = None
) -> Tensor:
    """The sum of the losses, divided by the size of the batch.

    Example:
        >>> float(compute_average_loss([1.0, 2.0], global_batch_size=4))
        0.75
    """
    losses = ops.convert_to_tensor(per_example_loss)
    losses = losses if sample_weight is None else ops.multiply(losses, sample_weight)
    return ops.divide(ops.sum(losses), losses.size if global_batch_size is None else global_batch_size)


def scale_regularization_loss(regularization_loss: Tree) -> Tensor:
    """The sum of the losses: there is one replica."""
    return ops.sum(ops.convert_to_tensor(regularization_loss))


def zero_fraction(value: Tree, name: object = None) -> Tensor:
    """The share of entries that are 0."""
    return ops.mean(ops.cast(ops.equal(value, 0), "float32"))


def _axes_format(data_format: str | None) -> str:
    return "channels_first" if (data_format or "NHWC").startswith("NC") else "channels_last"


def _spatial(sizes: int | Sequence[int], data_format: str, rank: int = 2) -> tuple[int, ...]:
    """Sizes of the spatial axes; with four, those of batch and channels are left out."""
    given = (sizes,) * rank if isinstance(sizes, int) else tuple(sizes)
    if len(given) == rank + 2:
        return given[2:] if data_format == "channels_first" else given[1:-1]
    return given * rank if len(given) == 1 else given
