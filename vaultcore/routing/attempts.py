"""The loop of retries and fallbacks, as a source of attempts.

    attempts = Attempts(...)
    while True:
        attempt = await attempts.next()
        with attempt.absorbing_failures():
            return await call(attempt.candidate)

The loop works in rounds. A round tries each target in order: after a key's fault the target's next key, after
a host's fault the next target, and after "prompt too long" only targets with a larger context window. A
target that cannot carry the request is passed over without a call. At the end of a round, candidates that may
succeed later are tried again after a pause: exponential with full jitter, or as long as the providers asked
for. `next` raises `AttemptsExhausted` if no candidate is left, the provider's own error if the prompt
is too long for all of them, or InvalidRequest if no target can carry the request. It raises
`DeadlineExceeded` instead of starting an attempt that cannot end in time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import field
from types import TracebackType
from typing import Generic, Self, TypeVar

from vaultcore.clock import Clock
from vaultcore.errors import (
    AttemptDeadlineExceeded,
    AttemptsExhausted,
    DeadlineExceeded,
    Fault,
    GatewayError,
    InvalidRequest,
    UpstreamError,
)
from vaultcore.lazy_dataclass import dataclass
from vaultcore.routing.candidate import AnyCandidate, Candidate
from vaultcore.routing.decision import CandidateSkip, OnSkip
from vaultcore.routing.fault import NEXT_STEP, NextStep
from vaultcore.routing.health import Health

C = TypeVar("C", bound=AnyCandidate)

SHORTEST_ATTEMPT = 1.0  # seconds; no attempt starts later than this before the deadline
BLAME_AFTER = 10.0  # seconds; a provider that was silent for so long is at fault if the deadline passes


def _ignore_end(_attempt: Attempt) -> None:
    return


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to try, and how long to pause. Seconds."""

    attempts: int = 4  # provider calls per client request
    key_retries: int = 2  # further keys of one provider
    backoff: float = 0.2
    longest_pause: float = 5.0  # a provider that asks for a longer one is not waited for

    def pause(self, round: int, requested: float, jitter: float) -> float:
        """Return the pause before the next round: exponential with full jitter, at least `requested`."""
        return max(requested, min(jitter * self.backoff * float(2**round), self.longest_pause))


class Attempt:
    """One call to one candidate, and how it ended."""

    def __init__(
        self, candidate: Candidate, health: Health, clock: Clock, on_end: OnEnd = _ignore_end
    ) -> None:
        self.candidate = candidate
        self.error: UpstreamError | None = None
        self.refusal: InvalidRequest | None = None  # the target cannot carry the request: it was not called
        self.started, self.seconds = clock.now(), 0.0
        self.upstream_request_id: str | None = None
        self.response_model: str | None = None  # the model's name as the provider reports it
        self._health, self._clock, self._on_end = health, clock, on_end

    def began_ms(self, since: float) -> int:
        """Return milliseconds from `since` to the start of this attempt; 0 if the clock was set back."""
        return max(0, round((self.started - since) * 1_000))

    def absorbing_failures(self) -> _FailureAbsorber:
        """Return a context manager that records how the attempt ends and swallows retryable failures.

        After its block, `error` is set if the attempt failed, and the loop goes on to the next attempt.
        Failures that no other attempt can avoid, and all other exceptions, are raised.
        """
        return _FailureAbsorber(self)

    def end(self, error: BaseException | None) -> bool:
        """Record the end of the attempt; return True if another attempt may succeed after this error."""
        now = self._clock.now()
        self.seconds = now - self.started
        may_retry = self._record(error, now)
        on_end, self._on_end = self._on_end, _ignore_end  # it refers to the call, which has this attempt
        on_end(self)
        return may_retry

    def _record(self, error: BaseException | None, now: float) -> bool:
        match error:
            case None:
                self._health.record_success(self.candidate, self)
            case AttemptDeadlineExceeded() if error.has_started or self.seconds < BLAME_AFTER:
                self.error = error.with_traceback(None)
                self._health.release(self.candidate, self)
                return True
            case UpstreamError():
                self.error = error.with_traceback(None)
                self._health.record_failure(self.candidate, self, error, now)
                return NEXT_STEP[error.fault] is not NextStep.GIVE_UP
            case InvalidRequest():
                self.refusal = error.with_traceback(None)
                self._health.release(self.candidate, self)
                return True
            case _:
                self._health.release(self.candidate, self)
        return False


OnEnd = Callable[[Attempt], object]


class _FailureAbsorber:
    __slots__ = ("_attempt",)

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return self._attempt.end(error)


