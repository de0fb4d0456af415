"""Runs one call: routing, retries and fallbacks, translation, usage and cost.

    client request → route → targets → candidates → attempts → provider → response → usage

Each method returns the response of the first attempt that succeeds. Whether a caller may make the call is
decided before, in `vaultcore.admission`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from vaultcore.call import Call
from vaultcore.casts import cast
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Route, Target
from vaultcore.clock import Clock
from vaultcore.dialects import StreamItem
from vaultcore.dialects.split_choices import ChoiceJoiner, join_choices
from vaultcore.errors import Fault, NoRoute, UpstreamError
from vaultcore.gateway.call_usage import INTERNAL_NAMES, record_completion, record_stream, record_usage
from vaultcore.gateway.client_items import ClientItems
from vaultcore.gateway.issued_state import IssuedState
from vaultcore.gateway.omissions import allow_notes
from vaultcore.gateway.output_meter import OutputMeter
from vaultcore.gateway.provider_call import HeaderObserver, ProviderCall
from vaultcore.gateway.route_cache import RouteCache
from vaultcore.gateway.structured_output import matches_schema
from vaultcore.gateway.target_request import correlated, reject_losses, render_for
from vaultcore.lazy_dataclass import dataclass
from vaultcore.opaque_state.envelope import StateSeal
from vaultcore.opaque_state.marks import create_stage, mark_completion
from vaultcore.plain_request import is_plain
from vaultcore.routing.attempts import Attempt, Attempts, RetryPolicy
from vaultcore.routing.candidate import Candidate
from vaultcore.routing.health import Health
from vaultcore.routing.plan import draw, order, plan
from vaultcore.routing.stream_joiner import StreamJoiner, client_usage
from vaultcore.secrets import SecretSource
from vaultcore.telemetry import Log
from vaultcore.upstream.client import Upstream
from vaultcore.upstream.provider_request import ProviderResponse, passthrough
from vaultcore.wire import ChatCompletion, Json

if TYPE_CHECKING:
    from vaultcore.media import MediaApi

T = TypeVar("T")
DEFAULT_RETRIES = (RetryPolicy().attempts, RetryPolicy().key_retries)
AttemptOnce = Callable[[Attempt], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class Gateway:
    """Calls the providers whose keys are in the vault. One per process."""

    catalog: Callable[[], Catalog]  # returns the catalog now in force
    secrets: SecretSource
    upstream: Upstream
    clock: Clock
    health: Health = field(default_factory=Health)
    log: Log = field(default_factory=Log)
    _state: IssuedState = field(init=False, repr=False)
    _routes: RouteCache = field(default_factory=RouteCache, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_state", IssuedState(self.secrets))

    async def complete(self, call: Call) -> ProviderResponse:
        """Return a whole response. Raises InvalidRequest, NoRoute, AttemptsExhausted, DeadlineExceeded."""

        async def attempt_once(attempt: Attempt) -> ProviderResponse:
            target, seal = attempt.candidate.target, await self._state.seal_of(attempt.candidate, call)
            request = await call.worker(render_for, call, target, seal)
            response = await self._provider_call(call, attempt, seal).complete(request)
            completion = response.completion
            if call.has_one_choice:
                completion = join_choices(completion)
            attempt.response_model = completion.get("model")
            record_completion(call, target.model, completion, self.log)
            call.outcome.content = partial(dict, completion)
            if not _has_structure(call, completion):
                call.outcome.set_aside(target)
                raise _structure_error(target)
            created = completion.get("created") or int(call.started)
            shaped: ChatCompletion = {**completion, "created": created, "model": call.model}
            shaped = cast(ChatCompletion, {**shaped, **call.outcome.response_fields})
            if not call.outcome.is_passthrough:
                shaped = mark_completion(shaped, seal, seals=call.seals_state, compacts=call.compacts)
            return ProviderResponse(_with_client_usage(shaped), response.body)

        targets = await self.targets(call) if call.targets is None else call.targets
        return await self._first_success(call, targets, attempt_once)

    async def stream(self, call: Call) -> AsyncGenerator[Sequence[StreamItem], None]:
        """Yield the items of a streamed response, those together that arrived together.

        Until the first item, a failure leads to another attempt. Raises what `complete` raises and, after the
        first item, StreamBroken.
        """
        choices = ChoiceJoiner() if call.has_one_choice else None
        joiner = StreamJoiner(f"chatcmpl-{call.id}", call.model, int(call.started), choices)
        attempts = await self._attempts(call, await self.targets(call))
        while True:
            attempt = await attempts.next()
            call.outcome.begin_attempt(attempt)
            with attempt.absorbing_failures():  # then `attempt.error` is set, and the loop goes on
                seal = await self._state.seal_of(attempt.candidate, call)
                request = await call.worker(render_for, call, attempt.candidate.target, seal)
                marker = create_stage(seal, seals=call.seals_state, compacts=call.compacts)
                client_items = ClientItems(joiner, marker, _output_meter(call, attempt))
                model = attempt.candidate.target.model
                source = await self._provider_call(call, attempt, seal).stream(request)
                joiner.fields = call.outcome.response_fields
                try:
                    try:
                        while arrived := await source.next_items():
                            if items := client_items.feed(arrived):
                                yield items
                            if client_items.is_cut_off:
                                call.outcome.flags.append("cut_off")
                                break
                        joiner.is_complete = True
                    finally:
                        await source.close()
                finally:  # also after a client disconnect: the client pays for what arrived until then
                    attempt.response_model = joiner.response_model
                    if joiner.has_started:
                        record_stream(call, model, joiner, self.log)
                        call.outcome.content = lambda: {"text": joiner.text}
            if "cut_off" in call.outcome.flags:
                yield [joiner.cut(client_usage(call.outcome.usage) or {})]
                return
            if joiner.has_started:
                if attempt.error is not None and (request.is_native or not joiner.is_finished):
                    raise attempt.error
                return

    async def forward(self, call: Call, path: str) -> Json | None:
        """Send the client's body to another path of its own dialect and return the provider's body.

        `{model}` in the path stands for the provider's name of the model. Return None if the first target
        speaks another dialect. Raises InvalidRequest if that target cannot get the request at all: another
        provider may hold a part of it.
        """
        native, targets = call.native, await self.targets(call)
        if native is None:
            return None
        if not targets[0].accepts_dialect(native.dialect):
            translation = await call.worker(native.translated, call.request, targets[0])
            reject_losses(translation.changes, targets[0], strict=False)
            return None

        async def attempt_once(attempt: Attempt) -> Json:
            target, seal = attempt.candidate.target, await self._state.seal_of(attempt.candidate, call)
            name = quote(target.model.name, safe="@")
            addressed = replace(native, path=path.replace("{model}", name))
            request = passthrough(target, call.request, addressed, seal)
            return await self.upstream.post(
                attempt.candidate,
                correlated(request, call),
                self._observer(attempt),
                self.upstream.deadlines(self._remaining(call)),
            )

        same_dialect = [target for target in targets if target.accepts_dialect(native.dialect)]
        call.outcome.decision.skip_targets(targets, same_dialect, "dialect")
        return await self._first_success(call, same_dialect, attempt_once)

    async def media(self, call: Call, api: MediaApi) -> Json:
        """Return embeddings, images or moderations from the first target that can make what is requested."""
        from vaultcore.upstream.media_jobs import media_jobs  # 20 modules, for few requests

        body, targets = cast(Json, call.request), await self.targets(call)
        jobs = media_jobs(body, targets, api)

        async def attempt_once(attempt: Attempt) -> Json:
            target, outcome = attempt.candidate.target, call.outcome
            job = replace(jobs[target.name], headers=call.correlation_headers)
            outcome.is_passthrough, outcome.changes = False, job.changes
            reject_losses(outcome.changes, target, strict=call.strict)
            parts = await job.run(
                self.upstream, attempt.candidate, self._observer(attempt), self._remaining(call)
            )
            response = api.render_response(body, parts, target.provider.title, int(call.started))
            outcome.changes += response.changes
            record_usage(call, target.model, response.usage, None, self.log)
            if not api.has_price(target.model):
                outcome.cost, outcome.price = None, {}
            return response.body

        capable = [target for target in targets if target.name in jobs]
        call.outcome.decision.skip_targets(targets, capable, "incapable")
        return await self._first_success(call, capable, attempt_once)

    async def targets(self, call: Call) -> Sequence[Target]:
        """Return the targets of a call in the order to try them. Raises NoRoute."""
        return (await self.route(call))[1] if call.targets is None else call.targets

    async def route(self, call: Call) -> tuple[Route, Sequence[Target]]:
        """Return a call's route and its targets that the vault has a key for, in order. Raises NoRoute."""
        keyring = (await self.secrets.current()).keyring
        catalog = self.catalog()
        self._routes.use(catalog, keyring)
        prepared, decision = self._routes.find_route(call.model, call.strategy), call.outcome.decision
        route, ordered, reachable = prepared.route, prepared.ordered, prepared.reachable
        decision.strategy, decision.routes_version = prepared.strategy, catalog.routes_version
        if prepared.is_drawn:
            decision.draws = draw(route, call.strategy, self.clock.jitter)
            ordered = order(route, call.strategy, decision.draws)
            reachable = self._routes.select(ordered)
        if len(reachable) < len(ordered):
            decision.skip_targets(ordered, reachable, "no_key")
        if not reachable:
            names = ", ".join(dict.fromkeys(target.provider.name for target in ordered))
            raise NoRoute(f"the vault has no key for {names}, which serves this model", param="model")
        return route, reachable

    async def _first_success(self, call: Call, targets: Sequence[Target], attempt_once: AttemptOnce[T]) -> T:
        """Return the result of the first attempt that does not fail."""
        attempts = await self._attempts(call, targets)
        while True:
            attempt = await attempts.next()
            call.outcome.begin_attempt(attempt)
            with attempt.absorbing_failures():  # then the loop goes on
                return await attempt_once(attempt)

    async def _attempts(self, call: Call, targets: Sequence[Target]) -> Attempts:
        """Return the attempts of a call; a failed one is logged. The caller adds each to the outcome."""
        first: list[Candidate] = []

        async def find_candidates() -> Sequence[Candidate]:
            keyring = (await self.secrets.current()).keyring
            now = self.clock.now()
            planned = plan(targets, keyring, self.health, now, preferred=accounts)
            if call.native is not None and call.native.is_continuation:
                first.extend(_only_candidate(planned, call.native.dialect) if not first else ())
                planned = first
            decision.begin_round(planned, self.health, now)
            return planned

        policy, decision = call.retry_policy, call.outcome.decision
        accounts = () if is_plain(call.request) else await self._state.issuing_accounts(call)
        retries = (policy.attempts, policy.key_retries)
        decision.retries = None if retries == DEFAULT_RETRIES else retries
        return Attempts(
            find_candidates,
            policy,
            self.health,
            self.clock,
            deadline=call.deadline,
            on_skip=decision.skip,
            on_end=partial(self._note_end, call),
            on_refused=partial(allow_notes, call),
        )

    def _note_end(self, call: Call, attempt: Attempt) -> None:
        if attempt.error is not None:
            self._log_failure(call, attempt, attempt.error)
        if attempt.refusal is not None:
            call.outcome.attempts.remove(attempt)  # the provider was not called

    def _provider_call(self, call: Call, attempt: Attempt, seal: StateSeal) -> ProviderCall:
        return ProviderCall(
            call,
            attempt.candidate,
            seal,
            self.upstream,
            self._observer(attempt),
            partial(self._remaining, call),
            self.log,
        )

    def _remaining(self, call: Call) -> float:
        """Return the seconds until the call's deadline."""
        return call.deadline - self.clock.now()

    def _observer(self, attempt: Attempt) -> HeaderObserver:
        return HeaderObserver(attempt, self.health, self.clock)

    def _log_failure(self, call: Call, attempt: Attempt, error: UpstreamError) -> None:
        if error.fault is Fault.KEY:
            self.secrets.refresh_soon()
        self.log.attempt(
            request_id=call.id,
            provider=error.provider,
            model=error.model,
            key_id=attempt.candidate.credential.id,
            upstream_id=attempt.upstream_request_id,
            status=error.upstream_status,
            fault=error.fault.name.lower(),
            reason=str(error),
            began_ms=attempt.began_ms(call.started),
            ms=round(attempt.seconds * 1_000, 1),
        )


