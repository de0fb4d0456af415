"""Reasoning in a Messages request: OpenAI's efforts as Anthropic's token budgets or effort levels.

https://docs.claude.com/en/docs/build-with-claude/extended-thinking and .../effort. A client may write
`reasoning_effort`, `reasoning: {effort, max_tokens, enabled, exclude}` or Anthropic's own `thinking`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from vaultcore.casts import cast
from vaultcore.catalog.schema import Capabilities
from vaultcore.dialects import Change
from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.dialects.anthropic.wire import AnthropicThinkingConfig

BUDGETS: Mapping[str, int] = {  # effort -> tokens
    "minimal": 1_024,
    "low": 1_024,
    "medium": 2_048,
    "high": 4_096,
    "xhigh": 8_192,
    "max": 16_384,
}
BUDGETS_ONLY = "this model has token budgets only"
DOES_NOT_REASON = "this model does not reason"
DEFAULT_EFFORT = "high"  # of adaptive thinking
MIN_TOP_P = 0.95  # while the model reasons
MIN_BUDGET = 1_024  # tokens; the API rejects less
LEVELS = ("low", "medium", "high", "xhigh", "max")
COMMON_LEVELS = ("low", "medium", "high")  # of models whose catalog row lists none
SUPPORTED_FIELDS = {"effort", "max_tokens", "enabled", "exclude", "summary"}  # thinking is always a summary


@dataclass(frozen=True, slots=True)
class AnthropicReasoning:
    """The `thinking` field of a request and the effort of its `output_config`; None means leave out."""

    config: AnthropicThinkingConfig | None = None
    effort: str | None = None

    @property
    def is_enabled(self) -> bool:
        return self.config is not None and self.config.get("type") != "disabled"


def render_reasoning(
    request: Json, capabilities: Capabilities, max_tokens: int, changes: list[Change]
) -> AnthropicReasoning:
    """Return the reasoning settings that the request asks for, as far as the model supports them.

    `max_tokens` limits the whole answer, reasoning included. Raise InvalidRequest if a field is malformed or
    two fields disagree.
    """
    path, effort, budget = _parse_fields(request)
    thinking = request.get("thinking")
    display = _render_display(request.get("reasoning"), capabilities, thinking, changes)
    if isinstance(thinking, dict):
        return _ThinkingField(thinking, effort, path, capabilities, changes).render(max_tokens)
    if effort is None and budget is None:
        return AnthropicReasoning()
    if effort == "none":
        return _disable(capabilities, path, changes)
    match capabilities.thinking:
        case "adaptive" | "always":
            if effort is None:
                reason = "this model chooses its own reasoning budget"
                changes.append(Change(path, "emulated", reason))
            level = _nearest_level(effort, capabilities, path, changes) if effort else None
            return AnthropicReasoning({"type": "adaptive", "display": display}, level)
        case "budget":
            return _budget_of(effort or "medium", max_tokens, path, changes, budget=budget)
        case _:
            if effort != "minimal":
                changes.append(Change(path, "dropped", "this model is not known to support reasoning"))
            return AnthropicReasoning()


@dataclass(frozen=True, slots=True)
class _ThinkingField:
    """Anthropic's own `thinking` of a request, to be sent in the form that the model accepts."""

    thinking: Json
    effort: str | None  # beside it
    path: str  # of the effort
    capabilities: Capabilities
    changes: list[Change]

    def render(self, max_tokens: int) -> AnthropicReasoning:
        match self.thinking, self.capabilities.thinking:
            case {"type": "disabled"}, "always":
                return _disable(self.capabilities, "thinking", self.changes)
            case {"type": "enabled" | "adaptive" | "disabled"}, "none":
                return self._drop()
            case {"type": "enabled", "budget_tokens": int(budget)}, "adaptive" | "always":
                return self._replace_budget(budget)
            case {"type": "enabled", "budget_tokens": int(budget)}, "budget":
                path = "thinking.budget_tokens"
                rendered = _render_budget(budget, max_tokens, path, self.changes, requested=budget)
                return self._with_budget(rendered)
            case {"type": "adaptive"}, "budget":
                return self._replace_adaptive(max_tokens)
            case _:
                return AnthropicReasoning(cast("AnthropicThinkingConfig", self.thinking), self._level())

    def _drop(self) -> AnthropicReasoning:
        """Return the settings of a model that does not reason, which accepts disabled thinking only."""
        if self.effort not in (None, "none"):
            self.changes.append(Change(self.path, "dropped", DOES_NOT_REASON, self.effort))
        if self.thinking["type"] == "disabled":
            return AnthropicReasoning(cast("AnthropicThinkingConfig", self.thinking))
        self.changes.append(Change("thinking", "dropped", DOES_NOT_REASON))
        return AnthropicReasoning()

    def _replace_budget(self, budget: int) -> AnthropicReasoning:
        """Return an effort in place of a budget, for a model that chooses its own."""
        display = self.thinking.get("display") or "summarized"
        level = self._level()
        if level is None:
            effort = next(effort for effort, tokens in BUDGETS.items() if budget <= tokens or effort == "max")
            level = _nearest_level(effort, self.capabilities, "thinking.budget_tokens", [])
        reason = "this model chooses its own reasoning budget: sent an effort"
        self.changes.append(Change("thinking.budget_tokens", "emulated", reason, budget, level))
        config = {"type": "adaptive", "display": display}
        return AnthropicReasoning(cast("AnthropicThinkingConfig", config), level)

    def _replace_adaptive(self, max_tokens: int) -> AnthropicReasoning:
        """Return a budget in place of adaptive thinking, of the size of its effort."""
        effort = self.effort or DEFAULT_EFFORT
        budget = BUDGETS.get(effort, BUDGETS[DEFAULT_EFFORT])
        self.changes.append(Change("thinking.type", "emulated", BUDGETS_ONLY, "adaptive", budget))
        if self.effort is None:
            rendered = _render_budget(budget, max_tokens, "thinking", self.changes, requested="adaptive")
        else:
            rendered = _budget_of(effort, max_tokens, self.path, self.changes)
        return self._with_display(rendered)

    def _with_display(self, rendered: AnthropicReasoning) -> AnthropicReasoning:
        """Return the budget with the client's `display`. Report it if no budget is sent."""
        display = self.thinking.get("display")
        if display is None:
            return rendered
        if rendered.config is None:
            reason = "no reasoning is requested"
            self.changes.append(Change("thinking.display", "dropped", reason, display))
            return rendered
        config = {**rendered.config, "display": display}
        return AnthropicReasoning(cast("AnthropicThinkingConfig", config))

    def _with_budget(self, rendered: AnthropicReasoning) -> AnthropicReasoning:
        """Return the budget with the other fields of `thinking`. Models with budgets have no effort."""
        if self.effort is not None:
            self.changes.append(Change(self.path, "dropped", "the budget takes precedence", self.effort))
        if rendered.config is None:
            return self._with_display(rendered)
        config = {**self.thinking, "budget_tokens": rendered.config.get("budget_tokens")}
        return AnthropicReasoning(cast("AnthropicThinkingConfig", config))

    def _level(self) -> str | None:
        if self.effort is None:
            return None
        return _nearest_level(self.effort, self.capabilities, self.path, self.changes)


