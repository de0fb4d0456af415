"""How hard the model is to think, in the words of whoever is asked: a column of the catalog says which.

Clients have three spellings: `reasoning_effort`, `reasoning: {effort, max_tokens}` and Anthropic's `thinking:
{type, budget_tokens}`. Providers have four: the effort, the object, an on/off object, a plain switch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vaultcore.catalog.schema import Capabilities, Provider
from vaultcore.dialects import Change
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

LEVELS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
UPTO = (
    (1_024, "low"),
    (4_096, "medium"),
    (16_384, "high"),
)  # tokens of a budget, and the effort they come to
SPELT = ("reasoning_effort", "reasoning", "thinking")


@dataclass(frozen=True, slots=True)
class RequestedReasoning:
    """What a request asks for, however it is spelt."""

    path: str
    effort: str | None = None
    budget: int | None = None

    @property
    def level(self) -> str:
        """The effort, or what the budget comes to."""
        if self.effort is not None:
            return self.effort
        return next((level for most, level in UPTO if (self.budget or 0) <= most), "xhigh")


def asked(request: Mapping[str, object]) -> RequestedReasoning | None:
    """What is asked for; None where nothing is. Raises where two spellings disagree."""
    plain, wide, own = (request.get(name) for name in SPELT)
    inner = wide.get("effort") if isinstance(wide, dict) else None
    if plain is not None and inner is not None and plain != inner:
        raise InvalidRequest("reasoning_effort and reasoning.effort disagree", param="reasoning_effort")
    path = next((name for name in SPELT if request.get(name) is not None), "")
    effort, budget = plain or inner, None
    match own:
        case {"type": "disabled"}:
            if effort not in (None, "none"):
                raise InvalidRequest("thinking and the effort disagree", param="thinking")
            effort = "none"
        case {"budget_tokens": int(tokens)} if not isinstance(tokens, bool):
            budget = tokens
        case {"type": "enabled" | "adaptive"}:
            effort = effort or "medium"
    if isinstance(wide, dict):
        budget = wide.get("max_tokens", budget)
        if wide.get("enabled") is False:
            effort = "none"
    if effort is not None and not isinstance(effort, str):
        raise InvalidRequest(f"{path} must be one of {', '.join(LEVELS)}", param=path)
    if budget is not None and (not isinstance(budget, int) or isinstance(budget, bool) or budget < 0):
        raise InvalidRequest("a budget of tokens must be a whole number", param=path)
    return None if effort is None and budget is None else RequestedReasoning(path, effort, budget)


def settle(body: Json, provider: Provider, able: Capabilities, changes: list[Change]) -> None:
    """Say it in the provider's words, and no louder than the model can."""
    if not any(name in body for name in SPELT):
        return
    told = asked(body)
    if provider.reasoning is not None and told is not None:
        SAY[provider.reasoning](body, told, provider, changes)
    if "reasoning_effort" in body and able.effort_levels:
        _fit(body, able, changes)


def _say_effort(body: Json, told: RequestedReasoning, provider: Provider, changes: list[Change]) -> None:
    if told.path == "reasoning_effort" and "reasoning" not in body and "thinking" not in body:
        return
    _forget(body)
    body["reasoning_effort"] = told.level
    kind = f"{provider.title} calls it reasoning_effort"
    changes.append(Change(told.path, "emulated" if told.effort is None else "renamed", kind, now=told.level))


def _say_object(body: Json, told: RequestedReasoning, provider: Provider, changes: list[Change]) -> None:
    own = body.pop("thinking", None)
    if own is None or "reasoning" in body or "reasoning_effort" in body:
        return
    off: Json = {"enabled": False}
    on: Json = {"effort": told.level} if told.budget is None else {"max_tokens": told.budget}
    body["reasoning"] = off if told.level == "none" else on
    changes.append(Change("thinking", "renamed", f"{provider.title} calls it reasoning"))


def _say_thinking(body: Json, told: RequestedReasoning, provider: Provider, changes: list[Change]) -> None:
    """An object that switches thinking on or off; an effort beside it where one was asked for."""
    own = body.get("thinking")
    _forget(body)
    body["thinking"] = own if isinstance(own, dict) else {"type": _switch(told)}
    if told.level != "none" and told.effort is not None:
        body["reasoning_effort"] = told.level
    if own is None:
        changes.append(Change(told.path, "emulated", f"{provider.title} has a switch for it: thinking"))


def _say_switch(body: Json, told: RequestedReasoning, provider: Provider, changes: list[Change]) -> None:
    _forget(body)
    body.setdefault("enable_thinking", told.level != "none")
    if told.budget:
        body.setdefault("thinking_budget", told.budget)
    reason = f"{provider.title} has a switch for it: enable_thinking"
    changes.append(Change(told.path, "emulated", reason))


def _forget(body: Json) -> None:
    for name in SPELT:
        body.pop(name, None)


def _switch(told: RequestedReasoning) -> str:
    return "disabled" if told.level == "none" else "enabled"


SAY: Mapping[str, Callable[[Json, RequestedReasoning, Provider, list[Change]], None]] = {
    "effort": _say_effort,
    "object": _say_object,
    "thinking": _say_thinking,
    "switch": _say_switch,
}


def _fit(body: Json, able: Capabilities, changes: list[Change]) -> None:
    """The nearest effort that the model has, rather lower than higher, but thinking if it was to think."""
    wanted = body["reasoning_effort"]
    if wanted in able.effort_levels or wanted not in LEVELS:
        return
    known = [level for level in able.effort_levels if level in LEVELS]
    thinking = [level for level in known if level != "none"] if wanted not in {"none", "minimal"} else known
    place = LEVELS.index(wanted)
    level = min(thinking or known, key=lambda each: abs(LEVELS.index(each) - place), default=wanted)
    if level != wanted:
        body["reasoning_effort"] = level
        changes.append(
            Change(
                "reasoning_effort", "clamped", f"the nearest effort this model has: {level}", wanted, level
            )
        )
