"""Layers in files both ways: jkeras reads what each Keras wrote, and each Keras what jkeras wrote, with equal predictions."""

import keras
import numpy as np
import pytest
from saving_io import library

import jkeras


def there_and_back(k, **options):
    """A model that embeds integers and scores all integers."""
    x, layer = k.Input((5,), dtype="int32"), k.layers.ReversibleEmbedding(7, 4, **options)
    return k.Model(x, layer(k.layers.Dense(4)(layer(x)), reverse=True))


LAYERS = {
    "einsum": (lambda k: k.layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de", activation="tanh"), (5, 4)),
    "einsum with an ellipsis": (lambda k: k.layers.EinsumDense("...x,xy->...y", 3), (5, 4)),
    "identity": (lambda k: k.layers.Identity(), (5, 4)),
    "activity": (lambda k: k.layers.ActivityRegularization(0.1, 0.2), (5, 4)),
    "groups": (lambda k: k.layers.GroupNormalization(2, gamma_regularizer="l2"), (6, 5, 4)),
    "groups channels first": (lambda k: k.layers.GroupNormalization(3, axis=1, epsilon=0.01, scale=False), (6, 5, 4)),
    "a group for each channel": (lambda k: k.layers.GroupNormalization(-1), (6, 5, 4)),
    "unit": (lambda k: k.layers.UnitNormalization(), (5, 4)),
    "unit over two axes": (lambda k: k.layers.UnitNormalization(axis=[1, 2]), (5, 4)),
    "there and back": (lambda k: there_and_back(k, mask_zero=True), (5,)),
    "back by a kernel of its own": (lambda k: there_and_back(k, tie_weights=False, logit_soft_cap=3.0), (5,)),
}
KERAS_3_ONLY = ("there and back", "back by a kernel of its own")
FILES = (".keras", ".h5", ".weights.h5")


def model_of(k, name, seed):
    """A model of a layer, with weights like no other seed's."""
    make, shape = LAYERS[name]
    made = make(k)
    model = made if isinstance(made, k.Model) else k.Sequential([k.Input(shape), made])
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.5, 1.5, w.shape).astype("float32") for w in model.get_weights()])
    return model


def data(name):
    rng, shape = np.random.default_rng(0), (2, *LAYERS[name][1])
    return rng.integers(0, 7, shape) if "back" in name else rng.normal(size=shape).astype("float32")


def passes(writer, reader, name, suffix, folder):
    """Write a model with one library and read it with the other."""
    written, file, x = model_of(writer, name, 1), folder / f"m{suffix}", data(name)
    if suffix == ".weights.h5":
        written.save_weights(file)
        read = model_of(reader, name, 2)
        read.load_weights(file)
    else:
        written.save(file)
        read = reader.models.load_model(file)
    np.testing.assert_allclose(np.asarray(read(x)), np.asarray(written(x)), rtol=1e-5, atol=1e-6)
    assert [w.shape for w in read.get_weights()] == [w.shape for w in written.get_weights()]


@pytest.mark.filterwarnings("ignore:.*HDF5 file")
@pytest.mark.parametrize("suffix", FILES)
@pytest.mark.parametrize("name", LAYERS)
def test_keras_3_and_jkeras_read_each_others_files(name, suffix, tmp_path):
    passes(keras, jkeras, name, suffix, tmp_path)
    passes(jkeras, keras, name, suffix, tmp_path)


@pytest.mark.filterwarnings("ignore:.*HDF5 file")
@pytest.mark.parametrize("name", [name for name in LAYERS if name not in KERAS_3_ONLY])
def test_keras_2_and_jkeras_read_each_others_files(name, tmp_path):
    tf_keras = library("tf_keras")
    for suffix in (".keras", ".h5"):
        passes(tf_keras, jkeras, name, suffix, tmp_path)
    passes(jkeras, tf_keras, name, ".h5", tmp_path)
