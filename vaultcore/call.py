"""One client request on its way through the house, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vaultcore.catalog.schema import Strategy, Target
from vaultcore.dialects import Change, Native
from vaultcore.errors import GatewayError
from vaultcore.money import Nanos
from vaultcore.routing.attempts import Attempt, RetryPolicy
from vaultcore.routing.plan import Candidate
from vaultcore.telemetry import Trace
from vaultcore.usage.record import Flag
from vaultcore.wire import ChatRequest, Usage


@dataclass(slots=True)
class Call:
    """What was asked and how hard to try; filled in, on the way, with what was tried and what it took."""

    id: str
    request: ChatRequest
    started: float  # seconds since 1970
    policy: RetryPolicy
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
    price: Mapping[str, Any] = field(default_factory=dict)  # what the cost is made of
    path: str = ""  # of the endpoint
    targets: Sequence[Target] | None = None  # where it may go, once that is known, in the order to try
    answer: Callable[[], Any] | None = None  # what came of it, for who keeps that: gate/content.py
    bounds: tuple[int, int] | None = None  # tokens that prompt and completion can have at most
    first: float | None = None  # when the first piece of a stream came
    flags: list[Flag] = field(default_factory=list)
    client_id: str | None = None  # what the client calls this request
    trace: Trace | None = None
    status: int = 0  # that it ended with; 0: it goes on
    error: GatewayError | None = None
    ended: float | None = None  # when it was settled

    @property
    def model(self) -> str:
        """The name the client asked for."""
        return self.request["model"]

    @property
    def charge(self) -> Nanos | None:
        """What its use costs: nothing where nothing was used; None where nobody knows the price."""
        return self.cost if self.usage else Nanos(0)

    @property
    def marks(self) -> dict[str, str]:
        """The headers by which a provider's log of the latest attempt can be joined with ours."""
        number = len(self.attempts)
        told = {"x-client-request-id": f"{self.id}-{number}"}
        return told if self.trace is None else {**told, "traceparent": self.trace.traceparent(number)}

    @property
    def served(self) -> Candidate | None:
        """Who answered, or was asked last."""
        return self.attempts[-1].candidate if self.attempts else None