def _ignore_skip(_candidate: AnyCandidate, _reason: CandidateSkip) -> None:
    return


class Attempts:
    """The attempts of one call, one after another. No generator: it would cost 30 Python calls a request.

    `find_candidates` is called at the start of each round. `deadline` is in the clock's time. `on_skip` is
    called for each candidate that is passed over, `on_end` for each attempt that has ended. If no target
    can carry the request, `on_refused` may change it; the targets are tried again if it returns True.
    """

    def __init__(
        self,
        find_candidates: Callable[[], Awaitable[Sequence[Candidate]]],
        policy: RetryPolicy,
        health: Health,
        clock: Clock,
        *,
        deadline: float = float("inf"),
        on_skip: OnSkip = _ignore_skip,
        on_end: OnEnd = _ignore_end,
        on_refused: Callable[[], bool] = bool,  # False
    ) -> None:
        self._find_candidates, self._health, self._clock = find_candidates, health, clock
        self._deadline, self._on_skip, self._on_end = deadline, on_skip, on_end
        self._policy, self._on_refused = policy, on_refused
        self._progress: Progress[Candidate] = Progress(policy, on_skip)
        self._round: Iterator[Candidate] = iter(())
        self._latest: Attempt | None = None

    async def next(self) -> Attempt:
        """Return the next attempt; the earlier one must have failed.

        Raises AttemptsExhausted, DeadlineExceeded, InvalidRequest, or the provider's own error.
        """
        if self._latest is not None:
            self._record_failure(self._latest)
        while True:
            for candidate in self._round:
                if (attempt := self._begin(candidate)) is not None:
                    self._latest = attempt
                    return attempt
            if self._progress.rounds and not self._begins_anew():
                await self._pause()
            self._round = self._progress.round(await self._find_candidates())

    def _begins_anew(self) -> bool:
        """Return True if no target could carry the request and `on_refused` has changed it."""
        progress = self._progress
        if not progress.refusals or progress.failures or progress.cooldowns or not self._on_refused():
            return False
        self._progress = Progress(self._policy, self._on_skip)
        return True

    def _begin(self, candidate: Candidate) -> Attempt | None:
        """Return the attempt at a candidate; None if it is in cooldown."""
        now = self._clock.now()
        if now + SHORTEST_ATTEMPT > self._deadline:
            raise self._progress.deadline_exceeded()
        attempt = Attempt(candidate, self._health, self._clock, self._on_end)
        if self._health.begin(candidate, attempt, now):
            return attempt
        self._on_skip(candidate, "cooldown")
        self._progress.record_cooldown(candidate, *self._health.cooldown(candidate, now), now)
        return None

    def _record_failure(self, attempt: Attempt) -> None:
        if attempt.refusal is not None:
            self._on_skip(attempt.candidate, "incapable")
            self._progress.record_refusal(attempt.candidate, attempt.refusal)
            return
        if attempt.error is None:
            raise AssertionError("no attempt follows a success")
        self._progress.record_failure(attempt.candidate, attempt.error, self._clock.now())
        if isinstance(attempt.error, AttemptDeadlineExceeded):
            raise self._progress.deadline_exceeded()

    async def _pause(self) -> None:
        pause = self._progress.pause(self._clock)
        if self._clock.now() + pause + SHORTEST_ATTEMPT > self._deadline:
            raise self._progress.deadline_exceeded()
        await self._clock.sleep(pause)


