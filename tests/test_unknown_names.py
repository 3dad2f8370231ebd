"""Errors about unknown names suggest the one that was meant, list the known ones, or show the nearest of many."""

import doctest
import re

import pytest

from jkeras import activations, constraints, initializers, losses, metrics, optimizers, regularizers
from jkeras._base.errors import nearest

MODULES = [activations, constraints, initializers, losses, metrics, optimizers, regularizers]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.rpartition(".")[2])
@pytest.mark.parametrize("name", ["zzz", "foo", ""])
def test_at_most_ten_names_are_listed_each_in_one_spelling_that_is_taken(module, name):
    with pytest.raises(ValueError, match="nown names: ") as error:
        module.get(name)
    listed = re.findall(r"'(\w+)'", str(error.value).partition("nown names: ")[2].partition(".")[0])
    assert 3 <= len(listed) <= 10
    assert len({n.replace("_", "").lower() for n in listed}) == len(listed)
    assert not {"get", "serialize", "deserialize"} & {*listed}


@pytest.mark.parametrize("module", MODULES[:-2] + MODULES[-1:], ids=lambda m: m.__name__.rpartition(".")[2])
@pytest.mark.parametrize("name", ["get", "serialize", "deserialize"])
def test_examples_of_generated_documentation_run(module, name):
    (test,) = doctest.DocTestFinder(recurse=False).find(getattr(module, name), name, module=False, globs={})
    assert len(test.examples) == 3 and not doctest.DocTestRunner().run(test).failed


@pytest.mark.parametrize(
    ("get", "name", "meant"),
    [
        (losses.get, "mean_square_error", "mean_squared_error"),
        (losses.get, "MeanSquareError", "mean_squared_error"),
        (losses.get, "logcos", "log_cosh"),
        (metrics.get, "topk_categorical_accuracy", "top_k_categorical_accuracy"),
        (optimizers.get, "rmsprob", "rmsprop"),
        (optimizers.get, "admaw", "adamw"),
        (initializers.get, "he_unifrom", "he_uniform"),
    ],
)
def test_the_name_that_was_meant_is_shown_as_keras_writes_it(get, name, meant):
    with pytest.raises(ValueError, match=f"Did you mean '{meant}'"):
        get(name)


def test_names_of_the_users_own_are_all_kept_apart():
    assert nearest("x", ["a1", "a_1", "A1"]) == "Known names: 'A1', 'a1', 'a_1'."
    assert nearest("q", [f"dense_{i}" for i in range(30)] + ["quite"]).startswith("The nearest of 31 known names: 'quite', ")
    assert nearest("q", []) == "No name is known here."
