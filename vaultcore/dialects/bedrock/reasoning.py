"""How hard the model is to think, in the words of its publisher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from vaultcore.catalog.schema import Capabilities
from vaultcore.dialects import Change
from vaultcore.dialects.anthropic.thinking import Thinking, render_thinking
from vaultcore.dialects.bedrock.publisher import Family, Reasoning
from vaultcore.wire import Json

ROOM = 4_096  # tokens left for the answer beside a budget for thinking, where no limit is asked for
MOST = 1 << 31  # tokens: no limit
EFFORTS: Mapping[int, str] = {2_048: "low", 4_096: "medium", MOST: "high"}  # by what a budget is below
SPELLINGS = ("reasoning_effort", "reasoning", "thinking")
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
    match family.reasoning:
        case "thinking":
            return _budgeted(render_thinking(request, able, most or MOST, changes))
        case None:
            _unheeded(request, "this model is not told how much to think", changes)
            return ReasoningAsked()
        case name:
            able = replace(able, thinking="adaptive") if able.thinking == "budget" else able
            thinking = render_thinking(_as_effort(request), able, most or MOST, changes)
            if thinking.config is None and thinking.effort is None:
                return ReasoningAsked()
            return _in_words(name, thinking, request, changes)


def _in_words(name: Reasoning, thinking: Thinking, request: Json, changes: list[Change]) -> ReasoningAsked:
    """An effort for models that know no budgets."""
    effort = thinking.effort or "medium"
    if name == "reasoningConfig":
        on: Json = {"type": "enabled", "maxReasoningEffort": effort}
        config = on if thinking.on else {"type": "disabled"}
        return ReasoningAsked({name: config}, forbids_limits=thinking.on and effort in FREE)
    if thinking.on or thinking.config is None:
        return ReasoningAsked({name: effort})
    _unheeded(request, "this model always thinks", changes)
    return ReasoningAsked()


def _unheeded(request: Json, reason: str, changes: list[Change]) -> None:
    changes.extend(Change(name, "dropped", reason) for name in SPELLINGS if request.get(name))


def _budgeted(thinking: Thinking) -> ReasoningAsked:
    if thinking.config is None:
        return ReasoningAsked(effort=thinking.effort)
    budget = thinking.config.get("budget_tokens")
    least = budget + ROOM if isinstance(budget, int) else 0
    return ReasoningAsked({"thinking": thinking.config}, thinking.effort, thinking.on, least=least)


def _as_effort(request: Json) -> Json:
    """The request with budgets, and what Anthropic has for models of its own, said as an effort."""
    match request:
        case {"reasoning_effort": _} | {"reasoning": {"effort": str()}}:
            effort = None
        case {"thinking": {"type": "enabled", "budget_tokens": int(budget)}}:
            effort = _effort(budget)
        case {"thinking": {"type": "disabled"}}:
            effort = "none"
        case {"thinking": dict()}:
            effort = "medium"
        case {"reasoning": {"max_tokens": int(budget)}}:
            effort = _effort(budget)
        case _:
            effort = None
    rest = {name: value for name, value in request.items() if name != "thinking"}
    if effort is None:
        return rest
    return {"reasoning_effort": effort, **{name: rest[name] for name in rest if name != "reasoning"}}


def _effort(budget: int) -> str:
    return next((name for most, name in EFFORTS.items() if budget < most), "high")
