"""How hard the model is to think, in the words of its publisher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vaultcore.catalog.schema import Capabilities
from vaultcore.dialects import Change
from vaultcore.dialects.anthropic.thinking import Thinking, render_thinking
from vaultcore.dialects.bedrock.family import Family
from vaultcore.wire import Json

ROOM = 4_096  # tokens left for the answer beside a budget for thinking, where no limit is asked for
MOST = 1 << 31  # tokens: no limit
EFFORTS: Mapping[int, str] = {2_048: "low", 8_192: "medium", MOST: "high"}  # by what a budget is below
FREE = {"high"}  # efforts at which a model that has `reasoningConfig` sets limits and sampling itself


@dataclass(frozen=True, slots=True)
class ReasoningAsked:
    """What goes into additionalModelRequestFields and outputConfig, and what that excludes."""

    fields: Json = field(default_factory=dict)
    effort: str | None = None
    forbids_choice: bool = False  # no forced tool use, no sampling
    forbids_limits: bool = False  # no sampling and no limit of tokens
    least: int = 0  # tokens the answer may have at least, if it has a limit


def render_reasoning(
    request: Json, able: Capabilities, family: Family, most: int | None, changes: list[Change]
) -> ReasoningAsked:
    """What to ask for. The spellings are Anthropic's: `reasoning_effort`, `reasoning`, `thinking`."""
    if family.reasoning == "thinking":
        return _budgeted(render_thinking(request, able, most or MOST, changes))
    asked = _own_as_effort(request)
    thinking = render_thinking(asked, able, most or MOST, changes)
    if thinking.config is None and thinking.effort is None:
        return ReasoningAsked()
    effort = thinking.effort or "medium"
    match family.reasoning:
        case "reasoningConfig":
            on = {"type": "enabled", "maxReasoningEffort": effort}
            fields: Json = {"reasoningConfig": on if thinking.on else {"type": "disabled"}}
            return ReasoningAsked(fields, forbids_limits=thinking.on and effort in FREE)
        case str() as name if thinking.on:
            return ReasoningAsked({name: effort})
        case _:
            return ReasoningAsked()


def _budgeted(thinking: Thinking) -> ReasoningAsked:
    if thinking.config is None:
        return ReasoningAsked(effort=thinking.effort)
    budget = thinking.config.get("budget_tokens")
    least = budget + ROOM if isinstance(budget, int) else 0
    return ReasoningAsked({"thinking": thinking.config}, thinking.effort, thinking.on, least=least)


def _own_as_effort(request: Json) -> Json:
    """The request with Anthropic's `thinking`, which no other model knows, said as an effort."""
    match request.get("thinking"):
        case {"type": "enabled", "budget_tokens": int(budget)}:
            effort = next((name for most, name in EFFORTS.items() if budget < most), "high")
        case {"type": "disabled"}:
            effort = "none"
        case dict():
            effort = "medium"
        case _:
            return request
    rest = {name: value for name, value in request.items() if name != "thinking"}
    return rest if "reasoning_effort" in rest else {**rest, "reasoning_effort": effort}
