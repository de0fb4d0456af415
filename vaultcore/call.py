"""One client request (`Call`) and what happened to it (`Outcome`, filled in while the call runs)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, ParamSpec, Protocol, TypeVar

from vaultcore.catalog.schema import Strategy, Target
from vaultcore.dialects import Change, Compaction, NativeRequest, Summary, asks_for_compaction
from vaultcore.errors import GatewayError
from vaultcore.lazy_dataclass import dataclass
from vaultcore.money import Nanos
from vaultcore.routing.attempts import Attempt, RetryPolicy
from vaultcore.routing.candidate import Candidate
from vaultcore.routing.decision import Decision
from vaultcore.telemetry import Trace
from vaultcore.usage.plausible import UsageBounds
from vaultcore.usage.provider_usage import ProviderUsage, total_cost, total_usage
from vaultcore.usage.record import Flag
from vaultcore.wire import ChatRequest, Json, Usage

P = ParamSpec("P")
T = TypeVar("T")


class Worker(Protocol):
    """Runs work whose time grows with the request's size: at once, or elsewhere if the request is large."""

    def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]: ...


async def run_here(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run the work at once: the worker of small requests."""
    return work(*args, **kwargs)


@dataclass(slots=True)
class Outcome:
    """The outcome of a call. Only the gateway, the settlement and the web layer write it."""

    attempts: list[Attempt] = field(default_factory=list)
    decision: Decision = field(default_factory=Decision)
    changes: tuple[Change, ...] = ()  # of the latest attempt's translation
    is_passthrough: bool = False  # the provider's own body goes to the client
    has_notes: bool = False  # text notes replace parts of the request, see gateway/omissions.py
    response_fields: Mapping[str, Any] = field(default_factory=dict)  # of the latest attempt's translation
    compaction: Compaction | None = None  # likewise
    summary: Summary | None = None  # that an attempt has written for a compaction
    expected_prompt: int | None = None  # tokens of the request after a summary; None: of the call
    earlier: list[ProviderUsage] = field(default_factory=list)  # calls whose response is not the client's
    usage: Usage | None = None  # of the client's response
    reported_usage: Json | None = None  # the provider's counts, if they were not charged
    cost: Nanos | None = None  # None: the model has no price
    price: Mapping[str, Any] = field(default_factory=dict)  # the price row that `cost` was computed with
    content: Callable[[], Any] | None = None  # the response's content, for the content log
    first_token_at: float | None = None  # seconds since the epoch; streams only
    flags: list[Flag] = field(default_factory=list)
    status: int = 0  # that the client received; 0: not finished
    error: GatewayError | None = None
    ended: float | None = None  # when it was settled, seconds since the epoch

    def begin_attempt(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        self.decision.tried.append(attempt.candidate)

    def set_aside(self, target: Target) -> None:
        """Add the usage recorded last to that of earlier calls: its response is not the client's."""
        if self.usage:
            self.earlier.append(ProviderUsage(target, self.usage, self.cost, self.price))
        self.usage, self.cost, self.price = None, None, {}

    @property
    def calls(self) -> Sequence[ProviderUsage]:
        """Return the usage of all calls to providers, that of the client's response last."""
        if not self.usage:
            return self.earlier
        target = self.candidate.target if self.candidate else None
        return [*self.earlier, ProviderUsage(target, self.usage, self.cost, self.price)]

    @property
    def charge(self) -> Nanos | None:
        """Return the cost of what was used: 0 if nothing was, None if a model has no price."""
        if not self.earlier:
            return self.cost if self.usage else Nanos(0)
        return total_cost(self.calls)

    @property
    def total_cost(self) -> Nanos | None:
        """Return the cost of what was used: None if nothing was, or if a model has no price."""
        if not self.earlier:
            return self.cost if self.usage else None
        return self.charge

    @property
    def total_usage(self) -> Usage:
        """Return the usage of all calls to providers; {} without any."""
        return total_usage(self.calls) if self.earlier else self.usage or {}

    @property
    def candidate(self) -> Candidate | None:
        """Return the candidate of the latest attempt: the one that answered, or the last one tried."""
        return self.attempts[-1].candidate if self.attempts else None


@dataclass(slots=True)
class Call:
    """A client's request in chat form, with the options that the client set for the gateway.

    Admission narrows a call: its targets, its deadline, its maximum of tokens. Nothing changes it later.
    It is not frozen: a narrowed copy of 20 fields would take 8 µs.
    """

    id: str
    request: ChatRequest
    started: float  # seconds since the epoch
    retry_policy: RetryPolicy
    strategy: Strategy | None = None  # None: the route's own
    strict: bool = False  # refuse lossy translations
    explain: bool = False  # add the translation report to the response
    deadline: float = float("inf")  # seconds since the epoch
    native: NativeRequest | None = None  # the client's body, for providers of the same dialect
    path: str = ""  # of the endpoint
    caller: str = ""  # id of the client's key
    seals_state: bool = False  # the client gets opaque state in sealed blocks, not in labelled fields
    operation: str = "chat"  # OpenTelemetry's `gen_ai.operation.name`
    client_id: str | None = None  # the client's own id of the request
    trace: Trace | None = None
    targets: Sequence[Target] | None = None  # in the order to try them; None: not yet looked up
    bounds: UsageBounds | None = None  # what admission has reserved; None: nothing
    worker: Worker = run_here  # renders the request for a target
    outcome: Outcome = field(default_factory=Outcome)

    def with_targets(self, targets: Sequence[Target]) -> Call:
        """Narrow this call to some targets, and return it."""
        self.targets = targets
        return self

    @property
    def model(self) -> str:
        """Return the model name that the client sent."""
        return self.request["model"]

    @property
    def compacts(self) -> bool:
        """Return True if the response is to be a compaction of the conversation."""
        return asks_for_compaction(self.request)

    @property
    def is_streaming(self) -> bool:
        """Return True if the client requested a stream."""
        return bool(self.request.get("stream"))

    @property
    def has_one_choice(self) -> bool:
        """Return True if the client requested one choice."""
        return self.request.get("n") in (None, 1)

    @property
    def correlation_headers(self) -> dict[str, str]:
        """Return headers that link the provider's log of the latest attempt with the gateway's log."""
        number = len(self.outcome.attempts)
        headers = {"x-client-request-id": f"{self.id}-{number}"}
        return headers if self.trace is None else {**headers, "traceparent": self.trace.traceparent(number)}
