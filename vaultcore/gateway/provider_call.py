"""The requests of one attempt: one to the provider, or two if the conversation is summarized first."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace

from vaultcore.call import Call
from vaultcore.dialects import StreamItem
from vaultcore.gateway.compaction import complete_compacted, stream_compacted
from vaultcore.gateway.target_request import render_resumed
from vaultcore.opaque_state.envelope import StateSeal
from vaultcore.routing.candidate import Candidate
from vaultcore.upstream.client import OnHeaders, Upstream
from vaultcore.upstream.provider_request import ProviderRequest, ProviderResponse
from vaultcore.wire import ChatCompletion, ChatRequest


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """Calls the provider for one attempt of a call."""

    call: Call
    candidate: Candidate
    seal: StateSeal
    upstream: Upstream
    on_headers: OnHeaders
    remaining: Callable[[], float]  # seconds until the call's deadline

    async def complete(self, request: ProviderRequest) -> ProviderResponse:
        """Return the whole response. Raises UpstreamError."""
        response = await self._complete(request)
        compaction = self.call.outcome.compaction
        if compaction is None:
            return response
        completion = await complete_compacted(compaction, response.completion, self._complete_resumed)
        return replace(response, completion=completion)

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[StreamItem, None]:
        """Return the items of the streamed response. Raises UpstreamError, as the items do."""
        compaction, outcome = self.call.outcome.compaction, self.call.outcome
        if compaction is None:
            return self._stream(request)
        first = (await self._complete(request)).completion
        summed = {"compaction_usage": first.get("usage") or {}}
        outcome.response_fields = {**outcome.response_fields, **summed}
        return stream_compacted(compaction, first, self._stream_resumed)

    async def _complete(self, request: ProviderRequest) -> ProviderResponse:
        return await self.upstream.complete(self.candidate, request, self.on_headers, self.remaining())

    def _stream(self, request: ProviderRequest) -> AsyncGenerator[StreamItem, None]:
        return self.upstream.stream(self.candidate, request, self.on_headers, self.remaining())

    async def _complete_resumed(self, request: ChatRequest) -> ChatCompletion:
        return (await self._complete(await self._render(request))).completion

    async def _stream_resumed(self, request: ChatRequest) -> AsyncGenerator[StreamItem, None]:
        return self._stream(await self._render(request))

    async def _render(self, request: ChatRequest) -> ProviderRequest:
        return await self.call.worker(render_resumed, self.call, self.candidate.target, self.seal, request)
