"""Everything one attempt at embeddings or images takes: its posts, a few at a time, and asking again for what
is not ready yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from vaultcore.catalog.schema import Offer, Target
from vaultcore.dialects import Rendered, StreamFault
from vaultcore.errors import GatewayError, InvalidRequest, UpstreamError
from vaultcore.media import Format, Later, MediaApi, Order, Part, Post, Told, form, offers
from vaultcore.routing.plan import Candidate
from vaultcore.upstream import errors
from vaultcore.upstream.client import OnHeaders, ProviderRequest, Upstream
from vaultcore.upstream.deadlines import ENDLESS, Timer
from vaultcore.wire import Json

AT_ONCE = 6  # posts of one attempt that are on their way
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 2.0  # seconds before an answer is asked for again
PORTS = (None, 443)


@dataclass(frozen=True, slots=True)
class MediaJob:
    """What a target is to be asked, and how."""

    artifact: MediaApi
    offer: Offer
    order: Order
    headers: Mapping[str, str] = field(default_factory=dict)

    async def run(
        self, upstream: Upstream, candidate: Candidate, heard: OnHeaders, left: float = ENDLESS
    ) -> list[Part]:
        """The parts in the order of the posts, or `UpstreamError`: all of them or none."""
        placed = _placed(candidate, self.offer)
        made = form(self.artifact.kind, self.offer.format)
        trip = _Trip(self, upstream, placed, heard, upstream.timer(left), made)
        if len(self.order.posts) == 1:
            return [await trip.fetch(self.order.posts[0])]
        return await _together(trip, self.order.posts)


def errands(request: Json, targets: Iterable[Target], artifact: MediaApi) -> dict[str, MediaJob]:
    """Errands by target's name, of the targets that can do it; InvalidRequest of the first where none can."""
    able: dict[str, MediaJob] = {}
    refusal: InvalidRequest | None = None
    for target in targets:
        try:
            chosen = offers.offer(target, artifact)
            order = form(artifact.kind, chosen.format).render(request, target, chosen)
            able[target.name] = MediaJob(artifact, chosen, order)
        except InvalidRequest as error:
            refusal = refusal or error
    if refusal is not None and not able:
        raise refusal
    return able


@dataclass(frozen=True, slots=True)
class _Trip:
    """One attempt under way."""

    errand: MediaJob
    upstream: Upstream
    candidate: Candidate
    heard: OnHeaders
    timer: Timer
    form: Format

    async def fetch(self, post: Post) -> Part:
        """What a post brings, however often it has to be asked for."""
        found, place, pause = await self._ask(self.candidate, post.path, post.body), "", FIRST_PAUSE
        while isinstance(found, Later):
            place = found.url or place
            await self._rest(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)
            asked, path = _elsewhere(self.candidate, self.errand.offer, place)
            found = await self._ask(asked, path, None)
        if not self.errand.artifact.complete(found, post):
            told = f"answered with {len(found.items)} of {post.count} {self.errand.artifact.kind}"
            raise errors.broken(self.candidate, told, status=200)
        return found

    async def _ask(self, candidate: Candidate, path: str, body: Json | None) -> Part | Later:
        fields: dict[str, str] = {}

        def hear(headers: Mapping[str, str], status: int) -> None:
            fields.update({name.lower(): value for name, value in headers.items()})
            self.heard(headers, status)

        asked = ProviderRequest(
            path,
            Rendered(body or {}),
            candidate.target.provider.dialect,
            self.errand.headers,
            method="GET" if body is None else "POST",
        )
        # Raised here, where no local holds the body: it may quote the key.
        found = _read(
            candidate, self.form, await self.upstream.post(candidate, asked, hear, self.timer), fields
        )
        if isinstance(found, UpstreamError):
            raise found
        return found

    async def _rest(self, seconds: float) -> None:
        deadline = self.timer.until_answer()
        left = deadline - asyncio.get_running_loop().time()
        await asyncio.sleep(min(seconds, max(left, 0.0)))
        if left <= seconds:
            raise errors.broken(self.candidate, self.timer.passed, late=self.timer.spent)


async def _together(trip: _Trip, posts: Iterable[Post]) -> list[Part]:
    """All posts' parts; the first failure ends the others."""
    gate = asyncio.Semaphore(AT_ONCE)
    failures: list[BaseException] = []

    async def one(post: Post) -> Part:
        async with gate:
            return await trip.fetch(post)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(post)) for post in posts]
    except* GatewayError as group_of:
        failures = list(group_of.exceptions)
    if failures:
        raise failures[0]  # out of reach of the group, which would be its context
    return [task.result() for task in tasks]


def _read(
    candidate: Candidate, form: Format, body: Json, headers: Mapping[str, str]
) -> Part | Later | UpstreamError:
    fault: StreamFault | None = None
    try:
        return form.parse(Told(body, headers))
    except StreamFault as error:
        fault = error
    except (ValueError, RecursionError):
        pass
    if fault is not None:
        return errors.reported(candidate, fault.status, fault.detail)
    return errors.broken(candidate, "answered with something that is not what was asked for", status=200)


def _placed(candidate: Candidate, offer: Offer) -> Candidate:
    """The candidate at the address of its offer, with the header that the offer wants the key in."""
    provider = candidate.target.provider
    base = offers.base_url(provider, offer)
    placed = replace(provider, base_url=base, auth=offer.auth or provider.auth)
    return replace(candidate, target=replace(candidate.target, provider=placed))


def _elsewhere(candidate: Candidate, offer: Offer, url: str) -> tuple[Candidate, str]:
    """The candidate at a URL that its provider gave, if that is its own host or one that its row lists."""
    base = urlsplit(candidate.target.provider.base_url)
    try:
        told = urlsplit(url)
        own = (told.scheme, told.netloc) == (base.scheme, base.netloc)
        listed = told.scheme == "https" and told.port in PORTS and told.netloc.isascii()
        listed = listed and "@" not in told.netloc and _among(told.hostname or "", offer.hosts)
    except ValueError:
        own = listed = False
    if not (own or listed):
        raise errors.broken(candidate, "promised its answer at a host that its row does not list", status=200)
    provider = replace(candidate.target.provider, base_url=f"{told.scheme}://{told.netloc}")
    path = f"{told.path or '/'}?{told.query}" if told.query else told.path or "/"
    return replace(candidate, target=replace(candidate.target, provider=provider)), path


def _among(host: str, hosts: Iterable[str]) -> bool:
    return any(host == one or (one.startswith(".") and host.endswith(one)) for one in hosts)