def accepts_sampling(name: str, value: object) -> bool:
    """Return True if Claude accepts a sampling parameter with this value while it reasons."""
    if not isinstance(value, int | float):
        return False
    return (name == "temperature" and value == 1) or (name == "top_p" and MIN_TOP_P <= value <= 1)


def _render_display(
    reasoning: object, capabilities: Capabilities, thinking: object, changes: list[Change]
) -> Literal["summarized", "omitted"]:
    """Return whether the response contains the reasoning. Report unsupported fields of `reasoning`."""
    fields = reasoning if isinstance(reasoning, dict) else {}
    unsupported = [
        name for name, value in fields.items() if name not in SUPPORTED_FIELDS and value is not None
    ]
    reason = "Anthropic has no such reasoning option"
    changes.extend(Change(f"reasoning.{name}", "dropped", reason) for name in unsupported)
    if fields.get("exclude") is not True:
        return "summarized"
    if capabilities.thinking not in {"adaptive", "always"} or thinking:
        changes.append(Change("reasoning.exclude", "dropped", "this model always returns its reasoning"))
    return "omitted"


def _parse_fields(request: Json) -> tuple[str, str | None, int | None]:
    """Return the field's path, its effort and its budget in tokens. Raise InvalidRequest if two disagree."""
    plain, reasoning = request.get("reasoning_effort"), request.get("reasoning")
    nested = reasoning.get("effort") if isinstance(reasoning, dict) else None
    budget = reasoning.get("max_tokens") if isinstance(reasoning, dict) else None
    if plain and nested and plain != nested:
        raise InvalidRequest("reasoning_effort and reasoning.effort disagree", param="reasoning_effort")
    effort = plain or nested
    match reasoning:
        case {"enabled": False}:
            effort = "none"
        case {"enabled": True}:
            effort = effort or "medium"
    path = "reasoning_effort" if plain else "reasoning"
    if effort is not None and not (isinstance(effort, str) and effort in {"none", *BUDGETS}):
        raise InvalidRequest(f"{path} must be one of none, {', '.join(BUDGETS)}", param=path)
    if budget is not None and (not isinstance(budget, int) or isinstance(budget, bool) or budget < 0):
        raise InvalidRequest("reasoning.max_tokens must be a whole number", param="reasoning.max_tokens")
    return path, effort, budget