@dataclass(slots=True)
class Progress(Generic[C]):
    """The state of one call's attempts so far."""

    policy: RetryPolicy
    on_skip: Callable[[C, CandidateSkip], None] = _ignore_skip
    rounds: int = 0
    failures: list[UpstreamError] = field(default_factory=list)
    cooldowns: list[UpstreamError] = field(default_factory=list)
    refusals: dict[str, InvalidRequest] = field(default_factory=dict)  # targets that cannot carry the request
    key_rejected: bool = False  # in this round
    idle: bool = True  # this round had no candidate to try
    too_small: int | None = None  # tokens: the largest context window that the prompt did not fit into
    _retry_at: dict[str, float] = field(default_factory=dict)  # by key at target: may succeed from then on
    _excluded: set[str] = field(default_factory=set)  # keys and targets that cannot succeed
    _failed: set[str] = field(default_factory=set)  # targets, and keys at targets, that failed in this round
    _retried: set[str] = field(default_factory=set)  # targets that get no second retry
    _keys: dict[str, set[str]] = field(default_factory=dict)  # already used, by provider

    def round(self, candidates: Sequence[C]) -> Iterator[C]:
        """Yield the candidates worth trying in this round; failures recorded meanwhile count."""
        self.rounds += 1
        self.key_rejected, self.idle = False, True
        self._failed.clear()
        self.cooldowns.clear()
        for candidate in candidates:
            if len(self.failures) >= self.policy.attempts:
                return
            has_failures = self.failures or self.refusals  # most calls have none
            if has_failures and (reason := self._reason_to_skip(candidate)) is not None:
                self.on_skip(candidate, reason)
                continue
            self.idle = False
            yield candidate

    def record_failure(self, candidate: C, error: UpstreamError, now: float) -> None:
        self.failures.append(error)
        self._keys.setdefault(candidate.target.provider.name, set()).add(candidate.key_id)
        pair = candidate.key_at_target
        self._retry_at.pop(pair, None)
        match NEXT_STEP[error.fault]:
            case NextStep.NEXT_KEY if error.fault is Fault.RATE:
                self._failed.add(pair)
                self._retry_at[pair] = now + (error.retry_after or 0.0)
            case NextStep.NEXT_KEY:
                self._excluded.add(candidate.key_id)
                self.key_rejected = True
            case NextStep.DROP_TARGET:
                self._excluded.add(candidate.target.name)
            case NextStep.LARGER_TARGET:
                self._excluded.add(candidate.target.name)
                self.too_small = max(self.too_small or 0, candidate.target.model.context_window or 0)
            case NextStep.RETRY_ONCE if candidate.target.name in self._retried:
                self._excluded.add(candidate.target.name)
            case step:
                if step is NextStep.RETRY_ONCE:
                    self._retried.add(candidate.target.name)
                self._failed.add(candidate.target.name)
                self._retry_at[pair] = now + (error.retry_after or 0.0)

    def record_refusal(self, candidate: C, reason: InvalidRequest) -> None:
        """Record that a target cannot carry the request."""
        self._excluded.add(candidate.target.name)
        self.refusals[candidate.target.name] = reason

    def record_cooldown(self, candidate: C, seconds: float, fault: Fault, now: float) -> None:
        """Record that a candidate was skipped: another call probes it, or its provider asked for time."""
        target = candidate.target
        self._retry_at[candidate.key_at_target] = now + seconds
        self.cooldowns.append(
            UpstreamError(
                f"{target.provider.name} is in cooldown after earlier failures",
                fault=fault,
                provider=target.provider.name,
                model=target.model.name,
                upstream_status=429 if fault is Fault.RATE else None,
                retry_after=seconds,
            )
        )

    def pause(self, clock: Clock) -> float:
        """Return the seconds until the next round. Raises AttemptsExhausted if another round is pointless."""
        if self.idle or len(self.failures) >= self.policy.attempts or self.rounds >= self.policy.attempts:
            raise self.exhausted()
        if self.key_rejected:
            return 0.0  # the next round reads the keys again: a rotation may have replaced the key
        requested = min(self._retry_at.values(), default=float("inf")) - clock.now()
        if requested > self.policy.longest_pause:
            raise self.exhausted()
        return self.policy.pause(self.rounds - 1, max(requested, 0.0), clock.jitter())

    def exhausted(self) -> GatewayError:
        """Return the client's error: "prompt too long" if that was the last failure, else all failures.

        If no target could carry the request, it is the reason of the first one.
        """
        if self.refusals and not self.failures and not self.cooldowns:
            return next(iter(self.refusals.values()))
        if self.failures and NEXT_STEP[self.failures[-1].fault] is NextStep.LARGER_TARGET:
            return self.failures[-1]
        waits = [
            error.retry_after for error in (*self.failures, *self.cooldowns) if error.retry_after is not None
        ]
        return AttemptsExhausted(
            self.failures or self.cooldowns, self.refusals, retry_after=min(waits, default=None)
        )

    def deadline_exceeded(self) -> DeadlineExceeded:
        """Return the client's error for a passed deadline; its cause lists the failures."""
        error = DeadlineExceeded("no provider answered before the request's deadline")
        error.__cause__ = self.exhausted()
        return error

    def _reason_to_skip(self, candidate: C) -> CandidateSkip | None:
        key, target = candidate.key_id, candidate.target
        used = self._keys.get(target.provider.name, set())
        if key in self._excluded:
            return "rejected"
        if target.name in self._excluded:
            return "unusable"
        if not self._failed.isdisjoint((target.name, candidate.key_at_target)):
            return "failed"
        if key not in used and len(used) > self.policy.key_retries:
            return "key_limit"
        if self.too_small is not None and (target.model.context_window or 0) <= self.too_small:
            return "too_small"
        return None
