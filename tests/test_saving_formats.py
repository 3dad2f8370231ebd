"""A new file format takes one class and one entry in the list: here a toy format, text without config or compression."""

import json

import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras._base.errors import FileFormatError
from jkeras._safe_io.sources import open_source
from jkeras.saving.formats import Format, known
from jkeras.saving.serialization import model_from_json, to_json


class Toy(Format):
    """A line with the architecture, a line with the weights."""

    title = "a toy"
    suffixes = (".toy",)
    names = ("toy",)
    whole = True

    def sniff(self, source):
        return source.start.startswith(b"toy\n")

    def write(self, target, model, options):
        weights = [array.tolist() for array in model.get_weights()]
        target.write_text(f"toy\n{to_json(model)}\n{json.dumps(weights)}")

    def read(self, source, options):
        _, config, weights = source.path.read_text().split("\n")
        model = model_from_json(config, options.custom_objects)
        model.set_weights([np.asarray(array) for array in json.loads(weights)])
        return model


@pytest.fixture
def model():
    return jkeras.Sequential([layers.Input((4,)), layers.Dense(3), layers.Dense(2)])


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr(known, "FORMATS", [*known.FORMATS, Toy()])


@pytest.mark.parametrize(("name", "options"), [("m.toy", {}), ("m.h5", {"save_format": "toy"})])
def test_a_new_format_is_one_class(toy, model, tmp_path, name, options):
    model.save(tmp_path / name, **options)
    loaded, other = jkeras.models.load_model(tmp_path / name), jkeras.models.clone_model(model)
    other.load_weights(tmp_path / name)
    for found in (loaded, other):
        for a, b in zip(model.get_weights(), found.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)


def test_a_new_format_is_named_in_errors(toy, model, tmp_path):
    with pytest.raises(ValueError, match=r'model\.save\("model\.toy"\) +# a toy'):
        model.save(tmp_path / "m")
    (tmp_path / "m").write_bytes(b"something else")
    with pytest.raises(FileFormatError, match=r"jkeras reads \.keras, .*\.toy"):
        jkeras.models.load_model(tmp_path / "m")


def test_without_the_format_its_files_are_refused(model, tmp_path):
    (tmp_path / "m.toy").write_bytes(b"toy\n{}\n[]")
    with pytest.raises(FileFormatError, match="no known format"):
        jkeras.models.load_model(tmp_path / "m.toy")


def test_every_format_recognizes_its_own_files_alone(model, tmp_path):
    for form in known.FORMATS:
        path = tmp_path / f"x{form.suffixes[0]}"
        (model.save if form.whole else model.save_weights)(path)
        with open_source(path, "load") as source:
            assert [type(other) for other in known.FORMATS if other.sniff(source)] == [type(form)]


def test_safetensors_are_a_format_of_weights(model, tmp_path):
    pytest.importorskip("safetensors")
    model.save_weights(tmp_path / "m.safetensors")
    other = jkeras.models.clone_model(model)
    other.load_weights(tmp_path / "m.safetensors")
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(FileFormatError, match="holds weights, but no architecture"):
        jkeras.models.load_model(tmp_path / "m.safetensors")
