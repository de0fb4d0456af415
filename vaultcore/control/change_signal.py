"""Signals that a key, a limit or a route has changed, to the caches of all worker processes of one machine.

Processes that share no memory, such as Lambda functions and gateways on other machines, learn of a change
when their cached copy has expired, within five seconds.
"""

from __future__ import annotations

import secrets
from collections.abc import MutableSequence


class ChangeSignal:
    """One number, which each change replaces by a random one.

    Caches compare `cell[0]` with the number at their last read: this costs no call and no system call.
    """

    def __init__(self) -> None:
        self.cell: MutableSequence[int] | memoryview[int] = [0]

    def share(self, cell: memoryview[int]) -> None:
        """Use memory that other processes see, too, from now on: 63 bits."""
        self.cell = cell

    def publish(self) -> None:
        """Signal a change that the store has accepted."""
        self.cell[0] = secrets.randbits(63)
