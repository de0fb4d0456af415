"""Runs one attempt at embeddings, images or moderations: its provider requests, and polling for results."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from secrets import token_hex
from urllib.parse import urlsplit

from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects import Change, RenderedRequest, StreamFault
from vaultcore.errors import GatewayError, InvalidRequest, UpstreamError
from vaultcore.lazy_dataclass import dataclass
from vaultcore.media import (
    MediaApi,
    MediaFormat,
    MediaRequest,
    MediaResponse,
    MediaResult,
    PendingMedia,
    RenderedMedia,
    load_format,
    offers,
)
from vaultcore.media.form import encode_form
from vaultcore.routing.candidate import Candidate
from vaultcore.upstream import errors
from vaultcore.upstream.client import OnHeaders, Upstream
from vaultcore.upstream.deadlines import NO_LIMIT, Deadlines
from vaultcore.upstream.provider_request import ProviderRequest
from vaultcore.wire import Json

CONCURRENCY = 6  # provider requests of one attempt at a time
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 2.0  # seconds between polls
HTTPS_PORTS = (None, 443)


@dataclass(frozen=True, slots=True)
class MediaJob:
    """A media request, rendered for one target."""

    api: MediaApi
    offer: MediaOffer
    rendered: RenderedMedia
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return what the translation to the target's format changed."""
        return self.rendered.changes

    async def run(
        self, upstream: Upstream, candidate: Candidate, on_headers: OnHeaders, remaining: float = NO_LIMIT
    ) -> list[MediaResult]:
        """Return all results, in the order of the requests. Raises UpstreamError if any request fails."""
        attempt = _MediaAttempt(
            self,
            upstream,
            _at_offer(candidate, self.offer),
            on_headers,
            upstream.deadlines(remaining),
            load_format(self.api.kind, self.offer.format),
        )
        requests = self.rendered.requests
        if len(requests) == 1:
            return [await attempt.fetch(requests[0])]
        return await _fetch_all(attempt, requests)


def media_jobs(request: Json, targets: Iterable[Target], api: MediaApi) -> dict[str, MediaJob]:
    """Return jobs by target name, for the targets that can make what is requested.

    Raises the first target's InvalidRequest if none can.
    """
    jobs: dict[str, MediaJob] = {}
    first_error: InvalidRequest | None = None
    for target in targets:
        try:
            offer = offers.find_offer(target, api)
            rendered = load_format(api.kind, offer.format).render(request, target, offer)
            jobs[target.name] = MediaJob(api, offer, rendered)
        except InvalidRequest as error:
            first_error = first_error or error
    if first_error is not None and not jobs:
        raise first_error
    return jobs


@dataclass(frozen=True, slots=True)
class _MediaAttempt:
    job: MediaJob
    upstream: Upstream
    candidate: Candidate
    on_headers: OnHeaders
    deadlines: Deadlines
    format: MediaFormat

    async def fetch(self, request: MediaRequest) -> MediaResult:
        """Return the result of a request; poll if it is not ready. Raises UpstreamError."""
        result = await self._send(self.candidate, request.path, request.body, is_form=request.is_form)
        url, pause = "", FIRST_PAUSE
        while isinstance(result, PendingMedia):
            url = result.url or url
            await self._pause(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)
            candidate, path = _at_url(self.candidate, self.job.offer, url)
            result = await self._send(candidate, path, None)
        if not self.job.api.is_complete(result, request):
            reason = f"returned {len(result.items)} of {request.count} {self.job.api.kind}"
            raise errors.host_error(self.candidate, reason, status=200)
        return result

    async def _send(
        self, candidate: Candidate, path: str, body: Json | None, *, is_form: bool = False
    ) -> MediaResult | PendingMedia:
        response_headers: dict[str, str] = {}

        def on_headers(headers: Mapping[str, str], status: int) -> None:
            response_headers.update({name.lower(): value for name, value in headers.items()})
            self.on_headers(headers, status)

        dialect, rendered = candidate.target.provider.dialect, RenderedRequest(body or {})
        method = "GET" if body is None else "POST"
        request = ProviderRequest(path, rendered, dialect, self.job.headers, method=method)
        if is_form:
            content, content_type = encode_form(rendered.body, token_hex(16))
            request = replace(request, content=content, content_type=content_type)
        # Raised here, where no local variable holds the body: it may contain the key.
        result = _parse(
            candidate,
            self.format,
            await self.upstream.post(candidate, request, on_headers, self.deadlines),
            response_headers,
        )
        if isinstance(result, UpstreamError):
            raise result
        return result

    async def _pause(self, seconds: float) -> None:
        """Wait before the next poll. Raises UpstreamError if the deadline comes first."""
        remaining = self.deadlines.for_response() - asyncio.get_running_loop().time()
        await asyncio.sleep(min(seconds, max(remaining, 0.0)))
        if remaining <= seconds:
            reason = self.deadlines.description
            raise errors.host_error(self.candidate, reason, late=self.deadlines.request_time_is_up)


