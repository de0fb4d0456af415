"""One client request on its way through the house, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from vaultcore.catalog.schema import Strategy
from vaultcore.dialects import Change, Native
from vaultcore.money import Nanos
from vaultcore.routing.attempts import Attempt, Policy
from vaultcore.routing.plan import Candidate
from vaultcore.wire import ChatRequest, Usage


@dataclass(slots=True)
class Call:
    """What was asked and how hard to try; filled in, on the way, with what was tried and what it took."""

    id: str
    request: ChatRequest
    started: float  # seconds since 1970
    policy: Policy
    strategy: Strategy | None = None
    strict: bool = False
    explain: bool = False
    deadline: float = float("inf")
    native: Native | None = None
    attempts: list[Attempt] = field(default_factory=list)
    changes: tuple[Change, ...] = ()
    passed: bool = False  # the answer goes out in the provider's own words
    usage: Usage | None = None
    cost: Nanos | None = None

    @property
    def model(self) -> str:
        """The name the client asked for."""
        return self.request["model"]

    @property
    def served(self) -> Candidate | None:
        """Who answered, or was asked last."""
        return self.attempts[-1].candidate if self.attempts else None
