"""Observes requests: writes metrics and exports spans when a request ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from vaultcore.clock import Clock
from vaultcore.errors import StoreUnavailable
from vaultcore.store.base import Put, Store
from vaultcore.store.error_counting_store import CountedStore
from vaultcore.store.unavailable_reason import unavailable_reason
from vaultcore.telemetry import Emf
from vaultcore.tracing.http_request import HttpRequest, SeenRequest, begin_request
from vaultcore.tracing.request_metrics import compute_metrics
from vaultcore.tracing.spans import build_spans

if TYPE_CHECKING:
    from vaultcore.tracing.otlp_exporter import OtlpExporter

FLUSH_TIMEOUT = 1.0  # seconds that a Lambda invocation waits for its spans to be sent

Notify = Callable[[Sequence[Put]], None]


class Observer:
    """One per process. Without `emf` and `exporter`, `has_output` is False, and no request needs an `end`."""

    def __init__(self, clock: Clock, emf: Emf | None = None, exporter: OtlpExporter | None = None) -> None:
        self._clock, self._emf, self._exporter = clock, emf, exporter
        self.has_output = emf is not None or exporter is not None  # metrics or spans are written at all

    def begin(self, id: str, request: SeenRequest) -> HttpRequest:
        """Return a request as it is observed."""
        return begin_request(id, request, self._clock.now(), traced=self._exporter is not None)

    def end(self, request: HttpRequest) -> None:
        """Write the metrics and export the spans of a request that completed or failed."""
        request.ended = self._clock.now()
        if not request.is_counted:
            if self._emf is not None:
                self._emf.flush()
            return
        if self._emf is not None:
            metrics = compute_metrics(request)
            for provider, attempts in metrics.other_attempts.items():
                self._emf.count("Attempts", provider, attempts)
            self._emf.write(metrics.values, metrics.provider, metrics.error, request.id)
        if self._exporter is not None and request.trace is not None and request.trace.sampled:
            self._exporter.put(build_spans(request, request.trace))

    async def flush(self, seconds_left: float = float("inf")) -> None:
        """Write counted metrics and send queued spans before Lambda freezes the process.

        Spans that are not sent in time stay in the queue.
        """
        if self._emf is not None:
            self._emf.flush()
        if self._exporter is not None and not self._exporter.sends_in_background:
            await self._exporter.flush(min(seconds_left, FLUSH_TIMEOUT))

    async def aclose(self) -> None:
        """Write counted metrics, send queued spans and close the connection to the collector."""
        if self._emf is not None:
            self._emf.flush()
        if self._exporter is not None:
            await self._exporter.aclose()

    def count_open_circuit(self, provider: str) -> None:
        """Count a circuit breaker that opened."""
        if self._emf is not None:
            self._emf.count("BreakerOpen", provider)

    def count_store_errors(self, store: Store) -> Store:
        """Return the store, wrapped so that its failures are counted."""
        if (emf := self._emf) is None:
            return store

        def count(error: StoreUnavailable | None = None) -> None:
            emf.count_reason("StoreErrors", unavailable_reason(error) if error else "unavailable")

        return CountedStore(store, count)

    def count_owed(self, reason: str) -> None:
        """Count a settlement that the store did not accept."""
        if self._emf is not None:
            self._emf.count_reason("SettlementsOwed", reason)

    def report_pending(self, number: int) -> None:
        """Write how many settlements are still owed."""
        if self._emf is not None:
            self._emf.report("SettlementsPending", number)

    def counting_alerts(self, notify: Notify) -> Notify:
        """Return `notify`, wrapped so that each alert is counted: an account crossed a threshold."""
        if (emf := self._emf) is None:
            return notify

        def counting(alerts: Sequence[Put]) -> None:
            emf.count("CreditsLow", by=len(alerts))
            notify(alerts)

        return counting
