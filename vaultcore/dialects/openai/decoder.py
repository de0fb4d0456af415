"""Decodes a stream of chat-completion chunks and repairs the deviations of providers from OpenAI's.

https://platform.openai.com/docs/api-reference/chat-streaming.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import field
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.dialects import repair, response_shape
from vaultcore.dialects.json_fields import parse_event, require_object
from vaultcore.dialects.openai.response import pop_function_call
from vaultcore.dialects.usage_counts import message_tool_uses, with_tool_uses
from vaultcore.lazy_dataclass import dataclass
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, Json, Usage

if TYPE_CHECKING:
    from vaultcore.dialects.openai.wire import OpenAIToolCall

CHUNK_OBJECT = "chat.completion.chunk"
TEXT_FIELDS = frozenset({"content", "refusal", "reasoning_content"})


class Decoder:
    """Decodes events into chunks. A chunk without deviations is returned as it was parsed."""

    __slots__ = ("_choices", "_is_done", "_tool_uses")

    def __init__(self) -> None:
        self._choices: dict[int, _ChoiceState] = {}
        self._tool_uses: dict[str, int] = {}  # of the provider's own tools, so far
        self._is_done = False

    def feed(self, item: Event) -> Iterable[ChatChunk]:
        if self._is_done:
            return ()
        if not item.data.startswith("{"):
            text = item.data.strip()
            self._is_done = text == "[DONE]"
            if self._is_done:
                return self._end_open_choices()
            if not text:
                return ()
        chunk = parse_event(item)
        if (chunk.get("error") or "base_resp" in chunk) and repair.is_error(chunk):
            raise repair.stream_fault(chunk)
        chunk.pop("obfuscation", None)
        if "service_tier" in chunk:
            repair.repair_service_tier(chunk)
        if self._is_valid_text(chunk):
            return (cast(ChatChunk, chunk),)
        return [cast(ChatChunk, each) for each in self._repair(chunk)]

    def close(self) -> Iterable[ChatChunk]:
        return ()

    def _is_valid_text(self, chunk: Json) -> bool:
        """Return True for a further text delta without deviations: the fast path of nearly all chunks."""
        choices = chunk.get("choices")
        if type(choices) is not list or len(choices) != 1 or chunk.get("object") != CHUNK_OBJECT:
            return False
        choice = choices[0]
        if type(choice) is not dict or choice.get("finish_reason", "") is not None or "message" in choice:
            return False
        delta, index = choice.get("delta"), choice.get("index")
        state = self._choices.get(index) if type(index) is int else None
        return (
            type(delta) is dict
            and type(delta.get("content")) is str
            and (len(delta) == 1 or _has_only_texts(delta))
            and choice.get("logprobs") is None
            and type(chunk.get("model")) is str
            and chunk.get("usage") is None
            and "id" in chunk
            and state is not None
            and state.has_output
            and not state.is_finished
        )

    def _repair(self, chunk: Json) -> list[Json]:
        """Return the chunk, repaired in place (this decoder parsed it), and chunks that must precede it."""
        choices = chunk.get("choices") or []
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise ValueError("the choices of a chunk are not a list of objects")
        extension = chunk.get("x_groq")
        usage = chunk.get("usage") or (extension.get("usage") if isinstance(extension, dict) else None)
        if usage or "usage" in chunk:
            chunk["usage"] = repair.repair_usage(usage)
        response_id = chunk.get("id")
        chunk["id"] = response_id if isinstance(response_id, str) else ""
        chunk["object"] = CHUNK_OBJECT
        chunk["created"] = repair.parse_timestamp(chunk.get("created"))
        if not isinstance(chunk.get("model"), str):
            chunk["model"] = ""
        chunk["choices"] = choices
        preceding: list[Json] = []
        for position, choice in enumerate(choices):
            preceding += self._repair_choice(position, choice, chunk["id"])
        self._count_tools(chunk)
        chunk["choices"] = [choice for choice in choices if not self._is_empty_repeat(choice)]
        envelope = {key: chunk[key] for key in ("id", "object", "created", "model")}
        head = [{**envelope, "choices": [choice]} for choice in preceding]
        return [*head, chunk] if chunk["choices"] or chunk.get("usage") else head

    def _count_tools(self, chunk: Json) -> None:
        """Add the uses of tools so far to the chunk's usage, in place, if it has one or they change."""
        uses = {**self._tool_uses, **({"web_search": 1} if chunk.get("web_search") else {})}
        for choice in chunk["choices"]:
            uses = message_tool_uses(choice["delta"], uses)
        if uses and (uses != self._tool_uses or chunk.get("usage")):
            usage: Usage = chunk.get("usage") or {}
            chunk["usage"] = with_tool_uses(usage, {**uses, **usage.get("tool_uses", {})})
            self._tool_uses = uses

    def _end_open_choices(self) -> list[ChatChunk]:
        """Return a chunk that ends the choices whose finish reason the provider forgot before `[DONE]`."""
        choices: list[Json] = []
        for index, state in self._choices.items():
            if state.is_finished or not (state.has_output or state.calls):
                continue
            reason = repair.map_finish_reason(None, has_calls=bool(state.calls), has_output=True)
            empty_calls = state.empty_calls()
            delta: Json = {"tool_calls": empty_calls} if empty_calls else {}
            choices.append({"index": index, "delta": delta, "finish_reason": reason})
            state.is_finished = True
        if not choices:
            return []
        chunk = {"id": "", "object": CHUNK_OBJECT, "created": 0, "model": "", "choices": choices}
        return [cast(ChatChunk, chunk)]

    def _is_empty_repeat(self, choice: Json) -> bool:
        """Return True if a finished choice appears again without content."""
        is_repeat = self._choices[choice["index"]].is_finished and choice["finish_reason"] is None
        return is_repeat and not any(choice["delta"].values())

    def _repair_choice(self, position: int, choice: Json, response_id: str) -> list[Json]:
        if choice.get("error"):
            raise repair.stream_fault(choice)
        index = choice.get("index")
        index = choice["index"] = index if type(index) is int else position
        response_shape.check_choice(choice)
        state = self._choices.setdefault(index, _ChoiceState())
        choice.pop("message", None)  # some providers repeat the whole message so far beside the delta
        choice["delta"] = state.repair_delta(choice.get("delta"), f"{response_id}:{index}")
        reason = choice.get("finish_reason") or None
        choice["finish_reason"] = None
        if reason is None or state.is_finished:
            return []
        choice["finish_reason"] = repair.map_finish_reason(
            reason, has_calls=bool(state.calls), has_output=state.has_output
        )
        state.is_finished = True
        if not (empty_calls := state.empty_calls()):
            return []
        # The delta of this chunk must come before the finish reason: it moves to the preceding chunk, too.
        delta = {**choice["delta"], "tool_calls": [*choice["delta"].get("tool_calls", ()), *empty_calls]}
        choice["delta"] = {}
        return [{"index": index, "delta": delta, "finish_reason": None}]


