"""Which candidates a call tried, and why. The record stores it; `routing.replay` reproduces the attempts.

    {
      "strategy": "weighted",            absent: priority
      "draws": [2147483648, 17],         of `weighted`: one number per target of the route
      "routes": 3, "policy": 2,          versions of the stored documents; absent: none is stored
      "retries": [4, 2],                 of the RetryPolicy; absent: the default
      "targets": {"two/m": "no_key"},    targets that no attempt may use, and why
      "candidates": [["one/m", "0123456789ab"], ["one/m", "ba9876543210", "cooldown"]],
                                         in order: target, key, and whether a cooldown moved it to the end
      "rounds": [[0, 1], [1, 0]],        order of each round, by index; absent: one round of all candidates
      "skips": [[0, 1, "failed"]],       round, index of the candidate, and why it was passed over
      "more": 5                          number of further candidates, which are not listed
    }

Empty fields are absent: a call with one candidate has one entry in `candidates` and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import field
from typing import Any, Literal

from vaultcore.catalog.schema import Strategy, Target
from vaultcore.lazy_dataclass import dataclass
from vaultcore.routing.candidate import Candidate
from vaultcore.routing.candidate_list import EAGER, CandidateList
from vaultcore.routing.health import Health

MAX_CANDIDATES = EAGER  # listed in a record

TargetSkip = Literal["no_key", "not_allowed", "no_price", "dialect", "incapable"]
# cooldown: another call probes it, or its provider asked for time. rejected: the provider rejected the key.
# unusable: the target cannot serve the call. failed: it failed in this round. key_limit: enough keys of this
# provider were tried. too_small: the context window. incapable: the target cannot carry the request.
CandidateSkip = Literal["cooldown", "rejected", "unusable", "failed", "key_limit", "too_small", "incapable"]
OnSkip = Callable[[Candidate, CandidateSkip], None]


@dataclass(slots=True)
class Decision:
    """How a call is routed. Filled in while the call runs."""

    strategy: Strategy = "priority"
    draws: tuple[int, ...] = ()
    routes_version: int = 0
    retries: tuple[int, int] | None = None  # attempts and further keys, if they are not the default
    targets: dict[str, TargetSkip] = field(default_factory=dict)
    rounds: list[Sequence[Candidate]] = field(default_factory=list)
    skips: list[tuple[int, Candidate, CandidateSkip]] = field(default_factory=list)
    in_cooldown: frozenset[str] = frozenset()  # keys at targets of the first round
    tried: list[Candidate] = field(default_factory=list)

    def skip_targets(
        self, targets: Collection[Target], remaining: Collection[Target], reason: TargetSkip
    ) -> None:
        """Record the targets that are not among the remaining ones, which are a part of them."""
        if len(remaining) == len(targets):
            return
        names = {target.name for target in remaining}
        self.targets |= {target.name: reason for target in targets if target.name not in names}

    def begin_round(self, candidates: Sequence[Candidate], health: Health, now: float) -> None:
        """Record the candidates of a round, in the order in which they are tried."""
        if health.has_open and not self.rounds and not isinstance(candidates, CandidateList):
            resting = [each for each in candidates if health.cooldown(each, now)[0] > 0]
            self.in_cooldown = frozenset(each.key_at_target for each in resting)
        self.rounds.append(candidates)

    def restart(self) -> None:
        """Forget all rounds: the call is tried again, with another request."""
        self.rounds.clear()
        self.skips.clear()
        self.tried.clear()

    def skip(self, candidate: Candidate, reason: CandidateSkip) -> None:
        """Record that a candidate is passed over in the current round."""
        self.skips.append((len(self.rounds) - 1, candidate, reason))

    def pack(self, policy_version: int = 0) -> dict[str, Any]:
        """Return the decision as a JSON object."""
        packed: dict[str, Any] = {}
        if self.strategy != "priority":
            packed["strategy"] = self.strategy
        if self.draws:
            packed["draws"] = list(self.draws)
        if self.routes_version:
            packed["routes"] = self.routes_version
        if policy_version:
            packed["policy"] = policy_version
        if self.retries:
            packed["retries"] = list(self.retries)
        if self.targets:
            packed["targets"] = dict(self.targets)
        if self.rounds:
            self._pack_candidates(packed)
        return packed

    def _pack_candidates(self, packed: dict[str, Any]) -> None:
        entries: dict[str, list[str]] = {}  # by name, in the order in which they are first tried
        first = self.rounds[0]
        rounds = self._relevant_rounds(first) if isinstance(first, CandidateList) else self.rounds
        for candidates in rounds:
            for candidate in candidates:
                entry = [candidate.target.name, candidate.credential.id]
                name = " ".join(entry)  # `key_at_target`
                entries[name] = [*entry, "cooldown"] if name in self.in_cooldown else entry
        length = len(entries) if rounds is self.rounds else len(first)
        if length > MAX_CANDIDATES:
            packed["more"] = length - MAX_CANDIDATES
            entries = self._listed(entries)
        if entries:
            packed["candidates"] = list(entries.values())
        if len(self.rounds) == 1 and not self.skips:
            return
        places = dict(zip(entries, range(MAX_CANDIDATES), strict=False))
        if len(self.rounds) > 1:
            names = [[each.key_at_target for each in candidates] for candidates in self.rounds]
            packed["rounds"] = [[places[name] for name in each if name in places] for each in names]
        skips = [(number, places.get(each.key_at_target), why) for number, each, why in self.skips]
        if listed := [list(skip) for skip in skips if skip[1] is not None]:
            packed["skips"] = listed

    def _relevant_rounds(self, first: CandidateList) -> list[Sequence[Candidate]]:
        """Return the rounds, without the candidates that no attempt needed and no record lists."""
        is_only = len(self.rounds) == 1
        candidates = first.known if is_only else list(first)
        self.in_cooldown = frozenset(each.key_at_target for each in first.in_cooldown)
        return [candidates] if is_only else self.rounds

    def _listed(self, entries: dict[str, list[str]]) -> dict[str, list[str]]:
        """Return as many entries as a record lists, in their order: those that were tried come first."""
        tried = dict.fromkeys(each.key_at_target for each in self.tried)
        names = set(list({**tried, **dict.fromkeys(entries)})[:MAX_CANDIDATES])
        return {name: entry for name, entry in entries.items() if name in names}
