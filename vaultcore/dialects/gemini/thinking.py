"""How hard the model is to think: OpenAI's effort, in Gemini's levels or budgets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vaultcore.catalog.schema import Model
from vaultcore.dialects import Change
from vaultcore.dialects.gemini.generation import THREE, TWO, generation
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

BUDGETS: Mapping[str, int] = {
    "minimal": 1_024,
    "low": 1_024,
    "medium": 8_192,
    "high": 24_576,
    "xhigh": 32_768,
    "max": 32_768,
}
LEVELS = ("minimal", "low", "medium", "high", "xhigh")
COMMON_LEVELS = ("low", "medium", "high")
BOUNDS = (  # of the budgets of 2.5: the least that is thinking, the most, and whether it can be off
    (re.compile(r"-pro\b"), (128, 32_768, False)),
    (re.compile(r"-flash-lite\b"), (512, 24_576, True)),
    (re.compile(r""), (1, 24_576, True)),
)
SPELLINGS = ("thinking", "reasoning", "reasoning_effort")


def render_thinking(request: Json, model: Model, changes: list[Change]) -> Json | None:
    """The thinkingConfig to send, if any. There are three spellings: see `SPELLINGS`."""
    path, effort, budget, shown = _asked(request)
    if effort is None and budget is None:
        return {"includeThoughts": True} if shown and _thinks(model) else None
    if not _thinks(model):
        if effort not in {"none", "minimal"} and budget != 0:
            changes.append(Change(path, "dropped", "this model is not known to think", effort or budget))
        return None
    off = effort == "none" or budget == 0
    held = (
        _level(effort, budget, model, path, changes)
        if generation(model.name) >= THREE
        else _budget(budget if budget is not None else BUDGETS.get(effort or "", 0), model, path, changes)
    )
    return held if off or not shown else {**held, "includeThoughts": True}


def _asked(request: Json) -> tuple[str, str | None, int | None, bool]:
    """Path, effort and tokens asked for, and whether thoughts are to be shown. Raises where two disagree."""
    found: dict[str, tuple[str | None, int | None]] = {}
    shown = False
    for spelling in SPELLINGS:
        told: Any = request.get(spelling)
        match spelling, told:
            case "reasoning_effort", str(effort):
                found[spelling] = effort, None
            case "reasoning", {"effort": _} | {"max_tokens": _}:
                found[spelling] = _effort(told), _tokens(told, "max_tokens", spelling)
            case "thinking", {"type": "disabled"}:
                found[spelling] = "none", None
            case "thinking", {"budget_tokens": _}:
                found[spelling] = None, _tokens(told, "budget_tokens", spelling)
            case "thinking", dict():
                shown = True
    efforts = {effort for effort, _ in found.values() if effort}
    budgets = {budget for _, budget in found.values() if budget is not None}
    path = next(reversed(found), "reasoning_effort")
    if len(efforts) > 1 or len(budgets) > 1:
        raise InvalidRequest(f"{' and '.join(found)} disagree", param=path)
    level, budget = next(iter(efforts), None), next(iter(budgets), None)
    if level is not None and level != "none" and level not in BUDGETS:
        raise InvalidRequest(f"{path} must be none, {', '.join(BUDGETS)}", param=path)
    hidden = isinstance(request.get("reasoning"), dict) and request["reasoning"].get("exclude") is True
    return path, level, budget, (shown or bool(found)) and not hidden


def _effort(told: Json) -> str | None:
    effort = told.get("effort")
    if effort is None or isinstance(effort, str):
        return effort
    raise InvalidRequest("reasoning.effort must be a string", param="reasoning.effort")


def _tokens(told: Json, name: str, spelling: str) -> int | None:
    budget = told.get(name)
    if budget is None or (type(budget) is int and budget >= 0):
        return budget
    raise InvalidRequest(f"{spelling}.{name} must be a whole number", param=f"{spelling}.{name}")


def _thinks(model: Model) -> bool:
    told = model.capabilities.thinking
    return generation(model.name) > TWO if told is None else told != "none"


def _level(effort: str | None, budget: int | None, model: Model, path: str, changes: list[Change]) -> Json:
    """The nearest level the model has, lower rather than higher. Thinking cannot be off."""
    levels = [each for each in LEVELS if each in (model.capabilities.effort_levels or COMMON_LEVELS)]
    levels = levels or list(COMMON_LEVELS)
    wanted = effort or next(name for name, most in BUDGETS.items() if (budget or 0) <= most or name == "max")
    if wanted in levels:
        if effort is None:
            changes.append(Change(path, "emulated", f"the level nearest to the budget: {wanted}", budget))
        return {"thinkingLevel": wanted.upper()}
    below = [level for level in levels if LEVELS.index(level) < _rank(wanted)]
    level = below[-1] if below else levels[0]
    changes.append(Change(path, "clamped", f"the nearest level this model has is {level}", wanted, level))
    return {"thinkingLevel": level.upper()}


def _rank(effort: str) -> int:
    return LEVELS.index(effort) if effort in LEVELS else len(LEVELS) if effort in BUDGETS else -1


def _budget(wanted: int, model: Model, path: str, changes: list[Change]) -> Json:
    least, most, stops = next(bounds for named, bounds in BOUNDS if named.search(model.name))
    if wanted == 0 and stops:
        return {"thinkingBudget": 0}
    budget = max(least, min(wanted, most))
    if budget != wanted:
        reason = f"this model thinks with {least} to {most} tokens"
        changes.append(Change(path, "clamped", reason, wanted, budget))
    return {"thinkingBudget": budget}
