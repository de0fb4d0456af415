"""The one loop of retries and fallbacks, as an iterator of attempts.

    async for attempt in attempts(...):
        with attempt:               # absorbs a failure that another attempt may mend
            return await call(attempt.candidate)

It goes in rounds. A round tries each target in order, with its next key where a key is at fault, and with the
next target where the provider is; a request too long for one model goes to those that are known to take more.
When a round is through, those that may do better later are tried again after a pause: exponential with full
jitter, or as long as the providers asked for. When nothing is left to try, the iterator raises
`AttemptsExhausted`, or the last provider's word that the request is too long. An attempt that cannot end
before the request has to is not begun: then, and where the time runs out in one, it is `DeadlineExceeded`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from vaultcore.clock import Clock
from vaultcore.errors import (
    AttemptsExhausted,
    DeadlineExceeded,
    Fault,
    GatewayError,
    OutOfTime,
    UpstreamError,
)
from vaultcore.routing.health import Health
from vaultcore.routing.plan import Candidate
from vaultcore.routing.verdict import VERDICTS, Verdict

LEAST = 1.0  # seconds; no provider answers in less
ENOUGH = 10.0  # ... and one that had these, and said nothing, is to blame when the request's time is over


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How hard to try. Seconds."""

    attempts: int = 4  # upstream calls for one request
    key_retries: int = 2  # further keys of one provider
    backoff: float = 0.2
    patience: float = 5.0  # the longest pause; who asks for a longer one is not waited for

    def pause(self, round: int, asked: float, jitter: float) -> float:
        """Seconds before another round: exponential with full jitter, and no less than was asked for."""
        return max(asked, min(jitter * self.backoff * float(2**round), self.patience))


class Attempt:
    """One try of one candidate. As a context manager it records how the try ended."""

    def __init__(self, candidate: Candidate, health: Health, clock: Clock) -> None:
        self.candidate = candidate
        self.error: UpstreamError | None = None
        self.started = clock.now()
        self.seconds = 0.0
        self.trace: str | None = None  # the provider's own id of the request
        self.answered: str | None = None  # the model that the provider says it was
        self._health, self._clock = health, clock

    def began_ms(self, since: float) -> int:
        """Whole milliseconds from then until this try began; a clock that was set back makes none of less."""
        return max(0, round((self.started - since) * 1_000))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        now = self._clock.now()
        self.seconds = now - self.started
        match error:
            case None:
                self._health.succeeded(self.candidate, self)
            case OutOfTime() if error.begun or self.seconds < ENOUGH:
                self.error = error.with_traceback(None)
                self._health.released(self.candidate, self)
                return True
            case UpstreamError():
                self.error = error.with_traceback(None)
                self._health.failed(self.candidate, self, error, now)
                return VERDICTS[error.fault] is not Verdict.GIVE_UP
            case _:
                self._health.released(self.candidate, self)
        return False


async def attempts(
    candidates: Callable[[], Awaitable[Sequence[Candidate]]],
    policy: RetryPolicy,
    health: Health,
    clock: Clock,
    *,
    deadline: float = float("inf"),
) -> AsyncGenerator[Attempt, None]:
    """Attempts until one succeeds. `candidates` is asked anew each round; `deadline` is the clock's time."""
    course = _Course(policy)
    while True:
        for candidate in course.round(await candidates()):
            if clock.now() + LEAST > deadline:
                raise course.late()
            attempt = Attempt(candidate, health, clock)
            if not health.begin(candidate, attempt, clock.now()):
                course.rested(candidate, *health.rest(candidate, clock.now()), clock.now())
                continue
            yield attempt
            if attempt.error is None:
                return
            course.failed(candidate, attempt.error, clock.now())
            if isinstance(attempt.error, OutOfTime):
                raise course.late()
        pause = course.pause(clock)
        if clock.now() + pause + LEAST > deadline:
            raise course.late()
        await clock.sleep(pause)


