"""A layer in a model and in models inside it stays shared in whole files, both to and from Keras."""

import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
from saving_io import library
from saving_models import fill, shared_across, shared_widely

import jkeras
from jkeras._base.errors import FileFormatError

X = np.random.default_rng(7).normal(size=(6, 4)).astype("float32")
every_model = pytest.mark.parametrize("make", [shared_across, shared_widely])


def made(k, make):
    model = make(k)
    fill(model, seed=1)
    return model


def assert_same(one, other):
    """Equal outputs, and as many numbers: nothing that was shared has become two."""
    outputs = [[np.asarray(y) for y in (ys if isinstance(ys, (list, tuple)) else [ys])] for ys in (one(X), other(X))]
    for a, b in zip(*outputs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    assert one.count_params() == other.count_params()


@every_model
def test_keras_opens_ours(make, tmp_path):
    ours = made(jkeras, make)
    ours.save(tmp_path / "m.keras")
    assert_same(ours, keras.models.load_model(tmp_path / "m.keras"))


@every_model
def test_it_goes_through_our_own_files_twice(make, tmp_path):
    first = made(jkeras, make)
    first.save(tmp_path / "a.keras")
    second = jkeras.models.load_model(tmp_path / "a.keras")
    second.save(tmp_path / "b.keras")
    assert_same(first, jkeras.models.load_model(tmp_path / "b.keras"))
    assert_same(second, keras.models.load_model(tmp_path / "b.keras"))


@pytest.mark.parametrize("name", ["keras", "tf_keras"])
def test_their_own_files_which_they_refuse_open_here(name, tmp_path):
    """Not those of `shared_widely`: Keras writes no number for what a stack shares, and so the file does not say it."""
    theirs = made(library(name), shared_across)
    theirs.save(tmp_path / "m.keras")
    with pytest.raises((ValueError, KeyError)):
        library(name).models.load_model(tmp_path / "m.keras")
    assert_same(theirs, jkeras.models.load_model(tmp_path / "m.keras"))


@every_model
def test_in_json_keras_takes_the_layers_for_several(make):
    """Keras reads no sharing in JSON, so there the calls are numbered as it numbers them itself."""
    ours = make(jkeras)
    assert jkeras.models.model_from_json(ours.to_json()).count_params() == ours.count_params()
    assert keras.models.model_from_json(ours.to_json()).count_params() > ours.count_params()


def test_what_tf_keras_loses_in_h5_is_explained_and_the_weights_are_there(tmp_path):
    theirs = made(library("tf_keras"), shared_across)
    theirs.save(tmp_path / "m.h5")
    with pytest.raises(FileFormatError, match=r"one inside it:\nwhat the layer was called with is lost.*load_weights"):
        jkeras.models.load_model(tmp_path / "m.h5")
    ours = shared_across(jkeras)
    ours.load_weights(tmp_path / "m.h5")
    assert_same(theirs, ours)


def test_numbers_that_lead_nowhere_stay_errors():
    """Only a layer that a model inside has called may be counted from another number than 0."""
    x = jkeras.Input((4,))
    dense = jkeras.layers.Dense(4, name="dense")
    config = json.loads(jkeras.Model(x, jkeras.layers.Dense(2, name="out")(dense(x))).to_json())
    out = next(layer for layer in config["config"]["layers"] if layer["name"] == "out")
    out["inbound_nodes"][0]["args"][0]["config"]["keras_history"][1] = 1
    with pytest.raises(FileFormatError, match="takes tensors that nothing makes: out"):
        jkeras.models.model_from_json(json.dumps(config))
