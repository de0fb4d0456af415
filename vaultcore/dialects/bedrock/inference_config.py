"""Limits and sampling: Converse's inferenceConfig, and fields that only some publishers have.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from vaultcore.catalog.schema import Model, Target
from vaultcore.dialects import Change
from vaultcore.dialects.anthropic.reasoning import accepts_sampling
from vaultcore.dialects.bedrock.publisher import Publisher
from vaultcore.dialects.bedrock.reasoning import ConverseReasoning
from vaultcore.dialects.default_values import is_default
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.dialects.bedrock.wire import ConverseInferenceConfig


def render_max_tokens(fields: Json, target: Target, changes: list[Change]) -> int | None:
    """Return the requested limit in tokens. Without one, Bedrock applies the model's own limit."""
    limit = target.model.max_output_tokens
    name = "max_completion_tokens" if "max_completion_tokens" in fields else "max_tokens"
    requested: int | None = fields.get(name)
    if requested is not None and limit and requested > limit:
        reason = f"{target.model.name} writes at most {limit} tokens"
        changes.append(Change(name, "clamped", reason, requested, limit))
        return limit
    return requested


@dataclass(slots=True)
class InferenceSettings:
    """Builds `config`, the inferenceConfig, and `additional`, the additionalModelRequestFields."""

    publisher: Publisher
    reasoning: ConverseReasoning
    changes: list[Change]
    client_fields: Json | None = None  # additionalModelRequestFields of the client
    config: ConverseInferenceConfig = field(default_factory=dict)  # type: ignore[assignment]  # a TypedDict is one
    additional: Json = field(default_factory=dict)

    def render(self, fields: Json, max_tokens: int | None, model: Model) -> None:
        """Set limits, sampling and stop sequences from the request's `fields`."""
        self.additional = {**(self.client_fields or {}), **self.reasoning.fields}
        min_tokens = self.reasoning.min_tokens
        if max_tokens is not None and self.reasoning.forbids_limits:
            self._drop("max_tokens", "this model accepts no limit at its highest effort")
        elif max_tokens is not None:
            self.config["maxTokens"] = max_tokens
        elif min_tokens:
            self.config["maxTokens"] = min(min_tokens, model.max_output_tokens or min_tokens)
        names = [name for name in ("temperature", "top_p", "top_k") if name in fields]
        is_reasoning = self.reasoning.forbids_forced_tools or self.reasoning.forbids_limits
        if is_reasoning or model.capabilities.sampling_params is False:
            reason = f"no sampling parameters {'during reasoning' if is_reasoning else 'with this model'}"
            can_sample = (
                self.reasoning.forbids_forced_tools and model.capabilities.sampling_params is not False
            )
            accepted = [name for name in names if can_sample and accepts_sampling(name, fields[name])]
            for name in names:
                if name not in accepted and not is_default(name, fields[name]):
                    self._drop(name, reason)
            self._render_sampling({name: fields[name] for name in accepted})
        else:
            self._render_sampling(fields)
        if stop_sequences := self._render_stop(fields):
            self.config["stopSequences"] = stop_sequences

    def _render_sampling(self, fields: Json) -> None:
        if "temperature" in fields:
            self.config["temperature"] = self._clamp("temperature", fields["temperature"])
        if "top_p" in fields:
            if "temperature" not in fields or self.publisher.combines_sampling:
                self.config["topP"] = self._clamp("top_p", fields["top_p"])
            elif not is_default("top_p", fields["top_p"]):
                self._drop("top_p", "this model accepts temperature or top_p, not both")
        if "top_k" in fields:
            self._render_top_k(fields["top_k"])

    def _render_top_k(self, value: object) -> None:
        match self.publisher.top_k:
            case (name,):
                self.additional[name] = value
            case (outer, name):
                self.additional[outer] = {**(self.additional.get(outer) or {}), name: value}
            case _:
                self._drop("top_k", "this model is not known to support top_k")

    def _clamp(self, name: str, requested: float) -> float:
        value = min(max(requested, 0), 1)
        if value != requested:
            reason = f"the range is 0 to 1: sent {value}"
            self.changes.append(Change(name, "clamped", reason, requested, value))
        return value

    def _render_stop(self, fields: Json) -> list[str]:
        requested = fields.get("stop") or []
        sequences = list(dict.fromkeys([requested] if isinstance(requested, str) else requested))
        visible = [sequence for sequence in sequences if sequence.strip()]
        if len(visible) < len(sequences):
            self._drop("stop", "Bedrock rejects a stop sequence of white space only")
        return visible

    def _drop(self, name: str, reason: str) -> None:
        self.changes.append(Change(name, "dropped", reason))
