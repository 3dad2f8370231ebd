"""Makes `keras3_feature_space.keras` and what it computes, with Keras and TensorFlow: `python make_feature_space.py`."""

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

from feature_table import TABLE, made_by  # noqa: E402 (the folder above must be known first)

space = made_by(keras)
space.adapt(TABLE)
space.save(HERE / "keras3_feature_space.keras")
np.save(HERE / "keras3_feature_space.npy", np.asarray(space(TABLE)))
