"""Resolves what some providers reject while a model reasons. The catalog column `thinking_rejects` names it.

    forced_tools       a tool choice that requires a call
    unreasoned_calls   earlier tool calls without their reasoning: other providers' calls, or a client's loss

https://api-docs.deepseek.com/guides/thinking_mode,
https://platform.moonshot.ai/docs/guide/use-kimi-k2-thinking-model
"""

from __future__ import annotations

from vaultcore.casts import cast
from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change
from vaultcore.dialects.tools import parse_tool_choice
from vaultcore.wire import Json

NO_REASONING = (
    "(The reasoning of this call is not available.)"  # not empty: some providers count "" as missing
)
FORCED = ("required", "any", "function", "tool")


def resolve_conflicts(body: Json, target: Target, changes: list[Change]) -> None:
    """Change `body`, which the caller owns, so that the provider accepts it; replace its messages."""
    rejects = target.provider.thinking_rejects
    if not rejects or not _is_reasoning(body, target):
        return
    if "forced_tools" in rejects and _is_forced(body) and target.model.capabilities.thinking != "always":
        _switch_off(body, changes)
    elif "unreasoned_calls" in rejects:
        _add_reasoning(body, target.provider.replay or "reasoning_content", changes)


def _is_reasoning(body: Json, target: Target) -> bool:
    """Return True if the model reasons in this call: requested, or its default."""
    thinking = body.get("thinking")
    if isinstance(thinking, dict):
        return thinking.get("type") != "disabled"
    return target.model.capabilities.thinking in {"adaptive", "always"}


def _is_forced(body: Json) -> bool:
    choice = body.get("tool_choice")
    if choice is None or not body.get("tools"):
        return False
    kind = choice.get("type") if isinstance(choice, dict) else choice
    return kind in FORCED or (kind == "allowed_tools" and parse_tool_choice(choice).mode == "required")


def _switch_off(body: Json, changes: list[Change]) -> None:
    requested = "thinking" in body
    body["thinking"] = {"type": "disabled"}
    body.pop("reasoning_effort", None)
    reason = "no forced tool use while this model reasons: it does not reason in this call"
    changes.append(Change("thinking", "dropped" if requested else "injected", reason))


def _add_reasoning(body: Json, field: str, changes: list[Change]) -> None:
    messages = cast("list[Json]", body.get("messages") or [])
    missing = {i for i, each in enumerate(messages) if each.get("tool_calls") and not each.get(field)}
    if not missing:
        return
    reason = f"this model rejects tool calls without reasoning: sent a placeholder in {len(missing)} messages"
    changes.append(Change(f"messages[{min(missing)}].{field}", "injected", reason))
    body["messages"] = [
        {**each, field: NO_REASONING} if i in missing else each for i, each in enumerate(messages)
    ]
