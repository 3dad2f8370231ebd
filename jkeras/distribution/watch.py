"""A watch over processes that work as one: where one of them dies, the others end at once, and say which.

A process that waits for a dead one in a sum over all of them would wait until a timeout of minutes, deep within XLA, where no
exception reaches. So each holds a connection to process 0. One that closes without a word means death; process 0 passes that on.
Whoever hears of it writes a message and ends the process with `RESTART`, so that whatever started it starts all of them again.
"""

from __future__ import annotations

import atexit
import os
import secrets
import socket
import sys
import threading

from jkeras._base import processes

RESTART = 75  # the exit status that asks for another try (EX_TEMPFAIL)
_BYE, _DEAD = b"bye\n", b"dead"
_TEXT = """
Process {dead} of {count} is gone, so process {number} ends too: it would wait for it for ever. Start all of them again, with as
many processes as there are machines now; a training with BackupAndRestore goes on where it was saved:

    model.fit(x, y, callbacks=[jkeras.callbacks.BackupAndRestore("run")])
"""


class Watch:
    """One process' end of the connections.

    Args:
        number: of this process.
        count: of processes.
        address: the host where process 0 is reached; None for the name of its machine.
    """

    def __init__(self, number: int, count: int, address: str | None):
        self.number, self.count = number, count
        self._peers: dict[int, socket.socket] = {}
        self._leaving = False
        if number == 0:
            listening = socket.create_server(("", 0), backlog=count)
            token = secrets.token_hex(16)
            host = address or _own_name()
            processes.text_of_first(f"{host} {listening.getsockname()[1]} {token}")
            self._accept(listening, token)
        else:
            host, port, token = processes.text_of_first("").split()
            connection = socket.create_connection((host, int(port)), timeout=60)
            connection.settimeout(None)
            connection.sendall(f"{token} {number}\n".encode())
            self._peers[0] = connection
        for peer, connection in self._peers.items():
            _notice_lost_machines(connection)
            threading.Thread(target=self._listen, args=(peer, connection), name="jkeras-watch", daemon=True).start()
        atexit.register(self._leave)
        if hasattr(os, "register_at_fork"):  # a child that lives on would keep the connections open
            os.register_at_fork(after_in_child=self._forget)

    def _accept(self, listening: socket.socket, token: str) -> None:
        """Wait for all others; a connection without the token is closed."""
        listening.settimeout(60)
        with listening:
            while len(self._peers) < self.count - 1:
                connection, _ = listening.accept()
                number = _number_of(connection, token)
                if number is None:
                    connection.close()
                else:
                    self._peers[number] = connection

    def _listen(self, peer: int, connection: socket.socket) -> None:
        """Until the connection ends: with a goodbye, with the news of a death, or with nothing, which is one."""
        try:
            heard = _line(connection)
        except OSError:
            heard = ""
        if self._leaving or heard == _BYE.decode().strip():
            return
        dead = int(heard.split()[1]) if heard.startswith(_DEAD.decode()) else peer
        for other, one in self._peers.items():
            if other != dead:
                _send(one, _DEAD + b" %d\n" % dead)
        sys.stderr.write(_TEXT.format(dead=dead, count=self.count, number=self.number))
        sys.stderr.flush()
        os._exit(RESTART)

    def _leave(self) -> None:
        self._leaving = True
        # An exception ends this process; at a prompt it may be one of long ago.
        failed = getattr(sys, "last_value", None) is not None and not hasattr(sys, "ps1")
        for connection in self._peers.values():
            _send(connection, _DEAD + b" %d\n" % self.number if failed else _BYE)
        if failed:
            sys.stdout.flush()
            os._exit(1)  # JAX would wait minutes for the others

    def _forget(self) -> None:
        self._leaving = True
        for connection in self._peers.values():
            connection.close()


def _own_name() -> str:
    """What other machines call this one: its address, or its name where the address is that of the machine to itself."""
    name = socket.gethostname()
    address = socket.gethostbyname(name)
    return name if address.startswith("127.") else address


def _notice_lost_machines(connection: socket.socket) -> None:
    """Ask after 5 quiet seconds, every 2, three times: a machine without power says no goodbye."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _number_of(connection: socket.socket, token: str) -> int | None:
    """The number of the process at the other end; None if it does not know the token."""
    connection.settimeout(10)
    try:
        words = _line(connection).split()
        known = len(words) == 2 and secrets.compare_digest(words[0].encode(), token.encode()) and words[1].isdecimal()
    except OSError:
        return None
    connection.settimeout(None)
    return int(words[1]) if known else None


def _line(connection: socket.socket) -> str:
    """What comes up to the end of a line, of at most 100 bytes; less where the connection ends."""
    found = b""
    while not found.endswith(b"\n") and len(found) < 100:
        piece = connection.recv(1)
        if not piece:
            break
        found += piece
    return found.decode(errors="replace").strip()


def _send(connection: socket.socket, message: bytes) -> None:
    try:
        connection.sendall(message)
    except OSError:
        return  # it is gone too, and nobody listens
