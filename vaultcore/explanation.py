"""What would be done with a request, and why. Nothing is called, and no key is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vaultcore.call import Call
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.lookup import route
from vaultcore.catalog.schema import Route, Target
from vaultcore.clock import Clock
from vaultcore.dialects import report
from vaultcore.routing.health import Health
from vaultcore.routing.plan import Candidate, credentials, order, plan, reachable
from vaultcore.upstream.client import render
from vaultcore.vault.keyring import Keyring
from vaultcore.wire import Json


@dataclass(frozen=True, slots=True)
class Explanation:
    """The route of a call, who would be tried in which order, and who would not."""

    route: Route
    candidates: tuple[Candidate, ...]
    skipped: tuple[Target, ...]  # no key in the vault
    health: Health
    now: float

    def told(self, call: Call) -> Json:
        """As `/v1/explain` and `vaultedge explain` tell it. Raises InvalidRequest where rendering does."""
        return {
            "model": call.model,
            "route": {"name": self.route.name, "strategy": call.strategy or self.route.strategy},
            "candidates": [self._candidate(each) for each in self.candidates],
            "skipped": [_skipped(target) for target in self.skipped],
            "request": self._request(call),
        }

    def _candidate(self, candidate: Candidate) -> Json:
        rest, fault = self.health.rest(candidate, self.now)
        return {
            **_named(candidate.target),
            "key_id": candidate.credential.id,
            "key": candidate.credential.masked if candidate.credential.key else None,
            "state": "resting" if rest else "ready",
            "reason": f"rests for {rest:.0f} s more: {fault.value}" if rest else None,
        }

    def _request(self, call: Call) -> Json | None:
        """What the first candidate would be sent."""
        if not self.candidates:
            return None
        first = self.candidates[0]
        provider = first.target.provider
        asked = render(first.target, call.request)
        auth = {provider.auth.header: provider.auth.prefix + first.credential.masked}
        return {
            "method": "POST",
            "url": provider.base_url + asked.path,
            "headers": {**provider.headers, **(auth if first.credential.key else {})},
            "body": asked.rendered.body,
            "translation": report(asked.rendered.changes),
        }


def explain(call: Call, catalog: Catalog, keyring: Keyring, health: Health, clock: Clock) -> Explanation:
    """Plan a call without making it. Raises NoRoute."""
    now = clock.now()
    within = reachable(catalog.providers.values(), keyring)
    found = route(call.model, catalog, within)
    targets = order(found, call.strategy, clock.jitter)
    candidates = plan(targets, keyring, health, now)
    return Explanation(found, tuple(candidates), tuple(_keyless(targets, keyring)), health, now)


def _keyless(targets: Iterable[Target], keyring: Keyring) -> Iterable[Target]:
    return (target for target in targets if not credentials(target.provider, keyring))


def _named(target: Target) -> Json:
    return {"provider": target.provider.name, "model": target.model.name}


def _skipped(target: Target) -> Json:
    return {**_named(target), "reason": f"the vault holds no key for {target.provider.name}"}
