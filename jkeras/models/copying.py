"""What a pickle or a copy of a model holds: its layers, its graph and how it trains. What is compiled is compiled anew.

Everything lies in attributes, so Python's own way of copying objects does, but for three things. Compiled programs belong to this
process. The steps of a graph hold functions and ids, and are made again from its symbolic tensors. And a graph is a long chain:
it is given node by node, so that nothing has to go down it at one stroke.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jkeras.graph import Program

_DERIVED = frozenset(
    {
        "_program",
        "_run",
        "_fingerprint",
        "_objective",
        "_loss_means",
        "_loop_programs",
        "_pads_rows",
        "_forward_passes",
        "_batches",
        "_others",
    }
)


class Copying:
    """Pickles and copies of models."""

    _structure: Any
    _reset_training_functions: Callable[[], None]

    def __getstate__(self) -> dict[str, Any]:
        """All attributes but what is derived from them; the nodes of a graph first, in running order."""
        state: Any = super().__getstate__()
        nodes = list(self._program.nodes) if "_structure" in self.__dict__ else []
        return {"nodes": nodes, **{name: value for name, value in state.items() if name not in _DERIVED}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({name: value for name, value in state.items() if name != "nodes"})  # type: ignore[misc]
        self.__dict__.update(_run=None, _fingerprint=None)
        self._reset_training_functions()

    def _sorted_graph(self) -> Program:
        return Program(*self._structure)

    @property
    def _program(self) -> Program:
        """The steps of the graph. A copy makes them when they are first needed: before, parts of a ring may be missing."""
        found: Program | None = self.__dict__.get("_program")
        if found is None:
            found = self.__dict__["_program"] = self._sorted_graph()
        return found

    @_program.setter
    def _program(self, program: Program) -> None:
        self.__dict__["_program"] = program
