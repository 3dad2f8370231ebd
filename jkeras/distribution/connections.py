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
_ABSENT = """Processes {missing} of {count} did not connect to port {port} of process 0 within {seconds:g} s. Each must reach that
port; JKERAS_WATCH_PORT in process 0's environment names another one, such as one that a firewall leaves open."""
_UNREACHED = """Process {number} of {count} does not reach process 0 at {host}, port {port}: {error}. Each must reach that port;
JKERAS_WATCH_PORT in process 0's environment names another one, such as one that a firewall leaves open."""


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


def connect(number: int, count: int, address: str | None, port: int = 0) -> dict[int, Connection]:
    """Connect a process: process 0 to all others, another one to process 0.

    Args:
        number: of this process.
        count: of processes.
        address: the host where process 0 is reached; None for the name of its machine.
        port: where process 0 listens; 0 for any that is free.

    Raises:
        TimeoutError: processes did not come in time; the text names them.
        ConnectionError: this one does not reach process 0.
    """
    if number:
        host, found_port, token = processes.text_of_first("").split()
        try:
            connection = Connection(socket.create_connection((host, int(found_port)), timeout=_PATIENCE))
        except OSError as error:
            text = _UNREACHED.format(number=number, count=count, host=host, port=found_port, error=error)
            raise ConnectionError(text) from error
        connection.send(token, number)
        return {0: connection}
    found: dict[int, Connection] = {}
    with _listening(port, count) as listening:
        port, token = listening.getsockname()[1], secrets.token_hex(16)
        processes.text_of_first(f"{address or _own_name()} {port} {token}")
        listening.settimeout(_PATIENCE)
        while len(found) < count - 1:
            try:
                connection = Connection(listening.accept()[0])
            except TimeoutError:
                missing = ", ".join(str(who) for who in range(1, count) if who not in found)
                text = _ABSENT.format(missing=missing, count=count, port=port, seconds=_PATIENCE)
                raise TimeoutError(text) from None
            who = _number_of(connection, token, count)
            if who is None:
                connection.close()
            else:
                found[who] = connection
    return found


def _listening(port: int, count: int) -> socket.socket:
    """A socket that listens for IPv6 and IPv4, where the machine has both."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, backlog=count, dualstack_ipv6=True)
    return socket.create_server(("", port), backlog=count)


def _number_of(connection: Connection, token: str, count: int) -> int | None:
    """The number of the process at the other end; None if it does not know the token."""
    message = connection.receive(seconds=10)
    if message is None or len(message) != 2 or not isinstance(message[0], str) or message[1] not in range(1, count):
        return None
    return int(message[1]) if secrets.compare_digest(message[0].encode(), token.encode()) else None


def _own_name() -> str:
    """What other machines call this one: its address, or its name where it knows none but the one for itself."""
    name = socket.gethostname()
    try:
        address = socket.gethostbyname(name)
    except OSError:  # IPv6 alone, or no entry
        return name
    return name if address.startswith("127.") else address


def _notice_lost_machines(connection: socket.socket) -> None:
    """Give up after 11 seconds without an answer: a machine without power says no goodbye.

    The kernel asks after 5 quiet seconds, every 2, three times; but it does not ask while what was sent is not acknowledged, and
    the watch sends something every second. For that there is a time of its own, in milliseconds.
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 11_000)):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
