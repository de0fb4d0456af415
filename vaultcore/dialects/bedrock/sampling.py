"""How long an answer may get and how it is sampled: what Converse has for all, and what is a model's own."""

from __future__ import annotations

from dataclasses import dataclass, field

from vaultcore.catalog.schema import Model, Target
from vaultcore.dialects import Change
from vaultcore.dialects.bedrock.publisher import Family
from vaultcore.dialects.bedrock.reasoning import ReasoningAsked
from vaultcore.dialects.default_values import neutral
from vaultcore.wire import Json


def render_length(asked: Json, target: Target, changes: list[Change]) -> int | None:
    """The limit asked for. Without one the API takes the most that the model can write."""
    limit = target.model.max_output_tokens
    name = "max_completion_tokens" if "max_completion_tokens" in asked else "max_tokens"
    wanted: int | None = asked.get(name)
    if wanted is not None and limit and wanted > limit:
        told = f"{target.model.name} writes {limit} tokens at most"
        changes.append(Change(name, "clamped", told, wanted, limit))
        return limit
    return wanted


@dataclass(slots=True)
class Sampling:
    """`limits` are the inferenceConfig, `more` the additionalModelRequestFields."""

    family: Family
    reasoning: ReasoningAsked
    changes: list[Change]
    own: Json | None = None  # additionalModelRequestFields as the client wrote them
    limits: Json = field(default_factory=dict)
    more: Json = field(default_factory=dict)

    def render(self, asked: Json, most: int | None, model: Model) -> None:
        self.more = {**(self.own or {}), **self.reasoning.fields}
        least = self.reasoning.least
        if most is not None and self.reasoning.forbids_limits:
            self._drop("max_tokens", "this model sets no limit at its highest effort")
        elif most is not None:
            self.limits["maxTokens"] = most
        elif least:
            self.limits["maxTokens"] = min(least, model.max_output_tokens or least)
        names = [name for name in ("temperature", "top_p", "top_k") if name in asked]
        thinks = self.reasoning.forbids_choice or self.reasoning.forbids_limits
        if thinks or model.capabilities.sampling_params is False:
            reason = f"no sampling parameters {'while it thinks' if thinks else 'with this model'}"
            for name in names:
                if not neutral(name, asked[name]):
                    self._drop(name, reason)
        else:
            self._sample(asked)
        if stops := self._stops(asked):
            self.limits["stopSequences"] = stops

    def _sample(self, asked: Json) -> None:
        if "temperature" in asked:
            self.limits["temperature"] = self._clamped("temperature", asked["temperature"])
        if "top_p" in asked:
            if "temperature" not in asked or self.family.both:
                self.limits["topP"] = self._clamped("top_p", asked["top_p"])
            elif not neutral("top_p", asked["top_p"]):
                self._drop("top_p", "temperature or top_p, not both")
        if "top_k" in asked:
            self._top_k(asked["top_k"])

    def _top_k(self, value: object) -> None:
        match self.family.top_k:
            case (name,):
                self.more[name] = value
            case (outer, name):
                self.more[outer] = {**(self.more.get(outer) or {}), name: value}
            case _:
                self._drop("top_k", "this model is not known to take it")

    def _clamped(self, name: str, wanted: float) -> float:
        value = min(max(wanted, 0), 1)
        if value != wanted:
            self.changes.append(Change(name, "clamped", f"from 0 to 1: {value}", wanted, value))
        return value

    def _stops(self, asked: Json) -> list[str]:
        told = asked.get("stop") or []
        stops = list(dict.fromkeys([told] if isinstance(told, str) else told))
        kept = [stop for stop in stops if stop.strip()]
        if len(kept) < len(stops):
            self._drop("stop", "white space alone cannot stop an answer")
        return kept

    def _drop(self, name: str, reason: str) -> None:
        self.changes.append(Change(name, "dropped", reason))
