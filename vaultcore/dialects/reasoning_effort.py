"""Renders the reasoning effort in the provider's field, which the catalog column `reasoning` names.

Clients use three fields: `reasoning_effort`, `reasoning: {effort, max_tokens}` and Anthropic's `thinking:
{type, budget_tokens}`. Providers use four: `reasoning_effort`, the `reasoning` object, a `thinking` object
that only switches, and the switch `enable_thinking`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from vaultcore.catalog.schema import Capabilities, Provider, Target
from vaultcore.dialects import Change, ChangeKind
from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

LEVELS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")  # ascending
DEFAULT = "default"  # the level of models that only switch their reasoning
BUDGET_LEVELS = ((1_024, "low"), (4_096, "medium"), (16_384, "high"))  # tokens up to which a level applies
FIELDS = ("reasoning_effort", "reasoning", "thinking")


@dataclass(frozen=True, slots=True)
class RequestedReasoning:
    """The reasoning that a request asks for. `path` is the field, `budget` is in tokens."""

    path: str
    effort: str | None = None
    budget: int | None = None

    @property
    def is_off(self) -> bool:
        """Return True if `thinking` disables reasoning."""
        return self.path == "thinking" and self.effort == "none"

    @property
    def level(self) -> str:
        """Return the effort, or the level that the budget corresponds to."""
        if self.effort is not None:
            return self.effort
        return next((level for limit, level in BUDGET_LEVELS if (self.budget or 0) <= limit), "xhigh")


def parse_reasoning(request: Mapping[str, object]) -> RequestedReasoning | None:
    """Return the requested reasoning, or None. Raise InvalidRequest if two fields contradict each other."""
    plain, wide, anthropic = (request.get(name) for name in FIELDS)
    inner = wide.get("effort") if isinstance(wide, dict) else None
    if plain is not None and inner is not None and plain != inner:
        text = "reasoning_effort and reasoning.effort differ: send one of them"
        raise InvalidRequest(text, param="reasoning_effort")
    path = next((name for name in FIELDS if request.get(name) is not None), "")
    effort, budget = plain or inner, None
    match anthropic:
        case {"type": "disabled"}:
            return RequestedReasoning("thinking", "none")
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
        raise InvalidRequest("the reasoning budget must be a non-negative integer", param=path)
    return None if effort is None and budget is None else RequestedReasoning(path, effort, budget)


def overruled_fields(request: Mapping[str, object]) -> list[str]:
    """Return the fields that request an effort beside `thinking: {"type": "disabled"}`, which overrules it.

    >>> overruled_fields({"thinking": {"type": "disabled"}, "reasoning_effort": "high"})
    ['reasoning_effort']
    """
    thinking = request.get("thinking")
    if not isinstance(thinking, dict) or thinking.get("type") != "disabled":
        return []
    names = ["reasoning_effort"] if request.get("reasoning_effort") not in (None, "none") else []
    match request.get("reasoning"):
        case {"effort": str(effort)} if effort != "none":
            return [*names, "reasoning"]
        case {"max_tokens": int(tokens)} if tokens:
            return [*names, "reasoning"]
        case _:
            return names


def report_overruled(request: Mapping[str, object]) -> list[Change]:
    """Return one `dropped` change for each of `overruled_fields`."""
    return [
        Change(name, "dropped", "thinking is disabled", request[name]) for name in overruled_fields(request)
    ]


def report_display(request: Mapping[str, object]) -> list[Change]:
    """Return a change for `thinking.display`, if the provider has no such setting.

    >>> [each.kind for each in report_display({"thinking": {"type": "adaptive", "display": "omitted"}})]
    ['dropped']
    """
    match request.get("thinking"):
        case {"type": "disabled"}:
            return []
        case {"display": str(display)}:
            reason = "the response includes reasoning if the provider returns it"
            kind: ChangeKind = "emulated" if display == "summarized" else "dropped"
            return [Change("thinking.display", kind, reason, display)]
        case _:
            return []


def apply_reasoning(body: Json, target: Target, changes: list[Change]) -> None:
    """Write the reasoning to the provider's field, at a level that the model has."""
    if body.keys().isdisjoint(FIELDS):
        return
    provider, capabilities = target.provider, _with_levels(target)
    requested = parse_reasoning(body)
    changes += report_overruled(body)
    for name in overruled_fields(body):
        del body[name]
    if provider.reasoning is not None and requested is not None:
        changes += report_display(body)
        if capabilities.thinking == "none":
            drop_reasoning(body, changes)
            return
        if requested.level == "none" and any(part in target.model.name for part in provider.reasoning_switch):
            _switch_off(body, requested, provider, changes)
            return
        if requested.is_off and _has_no_switch(target, capabilities):
            _omit_reasoning(body, capabilities, changes)
            return
        WRITERS[provider.reasoning](body, requested, provider, changes)
    if "reasoning_effort" in body and capabilities.effort_levels:
        _clamp_effort(body, capabilities, requested.path if requested else "reasoning_effort", changes)


