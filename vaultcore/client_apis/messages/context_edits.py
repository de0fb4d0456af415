"""`context_management.edits`, done by the gateway for providers that have none.

https://docs.claude.com/en/docs/build-with-claude/context-editing. The edits are pure: the same conversation
is edited in the same way. A clearing takes place where a request of the conversation exceeded the trigger,
and later requests repeat it. Between two clearings the prefix of a conversation stays the same, so that the
provider's cache finds it. Above the trigger, only what `keep` and `exclude_tools` protect remains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from vaultcore.casts import cast
from vaultcore.client_apis.messages.compaction import EDIT as COMPACT
from vaultcore.client_apis.messages.parts import object_or_empty
from vaultcore.dialects import Change
from vaultcore.lazy_dataclass import dataclass
from vaultcore.usage.token_estimate import estimate_request, estimate_tokens
from vaultcore.wire import ChatRequest, Json, Message

CLEAR_TOOL_USES = "clear_tool_uses_"  # followed by a date
CLEAR_THINKING = "clear_thinking_"
TRIGGER = 100_000  # input tokens
KEEP_TOOL_USES = 3
KEEP_THINKING_TURNS = 1
CLEARED = "[The result of this tool call was cleared to save context.]"
THINKING_FIELDS = ("thinking_blocks", "reasoning_content", "reasoning_details")


def apply_edits(
    request: ChatRequest, config: object, changes: list[Change]
) -> tuple[ChatRequest, list[Json]]:
    """Return the edited request, and the edits that took effect as a response's `applied_edits` lists them.

    `config` is the client's `context_management`: `{"edits": [{"type": "clear_tool_uses_20250919", …}]}`.
    """
    applied: list[Json] = []
    edits = object_or_empty(config).get("edits")
    for i, edit in enumerate(edits if isinstance(edits, list) else ()):
        path, fields = f"context_management.edits[{i}]", object_or_empty(edit)
        kind = str(fields.get("type"))
        if kind.startswith(CLEAR_TOOL_USES):
            request, result = _clear_tool_uses(request, fields)
        elif kind.startswith(CLEAR_THINKING):
            request, result = _clear_thinking(request, fields)
        elif kind.startswith(COMPACT):
            continue  # compaction.py reports it
        else:
            changes.append(Change(path, "dropped", "only Anthropic has this edit", was=kind[:64]))
            continue
        reason = "the gateway edits the conversation"
        if result:
            applied.append({"type": kind, **result})
            changes.append(Change(path, "emulated", reason, now=result))
        else:
            changes.append(Change(path, "emulated", f"{reason}: this one needs no edit"))
    return request, applied


def _clear_tool_uses(request: ChatRequest, edit: Json) -> tuple[ChatRequest, Json]:
    messages = cast("list[Json]", list(request.get("messages") or []))
    tools = estimate_request({"tools": request.get("tools") or []})
    clearing = _ToolUseClearing(messages, edit, base_tokens=tools)
    cleared = clearing.run()
    if not cleared:
        return request, {}
    freed = sum(map(clearing.freed_tokens, cleared))
    for use in cleared:
        clearing.clear(use)
    edited = cast(ChatRequest, {**request, "messages": messages})
    return edited, {"cleared_tool_uses": len(cleared), "cleared_input_tokens": freed}


@dataclass(frozen=True, slots=True)
class _ToolUse:
    """A tool call that has a result, by the positions of both in the conversation."""

    name: str
    message: int
    call: int
    result: int


@dataclass(slots=True)
class _ToolUseClearing:
    """Finds the tool uses to clear, by going through the conversation request by request."""

    messages: list[Json]
    edit: Json
    base_tokens: int  # of what precedes the messages
    keep: int = field(init=False)
    trigger: tuple[str, int] = field(init=False)
    at_least: int = field(init=False)
    excluded: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        trigger = object_or_empty(self.edit.get("trigger"))
        self.trigger = str(trigger.get("type", "input_tokens")), _whole(trigger.get("value"), TRIGGER)
        self.keep = _whole(object_or_empty(self.edit.get("keep")).get("value"), KEEP_TOOL_USES)
        self.at_least = _whole(object_or_empty(self.edit.get("clear_at_least")).get("value"), 0)
        excluded = self.edit.get("exclude_tools")
        self.excluded = frozenset(map(str, excluded if isinstance(excluded, list) else ()))

    def run(self) -> list[_ToolUse]:
        """Return the tool uses that some request of the conversation has cleared, oldest first."""
        waiting, live, cleared = self._uses(), list[_ToolUse](), list[_ToolUse]()
        tokens = self.base_tokens
        for i, message in enumerate(self.messages):
            tokens += estimate_request({"messages": [cast(Message, message)]})
            while waiting and waiting[0].result == i:
                live.append(waiting.pop(0))
            if self._ends_request(i) and (freed := self._clear(live, tokens)):
                cleared += freed
                live = [use for use in live if use not in freed]
                tokens -= sum(map(self.freed_tokens, freed))
        return cleared

    def _ends_request(self, i: int) -> bool:
        """Return True if the model has answered after this message, or will."""
        if i + 1 == len(self.messages):
            return True
        return self.messages[i].get("role") != "assistant" and self.messages[i + 1].get("role") == "assistant"

    def clear(self, use: _ToolUse) -> None:
        """Replace the result, and the input if the edit says so."""
        self.messages[use.result] = {**self.messages[use.result], "content": CLEARED}
        if self._clears_input(use):
            message = self.messages[use.message]
            calls = list(message["tool_calls"])
            function = {**calls[use.call]["function"], "arguments": "{}"}
            calls[use.call] = {**calls[use.call], "function": function}
            self.messages[use.message] = {**message, "tool_calls": calls}

    def freed_tokens(self, use: _ToolUse) -> int:
        """Return the estimated tokens that clearing a tool use saves."""
        result = self.messages[use.result]
        before = estimate_request({"messages": [cast(Message, {"content": result.get("content")})]})
        after = estimate_request({"messages": [{"content": CLEARED}]})
        arguments = self.messages[use.message]["tool_calls"][use.call]["function"]["arguments"]
        return max(0, before - after) + (estimate_tokens(arguments) if self._clears_input(use) else 0)

    def _clear(self, seen: Sequence[_ToolUse], tokens: int) -> list[_ToolUse]:
        kind, limit = self.trigger
        if (len(seen) if kind == "tool_uses" else tokens) <= limit:
            return []
        old = seen[: len(seen) - self.keep] if self.keep < len(seen) else ()
        uses = [use for use in old if use.name not in self.excluded]
        return uses if sum(map(self.freed_tokens, uses)) >= self.at_least else []

    def _uses(self) -> list[_ToolUse]:
        open_calls: dict[str, tuple[str, int, int]] = {}
        uses: list[_ToolUse] = []
        for i, message in enumerate(self.messages):
            for j, call in enumerate(message.get("tool_calls") or ()):
                open_calls[str(call.get("id"))] = str(call["function"].get("name")), i, j
            opened = open_calls.pop(str(message.get("tool_call_id")), None)
            if message.get("role") == "tool" and opened is not None:
                uses.append(_ToolUse(*opened, result=i))
        return uses

    def _clears_input(self, use: _ToolUse) -> bool:
        inputs = self.edit.get("clear_tool_inputs")
        return inputs is True or (isinstance(inputs, list) and use.name in inputs)


def _clear_thinking(request: ChatRequest, edit: Json) -> tuple[ChatRequest, Json]:
    keep = edit.get("keep")
    if keep == "all" or object_or_empty(keep).get("type") == "all":
        return request, {}
    turns = _thinking_turns(request)
    count = _whole(object_or_empty(keep).get("value"), KEEP_THINKING_TURNS)
    old = turns[: len(turns) - count] if count < len(turns) else []
    if not old:
        return request, {}
    messages = cast("list[Json]", list(request["messages"]))
    freed = 0
    for i in (i for turn in old for i in turn):
        freed += estimate_tokens(_thinking_text(messages[i]))
        messages[i] = {name: value for name, value in messages[i].items() if name not in THINKING_FIELDS}
    edited = cast(ChatRequest, {**request, "messages": messages})
    return edited, {"cleared_thinking_turns": len(old), "cleared_input_tokens": freed}


def _thinking_turns(request: ChatRequest) -> list[list[int]]:
    """Return the messages with reasoning, by turn: what the model did between two messages of the user."""
    turns: list[list[int]] = [[]]
    for i, message in enumerate(cast("list[Json]", request.get("messages") or [])):
        if message.get("role") == "user":
            turns.append([])
        elif any(message.get(name) for name in THINKING_FIELDS):
            turns[-1].append(i)
    return [turn for turn in turns if turn]


def _thinking_text(message: Mapping[str, object]) -> str:
    blocks = message.get("thinking_blocks")
    texts = [str(block.get("thinking") or "") for block in (blocks if isinstance(blocks, list) else ())]
    return "".join([str(message.get("reasoning_content") or ""), *texts])


def _whole(value: object, default: int) -> int:
    return value if type(value) is int and value >= 0 else default
