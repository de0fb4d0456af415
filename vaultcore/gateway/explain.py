"""Explains a call without making it: its route, its candidates, and the request that would be sent.

No provider is called, and no key is shown.
"""

from __future__ import annotations

from collections.abc import Iterable

from vaultcore.call import Call
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.lookup import find_route
from vaultcore.catalog.schema import Route, Target
from vaultcore.clock import Clock
from vaultcore.dialects import report_changes
from vaultcore.lazy_dataclass import dataclass
from vaultcore.money import Nanos, format_usd
from vaultcore.routing.candidate import Candidate
from vaultcore.routing.health import Health
from vaultcore.routing.plan import credentials, draw, order, plan, reachable
from vaultcore.upstream.provider_request import render
from vaultcore.usage.cost import cost
from vaultcore.usage.token_estimate import estimate_request
from vaultcore.usage.tool_charges import max_tool_cost
from vaultcore.vault.keyring import Keyring
from vaultcore.wire import Json


@dataclass(frozen=True, slots=True)
class Explanation:
    """A call's route, its candidates in the order to try them, and the targets that have no key."""

    route: Route
    candidates: tuple[Candidate, ...]
    skipped: tuple[Target, ...]  # no key in the vault
    health: Health
    now: float  # seconds since the epoch

    def as_json(self, call: Call) -> Json:
        """Return the body of `/v1/explain` and `vaultedge explain`. Raises InvalidRequest."""
        return {
            "model": call.model,
            "route": {"name": self.route.name, "strategy": call.strategy or self.route.strategy},
            "candidates": [self._candidate(each) for each in self.candidates],
            "skipped": [_skipped(target) for target in self.skipped],
            "request": self._request(call),
            "estimate": self._estimate(call),
        }

    def _candidate(self, candidate: Candidate) -> Json:
        seconds, fault = self.health.cooldown(candidate, self.now)
        return {
            **_target_json(candidate.target),
            "key_id": candidate.credential.id,
            "key": candidate.credential.masked if candidate.credential.key else None,
            "state": "resting" if seconds else "ready",
            "reason": f"in cooldown for {seconds:.0f} s: {fault.value}" if seconds else None,
        }

    def _request(self, call: Call) -> Json | None:
        """Return the request to the first candidate, with the key masked."""
        if not self.candidates:
            return None
        first = self.candidates[0]
        provider = first.target.provider
        request = render(first.target, call.request)
        auth = {provider.auth.header: provider.auth.prefix + first.credential.masked}
        return {
            "method": "POST",
            "url": provider.base_url + request.path,
            "headers": {**provider.headers, **(auth if first.credential.key else {})},
            "body": request.rendered.body,
            "translation": report_changes(request.rendered.changes),
        }

    def _estimate(self, call: Call) -> Json | None:
        """Return estimated tokens and the highest cost at the first candidate, with the provider's tools."""
        if not self.candidates:
            return None
        model = self.candidates[0].target.model
        requested = call.request.get("max_completion_tokens") or call.request.get("max_tokens")
        prompt, completion = estimate_request(call.request), requested or model.max_output_tokens
        highest = cost({"prompt_tokens": prompt, "completion_tokens": completion or 0}, model)
        if highest is not None:
            highest = Nanos(highest + max_tool_cost(call.request, model))
        return {
            "prompt_tokens": prompt,
            "max_completion_tokens": completion,
            "max_cost_usd": format_usd(highest) if highest is not None and completion else None,
        }


def explain(call: Call, catalog: Catalog, keyring: Keyring, health: Health, clock: Clock) -> Explanation:
    """Plan a call without making it. Raises NoRoute."""
    now = clock.now()
    route = find_route(call.model, catalog, reachable(catalog.providers.values(), keyring))
    targets = (
        order(route, call.strategy, draw(route, call.strategy, clock.jitter))
        if call.targets is None
        else call.targets
    )
    candidates = plan(targets, keyring, health, now)
    return Explanation(route, tuple(candidates), tuple(_without_key(targets, keyring)), health, now)


def _without_key(targets: Iterable[Target], keyring: Keyring) -> Iterable[Target]:
    return (target for target in targets if not credentials(target.provider, keyring))


def _target_json(target: Target) -> Json:
    return {"provider": target.provider.name, "model": target.model.name}


def _skipped(target: Target) -> Json:
    return {**_target_json(target), "reason": f"the vault has no key for {target.provider.name}"}
