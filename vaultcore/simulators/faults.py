"""Faults to inject into a simulated provider, and the requests that it received."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import field
from typing import Any

from vaultcore.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """A fault instead of a response, or during one. Without fields set, nothing goes wrong."""

    status: int | None = None  # of an error response in the provider's own format
    message: str = "simulated"
    retry_after: float | None = None  # seconds, with the status
    details: dict[str, Any] | None = None  # of the error, in formats that have such a field
    delay: float = 0.0  # seconds before the response
    cut_after: int | None = None  # stream events after which the connection is closed
    usage: tuple[int, int] | None = None  # tokens of prompt and completion to report instead of the real ones
    searches: int = 0  # web searches to report, if the request turns them on


@dataclass(frozen=True, slots=True)
class SimulatedRequest:
    """A request that the provider received. The key itself is not stored."""

    path: str
    model: str
    stream: bool
    authorized: bool
    body: dict[str, Any] = field(repr=False)


class FaultScript:
    """Faults queued by model name; `*` stands for any model. Each is injected once, in order."""

    def __init__(self) -> None:
        self.requests: list[SimulatedRequest] = []
        self._queued: defaultdict[str, deque[InjectedFault]] = defaultdict(deque)

    def queue(self, model: str, *faults: InjectedFault) -> None:
        self._queued[model].extend(faults)

    def clear(self) -> None:
        """Remove all queued faults."""
        self._queued.clear()

    def next(self, model: str) -> InjectedFault:
        """Return the fault for the next request of a model, an empty one if none is queued."""
        for name in (model, "*"):
            if self._queued[name]:
                return self._queued[name].popleft()
        return InjectedFault()


class SimulatedError(Exception):
    """An error response of a simulated provider, which renders it in its own format."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.details = status, kind, details
        self.code, self.param, self.retry_after = code, param, retry_after


class ConnectionCut(Exception):
    """Raised inside a stream: the server closes the connection without the last chunk."""
