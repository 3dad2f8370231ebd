"""What a check reports: one line of a script, and what is wrong there."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """A line that will not run.

    Attributes:
        line: its number.
        what: the full name, the attribute, the argument or the method.
        hint: what to write instead, if that is known.
    """

    line: int
    what: str
    hint: str | None
