"""Files that Keras 3 and tf_keras wrote (`golden/make_keras_files.py`) give the same predictions, and training continues.

They include tf_keras files that Keras 3 does not open: GRU, LSTM, MultiHeadAttention, functional `.keras`.
"""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from saving_io import read2
from saving_models import build, losses

import jkeras
from jkeras._safe_io.hdf5 import open_hdf5
from jkeras.saving import layout_keras3

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(path.name for path in GOLDEN.iterdir() if path.suffix in (".h5", ".keras"))
EXPECTED = np.load(GOLDEN / "expected.npz")
OPTIMIZERS = {
    "keras3_dense": lambda: jkeras.optimizers.Adam(0.01),
    "keras2_dense": lambda: jkeras.optimizers.Adam(0.01),
    "keras2_legacy_dense": lambda: jkeras.optimizers.Adam(0.01),
    "keras3_nested": lambda: jkeras.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "keras2_nested": lambda: jkeras.optimizers.SGD(0.01, momentum=0.9),
}


def expected(file, kind):
    """Arrays `x0`, `x1`, ... or `y0`, ... of a file."""
    names = sorted(name for name in EXPECTED.files if name.startswith(f"{file}/{kind}"))
    return [EXPECTED[name] for name in names]


def assert_as_written(model, file):
    x = expected(file, "x")
    found = model.predict(x if len(x) > 1 else x[0], verbose=0)
    for y, wanted in zip(found if isinstance(found, (list, tuple)) else [found], expected(file, "y"), strict=True):
        np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)


def assert_goes_on(model, file):
    """Training gives the losses that the library had."""
    rows = 4
    x = expected(file, "x")
    rng = np.random.default_rng(7)  # in `data`, targets come after inputs
    for part in x:
        rng.normal(size=part.shape)
    y = [rng.normal(size=(rows, part.shape[-1])).astype("float32") for part in expected(file, "y")]
    found = losses(model, x if len(x) > 1 else x[0], y if len(y) > 1 else y[0], epochs=3)
    np.testing.assert_allclose(found, EXPECTED[f"{file}/losses"], rtol=1e-5)


@pytest.mark.few(8)
@pytest.mark.parametrize("file", FILES)
def test_weights_of_golden_files(file):
    stem = file.partition(".")[0]
    model = build(jkeras, stem.rpartition("_")[2], seed=5)
    if stem in OPTIMIZERS:
        model.compile(OPTIMIZERS[stem](), "mse")
    if file.endswith((".keras", ".weights.h5")):
        path = GOLDEN / file
        content = zipfile.ZipFile(path).read("model.weights.h5") if file.endswith(".keras") else path.read_bytes()
        with open_hdf5(io.BytesIO(content), file) as root:
            layout_keras3.read(root, model, where=file)
    else:
        read2(GOLDEN / file, model)
    assert_as_written(model, file)
    if stem in OPTIMIZERS:
        assert_goes_on(model, file)


@pytest.mark.parametrize("file", [file for file in FILES if not file.endswith(".weights.h5")])
def test_whole_models_of_golden_files(file):
    model = jkeras.models.load_model(GOLDEN / file)
    assert_as_written(model, file)
    if file.partition(".")[0] in OPTIMIZERS:
        assert_goes_on(model, file)


def test_the_files_stay_small():
    assert sum(path.stat().st_size for path in GOLDEN.iterdir() if path.is_file()) < 1 << 20
