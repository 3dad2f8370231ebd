"""Weights to and from files in both layouts, for tests that need nothing else from a file."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import pytest

from jkeras._safe_io.hdf5 import create_hdf5, open_hdf5
from jkeras.saving import layout_keras2, layout_keras3


def library(name):
    return keras if name == "keras" else pytest.importorskip("tf_keras")


def write3(path, model):
    with create_hdf5(path) as root:
        layout_keras3.write(root, model)


def read3(path, model, **options):
    with open_hdf5(path, str(path)) as root:
        layout_keras3.read(root, model, where=str(path), **options)


def write2(path, model):
    with create_hdf5(path) as root:
        layout_keras2.write_weights(root.create_group("model_weights"), model)
        layout_keras2.write_optimizer(root, model)


def read2(path, model, **options):
    with open_hdf5(path, str(path)) as root:
        group = root if root.attribute("layer_names") is not None else root.group("model_weights")
        layout_keras2.read_weights(group, model, where=str(path), **options)
        layout_keras2.read_optimizer(root, model, where=str(path))
