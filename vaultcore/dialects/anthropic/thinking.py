"""How hard the model is to think: OpenAI's effort, in Anthropic's budgets or efforts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vaultcore.catalog.schema import Capabilities
from vaultcore.dialects import Change
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

BUDGETS: Mapping[str, int] = {
    "minimal": 1_024,
    "low": 1_024,
    "medium": 2_048,
    "high": 4_096,
    "xhigh": 8_192,
    "max": 16_384,
}
LEAST_BUDGET = 1_024
LEVELS = ("low", "medium", "high", "xhigh", "max")
COMMON_LEVELS = ("low", "medium", "high")
SAID = {"effort", "max_tokens", "enabled", "exclude", "summary"}  # thoughts are summaries anyway


@dataclass(frozen=True, slots=True)
class Thinking:
    config: Json | None = None
    effort: str | None = None

    @property
    def on(self) -> bool:
        return self.config is not None and self.config.get("type") != "disabled"


def render_thinking(request: Json, able: Capabilities, most: int, changes: list[Change]) -> Thinking:
    """What to ask for. There are three spellings: `reasoning_effort`, `reasoning`, Anthropic's `thinking`."""
    path, effort, budget = _asked(request)
    own = request.get("thinking")
    display = _display(request.get("reasoning"), able, own, changes)
    if isinstance(own, dict):
        return Thinking(own, _effort(effort, able, path, changes) if effort else None)
    if effort is None and budget is None:
        return Thinking()
    if effort == "none":
        return _off(able, path, changes)
    match able.thinking:
        case "adaptive" | "always":
            if effort is None:
                changes.append(Change(path, "emulated", "this model decides itself how much to think"))
            level = _effort(effort, able, path, changes) if effort else None
            return Thinking({"type": "adaptive", "display": display}, level)
        case "budget":
            wanted = budget or BUDGETS[effort or "medium"]
            return _budget(wanted, most, path, changes, told=effort if budget is None else budget)
        case _:
            if effort != "minimal":
                changes.append(Change(path, "dropped", "this model is not known to think"))
            return Thinking()


def _display(
    wide: object, able: Capabilities, own: object, changes: list[Change]
) -> Literal["summarized", "omitted"]:
    """Whether thoughts are to be shown, and what else of `reasoning` has no words here."""
    told = wide if isinstance(wide, dict) else {}
    unsaid = [name for name, value in told.items() if name not in SAID and value is not None]
    reason = "there is no such way to think here"
    changes.extend(Change(f"reasoning.{name}", "dropped", reason) for name in unsaid)
    if told.get("exclude") is not True:
        return "summarized"
    if able.thinking not in {"adaptive", "always"} or own:
        changes.append(Change("reasoning.exclude", "dropped", "this model shows what it thinks"))
    return "omitted"


def _asked(request: Json) -> tuple[str, str | None, int | None]:
    """The path, the effort and the number of tokens asked for. Raises where two spellings disagree."""
    plain, wide = request.get("reasoning_effort"), request.get("reasoning")
    inner = wide.get("effort") if isinstance(wide, dict) else None
    budget = wide.get("max_tokens") if isinstance(wide, dict) else None
    if plain and inner and plain != inner:
        raise InvalidRequest("reasoning_effort and reasoning.effort disagree", param="reasoning_effort")
    effort = plain or inner
    match wide:
        case {"enabled": False}:
            effort = "none"
        case {"enabled": True}:
            effort = effort or "medium"
    path = "reasoning_effort" if plain else "reasoning"
    if effort is not None and not (isinstance(effort, str) and effort in {"none", *BUDGETS}):
        raise InvalidRequest(f"{path} must be none, {', '.join(BUDGETS)}", param=path)
    if budget is not None and (not isinstance(budget, int) or isinstance(budget, bool) or budget < 0):
        raise InvalidRequest("reasoning.max_tokens must be a whole number", param="reasoning.max_tokens")
    return path, effort, budget


def _off(able: Capabilities, path: str, changes: list[Change]) -> Thinking:
    match able.thinking:
        case "always":
            lowest = (able.effort_levels or COMMON_LEVELS)[0]
            reason = "this model always thinks: its lowest effort"
            changes.append(Change(path, "clamped", reason, "none", lowest))
            return Thinking(None, lowest)
        case "budget" | "adaptive":
            return Thinking({"type": "disabled"})
        case _:
            return Thinking()


def _budget(wanted: int, most: int, path: str, changes: list[Change], *, told: str | int | None) -> Thinking:
    """A budget below the limit of the whole answer, which it is part of; `told` is what the client said."""
    if most <= LEAST_BUDGET:
        changes.append(Change(path, "dropped", f"{most} tokens leave no room to think"))
        return Thinking()
    budget = max(LEAST_BUDGET, min(wanted, most - 1))
    if budget != wanted:
        changes.append(Change(path, "clamped", f"a budget of {budget} tokens", told, budget))
    return Thinking({"type": "enabled", "budget_tokens": budget})


def _effort(effort: str, able: Capabilities, path: str, changes: list[Change]) -> str:
    """The nearest level the model has, lower rather than higher."""
    levels = [level for level in LEVELS if level in (able.effort_levels or COMMON_LEVELS)] or list(
        COMMON_LEVELS
    )
    if effort in levels:
        return effort
    below = [level for level in levels if effort in LEVELS and LEVELS.index(level) < LEVELS.index(effort)]
    level = below[-1] if below else levels[0]
    changes.append(Change(path, "clamped", f"the nearest effort this model has is {level}", effort, level))
    return level
