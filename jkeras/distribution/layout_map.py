"""`LayoutMap`: rules that say which weights are cut how."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping

from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras.distribution.mesh import DeviceMesh, TensorLayout


@export("keras.distribution.LayoutMap")
class LayoutMap(MutableMapping[str, TensorLayout]):
    """Layouts by path: each key is a path, or a regular expression for the whole of it.

    Args:
        device_mesh: the devices, for layouts that do not name them.

    Example:
        >>> mesh = DeviceMesh((4, 2), ["data", "model"], [f"cpu:{i}" for i in range(8)])
        >>> rules = LayoutMap(mesh)
        >>> rules["dense.*/kernel"] = (None, "model")
        >>> rules["dense_1/kernel"].axes
        (None, 'model')
        >>> rules["dense_1/bias"] is None
        True
    """

    def __init__(self, device_mesh: DeviceMesh):
        self._device_mesh = device_mesh
        self._rules: dict[str, TensorLayout] = {}

    @property
    def device_mesh(self) -> DeviceMesh:
        """The devices."""
        return self._device_mesh

    def matching(self, path: str) -> list[str]:
        """The keys that match a path: itself, else each expression that fits the whole of it."""
        return [path] if path in self._rules else [key for key in self._rules if re.fullmatch(key, path)]

    def __getitem__(self, path: str) -> TensorLayout | None:  # type: ignore[override]
        """The layout for a path, None where no rule matches.

        Raises:
            ValueError: several rules match.
        """
        keys = self.matching(path)
        if len(keys) > 1:
            raise ValueError(f"The path {path!r} matches several rules: {keys}. Write them so that one matches.")
        return self._rules[keys[0]] if keys else None

    def get(self, key: str, default: object = None) -> TensorLayout | None:  # type: ignore[override]
        """As `rules[key]`: None where no rule matches."""
        return self[key]

    def __setitem__(self, key: str, layout: TensorLayout | tuple[str | None, ...]) -> None:
        if key in self._rules:
            raise ValueError(f"There is a rule {key!r} already, with {self._rules[key]}. Delete it first.")
        layout = TensorLayout(layout) if isinstance(layout, tuple) else layout
        if not isinstance(layout, TensorLayout):
            raise ValueError(f"A rule's layout is a TensorLayout or a tuple of axes. Received for {key!r}: {describe(layout)}.")
        if layout.device_mesh is None and self._device_mesh is not None:
            layout.device_mesh = self._device_mesh
        self._rules[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._rules[key]

    def __len__(self) -> int:
        return len(self._rules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)
