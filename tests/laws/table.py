"""The table of all layers. A new layer is one line here, in `LAYERS` or `OWN`, and gets every law in this folder.

A case says how to make a layer from a package, which is jkeras or real Keras, and what its inputs look like. `prepared(case)`
returns it built, with ordinary weights (no zeros, no ones), and one compiled `apply` that all laws share.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras.layer.pure import split_values
from jkeras.layer.tracking import weight_entries


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """One configuration of one layer, or a small model.

    Attributes:
        id: for pytest.
        thunk: makes it from a package, jkeras or keras.
        layer: the name in `jkeras.layers`; None for models.
        shape: of the input, batch axis first; a list of shapes where there are several inputs.
        below: inputs are integers below this; 0 for floats.
        mask: shape of a mask to pass, one per input; None for none.
        stochastic: draws random numbers in training.
        per_example: examples do not see each other when not training.
    """

    id: str
    thunk: Callable[[Any], Any]
    layer: str | None
    shape: Any
    below: int = 0
    mask: Any = None
    stochastic: bool = False
    per_example: bool = True

    def make(self, package: Any = jkeras, policy: str | None = None) -> Any:
        """The layer, under a global dtype policy."""
        before = package.config.dtype_policy()
        with contextlib.ExitStack() as stack:
            if policy is not None:
                package.config.set_dtype_policy(policy)
                stack.callback(package.config.set_dtype_policy, before)
            return self.thunk(package)

    @property
    def x(self) -> Any:
        """The input: an array, or a list of arrays."""
        rng = np.random.default_rng(3)
        if isinstance(self.shape, list):
            return [rng.normal(size=s).astype("float32") for s in self.shape]
        if self.below:
            return rng.integers(0, self.below, self.shape).astype("int32")
        return rng.normal(size=self.shape).astype("float32")

    @property
    def options(self) -> dict[str, Any]:
        """`mask=` where the case has one; every row keeps at least its first position."""
        if self.mask is None:
            return {}
        rng = np.random.default_rng(4)
        shapes = self.mask if isinstance(self.mask, list) else [self.mask]
        masks = [rng.random(s) < 0.6 for s in shapes]
        for m in masks:
            m[:, 0] = True
        return {"mask": masks if isinstance(self.mask, list) else masks[0]}


def _case(layer: str, shape: Any, *args: Any, case: dict[str, Any] | None = None, **kwargs: Any) -> Case:
    shown = ",".join([*map(str, args), *(f"{k}={v}" for k, v in kwargs.items()), *(case or {})])
    name = f"{layer}({shown})".replace(" ", "").replace("'", "")
    return Case(name, lambda k: getattr(k.layers, layer)(*args, **kwargs), layer, shape, **(case or {}))


IMAGE, VOLUME, STEPS = (2, 6, 5, 4), (2, 4, 5, 3, 2), (2, 7, 4)
FIRST_IMAGE, FIRST_STEPS = (2, 4, 6, 5), (2, 4, 7)
RGB = (2, 6, 5, 3)
TWO = [(2, 3, 4), (2, 3, 4)]
TWO_MASKS = {"mask": [(2, 3), (2, 3)]}
PAIR, PAIR_MASKS = [(2, 3, 4), (2, 5, 4)], {"mask": [(2, 3), (2, 5)]}
SEVEN = {
    "kernel_initializer": "he_normal",
    "kernel_regularizer": "l2",
    "bias_constraint": "non_neg",
    "activity_regularizer": "l1",
}


def _cells(k: Any) -> Any:
    return k.layers.StackedRNNCells([k.layers.LSTMCell(3, name="low"), k.layers.GRUCell(2, name="high")], name="stack")


def _spectral(k: Any, layer: Any, **kwargs: Any) -> Any:
    return k.layers.SpectralNormalization(layer, **kwargs, name="spectral")


def _sequences(k: Any) -> Any:
    return k.layers.GRU(3, return_sequences=True, name="gru")


LAYERS = (
    _case("Dense", (3, 4), 5),
    _case("Dense", (3, 4), 2, activation="relu", use_bias=False),
    _case("Dense", STEPS, 3, activation="tanh", **SEVEN),
    _case("EinsumDense", STEPS, "abc,cde->abde", (None, 2, 3), bias_axes="e", activation="relu", **SEVEN),
    _case("EinsumDense", STEPS, "...x,xy->...y", 3, bias_axes="y"),
    _case("EinsumDense", IMAGE, "ac...,bc->ab...", 2, bias_axes="b"),
    _case("EinsumDense", STEPS, "abc,cd->adb", (3, None)),
    _case("Activation", (3, 4), "gelu"),
    _case("Activation", (3, 4), "softmax"),
    _case("ReLU", (3, 4)),
    _case("ReLU", (3, 4), max_value=1.0, negative_slope=0.1, threshold=0.2),
    _case("LeakyReLU", (3, 4)),
    _case("PReLU", (3, 4)),
    _case("PReLU", IMAGE, shared_axes=[1, 2]),
    _case("ELU", (3, 4), alpha=0.7),
    Case("Lambda(softplus)", lambda k: k.layers.Lambda(k.activations.softplus), "Lambda", (3, 4)),
    _case("Softmax", (3, 4)),
    _case("Softmax", (3, 4), case={"mask": (3, 4)}),
    _case("Conv1D", STEPS, 3, 3, padding="causal", dilation_rate=2),
    _case("Conv1D", FIRST_STEPS, 3, 2, strides=2, data_format="channels_first"),
    _case("Conv2D", IMAGE, 3, 3, **SEVEN),
    _case("Conv2D", IMAGE, 3, (3, 2), strides=2, padding="same", activation="relu"),
    _case("Conv2D", IMAGE, 3, 2, dilation_rate=(2, 1), use_bias=False),
    _case("Conv2D", IMAGE, 4, 3, groups=2, padding="same"),
    _case("Conv2D", FIRST_IMAGE, 3, 3, strides=(2, 1), padding="same", data_format="channels_first"),
    _case("Conv3D", VOLUME, 2, 2, strides=(1, 2, 1)),
    _case("Conv1DTranspose", STEPS, 3, 3, strides=2),
    _case("Conv2DTranspose", IMAGE, 3, (3, 2), strides=(2, 3), padding="same", activation="relu"),
    _case("Conv2DTranspose", FIRST_IMAGE, 3, 2, strides=3, output_padding=1, data_format="channels_first", use_bias=False),
    _case("Conv3DTranspose", VOLUME, 2, 2, strides=(1, 2, 1)),
    _case("DepthwiseConv1D", STEPS, 3, dilation_rate=2, padding="same"),
    _case("DepthwiseConv2D", IMAGE, 3, strides=2, padding="same", depth_multiplier=2),
    _case("DepthwiseConv2D", FIRST_IMAGE, (2, 3), data_format="channels_first", use_bias=False, activation="tanh"),
    _case("SeparableConv1D", STEPS, 3, 3, strides=2),
    _case("SeparableConv2D", IMAGE, 3, (3, 2), padding="same", depth_multiplier=2),
    _case("MaxPooling1D", STEPS),
    _case("MaxPooling1D", FIRST_STEPS, 3, strides=2, padding="same", data_format="channels_first"),
    _case("MaxPooling2D", IMAGE),
    _case("MaxPooling2D", IMAGE, (3, 2), strides=(1, 2), padding="same"),
    _case("MaxPooling3D", VOLUME, (2, 2, 1), padding="same"),
    _case("AveragePooling1D", STEPS, 3, strides=2),
    _case("AveragePooling2D", IMAGE, 2),
    _case("AveragePooling2D", FIRST_IMAGE, (3, 2), strides=(1, 2), padding="same", data_format="channels_first"),
    _case("AveragePooling3D", VOLUME, 2),
    _case("GlobalMaxPooling1D", STEPS),
    _case("GlobalMaxPooling2D", IMAGE, keepdims=True),
    _case("GlobalMaxPooling3D", VOLUME),
    _case("GlobalAveragePooling1D", STEPS),
    _case("GlobalAveragePooling1D", STEPS, case={"mask": (2, 7)}),
    _case("GlobalAveragePooling2D", FIRST_IMAGE, data_format="channels_first"),
    _case("GlobalAveragePooling3D", VOLUME, keepdims=True),
    _case("AdaptiveAveragePooling1D", STEPS, 3),
    _case("AdaptiveAveragePooling2D", FIRST_IMAGE, (2, 3), data_format="channels_first"),
    _case("AdaptiveAveragePooling3D", VOLUME, (2, 5, 2)),
    _case("AdaptiveMaxPooling1D", FIRST_STEPS, 9, data_format="channels_first"),
    _case("AdaptiveMaxPooling2D", IMAGE, (3, 5)),
    _case("AdaptiveMaxPooling3D", VOLUME, 2),
    _case("BatchNormalization", (6, 4)),
    _case("BatchNormalization", FIRST_IMAGE, axis=1, momentum=0.7, epsilon=0.01),
    _case("BatchNormalization", IMAGE, center=False, scale=False),
    _case("BatchNormalization", STEPS, case={"mask": (2, 7)}),
    _case("BatchNormalization", STEPS, renorm=True, renorm_clipping={"rmin": 0.5, "rmax": 2.0, "dmax": 1.0}),
    _case("LayerNormalization", (3, 4)),
    _case("LayerNormalization", STEPS, axis=[1, 2], epsilon=0.01, center=False),
    _case("RMSNormalization", (3, 4)),
    _case("RMSNormalization", STEPS, axis=(1, 2)),
    _case("GroupNormalization", IMAGE, 2),
    _case("GroupNormalization", (3, 4), -1),
    _case("GroupNormalization", FIRST_IMAGE, 2, axis=1, epsilon=0.01, center=False, gamma_regularizer="l2"),
    _case("GroupNormalization", VOLUME, 5, axis=-3, scale=False),
    _case("UnitNormalization", (3, 4)),
    _case("UnitNormalization", STEPS, axis=[1, 2]),
    Case(
        "SpectralNormalization(Dense)", lambda k: _spectral(k, k.layers.Dense(3, name="dense")), "SpectralNormalization", (3, 4)
    ),
    Case(
        "SpectralNormalization(Conv2D)",
        lambda k: _spectral(k, k.layers.Conv2D(3, 2, activation="tanh", name="conv"), power_iterations=2),
        "SpectralNormalization",
        IMAGE,
    ),
    _case("Identity", (3, 4)),
    _case("ActivityRegularization", (3, 4), l1=0.1, l2=0.2),
    _case("Embedding", (3, 5), 7, 4, case={"below": 7}),
    _case("Embedding", (3,), 7, 4, mask_zero=True, embeddings_regularizer="l2", case={"below": 7}),
    _case("CategoryEncoding", (3, 5), 7, "count", case={"below": 7}),
    _case("CategoryEncoding", (3, 5), 7, "one_hot", case={"below": 7}),
    _case("Discretization", (3, 4), [-0.5, 0.0, 0.7], output_mode="multi_hot"),
    _case("ReversibleEmbedding", (3, 5), 7, 4, case={"below": 7}),
    _case("ReversibleEmbedding", (3,), 7, 4, tie_weights=False, mask_zero=True, logit_soft_cap=2.0, case={"below": 7}),
    _case("Dropout", (3, 8), 0.4, seed=1, case={"stochastic": True}),
    _case("Dropout", STEPS, 0.4, noise_shape=(None, 1, None), case={"stochastic": True}),
    _case("RandomFlip", IMAGE, "horizontal", seed=2, case={"stochastic": True}),
    _case("RandomFlip", FIRST_IMAGE, data_format="channels_first", case={"stochastic": True}),
    _case("RandomCrop", IMAGE, 6, 5, seed=2, case={"stochastic": True}),
    _case("RandomTranslation", IMAGE, 0.2, (-0.3, 0.1), fill_mode="wrap", case={"stochastic": True}),
    _case("RandomRotation", IMAGE, 0.1, interpolation="nearest", case={"stochastic": True}),
    _case("RandomZoom", FIRST_IMAGE, 0.2, 0.3, fill_mode="constant", data_format="channels_first", case={"stochastic": True}),
    _case("RandomContrast", IMAGE, (0.2, 0.3), case={"stochastic": True}),
    _case("RandomBrightness", IMAGE, 0.2, value_range=(-4, 4), case={"stochastic": True}),
    _case("RandomErasing", IMAGE, scale=(0.1, 0.4), fill_value=0.5, case={"stochastic": True}),
    _case("RandomShear", IMAGE, (0.0, 0.2), (0.1, 0.3), fill_mode="nearest", case={"stochastic": True}),
    _case("RandomPerspective", FIRST_IMAGE, scale=0.5, data_format="channels_first", case={"stochastic": True}),
    _case("RandomElasticTransform", IMAGE, scale=(0.5, 1.0), value_range=(-4, 4), case={"stochastic": True}),
    _case("RandomInvert", IMAGE, value_range=(0, 2), seed=2, case={"stochastic": True}),
    _case("RandomPosterization", IMAGE, 3, value_range=(-4, 4), case={"stochastic": True}),
    _case("Solarization", FIRST_IMAGE, 0.2, (0.1, 0.9), (-4, 4), data_format="channels_first", case={"stochastic": True}),
    _case("RandomHue", RGB, 0.3, value_range=(-4, 4), case={"stochastic": True}),
    _case("RandomSaturation", RGB, 0.3, value_range=(-4, 4), case={"stochastic": True}),
    _case("RandomColorDegeneration", RGB, 0.3, (-4, 4), case={"stochastic": True}),
    _case("RandomGrayscale", RGB, 0.7, case={"stochastic": True}),
    _case("RandomColorJitter", RGB, (-4, 4), 0.1, 0.2, hue_factor=0.1, case={"stochastic": True}),
    _case("RandomSharpness", IMAGE, (0.1, 0.9), (-4, 4), case={"stochastic": True}),
    _case("RandomGaussianBlur", IMAGE, kernel_size=(3, 5), value_range=(-4, 4), case={"stochastic": True}),
    _case("MixUp", IMAGE, 0.4, case={"stochastic": True}),
    _case("CutMix", FIRST_IMAGE, data_format="channels_first", case={"stochastic": True}),
    _case("RandAugment", RGB, (-4, 4), num_ops=1, case={"stochastic": True}),
    _case("AugMix", RGB, (-4, 4), 2, 1, all_ops=False, case={"stochastic": True}),
    _case("AutoContrast", IMAGE, value_range=(-4, 4)),
    _case("Equalization", (1, 6, 5, 4), value_range=(-4, 4)),
    _case("ContrastLimitedAdaptiveHistogramEqualization", IMAGE, (-4, 4), tile_grid_size=(2, 3)),
    _case("MaxNumBoundingBoxes", IMAGE, 3),
    Case(
        "Pipeline",
        lambda k: k.layers.Pipeline([k.layers.AutoContrast((-4, 4), name="a"), k.layers.CenterCrop(3, 4, name="b")]),
        "Pipeline",
        IMAGE,
    ),
    _case("CenterCrop", IMAGE, 3, 4),
    _case("CenterCrop", FIRST_IMAGE, 8, 6, data_format="channels_first"),
    _case("Resizing", IMAGE, 4, 7),
    _case("Resizing", FIRST_IMAGE, 4, 7, "bicubic", crop_to_aspect_ratio=True, data_format="channels_first"),
    _case("Resizing", IMAGE, 3, 9, pad_to_aspect_ratio=True, fill_value=0.5, antialias=True),
    _case("Normalization", STEPS, mean=[0.1, 0.2, 0.3, 0.4], variance=[1.0, 2.0, 0.5, 0.1]),
    _case("Normalization", STEPS, axis=None, mean=0.5, variance=2.0, invert=True),
    _case("STFTSpectrogram", (2, 24, 2), frame_length=6, frame_step=2),
    _case("STFTSpectrogram", (2, 2, 24), "stft", 8, padding="same", expand_dims=True, data_format="channels_first"),
    _case("MelSpectrogram", (2, 60), 16, 8, num_mel_bins=5, power_to_db=False, mag_exp=1.0),
    _case("ZeroPadding1D", STEPS, (1, 2)),
    _case("ZeroPadding2D", FIRST_IMAGE, ((1, 0), (2, 1)), data_format="channels_first"),
    _case("ZeroPadding3D", VOLUME, (1, 0, 2)),
    _case("Cropping1D", STEPS, (1, 2)),
    _case("Cropping2D", FIRST_IMAGE, ((1, 0), (2, 1)), data_format="channels_first"),
    _case("Cropping3D", VOLUME, ((1, 0), (0, 2), (1, 1))),
    _case("UpSampling1D", STEPS, 3),
    _case("UpSampling2D", IMAGE, (2, 3)),
    _case("UpSampling2D", FIRST_IMAGE, 2, interpolation="bilinear", data_format="channels_first"),
    _case("UpSampling3D", VOLUME, (1, 2, 3)),
    _case("GaussianNoise", (3, 8), 0.4, seed=1, case={"stochastic": True}),
    _case("GaussianDropout", (3, 8), 0.4, case={"stochastic": True}),
    _case("AlphaDropout", STEPS, 0.4, noise_shape=(None, 1, None), case={"stochastic": True}),
    _case("SpatialDropout1D", STEPS, 0.4, case={"stochastic": True}),
    _case("SpatialDropout2D", FIRST_IMAGE, 0.4, data_format="channels_first", case={"stochastic": True}),
    _case("SpatialDropout3D", VOLUME, 0.4, seed=1, case={"stochastic": True}),
    _case("Rescaling", (3, 4), 0.5, offset=-1.0),
    _case("SimpleRNN", STEPS, 3, activation="relu", return_sequences=True, go_backwards=True),
    _case("LSTM", STEPS, 3, kernel_regularizer="l2", activity_regularizer="l1", return_sequences=True, case={"mask": (2, 7)}),
    _case("LSTM", STEPS, 3, dropout=0.3, recurrent_dropout=0.2, seed=1, unroll=True, case={"stochastic": True}),
    _case("GRU", STEPS, 3, zero_output_for_mask=True, return_sequences=True, case={"mask": (2, 7)}),
    _case("GRU", STEPS, 3, reset_after=False, bias_constraint="non_neg"),
    # Keras' loop takes the mask of the batch for one of the next axis; written out, its steps are right.
    _case("ConvLSTM1D", (2, 3, 6, 2), 3, 3, strides=2, return_sequences=True, unroll=True, case={"mask": (2, 3)}),
    _case("ConvLSTM2D", (2, 3, 5, 4, 2), 3, (3, 2), padding="same", return_sequences=True, kernel_regularizer="l2"),
    _case("ConvLSTM2D", (2, 3, 2, 5, 4), 2, 2, dilation_rate=2, data_format="channels_first"),
    _case("ConvLSTM3D", (2, 2, 4, 3, 4, 2), 2, 2, padding="same", recurrent_activation="hard_sigmoid", go_backwards=True),
    Case("RNN(stack)", lambda k: k.layers.RNN(_cells(k)), "RNN", STEPS),
    Case(
        "Bidirectional", lambda k: k.layers.Bidirectional(_sequences(k), "mul", name="both"), "Bidirectional", STEPS, mask=(2, 7)
    ),
    _case("Flatten", IMAGE),
    _case("Flatten", IMAGE, data_format="channels_first"),
    _case("Reshape", (3, 8), (2, -1)),
    _case("Add", TWO),
    _case("Add", [(2, 3, 4), (2, 4), (2, 1, 4)]),
    _case("Subtract", TWO),
    _case("Multiply", TWO),
    _case("Multiply", TWO, case=TWO_MASKS),
    _case("Average", [*TWO, (2, 3, 1)]),
    _case("Maximum", TWO),
    _case("Maximum", TWO, case=TWO_MASKS),
    _case("Minimum", TWO),
    _case("Concatenate", [(2, 3, 4), (2, 3, 2)]),
    _case("Concatenate", [(2, 3, 4), (2, 1, 4)], axis=1),
    _case("Dot", [(2, 4), (2, 4)], 1),
    _case("Dot", [(2, 3, 4), (2, 5, 3)], (1, 2), normalize=True),
    _case("Attention", PAIR),
    _case("Attention", [*PAIR, (2, 5, 4)], use_scale=True, dropout=0.3, seed=1, case={"stochastic": True}),
    _case("Attention", PAIR, score_mode="concat", use_scale=True, case=PAIR_MASKS),
    _case("AdditiveAttention", PAIR, case=PAIR_MASKS),
    _case("Masking", STEPS, 0.5),
    _case("Permute", STEPS, (2, 1)),
    _case("RepeatVector", (3, 4), 5),
)


# Layers in models have names, so a model made twice has the same `params`.
def _mlp(k: Any) -> Any:
    first, last = k.layers.Dense(6, activation="relu", name="first"), k.layers.Dense(2, name="last")
    between = [k.layers.BatchNormalization(name="norm"), k.layers.Dropout(0.3, name="drop")]
    return k.Sequential([k.layers.Input((4,)), first, *between, last])


def _branches(k: Any) -> Any:
    a, b = k.layers.Input((4,), name="a"), k.layers.Input((3,), name="b")
    shared = k.layers.Dense(4, name="shared")
    first = shared(a)
    joined = k.layers.Concatenate()([shared(first), k.layers.Dense(2, name="own")(b)])
    return k.Model([a, b], k.layers.BatchNormalization(name="norm")(joined) * 2.0)


def _attention(k: Any) -> Any:
    x = k.layers.Input((5, 4))
    heads = k.layers.MultiHeadAttention(2, 3, use_gate=True, name="heads")(x, x, use_causal_mask=True)
    groups = k.layers.GroupQueryAttention(3, 4, 2, sliding_window=2, name="groups")(heads, x)
    return k.Model(x, k.layers.TimeDistributed(k.layers.Dense(3, name="dense"), name="steps")(groups))


def _custom(k: Any) -> Any:
    class Running(k.layers.Layer):
        """A Keras-style layer: a matrix, a sum over all calls, a layer below it."""

        def __init__(self, **kwargs: Any):
            super().__init__(**kwargs)
            self.inner = k.layers.Dense(3, activation="tanh", name="inner")

        def build(self, input_shape: Any) -> None:
            self.kernel = self.add_weight(shape=(input_shape[-1], 4), name="kernel")
            self.total = self.add_weight(shape=(4,), initializer="zeros", trainable=False, name="total")
            self.inner.build((*input_shape[:-1], 4))

        def call(self, x: Any) -> Any:
            y = x @ self.kernel
            self.total.assign(self.total * 0.5 + y[0])
            return self.inner(y + 0.1 * self.total)

    return Running()


MODELS = (
    Case("Sequential", _mlp, None, (5, 4), stochastic=True),
    Case("Functional", _branches, None, [(3, 4), (3, 3)]),
    Case("Custom", _custom, None, (3, 5), per_example=False),
    Case("Attention", _attention, None, (3, 5, 4)),
    Case("TimeDistributed", lambda k: k.layers.TimeDistributed(k.layers.BatchNormalization(name="norm")), None, (6, 3, 4)),
)
# Layers that Keras does not have: all laws except those that compare with it.
OWN = (
    _case("LayerScale", IMAGE, 0.3, 4),
    _case("CustomScaleLayer", TWO, 0.3),
    _case("StochasticDepth", IMAGE, 0.4, case={"stochastic": True}),
    _case("RandomFourierFeatures", (3, 4), 6, "laplacian", trainable=True),
)
TABLE = (*LAYERS, *MODELS, *OWN)


class Prepared:
    """A case with its layer built, its weights, its input, and one compiled `apply`."""

    def __init__(self, case: Case, policy: str | None = None):
        self.case, self.layer = case, case.make(policy=policy)
        self.x, self.options = jax.tree.map(jnp.asarray, (case.x, case.options))
        jax.eval_shape(lambda: self.layer.init(jax.random.key(0), self.x))  # builds it without drawing or compiling
        self.layer.set_weights(weight_values(self.layer))
        self.params, self.state = weight_trees(self.layer)
        self.takes_training = self.layer._plan.takes_training
        self.traces = 0
        self.jitted = jax.jit(self._traced, static_argnames="training")

    @property
    def modes(self) -> tuple[bool, ...]:
        """The training flags that make a difference."""
        return (False, True) if self.takes_training else (False,)

    def apply(self, params: Any, state: Any, x: Any, training: bool = False, **options: Any) -> Any:
        """`layer.apply` with a key where the layer draws."""
        rng = jax.random.key(5) if training and self.case.stochastic else None
        return self.layer.apply(params, state, x, training=training, rng=rng, **options)

    def _traced(self, *args: Any, **kwargs: Any) -> Any:
        self.traces += 1
        return self.apply(*args, **kwargs)

    def run(self, training: bool = False) -> Any:
        """The compiled `apply` on the case's own weights and input."""
        return self.jitted(self.params, self.state, self.x, training=training, **self.options)

    def loss(self, params: Any, floats: Any, training: bool) -> Any:
        """A scalar of everything: outputs and new state, each entry with a weight of its own."""
        x = self.x if self.case.below else floats
        y, state = self.apply(params, self.state, x, training=training, **self.options)
        return sum(weighted_sum(leaf) for leaf in jax.tree.leaves((y, state)))

    @functools.cache  # noqa: B019 (one object per case, and both live as long as the tests)
    def gradients(self, training: bool = False, remat: bool = False) -> Any:
        """Gradients of a scalar of the outputs with respect to weights and float inputs."""
        floats = None if self.case.below else self.x
        loss = jax.checkpoint(self.loss, static_argnums=2) if remat else self.loss
        return jax.jit(jax.grad(loss, (0, 1)), static_argnums=2)(self.params, floats, training)