def _has_only_texts(delta: Json) -> bool:
    return delta.keys() <= TEXT_FIELDS and all(type(text) is str or text is None for text in delta.values())


@dataclass(slots=True)
class _CallState:
    id: str
    name: str = ""
    has_arguments: bool = False
    arguments: list[str] = field(default_factory=list)

    def is_complete(self) -> bool:
        """Return True if the arguments so far are one JSON object: a further object is another call's."""
        text = "".join(self.arguments)
        try:
            return text.rstrip().endswith("}") and isinstance(json.loads(text), dict)
        except (ValueError, RecursionError):
            return False


@dataclass(slots=True)
class _ChoiceState:
    """The state of one choice, from the stream so far."""

    has_output: bool = False
    has_role: bool = False
    is_finished: bool = False
    calls: list[_CallState] = field(default_factory=list)
    positions: dict[int, int] = field(default_factory=dict)  # the provider's index of a call -> ours
    item_counts: dict[str, int] = field(default_factory=dict)  # of other lists, by field name

    def repair_delta(self, raw: object, seed: str) -> Json:
        """Return the delta with role, string content and numbered calls; `seed` makes call ids unique."""
        delta = require_object(raw, "a delta") if raw else {}
        response_shape.check_output(delta)
        response_shape.check_calls(delta)
        delta.pop("role", None)
        if not self.has_role:
            delta = {"role": "assistant", **delta}
            self.has_role = True
        repair.repair_text(delta)
        calls = delta.pop("tool_calls", None)
        if function := pop_function_call(delta):  # a response has one at most
            calls = calls or [{"index": 0, "type": "function", "function": function}]
        for key, value in delta.items():
            if isinstance(value, list):
                self._number_items(key, value)
        if isinstance(calls, list) and calls:
            delta["tool_calls"] = [self._repair_call(call, seed) for call in calls]
        self.has_output |= bool(
            delta.get("content") or delta.get("reasoning_content") or delta.get("refusal")
        )
        return delta

    def empty_calls(self) -> list[Json]:
        """Return deltas with `{}` for the calls that received no arguments."""
        return [
            {"index": position, "function": {"arguments": "{}"}}
            for position, call in enumerate(self.calls)
            if not call.has_arguments
        ]

    def _number_items(self, key: str, items: list[object]) -> None:
        """Add an index to the items of a list, in place: OpenAI's SDK fails to accumulate them without."""
        for item in items:
            if isinstance(item, dict) and type(item.get("index")) is not int:
                item["index"] = self.item_counts.get(key, 0)
            self.item_counts[key] = self.item_counts.get(key, 0) + 1

    def _repair_call(self, raw: object, seed: str) -> Json:
        source = cast("OpenAIToolCall", require_object(raw, "a tool call"))
        function = source.get("function")
        function = function if isinstance(function, dict) else {}
        name = str(function.get("name") or "")
        arguments = repair.arguments_text(function.get("arguments"))
        position = self._position(source, name, arguments)
        is_new = position == len(self.calls)
        if is_new:
            self.calls.append(_CallState(str(source.get("id") or repair.derive_id("call_", seed, position))))
        if type(index := source.get("index")) is int:
            self.positions[index] = position
        call = self.calls[position]
        head: Json = {**source, "id": call.id, "type": source.get("type") or "function"} if is_new else {}
        head["index"] = position
        if "custom" in source:
            call.has_arguments = True
            return {**head, "custom": source["custom"]}
        fragment = {"arguments": arguments}
        if name and not call.name:
            call.name = name
            fragment = {"name": name, **fragment}
        call.has_arguments |= bool(arguments)
        call.arguments.append(arguments)
        return {**head, "function": fragment}

    def _position(self, source: OpenAIToolCall, name: str, arguments: str) -> int:
        """Return our index of the call that a fragment belongs to; the number of calls for a new one."""
        call_id, index = source.get("id"), source.get("index")
        if type(index) is int:
            position = self.positions.get(index, len(self.calls))
        elif call_id:
            same = [position for position, call in enumerate(self.calls) if call.id == call_id]
            position = same[-1] if same else len(self.calls)
        else:
            position = len(self.calls) if name or not self.calls else len(self.calls) - 1
        if position < len(self.calls) and call_id and name and call_id != self.calls[position].id:
            return len(self.calls)  # this provider numbers every call alike: only the ids differ
        if position < len(self.calls) and not call_id and name and arguments.lstrip().startswith("{"):
            # Neither number nor id tells the calls apart: the end of the first one's arguments does.
            return len(self.calls) if self.calls[position].is_complete() else position
        return position
