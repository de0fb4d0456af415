"""One request through the attempt loop, against scripted provider failures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from tests.fakes.clock import FakeClock
from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.errors import Fault, UpstreamError
from vaultcore.routing.attempts import Attempts, RetryPolicy
from vaultcore.routing.candidate import Candidate
from vaultcore.routing.health import Health
from vaultcore.routing.plan import plan
from vaultcore.vault.keyring import Credential, Keyring

Respond = Callable[[Candidate, int], UpstreamError | None]


def target(name: str) -> Target:
    """Return the target `provider/model`, or `provider/model@context_window`."""
    provider, _, model = name.partition("/")
    model, _, size = model.partition("@")
    context_window = int(size) if size else None
    return Target(
        Provider(provider, f"https://{provider}.example/v1"),
        Model(model or "m", context_window=context_window),
    )


def failure(fault: Fault, status: int | None = None, wait: float | None = None) -> UpstreamError:
    return UpstreamError("no", fault=fault, upstream_status=status, retry_after=wait)


HOST, RATE, KEY = failure(Fault.HOST, 503), failure(Fault.RATE, 429), failure(Fault.KEY, 401)
DEFAULT_POLICY = RetryPolicy()
MODEL, REQUEST = failure(Fault.MODEL, 404), failure(Fault.REQUEST, 400)
SIZE = failure(Fault.SIZE, 400)


class AttemptLoop:
    """Runs one request through the loop. Records which keys were used; the clock records the pauses."""

    def __init__(
        self,
        targets: Sequence[str],
        keys: int = 1,
        health: Health | None = None,
        clock: FakeClock | None = None,
    ) -> None:
        self.targets = [target(name) for name in targets]
        names = dict.fromkeys(each.provider.name for each in self.targets)
        self.keyring = Keyring(Credential(name, f"{name}{n}") for name in names for n in range(keys))
        self.health, self.clock = health or Health(), clock or FakeClock()
        self.used_keys: list[str] = []

    async def run(self, respond: Respond, policy: RetryPolicy, deadline: float) -> Candidate:
        async def candidates() -> list[Candidate]:
            return plan(self.targets, self.keyring, self.health, self.clock.now())

        tries = Attempts(candidates, policy, self.health, self.clock, deadline=deadline)
        while True:
            attempt = await tries.next()
            with attempt.absorbing_failures():
                self.used_keys.append(attempt.candidate.credential.key)
                if error := respond(attempt.candidate, len(self.used_keys)):
                    raise error
                return attempt.candidate

    def run_script(
        self,
        *script: UpstreamError | None,
        policy: RetryPolicy = DEFAULT_POLICY,
        deadline: float = float("inf"),
    ) -> Candidate:
        def respond(_: Candidate, count: int) -> UpstreamError | None:
            return script[count - 1] if count <= len(script) else None

        return asyncio.run(self.run(respond, policy, deadline))
