"""`DTypePolicyMap`: dtype policies by the paths of layers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from jax.typing import DTypeLike

from jkeras._base.configurable import serialize
from jkeras._base.dtypes import DTypePolicy, get_policy, plain_name
from jkeras._base.errors import describe
from jkeras._base.registry import export

Policy = DTypePolicy | DTypeLike


@export("keras.dtype_policies.DTypePolicyMap")
class DTypePolicyMap(DTypePolicy, MutableMapping[str, DTypePolicy]):
    """Policies for paths such as `"encoder/dense"`, or for regular expressions that match whole paths; others have a default.

    A layer learns its path when it is built, so a map with entries is refused as a layer's `dtype`: give each layer its own.
    An attention takes one, for its projections, such as `"attention/query"`; each entry is a path then, not a regular expression.

    Args:
        default_policy: of the paths without an entry; None for the global policy.
        policy_map: path or regular expression -> policy.

    Raises:
        ValueError: a default that is a map; in lookups, a path that several expressions match; a second entry of a path.

    Example:
        >>> policies = DTypePolicyMap("float32", {"encoder/.*": DTypePolicy("bfloat16")})
        >>> policies["encoder/dense"].name, policies["decoder"].name, len(policies)
        ('bfloat16', 'float32', 1)
    """

    def __init__(self, default_policy: Policy | None = None, policy_map: Mapping[str, Policy] | None = None):
        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError("A DTypePolicyMap takes one policy as default_policy. Received: another map.")
        if not isinstance(policy_map, Mapping | None):
            raise TypeError(f"policy_map is a dict from paths to policies. Received: {describe(policy_map)}.")
        default = get_policy(default_policy)
        self.default_policy: DTypePolicy = getattr(default, "default_policy", default)  # the global policy may be a map
        super().__init__(plain_name(default))
        self.name = f"map_{self.default_policy.name}"
        self._default_argument = default_policy
        self._policies = {path: get_policy(policy) for path, policy in (policy_map or {}).items()}

    @property
    def quantization_mode(self) -> str | None:
        """That of the default."""
        return self.default_policy.quantization_mode

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments in Keras' JSON shape; a default that follows the global policy goes on doing so."""
        return {"default_policy": serialize(self._default_argument), "policy_map": serialize(self._policies)}

    def __getitem__(self, path: str) -> DTypePolicy:
        if path in self._policies:
            return self._policies[path]
        matching = [pattern for pattern in self._policies if re.fullmatch(pattern, path)]
        if len(matching) > 1:
            raise ValueError(f"The path {path!r} matches {len(matching)} entries, {matching}. Let each path match one at most.")
        return self._policies[matching[0]] if matching else self.default_policy

    def entry(self, path: str) -> DTypePolicy:
        """The policy of a path; keys are no regular expressions here, so that a config from a file cannot hold up its reader."""
        return self._policies.get(path, self.default_policy)

    def __setitem__(self, path: str, policy: Policy) -> None:
        if path in self._policies:
            raise ValueError(f"The path {path!r} has a policy already, {self._policies[path].name}. Delete it first.")
        self._policies[path] = get_policy(policy)

    def __delitem__(self, path: str) -> None:
        del self._policies[path]

    def __contains__(self, path: object) -> bool:
        return path in self._policies

    def __len__(self) -> int:
        return len(self._policies)

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, DTypePolicyMap) and self.default_policy == other.default_policy
        return same and self._policies == other._policies  # type: ignore[attr-defined]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        names = [(path, policy.name) for path, policy in self._policies.items()]
        return f"<DTypePolicyMap default_policy={self.default_policy.name}, mapping={names}>"
