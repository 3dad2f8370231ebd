"""Spectrograms beyond the laws: every mode equals Keras', and the definition in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from against_keras import assert_config_round_trip, assert_same, keras, normal
from scipy.signal import get_window

from jkeras import layers as ours
from jkeras.nn.spectrogram import MODES

SIGNAL = normal(2, 24, 3)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_equals_keras(mode):
    options = {"frame_length": 6, "scaling": "spectrum" if mode == "log" else "density", "periodic": mode == "psd"}
    options |= {"expand_dims": mode in ("real", "angle"), "window": None if mode == "magnitude" else "hamming"}
    pair = tuple(package.STFTSpectrogram(mode, **options) for package in (ours, keras.layers))
    assert_config_round_trip(*pair)
    assert_same(*pair, SIGNAL)
    assert pair[0].compute_output_shape((None, None, 3)) == tuple(pair[1].compute_output_shape((None, None, 3)))


def test_the_kernels_start_as_the_transform():
    found = np.asarray(ours.STFTSpectrogram("stft", 8, 3, scaling=None)(SIGNAL[:, :, :1]))
    frames = SIGNAL[:, np.arange(0, 17, 3)[:, None] + np.arange(8), 0] * get_window("hann", 8, False)
    spectrum = np.fft.rfft(frames.astype("float64"))
    np.testing.assert_allclose(found, np.concatenate([spectrum.real, spectrum.imag], -1), atol=1e-5)


def test_a_silent_frame_has_no_angle_and_passes_no_gradient():
    layer = ours.STFTSpectrogram("angle", 4)
    value, gradient = jax.value_and_grad(lambda x: layer(x).sum())(jnp.zeros((1, 8, 1)))
    assert value == 0 and (gradient == 0).all()
    gradient = jax.grad(lambda x: ours.MelSpectrogram(8, 4, num_mel_bins=2, mag_exp=1.0, power_to_db=False)(x).sum())
    assert (gradient(jnp.zeros(16)) == 0).all()


MELS = ({}, {"mag_exp": 1.0, "window": None, "top_db": 20.0}, {"sequence_length": 12, "ref_power": 3.0, "max_freq": 5000.0})


@pytest.mark.few(2)
@pytest.mark.parametrize("options", MELS, ids=str)
def test_mel_bands_equal_keras(options):
    pair = tuple(package.MelSpectrogram(16, 8, num_mel_bins=5, **options) for package in (ours, keras.layers))
    assert_config_round_trip(*pair)
    for x in (SIGNAL[..., 0], SIGNAL[0, :, 0]):
        found, expected = (np.asarray(layer(x)) for layer in pair)
        np.testing.assert_allclose(found, expected, atol=1e-3)  # decibels; Keras' bands have the rounding of float32
    found, expected = (np.asarray(layer.linear_to_mel_weight_matrix(6, 20)) for layer in pair)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_mel_bands_are_what_the_definition_says():
    layer = ours.MelSpectrogram(64, 16, num_mel_bins=8, top_db=30.0, dtype="mixed_float16")
    x = normal(200)
    frames = np.pad(x.astype("float64"), 32, mode="reflect")[np.arange(0, 201, 16)[:, None] + np.arange(64)]
    power = np.abs(np.fft.rfft(frames * get_window("hann", 64))) ** 2
    expected = 10 * np.log10(power @ np.asarray(layer.linear_to_mel_weight_matrix(8, 33, 16000, 20.0, 8000.0)) + 1e-10).T
    found = layer(x)
    assert found.dtype == jnp.float16
    np.testing.assert_allclose(found, np.maximum(expected, expected.max() - 30), rtol=2e-3, atol=2e-2)
    assert layer.compute_output_shape((None, 200)) == (None, 8, 13) and layer.compute_output_shape((None, None)) == (
        None,
        8,
        None,
    )


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda k: k.STFTSpectrogram("power"), "mode"),
        (lambda k: k.STFTSpectrogram(frame_length=8, frame_step=9), "frame_step"),
        (lambda k: k.STFTSpectrogram(frame_length=8, fft_length=7), "fft_length"),
        (lambda k: k.STFTSpectrogram(scaling="power"), "scaling"),
        (lambda k: k.STFTSpectrogram(padding="causal"), "padding"),
        (lambda k: k.STFTSpectrogram(window="door"), ""),
        (lambda k: k.MelSpectrogram(fft_length=8, sequence_length=9), "sequence_length"),
    ],
)
def test_what_does_not_fit_is_refused(make, text):
    for package in (ours, keras.layers):
        with pytest.raises(ValueError, match="(?i)" + text if text else None):
            make(package)


def test_whole_numbers_are_no_signal():
    for package in (ours, keras.layers):
        with pytest.raises(TypeError, match="float"):
            package.STFTSpectrogram(frame_length=4)(np.ones((1, 8, 1), "int32"))
    with pytest.warns(UserWarning, match="power of 2"):
        ours.STFTSpectrogram(frame_length=6, fft_length=7)
