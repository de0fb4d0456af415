"""The requests of one attempt: one to the provider, or two if the conversation is summarized first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from vaultcore.call import Call
from vaultcore.clock import Clock
from vaultcore.dialects import Summary
from vaultcore.gateway.call_usage import record_completion
from vaultcore.gateway.compaction import (
    SummaryOnly,
    WithSummary,
    only_summary,
    summary_of,
    with_summary,
)
from vaultcore.gateway.target_request import render_resumed
from vaultcore.lazy_dataclass import dataclass
from vaultcore.opaque_state.envelope import StateSeal
from vaultcore.routing.attempts import Attempt
from vaultcore.routing.candidate import Candidate
from vaultcore.routing.health import Health
from vaultcore.routing.quota import ReportedQuota, reports_quota
from vaultcore.telemetry import Log
from vaultcore.upstream.client import OnHeaders, Upstream
from vaultcore.upstream.provider_request import ProviderRequest, ProviderResponse
from vaultcore.upstream.provider_request_id import provider_request_id
from vaultcore.upstream.response_stream import ItemSource
from vaultcore.wire import ChatRequest


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """Calls the provider for one attempt of a call."""

    call: Call
    candidate: Candidate
    seal: StateSeal
    upstream: Upstream
    on_headers: OnHeaders
    remaining: Callable[[], float]  # seconds until the call's deadline
    log: Log

    async def complete(self, request: ProviderRequest) -> ProviderResponse:
        """Return the whole response. Raises UpstreamError."""
        compaction = self.call.outcome.compaction
        if compaction is None:
            return await self.upstream.complete(self.candidate, request, self.on_headers, self.remaining())
        if compaction.resume is None:
            response = await self._complete(request)
            return replace(response, completion=only_summary(response.completion))
        summary = await self._summarize(request)
        response = await self._complete(await self._render(compaction.resume(summary.text)))
        return replace(response, completion=with_summary(response.completion, summary))

    async def stream(self, request: ProviderRequest) -> ItemSource:
        """Return the items of the streamed response; it has to be closed. Raises UpstreamError."""
        compaction, outcome = self.call.outcome.compaction, self.call.outcome
        if compaction is None:
            return await self._stream(request)
        if compaction.resume is None:
            first = (await self._complete(request)).completion
            summary = summary_of(first)
            items: ItemSource = SummaryOnly(first)
        else:
            summary = await self._summarize(request)
            resumed = await self._render(compaction.resume(summary.text))
            items = WithSummary(await self._stream(resumed), summary)
        outcome.response_fields = {**outcome.response_fields, "compaction_usage": summary.usage}
        return items

    async def _summarize(self, request: ProviderRequest) -> Summary:
        """Return the summary of an earlier attempt, or ask for one and record its usage.

        Nothing is awaited between the response and its record, so that no cancellation separates them.
        """
        call = self.call
        if call.outcome.summary is None:
            completion = (await self._complete(request)).completion
            record_completion(call, self.candidate.target.model, completion, self.log)
            call.outcome.set_aside(self.candidate.target)
            call.outcome.summary = summary_of(completion)
        return call.outcome.summary

    def _complete(self, request: ProviderRequest) -> Awaitable[ProviderResponse]:
        return self.upstream.complete(self.candidate, request, self.on_headers, self.remaining())

    def _stream(self, request: ProviderRequest) -> Awaitable[ItemSource]:
        return self.upstream.open_stream(self.candidate, request, self.on_headers, self.remaining())

    async def _render(self, request: ChatRequest) -> ProviderRequest:
        return await self.call.worker(render_resumed, self.call, self.candidate.target, self.seal, request)


@dataclass(frozen=True, slots=True)
class HeaderObserver:
    """Reads from a provider's response headers: its request id, and the key's remaining quota."""

    attempt: Attempt
    health: Health
    clock: Clock

    def __call__(self, headers: Mapping[str, str], _status: int) -> None:
        credential = self.attempt.candidate.credential
        self.attempt.upstream_request_id = provider_request_id(headers, credential.key)
        if reports_quota(headers):
            self.health.record_quota(credential, ReportedQuota(headers, self.clock.now()))