@dataclass(slots=True)
class _Course:
    """What one request has learnt so far."""

    policy: RetryPolicy
    rounds: int = 0
    failures: list[UpstreamError] = field(default_factory=list)
    resting: list[UpstreamError] = field(default_factory=list)
    refused: bool = False  # a key, in this round
    idle: bool = True  # this round had nobody to try
    outgrown: int | None = None  # tokens: the largest context window that was too small for the request
    _again: dict[str, float] = field(default_factory=dict)  # may do better later: not before that time
    _dead: set[str] = field(default_factory=set)  # keys and targets that will not do at all
    _tired: set[str] = field(default_factory=set)  # targets, and keys at targets, that failed in this round
    _keys: dict[str, set[str]] = field(default_factory=dict)  # tried, by provider

    def round(self, candidates: Sequence[Candidate]) -> Iterator[Candidate]:
        """Those worth trying in this round, as long as attempts are left; what fails meanwhile counts."""
        self.rounds += 1
        self.refused, self.idle = False, True
        self._tired.clear()
        self.resting.clear()
        for candidate in candidates:
            if len(self.failures) < self.policy.attempts and self._worth(candidate):
                self.idle = False
                yield candidate

    def failed(self, candidate: Candidate, error: UpstreamError, now: float) -> None:
        self.failures.append(error)
        self._keys.setdefault(candidate.target.provider.name, set()).add(candidate.credential.id)
        self._again.pop(_place(candidate), None)
        match VERDICTS[error.fault]:
            case Verdict.NEXT_KEY if error.fault is Fault.RATE:
                self._tired.add(_place(candidate))
                self._again[_place(candidate)] = now + (error.retry_after or 0.0)
            case Verdict.NEXT_KEY:
                self._dead.add(candidate.credential.id)
                self.refused = True
            case Verdict.DROP_TARGET:
                self._dead.add(candidate.target.name)
            case Verdict.LARGER_TARGET:
                self._dead.add(candidate.target.name)
                self.outgrown = max(self.outgrown or 0, candidate.target.model.context_window or 0)
            case _:
                self._tired.add(candidate.target.name)
                self._again[_place(candidate)] = now + (error.retry_after or 0.0)

    def rested(self, candidate: Candidate, seconds: float, fault: Fault, now: float) -> None:
        """A candidate was left alone: somebody else is probing it, or its provider asked for time."""
        target = candidate.target
        self._again[_place(candidate)] = now + seconds
        self.resting.append(
            UpstreamError(
                f"{target.provider.name} is at rest after earlier failures",
                fault=fault,
                provider=target.provider.name,
                model=target.model.name,
                upstream_status=429 if fault is Fault.RATE else None,
                retry_after=seconds,
            )
        )

    def pause(self, clock: Clock) -> float:
        """Seconds until another round makes sense; raises AttemptsExhausted where none does, or not soon."""
        if self.idle or len(self.failures) >= self.policy.attempts or self.rounds >= self.policy.attempts:
            raise self.exhausted()
        if self.refused:
            return 0.0  # the keys are asked for again: a rotation may have brought a new one
        asked = min(self._again.values(), default=float("inf")) - clock.now()
        if asked > self.policy.patience:
            raise self.exhausted()
        return self.policy.pause(self.rounds - 1, max(asked, 0.0), clock.jitter())

    def exhausted(self) -> GatewayError:
        """What to tell the client: that its request is too long, where that was the last word."""
        if self.failures and VERDICTS[self.failures[-1].fault] is Verdict.LARGER_TARGET:
            return self.failures[-1]
        asked = [
            error.retry_after for error in (*self.failures, *self.resting) if error.retry_after is not None
        ]
        return AttemptsExhausted(self.failures or self.resting, retry_after=min(asked, default=None))

    def late(self) -> DeadlineExceeded:
        """What to tell the client when its time is over; why, is the cause."""
        late = DeadlineExceeded("no provider answered in the time this request has")
        late.__cause__ = self.exhausted()
        return late

    def _worth(self, candidate: Candidate) -> bool:
        key, target = candidate.credential.id, candidate.target
        tried = self._keys.get(target.provider.name, set())
        return (
            self._dead.isdisjoint((key, target.name))
            and self._tired.isdisjoint((target.name, _place(candidate)))
            and (key in tried or len(tried) <= self.policy.key_retries)
            and (self.outgrown is None or (target.model.context_window or 0) > self.outgrown)
        )


def _place(candidate: Candidate) -> str:
    return f"{candidate.target.name} {candidate.credential.id}"
