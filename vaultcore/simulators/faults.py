"""What goes wrong at a simulated provider, and when; and what it has been asked so far."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """One thing that goes wrong, instead of an answer or on the way to it."""

    status: int | None = None  # answered instead, in the provider's own error format
    message: str = "simulated"
    retry_after: float | None = None  # seconds, with the status
    delay: float = 0.0  # seconds before anything is answered
    cut_after: int | None = None  # events of a stream; then the connection is cut


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """One request that arrived. The key itself is not kept."""

    path: str
    model: str
    stream: bool
    authorized: bool
    body: dict[str, Any] = field(repr=False)


class FaultScript:
    """Mishaps queued by model name, each played once, first come first served; `*` stands for any model."""

    def __init__(self) -> None:
        self.asked: list[ProviderCall] = []
        self._queued: defaultdict[str, deque[InjectedFault]] = defaultdict(deque)

    def queue(self, model: str, *mishaps: InjectedFault) -> None:
        self._queued[model].extend(mishaps)

    def clear(self) -> None:
        """Forget what is still queued."""
        self._queued.clear()

    def next(self, model: str) -> InjectedFault:
        """What happens to this request: a Mishap with nothing in it where all goes well."""
        for name in (model, "*"):
            if self._queued[name]:
                return self._queued[name].popleft()
        return InjectedFault()


class Refused(Exception):
    """A request that breaks one of the provider's rules; each provider has its own form for it."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        wait: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind
        self.code, self.param, self.wait = code, param, wait


class Cut(Exception):
    """Raised inside a stream to break its connection off: the server closes it without the last chunk."""
