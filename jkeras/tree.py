"""Nested structures as Keras 3 sees them: `jkeras.tree.map_structure`, `flatten`, `pack_sequence_as` and their kin.

Lists, tuples, named tuples, deques and dicts are structures; everything else is a leaf, None and variables included, and so are
objects of other classes that extend these. The entries of a dict come in the order of its keys, those of an `OrderedDict` as
they stand. `jax.tree` is what transformations use: there None is an empty structure.
"""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from jkeras._base.errors import describe

_DIFFERENT = "The two structures don't have the same nested structure: at {place} there is {first}, and {second}."


class MAP_TO_NONE:
    """What a function gives `traverse` for None in place of a part: None itself leaves the part as it is."""


class _Opened(NamedTuple):
    """A structure taken apart.

    Attributes:
        kind: equal for structures that go together.
        keys: of the entries, in their order.
        entries: what it holds.
        closed: makes the same kind of structure of other entries.
    """

    kind: object
    keys: list[Any]
    entries: list[Any]
    closed: Callable[[list[Any]], Any]


def _opened(structure: Any) -> _Opened | None:
    """A structure taken apart; None for a leaf."""
    kind = type(structure)
    if kind in (dict, OrderedDict, defaultdict):
        keys = list(structure) if kind is OrderedDict else _sorted(structure)
        return _Opened(dict, keys, [structure[key] for key in keys], functools.partial(_like_dict, structure, keys))
    if kind in (list, tuple, deque):
        close: Callable[[list[Any]], Any] = functools.partial(deque, maxlen=structure.maxlen) if kind is deque else kind
        return _Opened(kind, list(range(len(structure))), list(structure), close)
    if getattr(kind, "opens_as_list", False):
        return _Opened(list, list(range(len(structure))), list(structure), list)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return _Opened(kind, list(range(len(structure))), list(structure), lambda entries: kind(*entries))
    return None


def _like_dict(structure: Any, keys: list[Any], entries: list[Any]) -> Any:
    """A dict like another one, whose keys were put in as there."""
    found = dict(zip(keys, entries))
    new = {key: found[key] for key in structure}
    return defaultdict(structure.default_factory, new) if isinstance(structure, defaultdict) else type(structure)(new)


def _sorted(keys: Iterable[Any]) -> list[Any]:
    """Keys in their order; those of different types by the names of these."""
    try:
        return sorted(keys)
    except TypeError:
        return sorted(keys, key=lambda key: (f"{type(key).__module__}.{type(key).__qualname__}", key))


def is_nested(structure: Any) -> bool:
    """Whether a value is a structure, which an empty list is too.

    Example:
        >>> is_nested([]), is_nested({"a": 1}), is_nested("abc"), is_nested(None)
        (True, True, False, False)
    """
    return _opened(structure) is not None


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """The leaves with their paths, tuples of keys and indices.

    Example:
        >>> flatten_with_path({"b": [1, 2], "a": None})
        [(('a',), None), (('b', 0), 1), (('b', 1), 2)]
    """
    opened = _opened(structure)
    if opened is None:
        return [((), structure)]
    pairs = zip(opened.keys, opened.entries)
    return [((key, *path), leaf) for key, entry in pairs for path, leaf in flatten_with_path(entry)]


def flatten(structure: Any) -> list[Any]:
    """The leaves.

    Example:
        >>> flatten({"b": [1, (2, None)], "a": 0})
        [0, 1, 2, None]
    """
    return [leaf for _, leaf in flatten_with_path(structure)]


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """The structure with `func(leaf, ...)` in place of each leaf.

    Args:
        func: takes a leaf of each structure.
        structures: one or more of the same form; the result has that of the first.
        none_is_leaf: False keeps None as it is.

    Raises:
        TypeError: `func` cannot be called.
        ValueError: no structure, or structures of different forms.

    Example:
        >>> map_structure(lambda a, b: a + b, {"x": [1, 2]}, {"x": [10, 20]})
        {'x': [11, 22]}
    """
    first, *others = _structures(func, structures)
    return _mapped(func, first, (first, *others), (), none_is_leaf, whole=True)


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """`map_structure` down to the leaves of a structure; what lies below them in the others goes to `func` as it is.

    Args:
        shallow_structure: says how deep to go; the result has its form.
        func: takes a part of each structure.
        structures: one or more, as deep or deeper.

    Raises:
        TypeError: `func` cannot be called.
        ValueError: no structure, or one of another form.

    Example:
        >>> map_structure_up_to([None, None], len, [[1, 2], [3]])
        [2, 1]
    """
    return _mapped(func, shallow_structure, tuple(_structures(func, structures)), (), none_is_leaf=True, whole=False)


def _structures(func: object, structures: tuple[Any, ...]) -> tuple[Any, ...]:
    if not callable(func):
        raise TypeError(f"`func` must be callable. Received: {describe(func)}.")
    if not structures:
        raise ValueError("Must provide at least one structure.")
    return structures


