"""The parent of the workers: starts them, replaces those that die, restarts and stops all of them.

    SIGTERM, SIGINT   closes the channels: each worker stops with its grace period; again: kills them
    SIGHUP            for each worker: starts another one; when it is ready, the first completes its requests

The workers inherit the listening socket, which stays open in the parent: no connection is refused while
workers change. If the parent dies, the system closes its ends of the channels, and all workers stop.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from vaultcore.cli.workers.balance import ABSENT, ConnectionTable, Share
from vaultcore.cli.workers.worker import DRAIN
from vaultcore.lazy_dataclass import dataclass
from vaultcore.telemetry import Log

QUICK = 10.0  # seconds: a worker that lives for less has died quickly
MOST_QUICK_DEATHS = 5  # in a row, after which the parent gives up
GENERATIONS = 4  # of workers that may run at a time; further restarts wait
FIRST_DELAY, LAST_DELAY = 0.25, 5.0  # seconds before the replacement of a worker that died quickly
Work = Callable[[socket.socket, Share, bool], None]  # channel, row of the table, True for the maintainer


@dataclass(eq=False, slots=True)
class WorkerProcess:
    """A running worker process."""

    place: int  # from 0 to the number of workers - 1; the worker in place 0 is the maintainer
    row: int  # of the table of connections
    pid: int
    channel: socket.socket
    started: float  # monotonic
    is_stopping: bool = False


class Supervisor:
    """Runs `work` in `count` processes. Create it before any event loop or thread: it forks."""

    def __init__(self, count: int, work: Work, log: Log, on_end: Callable[[int], object] = bool) -> None:
        """`on_end` gets the row of each worker that has ended."""
        self._count, self._work, self._log, self._on_end = count, work, log, on_end
        # A restart starts the next worker first, and long streams may go on through several restarts.
        self._rows = range(count * GENERATIONS + 1)
        self._table = ConnectionTable(len(self._rows))
        self._workers: list[WorkerProcess] = []
        self._due: dict[int, float] = {}  # by place: when to start a worker there, monotonic
        self._to_restart: deque[WorkerProcess] = deque()
        self._restart: tuple[WorkerProcess, WorkerProcess] | None = None  # the old worker and its successor
        self._quick_deaths = 0
        self._is_stopping = self._has_failed = False
        self._signals: deque[int] = deque()
        self._has_terminal = has_terminal()

    def run(self) -> bool:
        """Run until a stop signal. Return False if the workers died again and again."""
        with self._signal_channel() as wakeup:
            self._due = dict.fromkeys(range(self._count), 0.0)
            while not (self._is_stopping and not self._workers):
                self._start_due()
                self._wait(wakeup)
                while self._signals:
                    self._handle_signal(self._signals.popleft())
        return not self._has_failed

    @contextmanager
    def _signal_channel(self) -> Iterator[socket.socket]:
        """Collect signals in the context. Yields a socket that is readable after each of them."""
        receiver, sender = socket.socketpair()
        receiver.setblocking(False)
        sender.setblocking(False)
        handled = [signal.SIGTERM, signal.SIGINT]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup ignores it
            handled.append(signal.SIGHUP)

        def collect(signum: int, _frame: FrameType | None) -> None:
            self._signals.append(signum)

        previous = {each: signal.signal(each, collect) for each in handled}
        wakeup = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        try:
            yield receiver
        finally:
            signal.set_wakeup_fd(wakeup)
            for each, handler in previous.items():
                signal.signal(each, handler)
            receiver.close()
            sender.close()

    def _wait(self, wakeup: socket.socket) -> None:
        """Wait for a signal, for a message or the end of a worker, or until one is to be started."""
        poll = select.poll()
        poll.register(wakeup, select.POLLIN)
        by_descriptor = {worker.channel.fileno(): worker for worker in self._workers}
        for descriptor in by_descriptor:
            poll.register(descriptor, select.POLLIN)
        now = time.monotonic()
        delays = [max(0.0, at - now) * 1_000 for at in self._due.values()]
        for descriptor, _ in poll.poll(min(delays, default=None)):
            if descriptor == wakeup.fileno():
                with suppress(BlockingIOError):
                    wakeup.recv(4_096)
            else:
                self._hear(by_descriptor[descriptor])

    def _hear(self, worker: WorkerProcess) -> None:
        """Read what a worker sent; an empty message is its end."""
        try:
            message = worker.channel.recv(64)
        except ConnectionError:
            message = b""
        if not message:
            self._bury(worker)
            return
        if self._restart is not None and worker is self._restart[1]:
            self._drain(self._restart[0])
            self._restart = None
            self._restart_next()

    def _start_due(self) -> None:
        now = time.monotonic()
        for place in [place for place, at in self._due.items() if at <= now]:
            del self._due[place]
            if self._start(place) is None:
                self._due[place] = now + LAST_DELAY

    def _start(self, place: int) -> WorkerProcess | None:
        """Start a worker. Return None if the system cannot create a process, or if too many run."""
        row = next(iter(self._free_rows()), None)
        if row is None:
            return None
        channel, inner = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            pid = os.fork()
        except OSError as error:
            channel.close()
            inner.close()
            self._log.error("worker not started", reason=error.strerror)
            return None
        if pid == 0:
            channel.close()
            self._become_worker(inner, row, place)
        inner.close()
        worker = WorkerProcess(place, row, pid, channel, time.monotonic())
        self._workers.append(worker)
        return worker

    def _become_worker(self, channel: socket.socket, row: int, place: int) -> None:
        """Work in the new process, and end it. The others' channels must close with the parent alone."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for other in self._workers:
                other.channel.close()
            self._work(channel, Share(self._table, row), place == 0)
            status = 0
        except SystemExit:
            self._log.error("worker failed to start", pid=os.getpid())
        except BaseException as error:  # noqa: BLE001 - this process must not continue as its parent
            self._log.error("worker failed", pid=os.getpid(), exception=type(error).__name__)
        finally:
            with suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def _bury(self, worker: WorkerProcess) -> None:
        """Remove a worker that has ended, and replace it if it was not to end."""
        worker.channel.close()
        self._workers.remove(worker)
        self._table[worker.row] = ABSENT
        _, waited = os.waitpid(worker.pid, 0)
        self._on_end(worker.row)
        has_died = not (worker.is_stopping or self._is_stopping)
        if has_died:
            self._log.error("worker died", pid=worker.pid, status=os.waitstatus_to_exitcode(waited))
        match self._restart:
            case (old, _) if worker is old:
                self._restart = None
            case (old, new) if worker is new:
                self._restart = None
                self._to_restart.clear()
                self._log.error("restart failed; the earlier worker continues", pid=old.pid)
            case _ if has_died:
                self._replace(worker)
        self._restart_next()

    def _replace(self, worker: WorkerProcess) -> None:
        """Start another worker in the place of one that died: later, or never, if workers die quickly."""
        now = time.monotonic()
        self._quick_deaths = self._quick_deaths + 1 if now - worker.started < QUICK else 0
        if self._quick_deaths >= MOST_QUICK_DEATHS:
            self._has_failed = True
            self._stop_all()
            return
        delay = min(LAST_DELAY, FIRST_DELAY * 2 ** (self._quick_deaths - 1)) if self._quick_deaths else 0.0
        self._due[worker.place] = now + delay

    def _handle_signal(self, signum: int) -> None:
        if signum == signal.SIGHUP and not (self._has_terminal and not has_terminal()):
            self._to_restart = deque(worker for worker in self._workers if not worker.is_stopping)
            self._restart_next()
        elif self._is_stopping:
            for worker in self._workers:
                os.kill(worker.pid, signal.SIGKILL)
        else:
            self._stop_all()

    def _restart_next(self) -> None:
        """Start the successor of the next worker to restart, unless another restart runs."""
        while self._to_restart and self._restart is None and not self._is_stopping and self._free_rows():
            old = self._to_restart.popleft()
            if old in self._workers and (new := self._start(old.place)) is not None:
                self._restart = (old, new)

    def _stop_all(self) -> None:
        self._is_stopping = True
        self._due.clear()
        self._to_restart.clear()
        for worker in self._workers:
            self._stop(worker)

    def _free_rows(self) -> list[int]:
        used = {worker.row for worker in self._workers}
        return [row for row in self._rows if row not in used]

    def _drain(self, worker: WorkerProcess) -> None:
        """Let a worker stop when its requests are complete."""
        worker.is_stopping = True
        with suppress(OSError):
            worker.channel.send(DRAIN)

    def _stop(self, worker: WorkerProcess) -> None:
        """Let a worker stop with its grace period, by the end of what it can read."""
        worker.is_stopping = True
        with suppress(OSError):
            worker.channel.shutdown(socket.SHUT_WR)


def has_terminal() -> bool:
    """Return True if this process has a terminal: without one, SIGHUP does not mean that it was closed."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
