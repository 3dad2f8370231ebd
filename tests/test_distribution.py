"""Meshes, layouts and rules where there is one device: beside Keras', and what bad input says."""

import jax
import pytest

from jkeras import distribution

RULES = ["dense/kernel", "dense.*/kernel", ".*bias", "encoder/.*/(query|key)/kernel", "dense"]
PATHS = [
    "dense/kernel",
    "dense_1/kernel",
    "model/dense_1/kernel",
    "dense/bias",
    "encoder/attention/query/kernel",
    "dense",
    "other",
]


def layouts(module, rules):
    """The axes that each path gets, or the type of the error."""
    mesh = module.DeviceMesh((1, 1), ["data", "model"], [f"{jax.default_backend()}:0"])
    table = module.LayoutMap(mesh)
    for number, rule in enumerate(rules):
        table[rule] = ("model", None) if number % 2 else (None, "model")
    found = {}
    for path in PATHS:
        try:
            layout = table[path]
            found[path] = layout and tuple(layout.axes)
        except ValueError:
            found[path] = ValueError
    return found


@pytest.mark.parametrize("rules", [RULES, RULES[1:], RULES[2:], RULES[:1]])
def test_rules_match_what_they_match_in_keras(rules):
    keras = pytest.importorskip("keras")
    assert layouts(distribution, rules) == layouts(keras.distribution, rules)


def test_a_rule_matches_the_whole_path():
    found = layouts(distribution, ["dense.*/kernel"])
    assert found["dense_1/kernel"] == (None, "model") and found["model/dense_1/kernel"] is None


def test_two_rules_for_one_path_are_an_error():
    assert layouts(distribution, RULES[1:])["dense_1/kernel"] == (None, "model")
    assert layouts(distribution, ["dense.*", ".*kernel"])["dense_1/kernel"] is ValueError


@pytest.mark.parametrize(
    "make",
    [
        lambda d: d.DeviceMesh((), ["data"], ["cpu:0"]),
        lambda d: d.DeviceMesh((1, 1), ["data"], ["cpu:0"]),
        lambda d: d.DeviceMesh((2, 1), ["data", "model"], ["cpu:0"]),
        lambda d: d.TensorLayout(("data", "rows"), d.DeviceMesh((1,), ["data"], ["cpu:0"])),
        lambda d: d.LayoutMap(None).__setitem__("a", [1]),
    ],
)
def test_bad_input_is_the_error_that_it_is_in_keras(make):
    keras = pytest.importorskip("keras")
    with pytest.raises(ValueError):
        make(keras.distribution)
    with pytest.raises(ValueError):
        make(distribution)
