"""A small table, and a `FeatureSpace` with each kind of feature, for tests and for the golden file of Keras."""

import numpy as np

TABLE = {
    "plain": [0.0, 0.1, 0.2, 0.3],
    "normal": [1.0, 2.0, 3.0, 4.0],
    "scaled": [1.0, 2.0, 3.0, 9.0],
    "bin": [1.0, 2.0, 3.0, 9.0],
    "word": ["zero", "one", "two", "three"],
    "number": [0, 1, 2, 3],
    "hashed": [5, 6, 7, 8],
    "letter": ["a", "b", "c", "d"],
    "own": [1.0, 0.0, -1.0, 2.0],
}


def made_by(library, output_mode="concat"):
    """A `FeatureSpace` of jkeras or Keras."""
    kind = library.utils.FeatureSpace
    features = {
        "plain": "float",
        "normal": "float_normalized",
        "scaled": kind.float_rescaled(scale=0.5, offset=1.0),
        "bin": kind.float_discretized(num_bins=3),
        "word": "string_categorical",
        "number": "integer_categorical",
        "hashed": "integer_hashed",
        "letter": kind.string_hashed(num_bins=5),
        "own": kind.feature("float32", library.layers.Rescaling(2.0), "float"),
    }
    crosses = [("word", "number"), kind.cross(("word", "hashed"), crossing_dim=7)]
    return kind(features, output_mode, crosses, crossing_dim=6, hashing_dim=4, name="space")


def columns(rows=slice(None)):
    """Some rows of the table as arrays."""
    return {name: np.asarray(column)[rows] for name, column in TABLE.items()}
