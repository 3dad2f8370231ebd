"""`jkeras.tree` does what `keras.tree` does."""

import collections

import keras
import pytest

from jkeras import Variable, tree

Point = collections.namedtuple("Point", ["x", "y"])
Other = collections.namedtuple("Point", ["x", "y"])


class Own(dict):
    """A leaf."""


STRUCTURES = {
    "leaf": 3,
    "none": None,
    "string": "abc",
    "empty": [],
    "list": [1, [2, 3], [[4]]],
    "single": [5],
    "single structure": [[1, 2]],
    "tuple": (1, (2,), None),
    "dict": {"b": 1, "a": {"d": 2, "c": 3}},
    "ordered": collections.OrderedDict([("b", 1), ("a", [2, None])]),
    "default": collections.defaultdict(list, {"b": [1], "a": 2}),
    "named": Point(1, Point([2], 3)),
    "deque": collections.deque([1, (2, 3)], maxlen=5),
    "numbers": {3: "c", 1: "a", 2: ["b"]},
    "own class": [Own(a=1), {1, 2}],
    "mixed keys": {"a": 1, 2: 3},
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_structure_is_taken_apart_and_put_together_as_in_keras(name):
    structure = STRUCTURES[name]
    assert tree.is_nested(structure) == keras.tree.is_nested(structure)
    assert tree.flatten(structure) == keras.tree.flatten(structure)
    assert tree.flatten_with_path(structure) == [(tuple(p), v) for p, v in keras.tree.flatten_with_path(structure)]
    numbers = list(range(len(tree.flatten(structure))))
    for found, expected in (
        (tree.pack_sequence_as(structure, numbers), keras.tree.pack_sequence_as(structure, numbers)),
        (tree.map_structure(str, structure), keras.tree.map_structure(str, structure)),
        (tree.map_structure(str, structure, none_is_leaf=False), keras.tree.map_structure(str, structure, none_is_leaf=False)),
        (tree.map_structure(lambda a, b: (a, b), structure, structure),
         keras.tree.map_structure(lambda a, b: (a, b), structure, structure)),
        (tree.lists_to_tuples(structure), keras.tree.lists_to_tuples(structure)),
    ):  # fmt: skip
        assert found == expected and type(found) is type(expected)
        if isinstance(found, dict):
            assert list(found) == list(expected)


@pytest.mark.parametrize("top_down", [True, False])
@pytest.mark.parametrize("name", STRUCTURES)
def test_traverse_visits_and_replaces_as_in_keras(name, top_down):
    for module in (tree, keras.tree):
        seen = []
        module.traverse(seen.append, STRUCTURES[name], top_down=top_down)
        replaced = module.traverse(
            lambda part, none=module.MAP_TO_NONE: none if part == 2 else part * 2 if isinstance(part, (int, list)) else None,
            STRUCTURES[name],
            top_down=top_down,
        )
        if module is tree:
            ours = seen, replaced
    assert ours == (seen, replaced)


PAIRS = [
    ([1, 2], [3, 4]),
    ([1, 2], (1, 2)),
    ([1, 2], [1]),
    ([1], 1),
    (1, [1]),
    ({"a": 1}, {"b": 1}),
    ({"a": 1, "b": 2}, collections.OrderedDict([("b", 1), ("a", 2)])),
    (Point(1, 2), Point(3, 4)),
    (Point(1, 2), Other(3, 4)),
    (Point(1, 2), (3, 4)),
    ([1, [2, 3]], [1, 2]),
    ([1, 2], [1, [2, 3]]),
    (None, []),
]


def outcome(call, module):
    try:
        return call(module)
    except ValueError:
        return ValueError


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_structures_go_together_where_they_do_in_keras(pair):
    calls = [
        lambda m: m.assert_same_structure(*pair),
        lambda m: m.assert_same_paths(*pair),
        lambda m: m.map_structure(lambda *leaves: leaves, *pair),
    ]
    if pair[0] is not None:  # Keras refuses None there, although its documentation has such an example
        calls.append(lambda m: m.map_structure_up_to(pair[0], str, pair[1]))
    for call in calls:
        assert outcome(call, tree) == outcome(call, keras.tree)


def test_errors():
    with pytest.raises(ValueError, match=r"at \['a'\]\[1\] there is"):
        tree.assert_same_structure({"a": [1, 2]}, {"a": [1, (2,)]})
    with pytest.raises(ValueError, match=r"has 2 leaves\. Received 3"):
        tree.pack_sequence_as([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="at least one"):
        tree.map_structure(str)
    with pytest.raises(TypeError, match="callable"):
        tree.map_structure(3, [1])
    with pytest.warns(DeprecationWarning):
        tree.assert_same_structure([1], [2], check_types=True)


def test_variables_are_leaves_and_shapes_may_be():
    variable = Variable(1.0, name="v")
    assert tree.flatten({"b": [variable], "a": None})[1] is variable
    shapes = {"a": (None, 3), "b": [(1, 2), [4, 5]]}
    assert tree.map_shape_structure(tuple, shapes) == keras.tree.map_shape_structure(tuple, shapes)
