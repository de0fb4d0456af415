"""The thinkingConfig of a request: OpenAI's efforts as Gemini's thinking levels or token budgets.

https://ai.google.dev/gemini-api/docs/thinking. A client may write `reasoning_effort`, `reasoning: {effort,
max_tokens, exclude}` or Anthropic's `thinking: {type, budget_tokens}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vaultcore.casts import cast
from vaultcore.catalog.schema import Model
from vaultcore.dialects import Change
from vaultcore.dialects.gemini.model_generation import GEMINI_2, GEMINI_3, parse_generation
from vaultcore.dialects.reasoning_effort import overruled_fields, report_display, report_overruled
from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.dialects.gemini.wire import GeminiThinkingConfig

BUDGETS: Mapping[str, int] = {  # effort -> tokens
    "minimal": 1_024,
    "low": 1_024,
    "medium": 8_192,
    "high": 24_576,
    "xhigh": 32_768,
    "max": 32_768,
}
LEVELS = ("minimal", "low", "medium", "high", "xhigh")
COMMON_LEVELS = ("low", "medium", "high")  # of models whose catalog row lists none
BUDGET_RANGES = (  # Gemini 2.5: name -> least tokens, most tokens, whether reasoning can be off
    (re.compile(r"-pro\b"), (128, 32_768, False)),
    (re.compile(r"-flash-lite\b"), (512, 24_576, True)),
    (re.compile(r""), (1, 24_576, True)),
)
BUDGET_PATHS = {"thinking": "thinking.budget_tokens", "reasoning": "reasoning.max_tokens"}
CLIENT_FIELDS = ("thinking", "reasoning", "reasoning_effort")


@dataclass(frozen=True, slots=True)
class _ReasoningFields:
    """The client's reasoning fields."""

    path: str  # the last field, to name in errors
    effort: str | None
    budget: int | None  # tokens
    is_visible: bool  # the response shall contain the reasoning
    effort_path: str = "reasoning_effort"
    budget_path: str = "thinking.budget_tokens"
    display: str | None = None  # of `thinking`

    @property
    def is_off(self) -> bool:
        return self.effort == "none" or self.budget == 0


def render_reasoning(request: Json, model: Model, changes: list[Change]) -> GeminiThinkingConfig | None:
    """Return the thinkingConfig, or None. Raise InvalidRequest if a field is invalid or two disagree."""
    changes += report_overruled(request)
    fields = _parse_fields(request)
    effort, budget = fields.effort, fields.budget
    if not _supports_reasoning(model):
        changes += _report_unsupported(request, fields)
        return None
    config: GeminiThinkingConfig = {}
    if effort is None and budget is None:
        if not fields.is_visible and fields.display is None:
            return None
    elif parse_generation(model.name) >= GEMINI_3:
        config = _render_level(fields, model, changes)
    else:
        config = _render_budget(fields, model, changes)
    if fields.display is not None and not fields.is_off:
        reason = f"sent as includeThoughts: {'true' if fields.is_visible else 'false'}"
        changes.append(Change("thinking.display", "renamed", reason, fields.display))
    if fields.is_visible and not fields.is_off:
        config["includeThoughts"] = True
    return config or None


def _report_unsupported(request: Json, fields: _ReasoningFields) -> list[Change]:
    """Return a change for each field that requests reasoning of a model that is not known to support it."""
    reason = "this model is not known to support reasoning"
    changes = []
    if fields.effort not in {None, "none", "minimal"}:
        changes.append(Change(fields.effort_path, "dropped", reason, fields.effort))
    if fields.budget:
        changes.append(Change(fields.budget_path, "dropped", reason, fields.budget))
    match request.get("thinking"):
        case {"type": "adaptive" as kind}:
            changes.append(Change("thinking", "dropped", reason, kind))
    return [*changes, *report_display(request)]


