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
            host = address or socket.gethostbyname(socket.gethostname())
            processes.text_of_first(f"{host} {listening.getsockname()[1]} {token}")
            self._accept(listening, token)
        else:
            host, port, token = processes.text_of_first("").split()
            connection = socket.create_connection((host, int(port)), timeout=60)
            connection.settimeout(None)
            connection.sendall(f"{token} {number}\n".encode())
            self._peers[0] = connection
        for peer, connection in self._peers.items():
            threading.Thread(target=self._listen, args=(peer, connection), name="jkeras-watch", daemon=True).start()
        atexit.register(self._leave)

    def _accept(self, listening: socket.socket, token: str) -> None:
        """Wait for all others; who does not know the token is none of them."""
        listening.settimeout(60)
        with listening:
            while len(self._peers) < self.count - 1:
                connection, _ = listening.accept()
                connection.settimeout(10)
                words = _line(connection).split()
                if len(words) == 2 and secrets.compare_digest(words[0], token) and words[1].isdecimal():
                    connection.settimeout(None)
                    self._peers[int(words[1])] = connection
                else:
                    connection.close()

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
        failed = getattr(sys, "last_value", None) is not None  # an exception ends this process
        for connection in self._peers.values():
            _send(connection, _DEAD + b" %d\n" % self.number if failed else _BYE)
        if failed:
            sys.stdout.flush()
            os._exit(1)  # JAX would wait minutes for the others


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
