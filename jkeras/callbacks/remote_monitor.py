"""`RemoteMonitor`: every epoch's results, sent to a server over HTTP."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
import warnings

import numpy as np

from jkeras._base.processes import is_first
from jkeras._base.registry import export
from jkeras.callbacks.base import Callback, Logs

_NOT_HTTP = "RemoteMonitor needs the address of a server, such as root='http://localhost:9000'. Received: {root!r}."


@export("keras.callbacks.RemoteMonitor")
class RemoteMonitor(Callback):
    """Sends `{"epoch": epoch, name: value, ...}` by POST at the end of each epoch.

    A server that cannot be reached, or answers with an error, causes a warning; training continues.

    Args:
        root: the server.
        path: what follows in the address.
        field: name of the form field that holds the JSON text, if it is sent as a form.
        headers: your own HTTP headers.
        send_as_json: send the JSON itself, as `application/json`, rather than a form.
        timeout: seconds to wait for the server. (Keras waits forever.)

    Raises:
        ValueError: `root` is not an HTTP or HTTPS address.

    Example:
        >>> monitor = RemoteMonitor("https://example.org", path="/runs/7")
        >>> monitor.root + monitor.path
        'https://example.org/runs/7'
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
        timeout: float = 10.0,
    ):
        if urllib.parse.urlsplit(root).scheme not in ("http", "https"):
            raise ValueError(_NOT_HTTP.format(root=root))
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json
        self.timeout = timeout

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if not is_first():
            return
        text = json.dumps({"epoch": epoch, **{name: _plain(value) for name, value in (logs or {}).items()}})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        body = text if self.send_as_json else urllib.parse.urlencode({self.field: text})
        request = urllib.request.Request(self.root + self.path, body.encode(), {"Content-Type": kind, **(self.headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=self.timeout):
                pass
        except (OSError, ValueError) as error:  # unreachable, refused, an answer such as 404 or 500, or not HTTP at all
            warnings.warn(f"RemoteMonitor could not send to {self.root + self.path}: {error}. Training continues.", stacklevel=2)


def _plain(value: object) -> object:
    """A value for JSON."""
    array = np.asarray(value)
    return array.item() if array.ndim == 0 else array.tolist()
