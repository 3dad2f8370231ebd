"""Makes `keras3_feature_space.keras` and what it computes, with Keras and TensorFlow: `python make_feature_space.py`."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    os.environ["KERAS_BACKEND"] = "jax"
    sys.path.insert(0, str(HERE.parent.parent))

    import keras
    import numpy as np
    from feature_table import TABLE, made_by

    space = made_by(keras)
    space.adapt(TABLE)
    space.save(HERE / "keras3_feature_space.keras")
    np.save(HERE / "keras3_feature_space.npy", np.asarray(space(TABLE)))


if __name__ == "__main__":
    main()
