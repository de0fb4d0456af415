"""Spans on their way to a collector: kept in a queue of fixed length, and sent behind the requests' backs.

A collector that is away costs one line in the log; it is asked again after a rest, and what came meanwhile is
sent then, the newest of it. https://opentelemetry.io/docs/specs/otlp/#otlphttp
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

KEPT = 2_048  # spans
BATCH = 256  # spans in one post
PAUSE = 2.0  # seconds in which spans gather
REST = 30.0  # seconds for which a collector that failed is left alone
POST = 5.0  # seconds that one post may take
ENDING = 3.0  # seconds that the end of a process waits for them
PATH = "/v1/traces"


class Exporter:
    """One per process. `gathers`: spans are sent by themselves, some at a time; else only `flush` does it."""

    def __init__(
        self,
        endpoint: str,
        headers: Mapping[str, str],
        resource: Mapping[str, str],
        clock: Clock,
        log: Log,
        *,
        gathers: bool,
    ) -> None:
        self._url, self._headers = endpoint.rstrip("/") + PATH, dict(headers)
        self._resource = [{"key": key, "value": {"stringValue": value}} for key, value in resource.items()]
        self._clock, self._log, self.gathers = clock, log, gathers
        self._queue: deque[Json] = deque(maxlen=KEPT)
        self._client: httpx.AsyncClient | None = None
        self._sending = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._rests_until = 0.0
        self._away = False

    def put(self, spans: Iterable[Json]) -> None:
        """Keep spans for the next post. Where the queue is full the oldest make room."""
        self._queue.extend(spans)
        if self.gathers and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def flush(self, within: float) -> None:
        """Send what there is, as far as that can be done in time. Raises nothing."""
        if not self._queue or self._clock.now() < self._rests_until:
            return
        try:
            async with asyncio.timeout(within):
                await self._send()
        except TimeoutError:
            self._failed("it did not answer in time")

    async def aclose(self) -> None:
        """Send what there is, and hang up."""
        if self._task is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(ENDING), self._sending:
                    self._task.cancel()  # not half way through a post, which would be sent again
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.flush(ENDING)
        if self._client is not None:
            await self._client.aclose()

    async def _drain(self) -> None:
        while self._queue:
            await asyncio.sleep(PAUSE)
            await self.flush(POST)

    async def _send(self) -> None:
        async with self._sending:
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
                sent = False
                try:
                    sent = await self._post(batch)
                finally:  # also where there was no time left
                    if not sent:
                        over = max(0, len(self._queue) + len(batch) - KEPT)  # others came meanwhile
                        self._queue.extendleft(reversed(batch[over:]))
                if not sent:
                    return

    async def _post(self, batch: list[Json]) -> bool:
        """Whether the batch is done with: taken, or such that it will never be."""
        body = {
            "resourceSpans": [
                {
                    "resource": {"attributes": self._resource},
                    "scopeSpans": [{"scope": {"name": "vaultedge"}, "spans": batch}],
                }
            ]
        }
        try:
            answer = await self._http().post(self._url, content=json.dumps(body, separators=(",", ":")))
        except (httpx.HTTPError, OSError) as error:
            self._failed(type(error).__name__)
            return False
        if answer.is_success:
            self._away = False
            return True
        self._failed(f"it answered {answer.status_code}")
        return answer.status_code < 500 and answer.status_code not in {408, 429}

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            secure = self._url.startswith("https:")  # a context for TLS takes long to make
            headers = {**self._headers, "content-type": "application/json"}
            transport = httpx.AsyncHTTPTransport(verify=secure, retries=1)
            self._client = httpx.AsyncClient(transport=transport, headers=headers, timeout=POST)
        return self._client

    def _failed(self, reason: str) -> None:
        self._rests_until = self._clock.now() + REST
        if not self._away:
            self._away = True
            self._log.trouble("spans are not taken", reason=reason, waiting=len(self._queue))
