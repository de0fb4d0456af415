"""Reasoning in a Converse request: Converse has no field for it, so each publisher uses its own.

https://docs.aws.amazon.com/bedrock/latest/userguide/inference-reasoning.html. The client's fields are those
that `anthropic.reasoning` parses: `reasoning_effort`, `reasoning` and `thinking`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.catalog.schema import Capabilities
from vaultcore.dialects import Change, ChangeKind
from vaultcore.dialects.anthropic import reasoning as anthropic
from vaultcore.dialects.bedrock.publisher import Publisher, ReasoningField
from vaultcore.dialects.reasoning_effort import report_display, report_overruled
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.dialects.anthropic.wire import AnthropicThinkingConfig

ANSWER_TOKENS = 4_096  # tokens added to a budget for the answer itself if the client sets no limit
NO_LIMIT = 1 << 31  # tokens
EFFORTS: Mapping[int, str] = {2_048: "low", 4_096: "medium", NO_LIMIT: "high"}  # budgets below -> effort
CLIENT_FIELDS = ("reasoning_effort", "reasoning", "thinking")
UNLIMITED_EFFORTS = {"high"}  # with `reasoningConfig`: the model then sets limits and sampling itself


@dataclass(frozen=True, slots=True)
class ConverseReasoning:
    """The reasoning settings of a request, and the fields that they exclude."""

    fields: Json = field(default_factory=dict)  # for additionalModelRequestFields
    effort: str | None = None  # for outputConfig
    forbids_forced_tools: bool = False  # and sampling parameters
    forbids_limits: bool = False  # neither maxTokens nor sampling parameters
    min_tokens: int = 0  # tokens that maxTokens must allow if the client sets no limit


def render_reasoning(
    request: Json,
    capabilities: Capabilities,
    publisher: Publisher,
    max_tokens: int | None,
    changes: list[Change],
) -> ConverseReasoning:
    """Return the reasoning settings in the publisher's fields. Raise InvalidRequest for a malformed field."""
    limit = max_tokens or NO_LIMIT
    match publisher.reasoning:
        case "thinking":
            reasoning = anthropic.render_reasoning(request, capabilities, limit, changes)
            return _render_budget(_without_display(reasoning, changes))
        case None:
            _drop_fields(request, "this model has no reasoning setting", changes)
            return ConverseReasoning()
        case name:
            if capabilities.thinking == "budget":
                capabilities = replace(capabilities, thinking="adaptive")
            changes += [*report_overruled(request), *report_display(request)]
            as_effort, path = _replace_budgets(request, changes)
            own = list[Change]()
            reasoning = anthropic.render_reasoning(as_effort, capabilities, limit, own)
            changes += [replace(each, path=path) if each.path == "reasoning_effort" else each for each in own]
            if reasoning.config is None and reasoning.effort is None:
                return ConverseReasoning()
            return _render_effort(name, reasoning, request, changes)


def _render_effort(
    name: ReasoningField, reasoning: anthropic.AnthropicReasoning, request: Json, changes: list[Change]
) -> ConverseReasoning:
    """Return an effort for models that have no budgets."""
    effort = reasoning.effort or "medium"
    if name == "reasoningConfig":
        enabled: Json = {"type": "enabled", "maxReasoningEffort": effort}
        config = enabled if reasoning.is_enabled else {"type": "disabled"}
        forbids_limits = reasoning.is_enabled and effort in UNLIMITED_EFFORTS
        return ConverseReasoning({name: config}, forbids_limits=forbids_limits)
    if reasoning.is_enabled or reasoning.config is None:
        return ConverseReasoning({name: effort})
    _drop_fields(request, "this model always reasons", changes)
    return ConverseReasoning()


def _drop_fields(request: Json, reason: str, changes: list[Change]) -> None:
    changes.extend(Change(name, "dropped", reason) for name in CLIENT_FIELDS if request.get(name))


def _without_display(
    reasoning: anthropic.AnthropicReasoning, changes: list[Change]
) -> anthropic.AnthropicReasoning:
    """Return the settings without `display`, which Bedrock's models with budgets are not known to accept."""
    match reasoning.config:
        case {"type": "enabled", "display": display, **others}:
            kind: ChangeKind = "emulated" if display == "summarized" else "dropped"
            reason = "this model always returns its reasoning"
            changes.append(Change("thinking.display", kind, reason, display))
            return replace(reasoning, config=cast("AnthropicThinkingConfig", {"type": "enabled", **others}))
        case _:
            return reasoning


def _render_budget(reasoning: anthropic.AnthropicReasoning) -> ConverseReasoning:
    if reasoning.config is None:
        return ConverseReasoning(effort=reasoning.effort)
    budget = reasoning.config.get("budget_tokens")
    min_tokens = budget + ANSWER_TOKENS if isinstance(budget, int) else 0
    fields: Json = {"thinking": reasoning.config}
    return ConverseReasoning(fields, reasoning.effort, reasoning.is_enabled, min_tokens=min_tokens)


def _replace_budgets(request: Json, changes: list[Change]) -> tuple[Json, str]:
    """Return the request with an effort in place of a budget or of Anthropic's `thinking`.

    The second value is the client's field that it stands for.
    """
    path, effort = "reasoning_effort", None
    replaced: str | int | None = None  # what the effort stands for
    match request:
        case {"thinking": {"type": "disabled"}}:
            path, effort = "thinking", "none"
        case {"reasoning_effort": _} | {"reasoning": {"effort": str()}}:
            match request.get("thinking"):
                case {"type": "enabled", "budget_tokens": int(budget)}:
                    reason = "the effort takes precedence"
                    changes.append(Change("thinking.budget_tokens", "dropped", reason, budget))
        case {"thinking": {"type": "enabled", "budget_tokens": int(budget)}}:
            path, effort, replaced = "thinking.budget_tokens", _effort_of(budget), budget
        case {"thinking": {"type": str(kind)}}:
            path, effort, replaced = "thinking.type", "medium", kind
        case {"reasoning": {"max_tokens": int(budget)}}:
            path, effort, replaced = "reasoning.max_tokens", _effort_of(budget), budget
    others = {name: value for name, value in request.items() if name != "thinking"}
    if effort is None:
        return others, path
    if replaced is not None:
        changes.append(Change(path, "emulated", "this model has efforts only", replaced, effort))
    rest = {name: value for name, value in others.items() if name != "reasoning"}
    return {**rest, "reasoning_effort": effort}, path


def _effort_of(budget: int) -> str:
    return next((effort for limit, effort in EFFORTS.items() if budget < limit), "high")