def _mapped(
    func: Callable[..., Any], form: Any, parts: tuple[Any, ...], path: tuple[Any, ...], none_is_leaf: bool, whole: bool
) -> Any:
    """The form with results in place of its leaves.

    Args:
        func: of a part of each structure.
        form: what is left of the structure that says where to stop.
        parts: what is left of the others.
        path: to here.
        none_is_leaf: whether `func` gets None.
        whole: whether the others end where the form does.
    """
    opened = _opened(form)
    if opened is None:
        deeper = [part for part in parts if whole and is_nested(part)]
        if deeper:
            raise _different(path, form, deeper[0])
        return form if form is None and not none_is_leaf else func(*parts)
    rows = zip(*(_entries_like(opened, form, part, path) for part in parts))
    return opened.closed(
        [
            _mapped(func, entry, row, (*path, key), none_is_leaf, whole)
            for key, entry, row in zip(opened.keys, opened.entries, rows)
        ]
    )


def _entries_like(opened: _Opened, form: Any, part: Any, path: tuple[Any, ...]) -> list[Any]:
    """The entries of a structure in the order of another one."""
    other = _opened(part)
    if other is None or other.kind is not opened.kind or len(other.keys) != len(opened.keys) or {*other.keys} != {*opened.keys}:
        raise _different(path, form, part)
    by_key = dict(zip(other.keys, other.entries))
    return [by_key[key] for key in opened.keys]


def _different(path: tuple[Any, ...], first: Any, second: Any) -> ValueError:
    place = "".join(f"[{key!r}]" for key in path) or "the top"
    return ValueError(_DIFFERENT.format(place=place, first=describe(first), second=describe(second)))


def assert_same_structure(a: Any, b: Any, check_types: bool | None = None) -> None:
    """Raise unless two structures have the same form: the same classes, lengths and keys. All kinds of dicts count as one.

    Args:
        a, b: the structures.
        check_types: Keras' argument, which has no effect there either.

    Raises:
        ValueError: they differ.
    """
    if check_types is not None:
        warnings.warn("check_types has no effect, here as in Keras. Leave it out.", DeprecationWarning, stacklevel=2)
    map_structure(lambda *_: None, a, b)


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise unless the leaves of two structures have the same paths, whatever the classes in between.

    Raises:
        ValueError: they differ.
    """
    mine, others = ({path for path, _ in flatten_with_path(structure)} for structure in (a, b))
    if mine != others:
        raise ValueError(
            "`a` and `b` don't have the same paths: "
            f"{sorted(map(str, mine - others))} are only in `a`, {sorted(map(str, others - mine))} only in `b`."
        )


def pack_sequence_as(structure: Any, flat_sequence: Sequence[Any]) -> Any:
    """A structure of this form with other leaves: the inverse of `flatten`.

    Args:
        structure: a structure, or a leaf.
        flat_sequence: its new leaves.

    Raises:
        TypeError: `flat_sequence` cannot be iterated over.
        ValueError: it has another number of entries.

    Example:
        >>> pack_sequence_as({"b": [0, 0], "a": 0}, [1, 2, 3])
        {'b': [2, 3], 'a': 1}
    """
    leaves = list(flat_sequence)
    count = len(flatten(structure))
    if len(leaves) != count:
        raise ValueError(f"The structure has {count} leaves. Received {len(leaves)} in `flat_sequence`.")
    remaining = iter(leaves)
    return map_structure(lambda _: next(remaining), structure)


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """The structure with `func(part)` in place of each part for which that is not None, structures among the parts.

    Args:
        func: of a part; `MAP_TO_NONE` puts None in its place.
        structure: the structure.
        top_down: whether a structure comes before its entries, which are then left out where it is replaced; else after them.

    Example:
        >>> traverse(lambda part: tuple(part) if isinstance(part, list) else None, {"a": [1, [2]]}, top_down=False)
        {'a': (1, (2,))}
    """
    if not callable(func):
        raise TypeError(f"`func` must be callable. Received: {describe(func)}.")

    def below() -> Any:
        opened = _opened(structure)
        return structure if opened is None else opened.closed([traverse(func, entry, top_down) for entry in opened.entries])

    part = structure if top_down else below()
    found = func(part)
    if found is None:
        return below() if top_down else part
    return None if found is MAP_TO_NONE else found


def lists_to_tuples(structure: Any) -> Any:
    """The structure with tuples in place of lists.

    Example:
        >>> lists_to_tuples({"a": [1, [2]]})
        {'a': (1, (2,))}
    """
    return traverse(lambda part: tuple(part) if isinstance(part, list) else None, structure, top_down=False)


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """`map_structure` that takes shapes, lists and tuples of integers and None, for leaves.

    Example:
        >>> map_shape_structure(len, {"a": (None, 3), "b": [(1,), (2, 3, 4)]})
        {'a': 2, 'b': [1, 3]}
    """
    if isinstance(structure, (list, tuple)) and all(isinstance(size, (int, type(None))) for size in structure):
        return func(structure)
    opened = _opened(structure)
    return func(structure) if opened is None else opened.closed([map_shape_structure(func, entry) for entry in opened.entries])