def _with_levels(target: Target) -> Capabilities:
    """Return what the model can do, with the effort levels of the provider's row if the table has none."""
    capabilities, name = target.model.capabilities, target.model.name
    if capabilities.effort_levels:
        return capabilities
    levels = next((levels for part, levels in target.provider.efforts.items() if part in name), "")
    return replace(capabilities, effort_levels=tuple(levels.split())) if levels else capabilities


def _switch_off(body: Json, requested: RequestedReasoning, provider: Provider, changes: list[Change]) -> None:
    _remove_fields(body)
    body["reasoning"] = {"enabled": False}
    if requested.path != "reasoning":
        reason = f"{provider.title} disables it with reasoning.enabled"
        changes.append(Change(requested.path, "renamed", reason, now="none"))


def _has_no_switch(target: Target, capabilities: Capabilities) -> bool:
    """Return True if there is no value that disables reasoning: the model has no effort, or it is unknown."""
    if target.provider.reasoning != "effort" or "none" in capabilities.effort_levels:
        return False
    is_listed = any(part and part in target.model.name for part in target.provider.efforts)
    return not (is_listed or target.model.capabilities.effort_levels)


def drop_reasoning(body: Json, changes: list[Change]) -> None:
    """Remove the fields for a model that does not reason: OpenAI rejects them there."""
    requested = parse_reasoning(body)
    fields = [name for name in FIELDS if body.get(name) is not None]
    _remove_fields(body)
    if requested is not None and requested.level != "none":
        changes += [Change(name, "dropped", "this model does not reason", requested.level) for name in fields]


def _omit_reasoning(body: Json, capabilities: Capabilities, changes: list[Change]) -> None:
    _remove_fields(body)
    if capabilities.thinking != "none":
        reason = "no reasoning is requested; a model that always reasons still does"
        changes.append(Change("thinking", "emulated", reason))


def _write_effort(
    body: Json, requested: RequestedReasoning, provider: Provider, changes: list[Change]
) -> None:
    if requested.path == "reasoning_effort" and "reasoning" not in body and "thinking" not in body:
        return
    _remove_fields(body)
    body["reasoning_effort"] = requested.level
    kind: ChangeKind = "emulated" if requested.effort is None else "renamed"
    reason = f"the field of {provider.title} is reasoning_effort"
    changes.append(Change(requested.path, kind, reason, now=requested.level))


def _write_object(
    body: Json, requested: RequestedReasoning, provider: Provider, changes: list[Change]
) -> None:
    thinking = body.pop("thinking", None)
    if thinking is None or "reasoning" in body or "reasoning_effort" in body:
        return
    off: Json = {"enabled": False}
    on: Json = {"effort": requested.level} if requested.budget is None else {"max_tokens": requested.budget}
    body["reasoning"] = off if requested.level == "none" else on
    changes.append(Change("thinking", "renamed", f"the field of {provider.title} is reasoning"))