def _parse_fields(request: Json) -> _ReasoningFields:
    if overruled_fields(request):
        return _ReasoningFields("thinking", "none", None, is_visible=False, effort_path="thinking")
    values: dict[str, tuple[str | None, int | None]] = {}  # field -> effort, budget
    is_visible, display = False, _parse_display(request)
    for name in CLIENT_FIELDS:
        value: Any = request.get(name)
        match name, value:
            case "reasoning_effort", str(effort):
                values[name] = effort, None
            case "reasoning", {"effort": _} | {"max_tokens": _}:
                values[name] = _parse_effort(value), _parse_tokens(value, "max_tokens", name)
            case "thinking", {"type": "disabled"}:
                values[name] = "none", None
            case "thinking", {"budget_tokens": _}:
                values[name] = None, _parse_tokens(value, "budget_tokens", name)
            case "thinking", dict():
                is_visible = True
    efforts = {effort for effort, _ in values.values() if effort}
    budgets = {budget for _, budget in values.values() if budget is not None}
    path = next(reversed(values), "reasoning_effort")
    if len(efforts) > 1 or len(budgets) > 1:
        raise InvalidRequest(f"{' and '.join(values)} disagree", param=path)
    level, budget = next(iter(efforts), None), next(iter(budgets), None)
    if level is not None and level != "none" and level not in BUDGETS:
        raise InvalidRequest(f"{path} must be one of none, {', '.join(BUDGETS)}", param=path)
    reasoning = request.get("reasoning")
    is_excluded = isinstance(reasoning, dict) and reasoning.get("exclude") is True
    effort_path = next((name for name, (effort, _) in values.items() if effort), path)
    budget_path = next((name for name, (_, tokens) in values.items() if tokens is not None), path)
    return _ReasoningFields(
        path,
        level,
        budget,
        (is_visible or bool(values)) and not is_excluded and display != "omitted",
        effort_path,
        BUDGET_PATHS.get(budget_path, budget_path),
        display,
    )


def _parse_display(request: Json) -> str | None:
    match request.get("thinking"):
        case {"type": "enabled" | "adaptive", "display": str(display)}:
            return display
        case _:
            return None


def _parse_effort(reasoning: Json) -> str | None:
    effort = reasoning.get("effort")
    if effort is None or isinstance(effort, str):
        return effort
    raise InvalidRequest("reasoning.effort must be a string", param="reasoning.effort")


def _parse_tokens(value: Json, name: str, field: str) -> int | None:
    budget = value.get(name)
    if budget is None or (type(budget) is int and budget >= 0):
        return budget
    raise InvalidRequest(f"{field}.{name} must be a whole number", param=f"{field}.{name}")


def _supports_reasoning(model: Model) -> bool:
    capability = model.capabilities.thinking
    return parse_generation(model.name) > GEMINI_2 if capability is None else capability != "none"


def _render_level(fields: _ReasoningFields, model: Model, changes: list[Change]) -> GeminiThinkingConfig:
    """Return the model's nearest level; prefer a lower one to a higher one. Gemini 3 has no level for off."""
    supported = model.capabilities.effort_levels or COMMON_LEVELS
    levels = [level for level in LEVELS if level in supported] or list(COMMON_LEVELS)
    budget = fields.budget or 0
    requested = fields.effort or next(
        name for name, most in BUDGETS.items() if budget <= most or name == "max"
    )
    path = fields.budget_path if fields.effort is None else fields.effort_path
    if fields.effort is not None and fields.budget:
        changes.append(Change(fields.budget_path, "dropped", "the effort takes precedence", fields.budget))
    if requested in levels:
        if fields.effort is None:
            reason = f"the level nearest to the budget is {requested}"
            changes.append(Change(path, "emulated", reason, fields.budget, requested))
        else:
            changes.append(Change(path, "renamed", "sent as thinkingLevel", requested, requested.upper()))
        return {"thinkingLevel": requested.upper()}
    lower = [level for level in levels if LEVELS.index(level) < _rank(requested)]
    level = lower[-1] if lower else levels[0]
    reason = f"the nearest level of this model is {level}"
    changes.append(Change(path, "clamped", reason, requested, level))
    return {"thinkingLevel": level.upper()}


def _rank(effort: str) -> int:
    """Return the place of an effort among the levels: `max` is above all, `none` below."""
    if effort in LEVELS:
        return LEVELS.index(effort)
    return len(LEVELS) if effort in BUDGETS else -1


def _render_budget(fields: _ReasoningFields, model: Model, changes: list[Change]) -> GeminiThinkingConfig:
    """Return the budget, or one that stands for the effort."""
    effort, budget = fields.effort, fields.budget
    if budget is not None and effort not in (None, "none"):
        changes.append(Change(fields.effort_path, "dropped", "the budget takes precedence", effort))
    path, requested, tokens = fields.budget_path, cast("str | int | None", budget), budget or 0
    if budget is None:
        path, requested, tokens = fields.effort_path, effort, BUDGETS.get(effort or "", 0)
    least, most, can_be_off = next(limits for name, limits in BUDGET_RANGES if name.search(model.name))
    if tokens == 0 and can_be_off:
        return {"thinkingBudget": 0}
    sent = max(least, min(tokens, most))
    if sent != tokens:
        reason = f"this model reasons with {least} to {most} tokens"
        changes.append(Change(path, "clamped", reason, requested, sent))
    elif budget is None:
        changes.append(Change(path, "emulated", "this model has token budgets only", requested, sent))
    return {"thinkingBudget": sent}