def _disable(capabilities: Capabilities, path: str, changes: list[Change]) -> AnthropicReasoning:
    match capabilities.thinking:
        case "always":
            lowest = (capabilities.effort_levels or COMMON_LEVELS)[0]
            reason = "this model always reasons: sent its lowest effort"
            changes.append(Change(path, "clamped", reason, "none", lowest))
            return AnthropicReasoning(None, lowest)
        case "budget" | "adaptive":
            return AnthropicReasoning({"type": "disabled"})
        case _:
            return AnthropicReasoning()


def _render_budget(
    tokens: int, max_tokens: int, path: str, changes: list[Change], *, requested: str | int | None
) -> AnthropicReasoning:
    """Return a budget below `max_tokens`, which includes it. Reports contain the client's `requested`."""
    if max_tokens <= MIN_BUDGET:
        changes.append(Change(path, "dropped", f"a limit of {max_tokens} tokens is too low for reasoning"))
        return AnthropicReasoning()
    budget = max(MIN_BUDGET, min(tokens, max_tokens - 1))
    if budget != tokens:
        changes.append(Change(path, "clamped", f"sent a budget of {budget} tokens", requested, budget))
    return AnthropicReasoning({"type": "enabled", "budget_tokens": budget})


def _budget_of(
    effort: str, max_tokens: int, path: str, changes: list[Change], *, budget: int | None = None
) -> AnthropicReasoning:
    """Return the requested budget, or one that stands for an effort, which is reported."""
    if budget:
        return _render_budget(budget, max_tokens, path, changes, requested=budget)
    tokens, changed = BUDGETS.get(effort, BUDGETS[DEFAULT_EFFORT]), len(changes)
    rendered = _render_budget(tokens, max_tokens, path, changes, requested=effort)
    if len(changes) == changed:
        changes.append(Change(path, "emulated", BUDGETS_ONLY, effort, tokens))
    return rendered


def _nearest_level(effort: str, capabilities: Capabilities, path: str, changes: list[Change]) -> str:
    """Return the model's nearest effort level; prefer a lower level to a higher one."""
    supported = capabilities.effort_levels or COMMON_LEVELS
    levels = [level for level in LEVELS if level in supported] or list(COMMON_LEVELS)
    if effort in levels:
        return effort
    lower = [level for level in levels if effort in LEVELS and LEVELS.index(level) < LEVELS.index(effort)]
    level = lower[-1] if lower else levels[0]
    changes.append(Change(path, "clamped", f"the nearest effort of this model is {level}", effort, level))
    return level
