"""Exports spans to an OpenTelemetry collector over OTLP/HTTP with JSON, outside of request processing.

Spans wait in a queue of fixed length. If the collector fails, the exporter logs one line and tries again
after a cooldown. It then sends the newest spans that fit the queue.
https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress

import httpx

from vaultcore.clock import Clock
from vaultcore.telemetry import Log
from vaultcore.wire import Json

MAX_QUEUED = 2_048  # spans; the oldest are dropped beyond it
BATCH = 256  # spans per POST
BATCH_INTERVAL = 2.0  # seconds between batches
COOLDOWN = 30.0  # seconds without attempts after the collector failed
POST_TIMEOUT = 5.0  # seconds for one POST
CLOSE_TIMEOUT = 3.0  # seconds for sending the queue when the process ends
PATH = "/v1/traces"


class OtlpExporter:
    """One per process. `sends_in_background` sends batches from a task; otherwise only `flush` sends."""

    def __init__(
        self,
        endpoint: str,
        headers: Mapping[str, str],
        resource: Mapping[str, str],
        clock: Clock,
        log: Log,
        *,
        sends_in_background: bool,
    ) -> None:
        self._url, self._headers = endpoint.rstrip("/") + PATH, dict(headers)
        self._resource = [{"key": key, "value": {"stringValue": value}} for key, value in resource.items()]
        self._clock, self._log = clock, log
        self.sends_in_background = sends_in_background
        self._queue: deque[Json] = deque(maxlen=MAX_QUEUED)
        self._client: httpx.AsyncClient | None = None
        self._sending = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._retry_at = 0.0
        self._has_failed = False

    def put(self, spans: Iterable[Json]) -> None:
        """Queue spans for the next batch; a full queue drops its oldest spans."""
        self._queue.extend(spans)
        if self.sends_in_background and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def flush(self, within: float) -> None:
        """Send the queue for at most `within` seconds. Raises nothing."""
        if not self._queue or self._clock.now() < self._retry_at:
            return
        try:
            async with asyncio.timeout(within):
                await self._send()
        except TimeoutError:
            self._on_failure("timeout")

    async def aclose(self) -> None:
        """Send the queue and close the connection."""
        if self._task is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT), self._sending:
                    self._task.cancel()  # not during a POST, whose spans would then be sent twice
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.flush(CLOSE_TIMEOUT)
        if self._client is not None:
            await self._client.aclose()

    async def _drain(self) -> None:
        while self._queue:
            await asyncio.sleep(BATCH_INTERVAL)
            await self.flush(POST_TIMEOUT)

    async def _send(self) -> None:
        async with self._sending:
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
                is_done = False
                try:
                    is_done = await self._post(batch)
                finally:  # also after a timeout
                    if not is_done:
                        excess = max(
                            0, len(self._queue) + len(batch) - MAX_QUEUED
                        )  # new spans may have filled the queue
                        self._queue.extendleft(reversed(batch[excess:]))
                if not is_done:
                    return

    async def _post(self, batch: list[Json]) -> bool:
        """Return True if the batch needs no retry: it was accepted, or rejected permanently."""
        body = {
            "resourceSpans": [
                {
                    "resource": {"attributes": self._resource},
                    "scopeSpans": [{"scope": {"name": "vaultedge"}, "spans": batch}],
                }
            ]
        }
        try:
            response = await self._http().post(self._url, content=json.dumps(body, separators=(",", ":")))
        except (httpx.HTTPError, OSError) as error:
            self._on_failure(type(error).__name__)
            return False
        if response.is_success:
            self._has_failed = False
            return True
        self._on_failure(f"HTTP {response.status_code}")
        return response.status_code < 500 and response.status_code not in {408, 429}

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            secure = self._url.startswith("https:")  # creating a TLS context is slow
            headers = {**self._headers, "content-type": "application/json"}
            transport = httpx.AsyncHTTPTransport(verify=secure, retries=1)
            self._client = httpx.AsyncClient(transport=transport, headers=headers, timeout=POST_TIMEOUT)
        return self._client

    def _on_failure(self, reason: str) -> None:
        self._retry_at = self._clock.now() + COOLDOWN
        if not self._has_failed:
            self._has_failed = True
            self._log.error("span export failed", reason=reason, waiting=len(self._queue))
