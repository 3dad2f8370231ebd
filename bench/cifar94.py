"""A network that learns CIFAR-10 to 94 % in seconds, with plain `compile` and `fit`.

The images stay on the device as bytes. Ordinary layers flip and shift them, so this runs inside the compiled step. The first
convolution is fixed: it whitens 2x2 patches. Three groups of two convolutions follow, which start as identities as far as their
widths allow. The loss uses label smoothing, the learning rate is a triangle, and evaluation averages over mirrored and shifted
views. Everything is in half precision except the whitening, whose filters magnify rounding, and the logits.

Source: Keller Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024 (airbench94). This version leaves out alternating
flips and lookahead, which are not part of a plain `fit`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jkeras
from jkeras import layers, ops

MEAN, VARIANCE = (125.307, 122.950, 113.865), (62.993**2, 62.089**2, 66.705**2)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All settings of a run.

    Attributes:
        rows: training images, a multiple of `batch`, so that there is one compiled step.
        test_rows: images to measure accuracy on, also a multiple of `batch`.
        epochs: passes over the training images.
        batch: images per step.
        widths: filters of the three groups.
        policy: the dtype policy.
        learning_rate: at the peak, per 1,000 decayed steps, in the paper's units (`peak` translates).
        momentum, weight_decay, label_smoothing, statistics_momentum: as in the paper; weight decay is given before momentum.
        shift: the most pixels by which images move.
        erase: share of the images that lose a rectangle of 1/8 to 1/4 of each side.
    """

    rows: int = 50_000
    test_rows: int = 10_000
    epochs: int = 12
    batch: int = 1000
    widths: tuple[int, int, int] = (64, 256, 256)
    policy: str = "mixed_bfloat16"
    learning_rate: float = 11.5
    momentum: float = 0.85
    weight_decay: float = 0.0153
    label_smoothing: float = 0.2
    statistics_momentum: float = 0.6
    shift: int = 2
    erase: float = 0.0

    def __post_init__(self) -> None:
        if self.rows % self.batch or self.test_rows % self.batch:
            raise ValueError(f"{self.rows} and {self.test_rows} rows: both must be a multiple of the batch size {self.batch}.")

    @property
    def steps(self) -> int:
        """Optimizer steps of a run."""
        return self.epochs * (self.rows // self.batch)

    @property
    def peak(self) -> float:
        """The highest learning rate, for a mean loss: the paper's is for a sum, per 1,024 images and decayed step."""
        return self.learning_rate * self.batch / (1024 * (1 + 1 / (1 - self.momentum)))

    @property
    def decoupled_decay(self) -> float:
        """Weight decay as in Keras, outside the momentum, which would multiply it by `1 / (1 - momentum)`."""
        return self.weight_decay / self.learning_rate / (1 - self.momentum)


REDUCED = Recipe(rows=2000, test_rows=500, epochs=2, batch=250, widths=(8, 16, 16), policy="float32")


class Triangle(jkeras.optimizers.schedules.LearningRateSchedule):
    """Up from a fifth of the peak in the first 23 % of the steps, then down to 7 % of it."""

    def __init__(self, peak: float, steps: int, start: float = 0.2, end: float = 0.07, top: float = 0.23):
        self.peak, self.steps, self.start, self.end, self.top = peak, steps, start, end, top

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step."""
        top = self.top * self.steps
        return self.peak * jnp.interp(
            jnp.asarray(step, jnp.float32), jnp.array([0.0, top, self.steps]), jnp.array([self.start, 1.0, self.end])
        )


class FirstIdentity(jkeras.initializers.Initializer):
    """Kernels `(3, 3, inputs, filters)` whose first filters pass the inputs through; the others are uniform, as in PyTorch."""

    def __call__(self, shape: Any, dtype: Any = None, *, key: Any = None) -> Any:
        """A kernel."""
        height, width, inputs, filters = shape
        limit = (height * width * inputs) ** -0.5
        kernel = jax.random.uniform(key, shape, minval=-limit, maxval=limit)
        same = jnp.zeros((height, width, inputs, inputs)).at[height // 2, width // 2].set(jnp.eye(inputs))
        return kernel.at[..., :inputs].set(same[..., :filters]).astype(dtype or "float32")


class Shift(layers.Layer):
    """Add a bias per channel. A factor f makes it learn f squared times as fast as the other weights."""

    def __init__(self, factor: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape: Any) -> None:
        """One number per channel."""
        self.bias = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="bias")

    def call(self, x: Any) -> Any:
        """The shifted input."""
        return x + self.factor * self.bias


def whitening_kernel(images: np.ndarray, epsilon: float = 5e-4) -> np.ndarray:
    """Eigenvectors of the covariance of 2x2 patches, over the roots of its eigenvalues, and their negatives: `(2, 2, 3, 24)`."""
    x = (images.astype("float32") - np.float32(MEAN)) / np.sqrt(np.float32(VARIANCE))
    corners = [x[:, i : 31 + i, j : 31 + j] for i in (0, 1) for j in (0, 1)]
    patches = np.concatenate(corners, -1).reshape(-1, 12)
    values, vectors = np.linalg.eigh(patches.T @ patches / len(patches))
    filters = vectors / np.sqrt(values + epsilon)
    return np.concatenate([filters, -filters], 1).reshape(2, 2, 3, 24).astype("float32")


def network(recipe: Recipe, kernel: np.ndarray) -> jkeras.Sequential:
    """From byte values as floats to logits."""

    def convolution(width: int) -> layers.Layer:
        return layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer=FirstIdentity())

    def norm() -> list[layers.Layer]:
        normal = layers.BatchNormalization(momentum=recipe.statistics_momentum, epsilon=1e-12, center=False, scale=False)
        return [normal, Shift(8.0), layers.Activation("gelu")]

    whitening = layers.Conv2D(
        24, 2, use_bias=False, kernel_initializer=kernel, trainable=False, dtype="float32", name="whitening"
    )
    found = [layers.Normalization(mean=MEAN, variance=VARIANCE, dtype="float32"), whitening, Shift(), layers.Activation("gelu")]
    for width in recipe.widths:
        found += [convolution(width), layers.MaxPooling2D(2), *norm(), convolution(width), *norm()]
    last = jkeras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    found += [layers.MaxPooling2D(3), layers.Flatten(), layers.Dense(10, use_bias=False, kernel_initializer=last)]
    return jkeras.Sequential([*found, layers.Rescaling(1 / 9, dtype="float32")], name="network")


def models(recipe: Recipe, kernel: np.ndarray) -> tuple[jkeras.Model, jkeras.Model]:
    """The model to train, with its augmentation, and the model to evaluate, with its views; they share the network."""
    before = jkeras.config.dtype_policy()
    jkeras.config.set_dtype_policy(recipe.policy)
    try:
        shared = network(recipe, kernel)
        images = jkeras.Input((32, 32, 3), dtype="uint8", name="images")
        x = layers.RandomFlip("horizontal")(images)
        distance = (recipe.shift + 0.5) / 32
        x = layers.RandomTranslation(distance, distance, interpolation="nearest")(x)
        if recipe.erase:
            x = layers.RandomErasing((recipe.erase, recipe.erase), (1 / 64, 1 / 16), fill_value=MEAN)(x)
        return jkeras.Model(images, shared(x)), jkeras.Model(images, _views(shared, images))
    finally:
        jkeras.config.set_dtype_policy(before)


def _views(shared: jkeras.Sequential, images: Any) -> Any:
    """Half the logits of the image and its mirror image, half those of both shifted by a pixel; all views in one batch."""
    framed = ops.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    shifted = [layers.Cropping2D(margins)(framed) for margins in (((0, 2), (0, 2)), ((2, 0), (2, 0)))]
    views = [view for x in (images, *shifted) for view in (x, ops.flip(x, axis=2))]
    logits = ops.reshape(shared(ops.concatenate(views, axis=0)), (len(views), -1, 10))
    return ops.einsum("v,vbc->bc", np.array([2, 2, 1, 1, 1, 1], "float32") / 8, logits)


def compile_models(trained: jkeras.Model, evaluated: jkeras.Model, recipe: Recipe) -> None:
    """The usual loss, optimizer and metric."""
    loss = jkeras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
    optimizer = jkeras.optimizers.SGD(
        Triangle(recipe.peak, recipe.steps), recipe.momentum, nesterov=True, weight_decay=recipe.decoupled_decay
    )
    trained.compile(optimizer, loss, metrics=["accuracy"])
    evaluated.compile(loss=jkeras.losses.CategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