def weight_values(layer: Any) -> list[np.ndarray]:
    """Weights that could be anything: kernels around zero, the rest (variances among them) in (0.5, 1.5)."""
    rng = np.random.default_rng(7)
    near_zero = ("kernel", "embeddings")
    return [rng.normal(size=w.shape, scale=0.5) if w.name in near_zero else rng.uniform(0.5, 1.5, w.shape) for w in layer.weights]


def weight_trees(layer: Any) -> tuple[Any, Any]:
    """`params` and `state` with the values that the variables have."""
    entries = weight_entries(layer)
    return split_values(entries, [jnp.asarray(v.value) for _, v in entries], {id(b) for b in layer.trainable_weights})


def weighted_sum(y: Any) -> Any:
    """A scalar whose gradient differs from entry to entry."""
    return jnp.sum(y * jnp.cos(jnp.arange(y.size)).astype(y.dtype).reshape(y.shape))


@functools.cache
def prepared(case: Case) -> Prepared:
    """The case made ready, once for all laws."""
    return Prepared(case)


def assert_close(actual: Any, expected: Any, tolerance: float = 1e-6) -> None:
    """Equal structures, shapes and dtypes, and values within a tolerance, relative and absolute."""
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected)):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(np.asarray(a, "float64"), np.asarray(b, "float64"), rtol=tolerance, atol=tolerance)


def _marked(cases: tuple[Case, ...], mark: Any) -> Any:
    """All cases, with a mark on those of a layer's class of which the table holds another one before."""
    first = {case.layer: case for case in reversed(LAYERS)}
    marked = [case if first.get(case.layer, case) is case else pytest.param(case, marks=mark) for case in cases]
    return pytest.mark.parametrize("case", marked, ids=lambda c: c.id)


every_case = _marked(TABLE, pytest.mark.variant)
every_case_of_keras = _marked((*LAYERS, *MODELS), pytest.mark.variant)
every_layer = _marked(LAYERS, pytest.mark.variant)
# Laws about a JAX transformation, or about the form of files, treat all configurations of a class alike: the others are slow.
one_of_each = _marked(TABLE, pytest.mark.slow)
one_layer_of_each = _marked(LAYERS, pytest.mark.slow)