def _write_thinking(
    body: Json, requested: RequestedReasoning, provider: Provider, changes: list[Change]
) -> None:
    """Write an object that switches reasoning on or off, and the effort if the client sent one."""
    thinking = body.get("thinking")
    _remove_fields(body)
    switch = "disabled" if requested.level == "none" else "enabled"
    options = thinking if isinstance(thinking, dict) else {}
    others = {name: value for name, value in options.items() if name != "display"}
    body["thinking"] = {**others, "type": switch}
    if body["thinking"].pop("budget_tokens", None) is not None:
        path, reason = "thinking.budget_tokens", f"{provider.title} has no reasoning budget"
        changes.append(Change(path, "emulated", reason, requested.budget))
    if requested.level != "none" and requested.effort is not None and requested.path != "thinking":
        body["reasoning_effort"] = requested.level
    if thinking is None:
        changes.append(Change(requested.path, "emulated", f"{provider.title} only has a switch: thinking"))


def _write_adaptive(
    body: Json, requested: RequestedReasoning, provider: Provider, changes: list[Change]
) -> None:
    """Write an object that disables reasoning or lets the model decide, without effort and budget."""
    _remove_fields(body)
    kind = "disabled" if requested.level == "none" else "adaptive"
    body["thinking"] = {"type": kind}
    if requested.path != "thinking" or requested.budget is not None:
        reason = f"{provider.title} only has a switch: thinking"
        changes.append(Change(requested.path, "emulated", reason, now=kind))


def _write_switch(
    body: Json, requested: RequestedReasoning, provider: Provider, changes: list[Change]
) -> None:
    _remove_fields(body)
    body.setdefault("enable_thinking", requested.level != "none")
    if requested.budget:
        body.setdefault("thinking_budget", requested.budget)
    reason = f"{provider.title} only has a switch: enable_thinking"
    changes.append(Change(requested.path, "emulated", reason))


def _remove_fields(body: Json) -> None:
    for name in FIELDS:
        body.pop(name, None)


def _write_template(
    body: Json, requested: RequestedReasoning, provider: Provider, changes: list[Change]
) -> None:
    """Write the variables that switch reasoning in the chat templates of open models."""
    if requested.path == "reasoning_effort" and "reasoning" not in body and "thinking" not in body:
        return
    _remove_fields(body)
    is_on, options = requested.level != "none", body.get("chat_template_kwargs")
    switches = {"enable_thinking": is_on, "thinking": is_on}  # Qwen and GLM; DeepSeek and Kimi
    body["chat_template_kwargs"] = {**switches, **(options if isinstance(options, dict) else {})}
    if is_on:
        body["reasoning_effort"] = requested.level
    reason = f"{provider.title} switches reasoning in chat_template_kwargs"
    changes.append(Change(requested.path, "emulated", reason))


WRITERS: Mapping[str, Callable[[Json, RequestedReasoning, Provider, list[Change]], None]] = {
    "effort": _write_effort,
    "object": _write_object,
    "thinking": _write_thinking,
    "adaptive": _write_adaptive,
    "switch": _write_switch,
    "template": _write_template,
}


def _clamp_effort(body: Json, capabilities: Capabilities, path: str, changes: list[Change]) -> None:
    """Use the model's nearest level, the lower of two; never `none` if the client asked for reasoning."""
    effort = body["reasoning_effort"]
    if effort in capabilities.effort_levels or effort not in LEVELS:
        return
    if DEFAULT in capabilities.effort_levels and effort not in {"none", "minimal"}:
        body["reasoning_effort"] = DEFAULT
        reason = "this model has one effort"
        changes.append(Change(path, "clamped", reason, effort, DEFAULT))
        return
    levels = [level for level in capabilities.effort_levels if level in LEVELS]
    thinking = [level for level in levels if level != "none"] if effort not in {"none", "minimal"} else levels
    rank = LEVELS.index(effort)
    nearest = min(thinking or levels, key=lambda each: abs(LEVELS.index(each) - rank), default=effort)
    if nearest != effort:
        body["reasoning_effort"] = nearest
        reason = f"the model's nearest effort is {nearest}"
        changes.append(Change(path, "clamped", reason, effort, nearest))