def _only_candidate(planned: Sequence[Candidate], dialect: str) -> Sequence[Candidate]:
    """Return the candidate that holds the conversation: the first one of its dialect, else the first."""
    native = [each for each in planned if each.target.accepts_dialect(dialect)]
    return (native or planned)[:1]


def _has_structure(call: Call, completion: ChatCompletion) -> bool:
    """Return False if a response breaks a JSON schema that the provider got as an instruction only."""
    outcome = call.outcome
    return outcome.is_passthrough or matches_schema(call.request, outcome.changes, completion)


def _structure_error(target: Target) -> UpstreamError:
    return UpstreamError(
        f"{target.provider.title} answered in another structure than the requested JSON schema",
        fault=Fault.MODEL,
        provider=target.provider.name,
        model=target.model.name,
        upstream_status=200,
        code="structure_not_kept",
    )


def _output_meter(call: Call, attempt: Attempt) -> OutputMeter:
    """Return the meter of a stream. Only the output of a call with a reservation is limited."""
    bounds = call.bounds
    if bounds is None or not bounds.is_enforced:
        return OutputMeter(None)
    return OutputMeter(bounds.completion * bounds.estimate.max_turns(attempt.candidate.target.model))


def _with_client_usage(completion: ChatCompletion) -> ChatCompletion:
    """Return the completion without the fields of usage that are internal."""
    usage = completion.pop("usage", None)
    if not usage or not INTERNAL_NAMES.isdisjoint(usage):
        usage = client_usage(usage)
    return {**completion, "usage": usage} if usage else completion
