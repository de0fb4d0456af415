"""Watches requests from outside: begins one when it comes, and tells of it when it is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from vaultcore.clock import Clock
from vaultcore.store.base import Put, Store
from vaultcore.telemetry import Emf
from vaultcore.tracing.counted_store import CountedStore
from vaultcore.tracing.http_request import HttpRequest, visit
from vaultcore.tracing.request_metrics import figures
from vaultcore.tracing.spans import spans

if TYPE_CHECKING:
    from vaultcore.tracing.otlp_exporter import Exporter

PATIENCE = 1.0  # seconds that an invocation waits for its spans to leave

Notify = Callable[[Sequence[Put]], None]


class Observer:
    """One per process. Without metrics and without an exporter nothing is told."""

    def __init__(self, clock: Clock, emf: Emf | None = None, exporter: Exporter | None = None) -> None:
        self._clock, self._emf, self._exporter = clock, emf, exporter

    def begin(self, id: str, scope: Mapping[str, object]) -> HttpRequest:
        """A request has come in."""
        return visit(id, scope, self._clock.now(), traced=self._exporter is not None)

    def end(self, visit: HttpRequest) -> None:
        """Its answer is over, whichever way."""
        visit.ended = self._clock.now()
        if not visit.counted:
            if self._emf is not None:
                self._emf.flush()
            return
        if self._emf is not None:
            told = figures(visit)
            for provider, attempts in told.elsewhere.items():
                self._emf.count("Attempts", provider, attempts)
            self._emf.write(told.values, told.provider, told.error, visit.id)
        if self._exporter is not None and visit.trace is not None and visit.trace.sampled:
            self._exporter.put(spans(visit, visit.trace))

    async def flush(self, left: float = float("inf")) -> None:
        """Before the process may be frozen: what waits leaves, or stays for the next time."""
        if self._emf is not None:
            self._emf.flush()
        if self._exporter is not None and not self._exporter.gathers:
            await self._exporter.flush(min(left, PATIENCE))

    async def aclose(self) -> None:
        if self._emf is not None:
            self._emf.flush()
        if self._exporter is not None:
            await self._exporter.aclose()

    def opened(self, provider: str) -> None:
        """A circuit has opened at a provider."""
        if self._emf is not None:
            self._emf.count("BreakerOpen", provider)

    def store(self, store: Store) -> Store:
        """The store, its failures counted."""
        if (emf := self._emf) is None:
            return store
        return CountedStore(store, partial(emf.count, "StoreErrors"))

    def heard(self, notify: Notify) -> Notify:
        """What takes alerts, each of them counted: an account has passed one of its marks."""
        if (emf := self._emf) is None:
            return notify

        def counting(alerts: Sequence[Put]) -> None:
            emf.count("CreditsLow", by=len(alerts))
            notify(alerts)

        return counting
