"""A watch over processes that work as one: where one dies, leaves early or is stuck, all end, and say which one it was.

A process that waits for another one in a sum over all of them waits until a timeout of minutes, or for ever, deep within XLA,
where no exception reaches. So threads beside it hold connections with process 0 in the middle (`connections.py`), and whoever
learns that the work cannot go on tells the others, writes a message and ends its process with `RESTART`, so that whatever started
it starts all of them again; after an exception in one of them with 1, as that one does. There are five ways to learn it:

* a connection ends without a goodbye: that process is dead;
* a goodbye says how many joint operations that process has begun, and another one has begun more: it left early;
* every second each process says how many it has begun. One that stays behind the others for a time is stuck;
* one that says nothing for that time is frozen;
* where all have waited for their devices for that time, none of them is behind, but nothing goes on.

What processes agree on goes over the same connections: it waits for the other hosts, but for no device, so that the next dispatch
is enqueued while the last one is computed.
"""

from __future__ import annotations

import atexit
import collections
import contextlib
import dataclasses
import faulthandler
import os
import sys
import threading
import time
from typing import Any

from jkeras.distribution.connections import Connection, connect

RESTART = 75  # the exit status that asks for another try (EX_TEMPFAIL)
_GONE, _FAILED, _LEFT = "is gone", "ended with an error", "has ended, while others still work"
_STUCK = "is stuck: the others have waited for it for {seconds:g} s"
_FROZEN = "is frozen: it has said nothing for {seconds:.0f} s"
_TEXT = """
Process {dead} of {count} {why}, so process {number} ends too: it would wait for it for ever. Start all of them again, with as
many processes as there are machines now; a training with BackupAndRestore goes on where it was saved:

    model.fit(x, y, callbacks=[jkeras.callbacks.BackupAndRestore("run")])
"""
_OWN_TEXT = """
Process {number} of {count}, this one, {why}, so all end.
"""
_ALL_WAIT = "have waited for their devices for {seconds:g} s"
_ALL_TEXT = """
All {count} processes {why}: a device or the network is stuck. So all end. Start them again; a training with BackupAndRestore goes
on where it was saved.
"""
_PATIENT = """
If it was only slow, give it more time: jkeras.distribution.initialize(stuck_after=3600), in seconds.
"""


@dataclasses.dataclass
class _View:
    """What is known of another process.

    Attributes:
        heard: when it said something last.
        since: when it caught up, or moved, last.
        begun: how many joint operations it has begun.
        left: how many it had begun when it said goodbye; None before.
        said: what it gave to exchanges that are not answered yet.
        waits: for how many seconds it has waited for its devices.
    """

    heard: float
    since: float
    begun: int = 0
    left: int | None = None
    waits: float = 0.0
    said: collections.deque[list[Any]] = dataclasses.field(default_factory=collections.deque)