async def _fetch_all(attempt: _MediaAttempt, requests: Sequence[MediaRequest]) -> list[MediaResult]:
    """Return all results; the first failure cancels the other requests."""
    semaphore = asyncio.Semaphore(CONCURRENCY)
    failures: list[BaseException] = []

    async def fetch(request: MediaRequest) -> MediaResult:
        async with semaphore:
            return await attempt.fetch(request)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(fetch(request)) for request in requests]
    except* GatewayError as error_group:
        failures = list(error_group.exceptions)
    if failures:
        raise failures[0]  # outside of the except block, so that the group is not its context
    return [task.result() for task in tasks]


def _parse(
    candidate: Candidate, format: MediaFormat, body: Json, headers: Mapping[str, str]
) -> MediaResult | PendingMedia | UpstreamError:
    fault: StreamFault | None = None
    try:
        return format.parse(MediaResponse(body, headers))
    except StreamFault as error:
        fault = error
    except (ValueError, RecursionError):
        pass
    if fault is not None:
        return errors.error_from_body(candidate, fault.status, fault.detail)
    return errors.host_error(candidate, "sent a body that does not contain what was requested", status=200)


def _at_offer(candidate: Candidate, offer: MediaOffer) -> Candidate:
    """Return the candidate at the offer's base URL, with the offer's authentication."""
    provider = candidate.target.provider
    base_url = offers.base_url(provider, offer)
    moved = replace(provider, base_url=base_url, auth=offer.auth or provider.auth)
    return replace(candidate, target=replace(candidate.target, provider=moved))


def _at_url(candidate: Candidate, offer: MediaOffer, url: str) -> tuple[Candidate, str]:
    """Return the candidate and path of a URL that its provider returned.

    Raises UpstreamError unless the URL is at the provider's own host or at one that its row lists.
    """
    base = urlsplit(candidate.target.provider.base_url)
    try:
        parts = urlsplit(url)
        is_own = (parts.scheme, parts.netloc) == (base.scheme, base.netloc)
        is_listed = parts.scheme == "https" and parts.port in HTTPS_PORTS and parts.netloc.isascii()
        is_listed = is_listed and "@" not in parts.netloc and _matches(parts.hostname or "", offer.hosts)
    except ValueError:
        is_own = is_listed = False
    if not (is_own or is_listed):
        raise errors.host_error(
            candidate, "returned a result URL at a host that its catalog row does not list", status=200
        )
    provider = replace(candidate.target.provider, base_url=f"{parts.scheme}://{parts.netloc}")
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return replace(candidate, target=replace(candidate.target, provider=provider)), path


def _matches(host: str, allowed: Iterable[str]) -> bool:
    """Return True if the host is allowed; an entry that starts with a dot allows all subdomains."""
    return any(host == each or (each.startswith(".") and host.endswith(each)) for each in allowed)
