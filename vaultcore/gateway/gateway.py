"""The heart: a chat request in, a completion or a stream of chunks out, whatever it takes in between."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

from vaultcore.call import Call
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Route, Target
from vaultcore.clock import Clock
from vaultcore.dialects import Change, RawEvent, StreamItem
from vaultcore.errors import Fault, InvalidRequest, NoRoute, UpstreamError
from vaultcore.gateway.structured_output import matches_schema
from vaultcore.media import MediaApi
from vaultcore.routing.attempts import Attempt, attempts
from vaultcore.routing.directory import Directory
from vaultcore.routing.health import Health
from vaultcore.routing.plan import Candidate, order, plan
from vaultcore.routing.quota import quota
from vaultcore.routing.splice import Splice, texts
from vaultcore.secrets import SecretSource
from vaultcore.telemetry import Log
from vaultcore.upstream.client import ProviderRequest, ProviderResponse, Upstream, passthrough, render
from vaultcore.upstream.media_jobs import errands
from vaultcore.upstream.provider_request_id import trace
from vaultcore.usage.cost import applied, cost, used
from vaultcore.usage.plausible import clamped
from vaultcore.usage.token_estimate import estimate, tokens
from vaultcore.wire import ChatCompletion, Delta, Json, Usage


@dataclass(frozen=True, slots=True)
class Gateway:
    """Answers chat requests from the providers whose keys the vault holds."""

    known: Callable[[], Catalog]  # as it is in force now
    secrets: SecretSource
    upstream: Upstream
    clock: Clock
    health: Health = field(default_factory=Health)
    log: Log = field(default_factory=Log)
    _directory: Directory = field(default_factory=Directory, init=False, repr=False)

    async def complete(self, call: Call) -> ProviderResponse:
        """Answer at once."""
        async with aclosing(self._attempts(call)) as tries:
            async for attempt in tries:
                with attempt:
                    asked = self._rendered(call, attempt)
                    to = attempt.candidate
                    answer = await self.upstream.complete(to, asked, self._hear(attempt), self._left(call))
                    told = answer.completion
                    attempt.answered = told.get("model")
                    self._settle(call, attempt, used(told) or _counted(told, call))
                    call.answer = partial(dict, told)
                    _hold(call, attempt.candidate.target, told)
                    created = told.get("created") or int(call.started)
                    return replace(answer, completion={**told, "created": created, "model": call.model})
        raise AssertionError("attempts() ends by raising")

    async def stream(self, call: Call) -> AsyncGenerator[StreamItem, None]:
        """Answer piece by piece. Until the first says something, a failure is another attempt's to mend."""
        splice = Splice(f"chatcmpl-{call.id}", call.model, int(call.started))
        async with aclosing(self._attempts(call)) as tries:
            async for attempt in tries:
                with attempt:
                    asked = self._rendered(call, attempt)
                    to = attempt.candidate
                    pieces = self.upstream.stream(to, asked, self._hear(attempt), self._left(call))
                    try:
                        async with aclosing(pieces):
                            async for piece in pieces:
                                yield _spliced(splice, piece)
                    finally:  # also where the client has gone: what was told until then was used
                        attempt.answered = splice.answered
                        if splice.begun:
                            self._settle(call, attempt, _used(splice, call))
                            call.answer = lambda: {"text": splice.said}
                if splice.begun:
                    if attempt.error is not None and not splice.finished:
                        raise attempt.error
                    return

    async def relay(self, call: Call, path: str) -> Json | None:
        """What the provider answers at another path of the client's dialect; None where it speaks another."""
        native, targets = call.native, (await self.routed(call))[1]
        if native is None or not targets[0].speaks(native.dialect):
            return None
        speaking = [target for target in targets if target.speaks(native.dialect)]
        async with aclosing(self._attempts(call, speaking)) as tries:
            async for attempt in tries:
                with attempt:
                    passed = passthrough(attempt.candidate.target, call.request, native)
                    asked = _marked(replace(passed, path=path), call)
                    timer = self.upstream.timer(self._left(call))
                    return await self.upstream.post(attempt.candidate, asked, self._hear(attempt), timer)
        raise AssertionError("attempts() ends by raising")

    async def artifact(self, call: Call, artifact: MediaApi) -> Json:
        """Answer with embeddings or images, by whoever of the targets can make what is asked."""
        asked, targets = cast(Json, call.request), (await self.routed(call))[1]
        able = errands(asked, targets, artifact)
        async with aclosing(self._attempts(call, [one for one in targets if one.name in able])) as tries:
            async for attempt in tries:
                with attempt:
                    target = attempt.candidate.target
                    errand, call.passed = replace(able[target.name], headers=call.marks), False
                    call.changes = errand.order.changes
                    _refuse(call.changes, target, strict=call.strict)
                    to, left = attempt.candidate, self._left(call)
                    parts = await errand.run(self.upstream, to, self._hear(attempt), left)
                    made = artifact.render_answer(asked, parts, target.provider.title, int(call.started))
                    call.changes += made.changes
                    self._settle(call, attempt, made.usage)
                    if not artifact.priced(target.model):
                        call.cost, call.price = None, {}
                    return made.body
        raise AssertionError("attempts() ends by raising")

    async def _attempts(
        self, call: Call, among: Sequence[Target] | None = None
    ) -> AsyncGenerator[Attempt, None]:
        """The attempts of a call, each noted in the call and, where it failed, in the log."""
        targets = (await self.routed(call))[1] if among is None else among

        async def candidates() -> Sequence[Candidate]:
            keyring = (await self.secrets.current()).keyring
            return plan(targets, keyring, self.health, self.clock.now())

        found = attempts(candidates, call.policy, self.health, self.clock, deadline=call.deadline)
        async with aclosing(found):
            async for attempt in found:
                call.attempts.append(attempt)
                try:
                    yield attempt
                finally:
                    self._note(call, attempt)

    async def routed(self, call: Call) -> tuple[Route, Sequence[Target]]:
        """The route of a call, and its targets that the vault has a key for, in the order to try them."""
        keyring = (await self.secrets.current()).keyring
        self._directory.use(self.known(), keyring)
        route, within = self._directory.route(call.model), self._directory.reachable
        if call.targets is not None:
            return route, call.targets
        targets = order(route, call.strategy, self.clock.jitter)
        served = [target for target in targets if target.provider.name in within]
        if not served:
            lacking = ", ".join(dict.fromkeys(target.provider.name for target in targets))
            raise NoRoute(
                f"the vault holds no key for {lacking}, which would serve this model", param="model"
            )
        return route, served

    def _rendered(self, call: Call, attempt: Attempt) -> ProviderRequest:
        """The request as the attempt's provider wants it; a strict call refuses what loses anything."""
        target = attempt.candidate.target
        if call.native is not None and target.speaks(call.native.dialect):
            call.changes, call.passed = (), True
            return _marked(passthrough(target, call.request, call.native), call)
        call.passed = False
        lost = call.native.elsewhere() if call.native is not None else ()
        _refuse(lost, target, strict=call.strict)
        asked = render(target, call.request)
        call.changes = (*lost, *asked.rendered.changes)
        _refuse(asked.rendered.changes, target, strict=call.strict)
        return _marked(asked, call)

    def _left(self, call: Call) -> float:
        return call.deadline - self.clock.now()

    def _hear(self, attempt: Attempt) -> HeaderObserver:
        return HeaderObserver(attempt, self.health, self.clock)

    def _settle(self, call: Call, attempt: Attempt, usage: Usage | None) -> None:
        """Note what an answer used and cost; a count that cannot be is held to what can."""
        if usage is not None and call.bounds is not None:
            usage, absurd = clamped(usage, *call.bounds)
            call.flags += ["clamped"] if absurd else []
        model = attempt.candidate.target.model
        call.usage = usage
        call.cost = cost(usage, model, call.started) if usage else None
        call.price = (applied(usage, model, call.started) if usage else None) or {}

    def _note(self, call: Call, attempt: Attempt) -> None:
        error = attempt.error
        if error is None:
            return
        if error.fault is Fault.KEY:
            self.secrets.doubt()
        self.log.attempt(
            request_id=call.id,
            provider=error.provider,
            model=error.model,
            key_id=attempt.candidate.credential.id,
            upstream_id=attempt.trace,
            status=error.upstream_status,
            fault=error.fault.name.lower(),
            reason=str(error),
            began_ms=attempt.began_ms(call.started),
            ms=round(attempt.seconds * 1_000, 1),
        )


