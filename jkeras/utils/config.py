"""`Config`: named values, for the settings of an experiment."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from typing import Any

from jkeras._base.errors import nearest
from jkeras._base.registry import export


@export("keras.utils.Config")
class Config(MutableMapping[str, Any]):
    """A dict whose entries are attributes too, and which can be frozen.

    Args:
        kwargs: the first entries.

    Example:
        >>> config = Config(learning_rate=0.1)
        >>> config.momentum = 0.9
        >>> config["momentum"], config.to_json()
        (0.9, '{"learning_rate": 0.1, "momentum": 0.9}')
        >>> config.freeze()
        >>> config.momentum = 0.5
        Traceback (most recent call last):
            ...
        ValueError: The config is frozen; call unfreeze() before you change 'momentum'.
    """

    _entries: dict[str, Any]
    _frozen: bool

    def __init__(self, **kwargs: Any):
        object.__setattr__(self, "_entries", kwargs)
        object.__setattr__(self, "_frozen", False)

    @property
    def frozen(self) -> bool:
        """Whether changes are errors."""
        return self._frozen

    def freeze(self) -> None:
        """Make changes errors from now on."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Allow changes again."""
        object.__setattr__(self, "_frozen", False)

    def as_dict(self) -> dict[str, Any]:
        """A new dict with the entries."""
        return dict(self._entries)

    def to_json(self) -> str:
        """The entries as JSON."""
        return json.dumps(self._entries)

    def __getitem__(self, name: str) -> Any:
        return self._entries[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._check_free(name)
        self._entries[name] = value

    def __delitem__(self, name: str) -> None:
        self._check_free(name)
        del self._entries[name]

    def _check_free(self, name: str) -> None:
        if self._frozen:
            raise ValueError(f"The config is frozen; call unfreeze() before you change {name!r}.")

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __getattr__(self, name: str) -> Any:
        entries = self.__dict__.get("_entries", {})  # a copy is asked for attributes before it has entries
        if name.startswith("__") or name not in entries:
            raise AttributeError(f"The config has no entry {name!r}. {nearest(name, entries)}")
        return entries[name]

    def __getstate__(self) -> dict[str, Any]:
        return {"_entries": self.as_dict(), "_frozen": self._frozen}  # a shallow copy has entries of its own

    def __setattr__(self, name: str, value: Any) -> None:
        if hasattr(type(self), name):
            raise AttributeError(f"A config has {name!r} itself. Write config[{name!r}] = ... for an entry of this name.")
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]

    def __repr__(self) -> str:
        return f"<Config {self._entries}>"
