"""Which target, weight, loss and metric belongs to which output.

What there is one of per output may come in the structure of the outputs, as a list in their order, or as a dict by their names:

    outputs                         {"a": t, "b": [u, v]}
    in their structure              {"a": "mse", "b": ["mae", "mse"]}
    in the order of their leaves    ["mse", "mae", "mse"]
    by the names of their layers    {"t": "mse", "u": "mae", "v": "mse"}

A loss may also compare a structure of outputs as a whole. It stands where that structure is; and a list where a tuple or a dict
of outputs is, or the other way round, holds several losses for it:

    outputs                         {"a": t, "b": (u, v)}
    one for the pair                {"b": of_pair}
    for the pair and for `u`        {"b": [of_pair, ("mae", None)]}
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple, TypeAlias

import jax

from jkeras._base.errors import describe, unknown_name
from jkeras._base.types import Tree

Path: TypeAlias = tuple[Hashable, ...]


class Entry(NamedTuple):
    """What belongs to an output, or to several.

    Attributes:
        name: of the output or the structure; in logs the prefix of its loss.
        numbers: the number of the output, or the structure with the number of each.
        given: what belongs there.
    """

    name: str
    numbers: Tree
    given: Any


@dataclasses.dataclass(frozen=True)
class Outputs:
    """The outputs of a model, numbered in the order of `jax.tree.leaves(y_pred)`.

    Attributes:
        names: of the outputs; in logs the prefixes of their metrics.
        loss_names: prefixes of their losses in logs; in a nest they say where the output is, as in `b/u`. Where one ends in `/`
            or is empty, the name of the loss itself follows.
        numbers: the structure of the outputs, with each one's number in its place.
        owner: who has them, for errors.
    """

    names: list[str]
    loss_names: list[str]
    numbers: Tree
    owner: str = "The model has"

    def __len__(self) -> int:
        return len(self.names)

    def spread(self, what: str, value: object) -> dict[int, Any]:
        """What belongs to each output.

        Args:
            what: how to call it in errors, such as `loss`.
            value: in one of the forms above; for a single output also the thing itself.

        Returns:
            The entries by number of the output, in the order in which `value` has them. Outputs that a dict leaves out are not
            among them.

        Raises:
            ValueError: another structure or number of entries than outputs, or a name that no output has.
        """
        nested = isinstance(self.numbers, (dict, list, tuple))
        found = _in_structure(value, self.numbers) if nested else None
        if found is not None:
            return found
        if isinstance(value, Mapping):
            known = [*self.numbers, *self.names] if isinstance(self.numbers, dict) else self.names
            for key in value:
                if key not in known:
                    raise unknown_name(f"output in {what}:", key, dict.fromkeys(known))
            if set(value) <= set(self.names):
                return {i: value[name] for i, name in enumerate(self.names) if name in value}
        elif len(self) == 1:
            return {0: value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value}
        elif isinstance(value, (list, tuple)) and len(value) == len(self):
            return dict(enumerate(value))
        raise self.misfit(what, value)

    def misfit(self, what: str, value: object) -> ValueError:
        """The error of a value that has another structure or number of entries than the outputs."""
        return ValueError(
            f"{self.owner} {len(self)} outputs ({', '.join(self.names)}), but {what} has {_count(value)}: {describe(value)}. "
            f"Give a list of {len(self)}, a dict by output name, or the structure of the outputs."
        )

    def entries(self, what: str, value: object) -> list[Entry]:
        """`spread`, where an entry may also belong to a structure of several outputs."""
        nested = isinstance(self.numbers, (dict, list, tuple))
        found = _entries(value, self.numbers, ()) if nested and isinstance(value, (dict, list, tuple)) else None
        if found is None:
            found = [((), number, entry) for number, entry in self.spread(what, value).items()]
        return [Entry(self._loss_name(path, numbers), numbers, entry) for path, numbers, entry in found]

    def _loss_name(self, path: Path, numbers: Tree) -> str:
        if isinstance(numbers, int):
            return self.loss_names[numbers]
        return "/".join(map(str, path)) or "_".join(self.names)

    def per_output(self, what: str, value: object) -> list[Any]:
        """`spread` as a list with an entry for each output, None for those left out."""
        found = self.spread(what, value)
        return [found.get(number) for number in range(len(self))]

    def foreign_keys(self, value: object) -> list[object]:
        """Keys of a dict that stand for no output."""
        known = {*self.names, *(self.numbers if isinstance(self.numbers, dict) else ())}
        return [key for key in value if key not in known] if isinstance(value, Mapping) else []


def outputs_of(model: object, y_pred: Tree, numbered: bool = True) -> Outputs:
    """The outputs of a model: by their keys, by the model's own names, or as `output_1`, ...

    Args:
        model: whose `output_names` are taken if it has as many.
        y_pred: its outputs, or specs of them.
        numbered: whether the losses of outputs without a name are called by the outputs' numbers; by their own names where the
            outputs are what a `compute_loss` of the user's hands on.
    """
    places = [tuple(_key(k) for k in path) for path, _ in jax.tree_util.tree_leaves_with_path(y_pred)]
    if isinstance(y_pred, dict) and all(len(place) == 1 for place in places):
        names = [str(place[0]) for place in places]
    else:
        names = list(getattr(model, "output_names", None) or ())
    known = names if len(names) == len(places) else [f"output_{i + 1}" if numbered else "" for i in range(len(places))]
    names = [name or f"output_{i + 1}" for i, name in enumerate(known)]
    loss_names = []
    for name, place in zip(known, places):
        parts = [*place[:-1], name] if not place or isinstance(place[-1], int) else place
        loss_names.append("/".join(map(str, parts)))
    numbers = jax.tree.unflatten(jax.tree.structure(y_pred), range(len(places)))
    return Outputs(names, loss_names, numbers, "The model has" if numbered else "compute_loss hands on")


def _in_structure(value: Any, numbers: Tree) -> dict[int, Any] | None:
    """Entries by number where a value has the structure of the numbers, or, among dicts, a part of it; None where it has not."""
    if isinstance(numbers, dict):
        fits = isinstance(value, Mapping) and set(value) <= set(numbers)
        pairs = [(value[key], numbers[key]) for key in value] if fits else []
    elif isinstance(numbers, (list, tuple)):
        fits = isinstance(value, (list, tuple)) and len(value) == len(numbers)
        pairs = list(zip(value, numbers)) if fits else []
    else:
        return {numbers: value}
    parts = [{} if part is None else _in_structure(part, below) for part, below in pairs]
    if not fits or None in parts:
        return None
    return {number: entry for part in parts if part for number, entry in part.items()}


def _entries(value: Any, numbers: Tree, path: Path) -> list[tuple[Path, Tree, Any]] | None:
    """`(path, numbers, entry)` of what stands for an output or a structure of outputs; None where there is no such structure."""
    leaves = jax.tree.leaves(numbers)
    found: list[list[tuple[Path, Tree, Any]] | None]
    if isinstance(numbers, int) or not isinstance(value, (dict, list, tuple)):
        return [(path, numbers, value)]
    if isinstance(value, dict):
        fits = isinstance(numbers, dict) and set(value) <= set(numbers)
        found = [_entries(value[key], numbers[key], (*path, key)) for key in value] if fits else [None]
    elif len(value) == len(leaves) and not any(isinstance(part, (dict, list, tuple)) for part in value):
        found = [[(path, number, part)] for number, part in zip(leaves, value)]
    elif not isinstance(numbers, type(value)):
        found = [_entries(part, numbers, path) for part in value]
    else:
        fits = len(value) == len(numbers)
        found = [_entries(part, numbers[i], (*path, i)) for i, part in enumerate(value)] if fits else [None]
    return None if None in found else [entry for part in found if part for entry in part]


def _key(part: object) -> Hashable:
    """The key or index of an entry of a path of JAX."""
    return next((getattr(part, a) for a in ("key", "idx", "name") if hasattr(part, a)), part)


def _count(value: object) -> int:
    return len(value) if isinstance(value, (dict, list, tuple)) else 1