def _marked(asked: ProviderRequest, call: Call) -> ProviderRequest:
    return replace(asked, headers={**asked.headers, **call.marks})


def _refuse(changes: Sequence[Change], target: Target, *, strict: bool) -> None:
    """Raise InvalidRequest for what a request cannot go without, or in a strict call, loses."""
    for change in changes:
        if change.kind == "refused" or (strict and change.lossy):
            text = f"{change.path}: {change.reason} ({target.name})"
            raise InvalidRequest(text, param=change.path, code="unsupported_parameter")


def _hold(call: Call, target: Target, completion: ChatCompletion) -> None:
    """Raise UpstreamError where an answer lacks a structure asked for in words: others may keep it."""
    if call.passed or matches_schema(call.request, call.changes, completion):
        return
    raise UpstreamError(
        f"{target.provider.title} was told a structure in words, and answered in another",
        fault=Fault.MODEL,
        provider=target.provider.name,
        model=target.model.name,
        upstream_status=200,
        code="structure_not_kept",
    )


def _counted(completion: ChatCompletion, call: Call) -> Usage:
    """The usage of an answer whose provider told none, roughly."""
    return _estimated(
        {},
        "".join(text for choice in completion["choices"] for text in texts(cast(Delta, choice["message"]))),
        call,
    )


def _used(splice: Splice, call: Call) -> Usage:
    """The usage of a stream: as told, and where it broke off or was left, no less than what came of it."""
    if splice.finished and splice.usage is not None:
        return splice.usage
    return _estimated(splice.usage or {}, splice.said, call)


def _estimated(told: Usage, said: str, call: Call) -> Usage:
    call.flags.append("estimated")
    prompt = told.get("prompt_tokens") or estimate(call.request)
    completion = max(told.get("completion_tokens") or 0, tokens(said))
    return {
        **told,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def _spliced(splice: Splice, piece: StreamItem) -> StreamItem:
    if not isinstance(piece, RawEvent):
        return splice.accept(piece)
    for chunk in piece.chunks:
        splice.note(chunk)
    return piece


@dataclass(frozen=True, slots=True)
class HeaderObserver:
    """Listens to a provider's headers: its id of the request, and what is left of a key's quota."""

    attempt: Attempt
    health: Health
    clock: Clock

    def __call__(self, headers: Mapping[str, str], _status: int) -> None:
        plain = dict(headers.items())  # httpx looks a header up in all of them
        credential = self.attempt.candidate.credential
        self.attempt.trace = trace(plain, credential.key)
        told = quota(plain, self.clock.now())
        if told is not None:
            self.health.heard(credential, told)
