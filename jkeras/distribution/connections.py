"""Connections between processes that work as one: a star of sockets with process 0 in the middle, and lines of JSON on them.

Process 0 listens, and tells the others where, through JAX, which has joined them before. Who connects must know a token that goes
the same way.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import threading
from typing import Any

from jkeras._base import processes

_PATIENCE = 60.0  # seconds for all to connect: JAX has just seen them
_LONGEST = 1 << 20  # bytes of a message


class Connection:
    """One end of a connection.

    Args:
        opened: a connected socket.
    """

    def __init__(self, opened: socket.socket):
        self._socket, self._rest, self._lock = opened, b"", threading.Lock()
        _notice_lost_machines(opened)

    def send(self, *message: object) -> None:
        """Send a message; where nobody listens any more, it is lost."""
        with contextlib.suppress(OSError), self._lock:
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self, seconds: float | None = None) -> list[Any] | None:
        """The next message; None where the connection has ended, or no whole message came in time."""
        try:
            self._socket.settimeout(seconds)
            while b"\n" not in self._rest and len(self._rest) < _LONGEST:
                piece = self._socket.recv(1 << 16)
                if not piece:
                    return None
                self._rest += piece
            line, _, self._rest = self._rest.partition(b"\n")
            message = json.loads(line)
        except (OSError, ValueError):
            return None
        return message if isinstance(message, list) and message else None

    def close(self) -> None:
        """Close this end, as a forked child does that must not keep it open."""
        self._socket.close()


def connect(number: int, count: int, address: str | None) -> dict[int, Connection]:
    """Connect a process: process 0 to all others, another one to process 0.

    Args:
        number: of this process.
        count: of processes.
        address: the host where process 0 is reached; None for the name of its machine.

    Raises:
        OSError: a process did not come in time.
    """
    if number:
        host, port, token = processes.text_of_first("").split()
        connection = Connection(socket.create_connection((host, int(port)), timeout=_PATIENCE))
        connection.send(token, number)
        return {0: connection}
    found: dict[int, Connection] = {}
    with socket.create_server(("", 0), backlog=count) as listening:
        token = secrets.token_hex(16)
        processes.text_of_first(f"{address or _own_name()} {listening.getsockname()[1]} {token}")
        listening.settimeout(_PATIENCE)
        while len(found) < count - 1:
            connection = Connection(listening.accept()[0])
            who = _number_of(connection, token, count)
            if who is None:
                connection.close()
            else:
                found[who] = connection
    return found


def _number_of(connection: Connection, token: str, count: int) -> int | None:
    """The number of the process at the other end; None if it does not know the token."""
    message = connection.receive(seconds=10)
    if message is None or len(message) != 2 or not isinstance(message[0], str) or message[1] not in range(1, count):
        return None
    return int(message[1]) if secrets.compare_digest(message[0].encode(), token.encode()) else None


def _own_name() -> str:
    """What other machines call this one: its address, or its name where the address is that of the machine to itself."""
    name = socket.gethostname()
    address = socket.gethostbyname(name)
    return name if address.startswith("127.") else address


def _notice_lost_machines(connection: socket.socket) -> None:
    """Ask after 5 quiet seconds, every 2, three times: a machine without power says no goodbye."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
