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
from vaultcore.money import usd
from vaultcore.routing.health import Health
from vaultcore.routing.plan import Candidate, credentials, order, plan, reachable
from vaultcore.upstream.client import render
from vaultcore.usage.cost import cost
from vaultcore.usage.token_estimate import estimate
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
            "estimate": self._estimate(call),
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

    def _estimate(self, call: Call) -> Json | None:
        """Tokens and cost at the first candidate if the answer gets as long as it may; roughly."""
        if not self.candidates:
            return None
        model = self.candidates[0].target.model
        asked = call.request.get("max_completion_tokens") or call.request.get("max_tokens")
        prompt, completion = estimate(call.request), asked or model.max_output_tokens
        most = cost({"prompt_tokens": prompt, "completion_tokens": completion or 0}, model)
        return {
            "prompt_tokens": prompt,
            "max_completion_tokens": completion,
            "max_cost_usd": usd(most) if most is not None and completion else None,
        }


def explain(call: Call, catalog: Catalog, keyring: Keyring, health: Health, clock: Clock) -> Explanation:
    """Plan a call without making it. Raises NoRoute."""
    now = clock.now()
    within = reachable(catalog.providers.values(), keyring)
    found = route(call.model, catalog, within)
    targets = order(found, call.strategy, clock.jitter) if call.targets is None else call.targets
    candidates = plan(targets, keyring, health, now)
    return Explanation(found, tuple(candidates), tuple(_keyless(targets, keyring)), health, now)


def _keyless(targets: Iterable[Target], keyring: Keyring) -> Iterable[Target]:
    return (target for target in targets if not credentials(target.provider, keyring))


def _named(target: Target) -> Json:
    return {"provider": target.provider.name, "model": target.model.name}


def _skipped(target: Target) -> Json:
    return {**_named(target), "reason": f"the vault holds no key for {target.provider.name}"}
