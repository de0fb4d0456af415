"""Replays the routing of a recorded call, from the decision in its record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vaultcore.catalog.schema import Route, Target
from vaultcore.errors import Fault, InvalidRequest, UpstreamError
from vaultcore.lazy_dataclass import dataclass
from vaultcore.routing.attempts import Progress, RetryPolicy
from vaultcore.routing.plan import order


class ReplayImpossible(Exception):
    """The record does not fit the route, or lists only some of the candidates that were tried."""


@dataclass(frozen=True, slots=True)
class RecordedCandidate:
    """A candidate of a record: the target of the route, and the ID of the key."""

    target: Target
    key_id: str
    place: int  # its index in the record

    @property
    def key_at_target(self) -> str:
        """Return the name that the candidate had in the call."""
        return f"{self.target.name} {self.key_id}"


def replay(decision: Mapping[str, Any], faults: Sequence[str | None], route: Route) -> list[tuple[str, str]]:
    """Return the target's name and the key's ID of each attempt, in order. Raise ReplayImpossible.

    `decision` is the `plan` of a record, and `faults` are those of its attempts: how each of them ended. The
    route must be that of the record's version.
    """
    candidates = _candidates(decision, route)
    skips = {(number, place): reason for number, place, reason in decision.get("skips", ())}
    progress = Progress[RecordedCandidate](RetryPolicy(*decision.get("retries", ())))
    tried, remaining = list[tuple[str, str]](), list(faults)
    for number, planned in enumerate(_rounds(decision, candidates, route)):
        for candidate in progress.round(planned):
            reason = skips.get((number, candidate.place))
            if reason == "incapable":
                progress.record_refusal(candidate, InvalidRequest(""))
            if reason in {"cooldown", "incapable"}:
                continue
            if not remaining:
                return tried
            tried.append((candidate.target.name, candidate.key_id))
            fault = remaining.pop(0)
            if fault is None:
                return tried
            progress.record_failure(candidate, UpstreamError("", fault=Fault[fault.upper()]), 0.0)
    if remaining:
        raise ReplayImpossible("the record does not list all candidates that were tried")
    return tried


def _candidates(decision: Mapping[str, Any], route: Route) -> list[RecordedCandidate]:
    targets = {target.name: target for target in route.targets}
    entries = decision.get("candidates", ())
    if unknown := {name for name, *_ in entries} - targets.keys():
        raise ReplayImpossible(f"the route has no target {', '.join(sorted(unknown))}")
    return [RecordedCandidate(targets[entry[0]], entry[1], place) for place, entry in enumerate(entries)]


def _rounds(
    decision: Mapping[str, Any], candidates: Sequence[RecordedCandidate], route: Route
) -> Iterator[list[RecordedCandidate]]:
    """Yield the candidates of each round; the first in the order that the route and the draws give."""
    first, *others = decision.get("rounds") or [range(len(candidates))]
    names = [
        each.name for each in order(route, decision.get("strategy", "priority"), decision.get("draws", ()))
    ]
    entries = decision.get("candidates", ())

    def rank(candidate: RecordedCandidate) -> tuple[bool, int]:
        return "cooldown" in entries[candidate.place][2:], names.index(candidate.target.name)

    yield sorted((candidates[place] for place in sorted(first)), key=rank)
    for places in others:
        yield [candidates[place] for place in places]
