"""Written by `jkeras.ops.stubs`: the operations, which tables define at run time."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from jax.typing import DTypeLike

from jkeras._base.types import Tensor, Tree
from jkeras.ops import image as image
from jkeras.ops import linalg as linalg
from jkeras.ops import nn as nn
from jkeras.ops import numpy as numpy

Axis: TypeAlias = int | Sequence[int] | None
Shape: TypeAlias = int | Sequence[int]

def abs(x: Tensor) -> Tensor:
    """Calculate the absolute value element-wise. See `jax.numpy.absolute`."""

def absolute(x: Tensor) -> Tensor:
    """Calculate the absolute value element-wise. See `jax.numpy.absolute`."""

def adaptive_average_pool(inputs: Tensor, output_size: Shape, data_format: str | None = None) -> Tensor:
    """The means of a given number of windows per axis."""

def adaptive_max_pool(inputs: Tensor, output_size: Shape, data_format: str | None = None) -> Tensor:
    """The maxima of a given number of windows per axis; arguments as for `adaptive_average_pool`."""

def add(x1: Tensor, x2: Tensor) -> Tensor:
    """Add two arrays element-wise. See `jax.numpy.add`."""

def all(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Test whether all array elements along a given axis evaluate to True. See `jax.numpy.all`."""

def allclose(x1: Tensor, x2: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Check if two arrays are element-wise approximately equal within a tolerance. See `jax.numpy.allclose`."""

def amax(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the maximum of the array elements along a given axis. See `jax.numpy.max`."""

def amin(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the minimum of array elements along a given axis. See `jax.numpy.min`."""

def angle(x: Tensor) -> Tensor:
    """Return the angle of a complex valued number or array. See `jax.numpy.angle`."""

def any(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Test whether any of the array elements along a given axis evaluate to True. See `jax.numpy.any`."""

def append(x1: Tensor, x2: Tensor, axis: int | None = None) -> Tensor:
    """x2 appended to x1 along an axis; both flattened if it is None."""

def arange(start: Tensor, stop: Tensor | None = None, step: Tensor | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """Numbers from start up to, not including, stop; `arange(n)` counts from 0 to n - 1."""

def arccos(x: Tensor) -> Tensor:
    """Compute element-wise inverse of trigonometric cosine of input. See `jax.numpy.arccos`."""

def arccosh(x: Tensor) -> Tensor:
    """Calculate element-wise inverse of hyperbolic cosine of input. See `jax.numpy.arccosh`."""

def arcsin(x: Tensor) -> Tensor:
    """Compute element-wise inverse of trigonometric sine of input. See `jax.numpy.arcsin`."""

def arcsinh(x: Tensor) -> Tensor:
    """Calculate element-wise inverse of hyperbolic sine of input. See `jax.numpy.arcsinh`."""

def arctan(x: Tensor) -> Tensor:
    """Compute element-wise inverse of trigonometric tangent of input. See `jax.numpy.arctan`."""

def arctan2(x1: Tensor, x2: Tensor) -> Tensor:
    """Compute the arctangent of x1/x2, choosing the correct quadrant. See `jax.numpy.arctan2`."""

def arctanh(x: Tensor) -> Tensor:
    """Calculate element-wise inverse of hyperbolic tangent of input. See `jax.numpy.arctanh`."""

def argmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the largest entry along an axis, in the flattened array by default: the first of equal ones."""

def argmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the smallest entry along an axis, in the flattened array by default: the first of equal ones."""

def argpartition(x: Tensor, kth: int, axis: int | None = -1) -> Tensor:
    """Indices that bring the kth smallest entry to its place, smaller ones before it and larger ones after it."""

def argsort(x: Tensor, axis: int | None = -1) -> Tensor:
    """The indices that sort along an axis, equal entries in their order."""

def array(x: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """A new JAX array with the values of x."""

def array_split(x: Tensor, indices_or_sections: Shape, axis: int = 0) -> list[Tensor]:
    """Split an array into sub-arrays. See `jax.numpy.array_split`."""

def associative_scan(f: Callable[[Tree, Tree], Tree], elems: Tree, reverse: bool = False, axis: int = 0) -> Tree:
    """All running results of an associative function, in parallel."""

def average(x: Tensor, axis: Axis = None, weights: Tensor | None = None) -> Tensor:
    """The mean over axes, weighted if weights are given: `sum(w x) / sum(w)`."""

def average_pool(
    inputs: Tensor, pool_size: Shape, strides: Shape | None = None, padding: str = "valid", data_format: str | None = None
) -> Tensor:
    """The mean of every window, ignoring what lies beyond the image; arguments as for `max_pool`."""

def bartlett(x: int) -> Tensor:
    """Return a Bartlett window of size M. See `jax.numpy.bartlett`."""

def batch_normalization(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    axis: int,
    offset: Tensor | None = None,
    scale: Tensor | None = None,
    epsilon: float = 0.001,
) -> Tensor:
    """Normalise every channel with its mean and variance: `(x - mean) / sqrt(variance + epsilon) * scale + offset`."""

def binary_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False) -> Tensor:
    """`-y log p - (1 - y) log(1 - p)` for every entry."""

def bincount(x: Tensor, weights: Tensor | None = None, minlength: int = 0, sparse: bool = False) -> Tensor:
    """How often each non-negative integer occurs, or the sum of its weights."""

def bitwise_and(x: Tensor, y: Tensor) -> Tensor:
    """Compute the bitwise AND operation elementwise. See `jax.numpy.bitwise_and`."""

def bitwise_invert(x: Tensor) -> Tensor:
    """Compute the bitwise inversion of an input. See `jax.numpy.invert`."""

def bitwise_left_shift(x: Tensor, y: Tensor) -> Tensor:
    """Shift bits of ``x`` to left by the amount specified in ``y``, element-wise. See `jax.numpy.left_shift`."""

def bitwise_not(x: Tensor) -> Tensor:
    """Compute the bitwise inversion of an input. See `jax.numpy.invert`."""

def bitwise_or(x: Tensor, y: Tensor) -> Tensor:
    """Compute the bitwise OR operation elementwise. See `jax.numpy.bitwise_or`."""

def bitwise_right_shift(x: Tensor, y: Tensor) -> Tensor:
    """Right shift the bits of ``x1`` to the amount specified in ``x2``. See `jax.numpy.right_shift`."""

def bitwise_xor(x: Tensor, y: Tensor) -> Tensor:
    """Compute the bitwise XOR operation elementwise. See `jax.numpy.bitwise_xor`."""

def blackman(x: int) -> Tensor:
    """Return a Blackman window of size M. See `jax.numpy.blackman`."""

def broadcast_to(x: Tensor, shape: Shape) -> Tensor:
    """The entries repeated to fill a shape that x broadcasts to."""

def cast(x: Tensor, dtype: DTypeLike | None) -> Tensor:
    """The same values in another dtype. A sparse array of JAX stays sparse."""

def categorical_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1) -> Tensor:
    """`-sum_k y_k log p_k` over the classes k."""

def cbrt(x: Tensor) -> Tensor:
    """Calculates element-wise cube root of the input array. See `jax.numpy.cbrt`."""

def cdist(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distances between all rows of x and all rows of y."""

def ceil(x: Tensor) -> Tensor:
    """The smallest whole number that is not below each entry, as a float."""

def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """The continuously differentiable elu: `max(x, 0) + min(0, alpha (exp(x / alpha) - 1))`. See `jkeras.nn.activations.celu`."""

def cholesky(x: Tensor, upper: bool = False) -> Tensor:
    """The triangular L with `L L^T = x`, or with `upper` the U with `U^T U = x`."""

def cholesky_inverse(x: Tensor, upper: bool = False) -> Tensor:
    """The inverse of the matrix that x is the Cholesky factor of: `(L L^T)^-1`, or with `upper` `(U^T U)^-1`."""

def clip(x: Tensor, x_min: Tensor, x_max: Tensor) -> Tensor:
    """Each entry brought into `[x_min, x_max]`; None for no bound."""

def concatenate(xs: Sequence[Tensor], axis: int | None = 0) -> Tensor:
    """Arrays joined along an axis."""

def cond(pred: Tensor, true_fn: Callable[[], Tree], false_fn: Callable[[], Tree]) -> Tree:
    """The result of one of two functions without arguments."""

def conj(x: Tensor) -> Tensor:
    """Return element-wise complex-conjugate of the input. See `jax.numpy.conjugate`."""

def conjugate(x: Tensor) -> Tensor:
    """Return element-wise complex-conjugate of the input. See `jax.numpy.conjugate`."""

def conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: Shape = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Shape = 1,
) -> Tensor:
    """Cross-correlate images with a kernel; channels form groups if the kernel takes fewer of them."""

def conv_transpose(
    inputs: Tensor,
    kernel: Tensor,
    strides: Shape = 1,
    padding: str = "valid",
    output_padding: Shape | None = None,
    data_format: str | None = None,
    dilation_rate: Shape = 1,
) -> Tensor:
    """The transpose of `conv`, which spreads every input over a window: it makes images larger by the strides."""

def convert_to_numpy(x: Tensor) -> np.ndarray:
    """A numpy array with the values of x, which may be sparse: a copy."""

def convert_to_tensor(
    x: Tensor, dtype: DTypeLike | None = None, sparse: bool | None = None, ragged: bool | None = None
) -> Tensor:
    """A JAX array with the values of x."""

def copy(x: Tensor) -> Tensor:
    """Return a copy of the array. See `jax.numpy.copy`."""

def corrcoef(x: Tensor) -> Tensor:
    """Compute the Pearson correlation coefficients. See `jax.numpy.corrcoef`."""

def correlate(x1: Tensor, x2: Tensor, mode: str = "valid") -> Tensor:
    """The cross-correlation of two vectors: sums of products for each shift; mode `"valid"`, `"same"` or `"full"`."""

def cos(x: Tensor) -> Tensor:
    """Compute a trigonometric cosine of each element of input. See `jax.numpy.cos`."""

def cosh(x: Tensor) -> Tensor:
    """Calculate element-wise hyperbolic cosine of input. See `jax.numpy.cosh`."""

def count_nonzero(x: Tensor, axis: Axis = None) -> Tensor:
    """How many entries are not 0, over axes, all by default."""

def cross(x1: Tensor, x2: Tensor, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Tensor:
    """The vector product of vectors of two or three entries."""

def ctc_decode(
    inputs: Tensor,
    sequence_lengths: Tensor,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[Tensor, Tensor]:
    """Label sequences for frame-wise logits."""

def ctc_loss(target: Tensor, output: Tensor, target_length: Tensor, output_length: Tensor, mask_index: int = 0) -> Tensor:
    """The negative log-likelihood of label sequences."""

def cumprod(x: Tensor, axis: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """Cumulative product of elements along an axis. See `jax.numpy.cumprod`."""

def cumsum(x: Tensor, axis: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """Cumulative sum of elements along an axis. See `jax.numpy.cumsum`."""

def custom_gradient(f: Callable[..., Tree]) -> Callable[..., Tree]:
    """A function with a custom gradient."""

def deg2rad(x: Tensor) -> Tensor:
    """Convert angles from degrees to radians. See `jax.numpy.deg2rad`."""

def depth_to_space(x: Tensor, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Channels become blocks of pixels."""

def depthwise_conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: Shape = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Shape = 1,
) -> Tensor:
    """Cross-correlate each channel with its own kernels."""

def det(x: Tensor) -> Tensor:
    """Compute the determinant of an array. See `jax.numpy.linalg.det`."""

def diag(x: Tensor, k: int = 0) -> Tensor:
    """Returns the specified diagonal or constructs a diagonal array. See `jax.numpy.diag`."""

def diagflat(x: Tensor, k: int = 0) -> Tensor:
    """Return a 2-D array with the flattened input array laid out on the diagonal. See `jax.numpy.diagflat`."""

def diagonal(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Returns the specified diagonal of an array. See `jax.numpy.diagonal`."""

def diff(a: Tensor, n: int = 1, axis: int = -1) -> Tensor:
    """Differences of neighbours along an axis, taken n times."""

def digitize(x: Tensor, bins: Tensor) -> Tensor:
    """The index of the bin each entry falls into: how many edges are not above it."""

def divide(x1: Tensor, x2: Tensor) -> Tensor:
    """Calculates the division of x1 by x2 element-wise See `jax.numpy.true_divide`."""

def divide_no_nan(x1: Tensor, x2: Tensor) -> Tensor:
    """The quotient, 0 where the divisor is 0."""

def dot(x1: Tensor, x2: Tensor) -> Tensor:
    """Compute the dot product of two arrays. See `jax.numpy.dot`."""

def dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:
    """Attention: values averaged with the weights `softmax(scale q k^T + bias)`."""

def dsplit(x: Tensor, indices_or_sections: Shape) -> list[Tensor]:
    """Split an array into sub-arrays depth-wise. See `jax.numpy.dsplit`."""

def dstack(xs: Sequence[Tensor]) -> Tensor:
    """Stack arrays depth-wise. See `jax.numpy.dstack`."""

def dtype(x: Tensor) -> str:
    """The name of the dtype."""

def eig(x: Tensor) -> Tensor:
    """Compute the eigenvalues and eigenvectors of a square array. See `jax.numpy.linalg.eig`."""

def eigh(x: Tensor) -> Tensor:
    """Compute the eigenvalues and eigenvectors of a Hermitian matrix. See `jax.numpy.linalg.eigh`."""

def einsum(subscripts: str, *operands: Tensor, **kwargs: Any) -> Tensor:
    """A sum of products by Einstein's convention; int8 operands give int32."""

def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """The exponential linear unit: `x` where x > 0, else `alpha (exp(x) - 1)`. See `jkeras.nn.activations.elu`."""

def empty(shape: Shape, dtype: DTypeLike | None = None) -> Tensor:
    """An array with arbitrary values; in JAX they are zeros."""

def empty_like(x: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """Create an empty array with the same shape and dtype as an array. See `jax.numpy.empty_like`."""

def equal(x1: Tensor, x2: Tensor) -> Tensor:
    """Returns element-wise truth value of ``x == y``. See `jax.numpy.equal`."""

def erf(x: Tensor) -> Tensor:
    """The error function, `2 / sqrt(pi)` times the integral of `exp(-t^2)` from 0 to x."""

def erfc(x: Tensor) -> Tensor:
    """`1 - erf(x)`, exact for large x as well."""

def erfinv(x: Tensor) -> Tensor:
    """The inverse of `erf` on (-1, 1)."""

def exp(x: Tensor) -> Tensor:
    """Calculate element-wise exponential of the input. See `jax.numpy.exp`."""

def exp2(x: Tensor) -> Tensor:
    """Calculate element-wise base-2 exponential of input. See `jax.numpy.exp2`."""

def expand_dims(x: Tensor, axis: Shape) -> Tensor:
    """New axes of size 1."""

def expm1(x: Tensor) -> Tensor:
    """Calculate ``exp(x)-1`` of each element of the input. See `jax.numpy.expm1`."""

def extract_sequences(x: Tensor, sequence_length: int, sequence_stride: int) -> Tensor:
    """Frames of a signal, one every few steps."""

def eye(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike | None = None) -> Tensor:
    """An N x M matrix (N x N by default) with ones on its k-th diagonal."""

def fabs(x: Tensor) -> Tensor:
    """Compute the element-wise absolute values of the real-valued input. See `jax.numpy.fabs`."""

def fft(x: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The discrete Fourier transform along the last axis of a pair (real, imaginary)."""

def fft2(x: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The discrete Fourier transform along the last two axes of a pair (real, imaginary)."""

def flip(x: Tensor, axis: Axis = None) -> Tensor:
    """Reverse the order of elements of an array along the given axis. See `jax.numpy.flip`."""

def fliplr(x: Tensor) -> Tensor:
    """Reverse the order of elements of an array along axis 1. See `jax.numpy.fliplr`."""

def flipud(x: Tensor) -> Tensor:
    """Reverse the order of elements of an array along axis 0. See `jax.numpy.flipud`."""

def floor(x: Tensor) -> Tensor:
    """The largest whole number that is not above each entry, as a float."""

def floor_divide(x1: Tensor, x2: Tensor) -> Tensor:
    """Calculates the floor division of x1 by x2 element-wise See `jax.numpy.floor_divide`."""

def fmax(x1: Tensor, x2: Tensor) -> Tensor:
    """Return element-wise maximum of the input arrays. See `jax.numpy.fmax`."""

def fmin(x1: Tensor, x2: Tensor) -> Tensor:
    """Return element-wise minimum of the input arrays. See `jax.numpy.fmin`."""

def fmod(x1: Tensor, x2: Tensor) -> Tensor:
    """Calculate element-wise floating-point modulo operation. See `jax.numpy.fmod`."""

def fold(x: Tensor, output_size: Shape, kernel_size: Shape, dilation: Shape = 1, padding: Shape = 0, stride: Shape = 1) -> Tensor:
    """Images as sums of their patches: the transpose of `unfold`."""

def fori_loop(lower: Tensor, upper: Tensor, body_fun: Callable[[Tree, Tree], Tree], init_val: Tree) -> Tree:
    """Apply `value = body_fun(i, value)` for i from lower to upper - 1."""

def full(shape: Shape, fill_value: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """An array filled with a value."""

def full_like(x: Tensor, fill_value: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """An array of x's shape, filled with a value; of x's dtype unless one is given."""

def gcd(x1: Tensor, x2: Tensor) -> Tensor:
    """Compute the greatest common divisor of two arrays. See `jax.numpy.gcd`."""

def gelu(x: Tensor, approximate: bool = True) -> Tensor:
    """The Gaussian error linear unit `x P(X <= x)` for a standard normal X, by default with tanh for the normal integral."""

def geomspace(
    start: Tensor, stop: Tensor, num: int = 50, endpoint: bool = True, dtype: DTypeLike | None = None, axis: int = 0
) -> Tensor:
    """Numbers at equal ratios from start to stop; arguments as in `linspace`."""

def get_item(x: Tensor, key: Tree) -> Tensor:
    """`x[key]`; a number in the key that lies outside of its axis is an error."""

def glu(x: Tensor, axis: int = -1) -> Tensor:
    """The gated linear unit: `a sigmoid(b)`, where a and b are the two halves of x along an axis. See
    `jkeras.nn.activations.glu`.
    """

def greater(x1: Tensor, x2: Tensor) -> Tensor:
    """Return element-wise truth value of ``x > y``. See `jax.numpy.greater`."""

def greater_equal(x1: Tensor, x2: Tensor) -> Tensor:
    """Return element-wise truth value of ``x >= y``. See `jax.numpy.greater_equal`."""

def hamming(x: int) -> Tensor:
    """Return a Hamming window of size M. See `jax.numpy.hamming`."""

def hanning(x: int) -> Tensor:
    """Return a Hanning window of size M. See `jax.numpy.hanning`."""

def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """Small values to 0, others as they are: `x` where |x| > threshold, else 0. See `jkeras.nn.rectifiers.hard_shrink`."""

def hard_sigmoid(x: Tensor) -> Tensor:
    """A sigmoid of three straight pieces: `min(max(x + 3, 0), 6) / 6`. See `jkeras.nn.rectifiers.hard_sigmoid`."""

def hard_silu(x: Tensor) -> Tensor:
    """The silu of the hard sigmoid, also called hard swish: `x hard_sigmoid(x)`. See `jkeras.nn.rectifiers.hard_silu`."""

def hard_swish(x: Tensor) -> Tensor:
    """The silu of the hard sigmoid, also called hard swish: `x hard_sigmoid(x)`. See `jkeras.nn.rectifiers.hard_silu`."""

def hard_tanh(x: Tensor) -> Tensor:
    """A tangent of three straight pieces: `min(max(x, -1), 1)`. See `jkeras.nn.rectifiers.hard_tanh`."""

def heaviside(x1: Tensor, x2: Tensor) -> Tensor:
    """Compute the heaviside step function. See `jax.numpy.heaviside`."""

def histogram(x: Tensor, bins: Tensor = 10, range: tuple[float, float] | None = None) -> tuple[Tensor, Tensor]:
    """How many entries fall into each bin."""

def hsplit(x: Tensor, indices_or_sections: Shape) -> list[Tensor]:
    """Split an array into sub-arrays horizontally. See `jax.numpy.hsplit`."""

def hstack(xs: Sequence[Tensor]) -> Tensor:
    """Horizontally stack arrays. See `jax.numpy.hstack`."""

def hypot(x1: Tensor, x2: Tensor) -> Tensor:
    """Return element-wise hypotenuse for the given legs of a right angle triangle. See `jax.numpy.hypot`."""

def i0(x: Tensor) -> Tensor:
    """Calculate modified Bessel function of first kind, zeroth order. See `jax.numpy.i0`."""

def identity(n: int, dtype: DTypeLike | None = None) -> Tensor:
    """The n x n identity matrix."""

def ifft2(x: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The inverse of `fft2`."""

def imag(x: Tensor) -> Tensor:
    """Return element-wise imaginary of part of the complex argument. See `jax.numpy.imag`."""

def in_top_k(targets: Tensor, predictions: Tensor, k: int) -> Tensor:
    """Whether the target class is among the k largest predictions; classes as large as the target's do not count against it."""

def inner(x1: Tensor, x2: Tensor) -> Tensor:
    """Compute the inner product of two arrays. See `jax.numpy.inner`."""

def inv(x: Tensor) -> Tensor:
    """Return the inverse of a square matrix See `jax.numpy.linalg.inv`."""

def irfft(x: tuple[Tensor, Tensor], fft_length: int | None = None) -> Tensor:
    """The inverse of `rfft`; fft_length is `2 (n - 1)` by default."""

def is_tensor(x: object) -> bool:
    """Whether x is an array of JAX, dense or sparse; lists, numpy arrays, variables and symbolic tensors are not."""

def isclose(x1: Tensor, x2: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Check if the elements of two arrays are approximately equal within a tolerance. See `jax.numpy.isclose`."""

def isfinite(x: Tensor) -> Tensor:
    """Return a boolean array indicating whether each element of input is finite. See `jax.numpy.isfinite`."""

def isin(x1: Tensor, x2: Tensor, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each entry of x1 occurs in x2, or with `invert` that it does not."""

def isinf(x: Tensor) -> Tensor:
    """Return a boolean array indicating whether each element of input is infinite. See `jax.numpy.isinf`."""

def isnan(x: Tensor) -> Tensor:
    """Returns a boolean array indicating whether each element of input is ``NaN``. See `jax.numpy.isnan`."""

def isneginf(x: Tensor) -> Tensor:
    """Return boolean array indicating whether each element of input is negative infinite. See `jax.numpy.isneginf`."""

def isposinf(x: Tensor) -> Tensor:
    """Return boolean array indicating whether each element of input is positive infinite. See `jax.numpy.isposinf`."""

def isreal(x: Tensor) -> Tensor:
    """Return boolean array showing where the input is real. See `jax.numpy.isreal`."""

def istft(
    x: tuple[Tensor, Tensor],
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Tensor = "hann",
    center: bool = True,
) -> Tensor:
    """The signal of which x is the `stft`: `sum(w y) / sum(w^2)` over the frames y that cover a position, w their window
    there.
    """

def jvp(fun: Callable[..., Tree], primals: Sequence[Tree], tangents: Sequence[Tree], has_aux: bool = False) -> tuple[Tree, ...]:
    """The value of a function and its derivative along a direction."""

def kaiser(x: int, beta: float) -> Tensor:
    """The Kaiser window of x points; a larger beta makes it narrower."""

def kron(x1: Tensor, x2: Tensor) -> Tensor:
    """Compute the Kronecker product of two input arrays. See `jax.numpy.kron`."""

def layer_normalization(
    x: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    axis: int | Sequence[int] = -1,
    epsilon: float | None = None,
) -> Tensor:
    """Normalise every example over `axis` to mean 0 and variance 1, then `y gamma + beta`."""

def lcm(x1: Tensor, x2: Tensor) -> Tensor:
    """Compute the least common multiple of two arrays. See `jax.numpy.lcm`."""

def ldexp(x1: Tensor, x2: Tensor) -> Tensor:
    """`x1 * 2**x2` for integers x2."""

def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """`x` where x >= 0, else `negative_slope x`."""

def left_shift(x: Tensor, y: Tensor) -> Tensor:
    """Shift bits of ``x`` to left by the amount specified in ``y``, element-wise. See `jax.numpy.left_shift`."""

def less(x1: Tensor, x2: Tensor) -> Tensor:
    """Return element-wise truth value of ``x < y``. See `jax.numpy.less`."""

def less_equal(x1: Tensor, x2: Tensor) -> Tensor:
    """Return element-wise truth value of ``x <= y``. See `jax.numpy.less_equal`."""

def linspace(
    start: Tensor,
    stop: Tensor,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Tree:
    """Numbers at equal distances."""

def log(x: Tensor) -> Tensor:
    """Calculate element-wise natural logarithm of the input. See `jax.numpy.log`."""

def log10(x: Tensor) -> Tensor:
    """Calculates the base-10 logarithm of x element-wise See `jax.numpy.log10`."""

def log1p(x: Tensor) -> Tensor:
    """Calculates element-wise logarithm of one plus input, ``log(x+1)``. See `jax.numpy.log1p`."""

def log2(x: Tensor) -> Tensor:
    """Calculates the base-2 logarithm of ``x`` element-wise. See `jax.numpy.log2`."""

def log_sigmoid(x: Tensor) -> Tensor:
    """The logarithm of the sigmoid, finite where the sigmoid itself is 0: `-log(1 + exp(-x))`. See
    `jkeras.nn.activations.log_sigmoid`.
    """

def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """The logarithm of the softmax, finite where the softmax itself is 0: `x_i - log sum_j exp(x_j)`. See
    `jkeras.nn.activations.log_softmax`.
    """

def logaddexp(x1: Tensor, x2: Tensor) -> Tensor:
    """Compute ``log(exp(x1) + exp(x2))`` avoiding overflow. See `jax.numpy.logaddexp`."""

def logaddexp2(x1: Tensor, x2: Tensor) -> Tensor:
    """Logarithm of the sum of exponentials of inputs in base-2 avoiding overflow. See `jax.numpy.logaddexp2`."""

def logdet(x: Tensor) -> Tensor:
    """The logarithm of the determinant's absolute value."""

def logical_and(x1: Tensor, x2: Tensor) -> Tensor:
    """Compute the logical AND operation elementwise. See `jax.numpy.logical_and`."""

def logical_not(x: Tensor) -> Tensor:
    """Compute NOT bool(x) element-wise. See `jax.numpy.logical_not`."""

def logical_or(x1: Tensor, x2: Tensor) -> Tensor:
    """Compute the logical OR operation elementwise. See `jax.numpy.logical_or`."""

def logical_xor(x1: Tensor, x2: Tensor) -> Tensor:
    """Compute the logical XOR operation elementwise. See `jax.numpy.logical_xor`."""

def logspace(
    start: Tensor,
    stop: Tensor,
    num: int = 50,
    endpoint: bool = True,
    base: Tensor = 10,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Tensor:
    """Powers of a base with exponents at equal distances from start to stop; arguments as in `linspace`."""

def logsumexp(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`log(sum(exp(x)))` over axes, without overflow."""

def lstsq(a: Tensor, b: Tensor, rcond: float | None = None) -> Tensor:
    """x with the least `|a x - b|`, and among these the shortest."""

def lu_factor(x: Tensor) -> tuple[Tensor, Tensor]:
    """The LU factorisation with row swaps."""

def map(f: Callable[[Tree], Tree], xs: Tree) -> Tree:
    """The results of a function for each entry along the first axis, one after the other, stacked."""

def matmul(x1: Tensor, x2: Tensor) -> Tensor:
    """The matrix product over the last two axes; int8 matrices give int32."""

def matrix_rank(x: Tensor, tol: Tensor | None = None) -> Tensor:
    """How many singular values are above tol, by default machine precision times the larger size times the largest of them."""

def max(x: Tensor, axis: Axis = None, keepdims: bool = False, initial: Tensor | None = None) -> Tensor:
    """Return the maximum of the array elements along a given axis. See `jax.numpy.max`."""

def max_pool(
    inputs: Tensor, pool_size: Shape, strides: Shape | None = None, padding: str = "valid", data_format: str | None = None
) -> Tensor:
    """The maximum of every window."""

def maximum(x1: Tensor, x2: Tensor) -> Tensor:
    """Return element-wise maximum of the input arrays. See `jax.numpy.maximum`."""

def mean(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the mean of array elements along a given axis. See `jax.numpy.mean`."""

def median(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the median of array elements along a given axis. See `jax.numpy.median`."""

def meshgrid(*x: Tensor, indexing: str = "xy") -> list[Tensor]:
    """One array per axis of a grid, each with that axis' coordinate at every point."""

def min(x: Tensor, axis: Axis = None, keepdims: bool = False, initial: Tensor | None = None) -> Tensor:
    """Return the minimum of array elements along a given axis. See `jax.numpy.min`."""

def minimum(x1: Tensor, x2: Tensor) -> Tensor:
    """Return element-wise minimum of the input arrays. See `jax.numpy.minimum`."""

def mod(x1: Tensor, x2: Tensor) -> Tensor:
    """Returns element-wise remainder of the division. See `jax.numpy.remainder`."""

def moments(x: Tensor, axes: int | tuple[int, ...], keepdims: bool = False, synchronized: bool = False) -> tuple[Tensor, Tensor]:
    """Mean and variance over some axes."""

def moveaxis(x: Tensor, source: Shape, destination: Shape) -> Tensor:
    """Some axes moved to other positions, the others in their order."""

def multi_hot(
    inputs: Tensor, num_classes: int | None = None, axis: int = -1, dtype: DTypeLike | None = None, sparse: bool = False
) -> Tensor:
    """Vectors of zeros with a one at each integer of a set."""

def multiply(x1: Tensor, x2: Tensor) -> Tensor:
    """Multiply two arrays element-wise. See `jax.numpy.multiply`."""

def nan_to_num(x: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Each entry, with numbers in place of NaN and the infinities."""

def nanargmax(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the index of the maximum value of an array, ignoring NaNs. See `jax.numpy.nanargmax`."""

def nanargmin(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the index of the minimum value of an array, ignoring NaNs. See `jax.numpy.nanargmin`."""

def nancumprod(x: Tensor, axis: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """Cumulative product of elements along an axis, ignoring NaN values. See `jax.numpy.nancumprod`."""

def nancumsum(x: Tensor, axis: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """Cumulative sum of elements along an axis, ignoring NaN values. See `jax.numpy.nancumsum`."""

def nanmax(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the maximum of the array elements along a given axis, ignoring NaNs. See `jax.numpy.nanmax`."""

def nanmean(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the mean of the array elements along a given axis, ignoring NaNs. See `jax.numpy.nanmean`."""

def nanmedian(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the median of array elements along a given axis, ignoring NaNs. See `jax.numpy.nanmedian`."""

def nanmin(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the minimum of the array elements along a given axis, ignoring NaNs. See `jax.numpy.nanmin`."""

def nanpercentile(x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """Compute the percentile of the data along the specified axis, ignoring NaN values. See `jax.numpy.nanpercentile`."""

def nanprod(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the product of the array elements along a given axis, ignoring NaNs. See `jax.numpy.nanprod`."""

def nanquantile(x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """Compute the quantile of the data along the specified axis, ignoring NaNs. See `jax.numpy.nanquantile`."""

def nanstd(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`std` of the entries that are numbers."""

def nansum(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the sum of the array elements along a given axis, ignoring NaNs. See `jax.numpy.nansum`."""

def nanvar(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Compute the variance of array elements along a given axis, ignoring NaNs. See `jax.numpy.nanvar`."""

def ndim(x: Tensor) -> int:
    """The number of axes."""

def negative(x: Tensor) -> Tensor:
    """Return element-wise negative values of the input. See `jax.numpy.negative`."""

def nextafter(x1: Tensor, x2: Tensor) -> Tensor:
    """Return element-wise next floating point value after ``x`` towards ``y``. See `jax.numpy.nextafter`."""

def nonzero(x: Tensor) -> tuple[Tensor, ...]:
    """The indices of entries that are not 0, one array per axis. Not for `jit`, since their number depends on values."""

def norm(x: Tensor, ord: int | float | str | None = None, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """A norm of vectors or matrices; where it is 0, so is its gradient."""

def normalize(x: Tensor, axis: int | Sequence[int] = -1, order: float = 2, epsilon: float | None = None) -> Tensor:
    """Divide vectors by their norm; vectors of zeros stay zeros and pass no gradient on."""

def not_equal(x1: Tensor, x2: Tensor) -> Tensor:
    """Returns element-wise truth value of ``x != y``. See `jax.numpy.not_equal`."""

def one_hot(x: Tensor, num_classes: int, axis: int = -1, dtype: DTypeLike | None = None, sparse: bool = False) -> Tensor:
    """Vectors of zeros with a one at each integer; all zeros for an integer outside `[0, num_classes)`."""

def ones(shape: Shape, dtype: DTypeLike | None = None) -> Tensor:
    """Ones."""

def ones_like(x: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """Create an array of ones with the same shape and dtype as an array. See `jax.numpy.ones_like`."""

def outer(x1: Tensor, x2: Tensor) -> Tensor:
    """Compute the outer product of two arrays. See `jax.numpy.outer`."""

def pad(x: Tensor, pad_width: Tree, mode: str = "constant", constant_values: Tensor | None = None) -> Tensor:
    """The array with a margin."""

def percentile(x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """Compute the percentile of the data along the specified axis. See `jax.numpy.percentile`."""

def pinv(x: Tensor, rcond: float | None = None) -> Tensor:
    """The Moore-Penrose inverse; rcond as in `lstsq`."""

def polar(abs_: Tensor, angle: Tensor) -> Tensor:
    """The complex numbers `r (cos a + i sin a)` of moduli r and angles a in radians."""

def power(x1: Tensor, x2: Tensor) -> Tensor:
    """Calculate element-wise base ``x1`` exponential of ``x2``. See `jax.numpy.power`."""

def prod(x: Tensor, axis: Axis = None, keepdims: bool = False, dtype: DTypeLike | None = None) -> Tensor:
    """The product over axes, all by default."""

def psnr(x1: Tensor, x2: Tensor, max_val: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in decibels: `20 log10(max_val) - 10 log10(mean((x1 - x2)^2))`."""

def ptp(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the peak-to-peak range along a given axis. See `jax.numpy.ptp`."""

def qr(x: Tensor, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """`x = q r` with orthonormal columns in q and an upper triangle r."""

def quantile(x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """Compute the quantile of the data along the specified axis. See `jax.numpy.quantile`."""

def rad2deg(x: Tensor) -> Tensor:
    """Convert angles from radians to degrees. See `jax.numpy.rad2deg`."""

def ravel(x: Tensor) -> Tensor:
    """Flatten array into a 1-dimensional shape. See `jax.numpy.ravel`."""

def real(x: Tensor) -> Tensor:
    """Return element-wise real part of the complex argument. See `jax.numpy.real`."""

def rearrange(tensor: Tensor, pattern: str, **axes_lengths: int) -> Tensor:
    """The entries in another order and shape, by names of axes."""

def reciprocal(x: Tensor) -> Tensor:
    """Calculate element-wise reciprocal of the input. See `jax.numpy.reciprocal`."""

def relu(x: Tensor) -> Tensor:
    """The rectified linear unit, `max(x, 0)`."""

def relu6(x: Tensor) -> Tensor:
    """A relu that stops at 6: `min(max(x, 0), 6)`. See `jkeras.nn.rectifiers.relu6`."""

def repeat(x: Tensor, repeats: Tensor, axis: int | None = None) -> Tensor:
    """Each entry several times in a row."""

def reshape(x: Tensor, newshape: Shape) -> Tensor:
    """The entries in another shape; one size may be -1, which is what the others leave."""

def rfft(x: Tensor, fft_length: int | None = None) -> tuple[Tensor, Tensor]:
    """The non-negative frequencies of the Fourier transform of real numbers, along the last axis."""

def right_shift(x: Tensor, y: Tensor) -> Tensor:
    """Right shift the bits of ``x1`` to the amount specified in ``x2``. See `jax.numpy.right_shift`."""

def rms_normalization(
    x: Tensor, scale: Tensor | None = None, axis: int | Sequence[int] = -1, epsilon: float | None = None
) -> Tensor:
    """Divide by the root of the mean square over `axis`, then multiply by `scale`."""

def roll(x: Tensor, shift: Shape, axis: Axis = None) -> Tensor:
    """The entries shifted along axes; what is pushed off one end comes back at the other."""

def rot90(array: Tensor, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """k quarter turns in the plane of two axes, from the first towards the second."""

def round(x: Tensor, decimals: int = 0) -> Tensor:
    """Each entry rounded to a number of decimals, halves to the even neighbour."""

def rsqrt(x: Tensor) -> Tensor:
    """`1 / sqrt(x)`."""

def saturate_cast(x: Tensor, dtype: DTypeLike | None) -> Tensor:
    """The same values in another dtype, clipped to its range."""

def scan(
    f: Callable[[Tree, Tree], tuple[Tree, Tree]],
    init: Tree,
    xs: Tree = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Tree, Tree]:
    """Run along the first axis with a carry: `carry, y = f(carry, x)`."""

def scatter(indices: Tensor, values: Tensor, shape: Shape) -> Tensor:
    """Zeros of a shape, with values added at indices."""

def scatter_update(inputs: Tensor, indices: Tensor, updates: Tensor, reduction: str | None = None) -> Tensor:
    """The array with entries at indices replaced, or combined with updates."""

def searchsorted(sorted_sequence: Tensor, values: Tensor, side: str = "left") -> Tensor:
    """Where values go in a rising sequence so that it stays in order."""

def segment_max(data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """Computes the maximum within segments of an array. See `jax.ops.segment_max`."""

def segment_min(data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """Computes the minimum within segments of an array. See `jax.ops.segment_min`."""

def segment_prod(data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """Computes the product within segments of an array. See `jax.ops.segment_prod`."""

def segment_sum(data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """Computes the sum within segments of an array. See `jax.ops.segment_sum`."""

def select(condlist: Sequence[Tensor], choicelist: Sequence[Tensor], default: Tensor = 0) -> Tensor:
    """For each entry the choice that belongs to the first condition that holds, else the default."""

def selu(x: Tensor) -> Tensor:
    """The self-normalizing unit: `1.0507 elu(x, alpha=1.67326)`, which keeps mean 0 and variance 1 from layer to layer. See
    `jkeras.nn.activations.selu`.
    """

def separable_conv(
    inputs: Tensor,
    depthwise_kernel: Tensor,
    pointwise_kernel: Tensor,
    strides: Shape = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Shape = 1,
) -> Tensor:
    """A `depthwise_conv`, then a `conv` with windows of size 1 that mixes the channels."""

def shape(x: Tensor) -> tuple[int | None, ...]:
    """The sizes of the axes, None where a symbolic tensor's size is unknown."""

def sigmoid(x: Tensor) -> Tensor:
    """The logistic function, from any number to (0, 1): `1 / (1 + exp(-x))`. See `jkeras.nn.activations.sigmoid`."""

def sign(x: Tensor) -> Tensor:
    """Return an element-wise indication of sign of the input. See `jax.numpy.sign`."""

def signbit(x: Tensor) -> Tensor:
    """Return the sign bit of array elements. See `jax.numpy.signbit`."""

def silu(x: Tensor) -> Tensor:
    """SiLU, also called swish: `x sigmoid(x)`. See `jkeras.nn.activations.silu`."""

def sin(x: Tensor) -> Tensor:
    """Compute a trigonometric sine of each element of input. See `jax.numpy.sin`."""

def sinc(x: Tensor) -> Tensor:
    """Calculate the normalized sinc function. See `jax.numpy.sinc`."""

def sinh(x: Tensor) -> Tensor:
    """Calculate element-wise hyperbolic sine of input. See `jax.numpy.sinh`."""

def size(x: Tensor) -> Tensor:
    """The number of entries."""

def slice(inputs: Tensor, start_indices: Sequence[Tensor], shape: Sequence[int]) -> Tensor:
    """A slice of a given shape; a size of -1 means up to the end."""

def slice_update(inputs: Tensor, start_indices: Sequence[Tensor], updates: Tensor) -> Tensor:
    """The array with a slice replaced; a slice that sticks out is moved back into the array."""

def slogdet(x: Tensor) -> tuple[Tensor, Tensor]:
    """The determinant's sign, and the logarithm of its absolute value."""

def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """All values nearer to 0 by the threshold, small ones to 0: `sign(x) max(|x| - threshold, 0)`. See
    `jkeras.nn.rectifiers.soft_shrink`.
    """

def softmax(x: Tensor, axis: Axis = -1) -> Tensor:
    """Positive numbers that sum to 1 along an axis: `exp(x_i) / sum_j exp(x_j)`; warns where the axis has size 1."""

def softplus(x: Tensor) -> Tensor:
    """A smooth, positive relu: `log(1 + exp(x))`, which overflows nowhere. See `jkeras.nn.activations.softplus`."""

def softsign(x: Tensor) -> Tensor:
    """A tangent with slow tails, from any number to (-1, 1): `x / (1 + |x|)`. See `jkeras.nn.activations.softsign`."""

def solve(a: Tensor, b: Tensor) -> Tensor:
    """x with `a x = b`."""

def solve_triangular(a: Tensor, b: Tensor, lower: bool = False) -> Tensor:
    """x with `a x = b` for a triangular a, whose other triangle is not read."""

def sort(x: Tensor, axis: int | None = -1) -> Tensor:
    """The entries in rising order along an axis, of the flattened array if it is None."""

def space_to_depth(x: Tensor, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Blocks of pixels become channels: the inverse of `depth_to_space`, with the same arguments."""

def sparse_categorical_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1) -> Tensor:
    """`-log p_y` for integer labels y."""

def sparse_plus(x: Tensor) -> Tensor:
    """A softplus with a true zero: 0 where x <= -1, `(x + 1)^2 / 4` between, `x` where x >= 1. See
    `jkeras.nn.rectifiers.sparse_plus`.
    """

def sparse_sigmoid(x: Tensor) -> Tensor:
    """The derivative of `sparse_plus`: 0 where x <= -1, `(x + 1) / 2` between, 1 where x >= 1. See
    `jkeras.nn.rectifiers.sparse_sigmoid`.
    """

def sparsemax(x: Tensor, axis: int = -1) -> Tensor:
    """The point of the probability simplex nearest to x: `max(x - tau, 0)`, with tau such that the sum along the axis is 1.
    See `jkeras.nn.rectifiers.sparsemax`.
    """

def split(x: Tensor, indices_or_sections: Shape, axis: int = 0) -> list[Tensor]:
    """Split an array into sub-arrays. See `jax.numpy.split`."""

def sqrt(x: Tensor) -> Tensor:
    """Calculates element-wise non-negative square root of the input array. See `jax.numpy.sqrt`."""

def square(x: Tensor) -> Tensor:
    """Calculate element-wise square of the input array. See `jax.numpy.square`."""

def squareplus(x: Tensor, b: float = 4) -> Tensor:
    """`(x + sqrt(x^2 + b)) / 2`, a smooth rectifier."""

def squeeze(x: Tensor, axis: Axis = None) -> Tensor:
    """Remove one or more length-1 axes from array See `jax.numpy.squeeze`."""

def stack(x: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Arrays of one shape joined along a new axis."""

def std(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The standard deviation over axes, all by default; where it is 0, so is its gradient."""

def stft(
    x: Tensor, sequence_length: int, sequence_stride: int, fft_length: int, window: Tensor = "hann", center: bool = True
) -> tuple[Tensor, Tensor]:
    """The Fourier transform of windowed frames of a signal."""

def stop_gradient(variable: Tensor) -> Tensor:
    """The same values, constant for differentiation."""

def subtract(x1: Tensor, x2: Tensor) -> Tensor:
    """Subtract two arrays element-wise. See `jax.numpy.subtract`."""

def sum(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Sum of the elements of the array over a given axis. See `jax.numpy.sum`."""

def svd(x: Tensor, full_matrices: bool = True, compute_uv: bool = True) -> Tree:
    """`x = u diag(s) vh`, the singular values s in falling order."""

def swapaxes(x: Tensor, axis1: int, axis2: int) -> Tensor:
    """Two axes exchanged."""

def swish(x: Tensor) -> Tensor:
    """SiLU, also called swish: `x sigmoid(x)`. See `jkeras.nn.activations.silu`."""

def switch(index: Tensor, branches: Sequence[Callable[..., Tree]], *operands: Tree) -> Tree:
    """The result of the function at an index, which is clipped to the list."""

def take(x: Tensor, indices: Tensor, axis: int | None = None) -> Tensor:
    """Take elements from an array. See `jax.numpy.take`."""

def take_along_axis(x: Tensor, indices: Tensor, axis: int | None = None) -> Tensor:
    """Take elements from an array. See `jax.numpy.take_along_axis`."""

def tan(x: Tensor) -> Tensor:
    """Compute a trigonometric tangent of each element of input. See `jax.numpy.tan`."""

def tanh(x: Tensor) -> Tensor:
    """Calculate element-wise hyperbolic tangent of input. See `jax.numpy.tanh`."""

def tanh_shrink(x: Tensor) -> Tensor:
    """What the tangent leaves over, about `x^3 / 3` near 0: `x - tanh(x)`. See `jkeras.nn.activations.tanh_shrink`."""

def tensordot(x1: Tensor, x2: Tensor, axes: int | Sequence[Tree] = 2) -> Tensor:
    """The product summed over pairs of axes: the last `axes` of x1 with the first of x2, or two lists of axes."""

def threshold(x: Tensor, threshold: float, default_value: float) -> Tensor:
    """`x` where x > threshold, else `default_value`."""

def tile(x: Tensor, repeats: Shape) -> Tensor:
    """The whole array repeated along each axis."""

def top_k(x: Tensor, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The k largest entries along the last axis."""

def trace(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Calculate sum of the diagonal of input along the given axes. See `jax.numpy.trace`."""

def transpose(x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """The axes in another order, reversed by default."""

def trapezoid(y: Tensor, x: Tensor | None = None, dx: Tensor = 1.0, axis: int = -1) -> Tensor:
    """The integral along an axis by the trapezoidal rule."""

def tri(N: int, M: int | None = None, k: int = 0, dtype: DTypeLike | None = None) -> Tensor:
    """An N x M matrix (N x N by default) with ones on and below its k-th diagonal."""

def tril(x: Tensor, k: int = 0) -> Tensor:
    """Return lower triangle of an array. See `jax.numpy.tril`."""

def triu(x: Tensor, k: int = 0) -> Tensor:
    """Return upper triangle of an array. See `jax.numpy.triu`."""

def true_divide(x1: Tensor, x2: Tensor) -> Tensor:
    """Calculates the division of x1 by x2 element-wise See `jax.numpy.true_divide`."""

def trunc(x: Tensor) -> Tensor:
    """Each entry without its fraction; integers stay what they are."""

def unfold(x: Tensor, kernel_size: Shape, dilation: Shape = 1, padding: Shape = 0, stride: Shape = 1) -> Tensor:
    """The patches of images as columns."""

def unique(
    x: Tensor,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Tensor | None = None,
) -> Tree:
    """The distinct entries, or slices along an axis."""

def unravel_index(indices: Tensor, shape: Shape) -> tuple[Tensor, ...]:
    """Indices into a flattened array as indices along each axis."""

def unstack(x: Tensor, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """The slices along an axis as a list."""

def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The matrix of powers of x: column j has `x^(N - 1 - j)`, or `x^j` if increasing; N is x's length by default."""

def var(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Compute the variance along a given axis. See `jax.numpy.var`."""

def vdot(x1: Tensor, x2: Tensor) -> Tensor:
    """Perform a conjugate multiplication of two 1D vectors. See `jax.numpy.vdot`."""

def vectorize(
    pyfunc: Callable[..., Tree], *, excluded: Sequence[int | str] | None = None, signature: str | None = None
) -> Callable[..., Tree]:
    """A function of scalars (or of the shapes in a signature) as a function of arrays that broadcasts."""

def vectorized_map(function: Callable[[Tree], Tree], elements: Tree) -> Tree:
    """The results of a function for each entry along the first axis, all at once, stacked."""

def view(x: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """The same bits read as another dtype."""

def view_as_complex(x: Tensor) -> Tensor:
    """Complex numbers from `(..., 2)` real and imaginary parts."""

def view_as_real(x: Tensor) -> Tensor:
    """Real and imaginary parts along a new last axis."""

def vsplit(x: Tensor, indices_or_sections: Shape) -> list[Tensor]:
    """Split an array into sub-arrays vertically. See `jax.numpy.vsplit`."""

def vstack(xs: Sequence[Tensor]) -> Tensor:
    """Vertically stack arrays. See `jax.numpy.vstack`."""

def where(condition: Tensor, x1: Tensor | None = None, x2: Tensor | None = None) -> Tree:
    """x1 where the condition holds, x2 elsewhere; without both, the indices where it holds."""

def while_loop(
    cond: Callable[..., Tree], body: Callable[..., Tree], loop_vars: Tree, maximum_iterations: int | None = None
) -> Tree:
    """Apply a function to variables as long as a condition holds."""

def zeros(shape: Shape, dtype: DTypeLike | None = None) -> Tensor:
    """Zeros."""

def zeros_like(x: Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """Create an array full of zeros with the same shape and dtype as an array. See `jax.numpy.zeros_like`."""
