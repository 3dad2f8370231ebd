"""`clear_session`, which is the backend's."""

from __future__ import annotations

from jkeras._base.registry import export
from jkeras.backend.sessions import clear_session as clear_session

export("keras.utils.clear_session", "keras.backend.clear_session")(clear_session)