class Watch:
    """One process' part in it.

    Args:
        number: of this process.
        count: of processes.
        address: the host where process 0 is reached; None for the name of its machine.
        stuck_after: seconds after which a process without progress is stuck; None for never.
        port: where process 0 listens; 0 for any that is free.
    """

    def __init__(self, number: int, count: int, address: str | None, stuck_after: float | None, port: int = 0):
        self.number, self.count, self._stuck_after = number, count, stuck_after
        self._peers = connect(number, count, address, port)
        now = time.monotonic()
        self._views = {peer: _View(now, now) for peer in self._peers}
        self._changed = threading.Condition()
        self._ending = threading.Lock()
        self._answers: collections.deque[list[list[Any]]] = collections.deque()
        self._begun = 0
        self._waiting, self._waits_since = 0, 0.0  # in how many blocks that wait, and since when
        self._over = False  # all have said goodbye
        for peer, connection in self._peers.items():
            self._start(self._listen, peer, connection)
        if stuck_after is not None:
            self._start(self._look, stuck_after)
        atexit.register(self._leave)
        if hasattr(os, "register_at_fork"):  # a child that lives on would keep the connections open
            os.register_at_fork(after_in_child=self._forget)

    def _start(self, work: Any, *args: object) -> None:
        threading.Thread(target=work, args=args, name="jkeras-watch", daemon=True).start()

    # what the work calls ------------------------------------------------------------------------------------------------

    def began(self) -> None:
        """All processes together begin something, of which none comes to the end alone."""
        with self._changed:
            self._begun += 1
            early = self._early()
        if early is not None:
            self._end(early, _LEFT)

    def waits(self, begins: bool) -> None:
        """This process begins to wait for its devices, or has its results."""
        with self._changed:
            if begins and not self._waiting:
                self._waits_since = time.monotonic()
            self._waiting += 1 if begins else -1

    def of_all(self, what: str, value: int) -> list[tuple[str, int]]:
        """What all processes say, in their order, and their numbers.

        Args:
            what: says what for.
            value: this one's.
        """
        self.began()
        if self.number:
            self._peers[0].send("say", what, value)
            with self._changed:
                self._changed.wait_for(lambda: self._answers)
                found = self._answers.popleft()
        else:
            with self._changed:
                self._changed.wait_for(lambda: all(view.said for view in self._views.values()))
                said = {0: [what, value], **{peer: view.said.popleft() for peer, view in self._views.items()}}
            found = [said[number] for number in range(self.count)]
            for connection in self._peers.values():
                connection.send("answer", found)
        return [(str(asked), int(number)) for asked, number in found]

    # what the threads do ------------------------------------------------------------------------------------------------

    def _listen(self, peer: int, connection: Connection) -> None:
        """Take in what another process says, until the connection ends."""
        while (message := connection.receive()) is not None:
            word, rest = message[0], message[1:]
            if word == "end":
                self._end(*rest)
            with self._changed:
                self._note(self._views[peer], word, rest)
                early = self._early()
                self._changed.notify_all()
            if early is not None:
                self._end(early, _LEFT)
        if not self._over:
            self._end(peer, _GONE)

    def _note(self, view: _View, word: str, rest: list[Any]) -> None:
        view.heard = time.monotonic()
        if word == "at":
            view.since = view.since if rest[0] == view.begun else view.heard
            view.begun, view.waits = rest
        elif word in ("say", "answer"):
            view.since = view.heard
            if word == "say":
                view.said.append(rest)
            else:
                self._answers.append(rest[0])
        elif word == "bye":
            view.left = view.begun = rest[0]
        elif word == "over":
            self._over = True

    def _early(self) -> int | None:
        """A process that has left, and is needed."""
        return next((peer for peer, view in self._views.items() if view.left is not None and self._begun > view.left), None)

    def _look(self, stuck_after: float) -> None:
        """Say how far this process is, and look at the others."""
        pause, last = min(1.0, stuck_after / 10), time.monotonic()
        while not self._over:
            time.sleep(pause)
            now = time.monotonic()
            with self._changed:
                if now - last > 5 * pause:  # it was this process that stood still
                    for view in self._views.values():
                        view.heard, view.since = view.heard + now - last, view.since + now - last
                found, last = self._stuck(now, stuck_after), now
            if found is not None and not self._over:
                self._end(*found)
            for connection in self._peers.values():
                connection.send("at", self._begun, self._waited(now))

    def _waited(self, now: float) -> float:
        return now - self._waits_since if self._waiting else 0.0

    def _stuck(self, now: float, stuck_after: float) -> tuple[int | None, str] | None:
        """Which process is stuck, and why; None for all of them, which process 0 sees."""
        for peer, view in self._views.items():
            silent = now - view.heard
            if view.begun >= self._begun:
                view.since = now
            behind = now - view.since > stuck_after
            if silent > (stuck_after / 2 if behind else stuck_after):
                return peer, _FROZEN.format(seconds=silent)
            if behind:
                return peer, _STUCK.format(seconds=stuck_after)
        waited = min(self._waited(now), *(view.waits for view in self._views.values()))
        same = all(view.begun == self._begun for view in self._views.values())
        return (None, _ALL_WAIT.format(seconds=stuck_after)) if not self.number and same and waited > stuck_after else None

    # the end ------------------------------------------------------------------------------------------------------------

    def _end(self, dead: int | None, why: str) -> None:
        """Tell the others, say why, and end this process."""
        self._ending.acquire()  # and keep it: one thread speaks
        for connection in self._peers.values():
            connection.send("end", dead, why)
        own, stands_still = dead == self.number, why not in (_GONE, _FAILED, _LEFT)
        text = (_ALL_TEXT if dead is None else _OWN_TEXT if own else _TEXT).format(
            dead=dead, count=self.count, number=self.number, why=why
        )
        sys.stderr.write(text + _PATIENT * stands_still)
        sys.stderr.flush()
        if (own or dead is None) and stands_still:  # where it stands, thread by thread
            with contextlib.suppress(Exception):
                faulthandler.dump_traceback(all_threads=True)
        _flush()
        os._exit(1 if why == _FAILED or (own and why == _LEFT) else RESTART)  # another try would fail in the same way

    def _leave(self) -> None:
        """The script is done; wait for the others, since JAX would wait for no more than 5 minutes."""
        # An exception ends this process; at a prompt it may be one of long ago.
        if getattr(sys, "last_value", None) is not None and not hasattr(sys, "ps1"):
            self._ending.acquire()
            for connection in self._peers.values():
                connection.send("end", self.number, _FAILED)
            _flush()
            os._exit(1)  # JAX would wait minutes for the others
        for connection in self._peers.values():
            connection.send("bye", self._begun)
        with self._changed:
            if self.number:
                self._changed.wait_for(lambda: self._over)
                return
            self._changed.wait_for(lambda: all(view.left is not None for view in self._views.values()))
            self._over = True
        for connection in self._peers.values():
            connection.send("over")

    def _forget(self) -> None:
        """In a forked child: it is no process of the work, and waits for none when it ends."""
        self._over = True
        atexit.unregister(self._leave)
        for connection in self._peers.values():
            connection.close()


def _flush() -> None:
    """Write out what was printed; a thread does it, because one that is stuck may be in the midst of printing."""

    def work() -> None:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(1)
