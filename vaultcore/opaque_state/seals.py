"""Sealed thinking blocks, for clients of Messages and Responses, who return them as they are.

A signature is replaced by its sealed form. Any other state becomes a block
`{"type": "redacted_thinking", "data": "ve2.…"}`, which contains a whole block or the opaque fields of the
message ("") and of its calls (by id).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from vaultcore.casts import cast
from vaultcore.lazy_dataclass import dataclass
from vaultcore.opaque_state.carriers import (
    BLOCKS,
    FIELDS,
    PLACE,
    STATE_FIELD,
    carries_state,
    merge,
    opaque_fields,
    state_text,
)
from vaultcore.opaque_state.envelope import StateSeal
from vaultcore.wire import ChatChunk, ChunkChoice, Delta, Json


def seal_message(message: Json, seal: StateSeal) -> Json:
    """Return a message whose state is in sealed thinking blocks only."""
    if not carries_state(message):
        return message
    blocks = [seal_block(block, seal) for block in message.get(BLOCKS) or ()]
    calls = message.get("tool_calls") or ()
    fields = {"": opaque_fields(message), **{call["id"]: opaque_fields(call) for call in calls}}
    if stateful := {key: value for key, value in fields.items() if value}:
        position = {"text": len(message.get("content") or ""), "calls": 0}
        blocks.append({**_fields_block(stateful, seal), "position": position})
    sealed = {**_without_fields(message), BLOCKS: blocks}
    return {**sealed, "tool_calls": [_without_fields(call) for call in calls]} if calls else sealed


def seal_block(block: Json, seal: StateSeal) -> Json:
    """Return a thinking block with its state sealed; one that is not signed stays as it is."""
    name = STATE_FIELD.get(str(block.get("type")))
    if name is None:
        place = {key: block[key] for key in PLACE if key in block}
        inner = {key: value for key, value in block.items() if key not in PLACE}
        return {**place, "type": "redacted_thinking", "data": seal.seal({"block": inner})}
    value = state_text(block)
    return {**block, name: seal.seal({"value": value})} if isinstance(value, str) and value else block


@dataclass(slots=True)
class _OpenMessage:
    """The state of one message in a stream, as far as it has arrived."""

    indexes: dict[object, int] = field(default_factory=dict)  # the provider's index of a block -> ours
    block: Json | None = None  # index and type of the block whose signature or data are arriving
    state: str = ""  # as far as it has arrived
    fields: Json = field(default_factory=dict)  # of the message itself
    call_ids: dict[object, str] = field(default_factory=dict)

    def number(self, index: object) -> int:
        return self.indexes.setdefault(index, len(self.indexes))


class SealStage:
    """Seals the state in the chunks of a stream. Signatures and fields of a message wait for their end."""

    def __init__(self, seal: StateSeal) -> None:
        self._state_seal = seal
        self._messages: dict[int, _OpenMessage] = {}  # by index of the choice

    def feed(self, item: ChatChunk) -> Iterable[ChatChunk]:
        choices = item.get("choices") or ()
        if not any(choice["index"] in self._messages or carries_state(choice["delta"]) for choice in choices):
            return (item,)
        return ({**item, "choices": [self._seal(choice) for choice in choices]},)

    def close(self) -> Iterable[ChatChunk]:
        return ()

    def _seal(self, choice: ChunkChoice) -> ChunkChoice:
        message = self._messages.setdefault(choice["index"], _OpenMessage())
        delta, is_last = cast(Json, choice["delta"]), choice["finish_reason"] is not None
        blocks = self._blocks(message, delta, is_last=is_last)
        calls, call_blocks = self._calls(message, delta)
        message.fields = cast(Json, merge(message.fields, opaque_fields(delta)))
        if is_last and message.fields:
            blocks.append(self._new_block(message, {"": message.fields}))
            message.fields = {}
        sealed = {name: value for name, value in _without_fields(delta).items() if name != BLOCKS}
        if calls:
            sealed["tool_calls"] = calls
        if blocks or call_blocks:
            sealed[BLOCKS] = [*blocks, *call_blocks]
        return {**choice, "delta": cast(Delta, sealed)}

    def _blocks(self, message: _OpenMessage, delta: Json, *, is_last: bool) -> list[Json]:
        """Return the fragments of thinking blocks. A block's state is sealed when the block has ended."""
        fragments: list[Json] = []
        for block in delta.get(BLOCKS) or ():
            index = message.number(block.get("index"))
            if message.block is not None and message.block["index"] != index:
                fragments += self._end_block(message)
            name = STATE_FIELD.get(str(block.get("type")))
            if name is None:
                fragments.append(seal_block({**block, "index": index}, self._state_seal))
                continue
            if block.get(name):
                place = {key: block[key] for key in ("position",) if key in block and name == "data"}
                message.block = message.block or {"index": index, "type": block["type"], **place}
                message.state += block[name]
            if "thinking" in block:
                fragments.append({**{k: v for k, v in block.items() if k != name}, "index": index})
        if is_last or _continues(delta):
            fragments += self._end_block(message)
        return fragments

    def _end_block(self, message: _OpenMessage) -> list[Json]:
        block = message.block
        if block is None:
            return []
        state = {STATE_FIELD[block["type"]]: self._state_seal.seal({"value": message.state})}
        message.block, message.state = None, ""
        return [{**block, **state}]

    def _calls(self, message: _OpenMessage, delta: Json) -> tuple[list[Json], list[Json]]:
        """Return the calls without state, and sealed blocks with their state."""
        calls, blocks = list[Json](), list[Json]()
        for call in delta.get("tool_calls") or ():
            if call.get("id"):
                message.call_ids[call.get("index")] = call["id"]
            if fields := opaque_fields(call):
                call_id = message.call_ids.get(call.get("index"), "")
                blocks.append(self._new_block(message, {call_id: fields}))
            calls.append(_without_fields(call))
        return calls, blocks

    def _new_block(self, message: _OpenMessage, fields: Json) -> Json:
        index = message.number(("fields", len(message.indexes)))
        return {"index": index, **_fields_block(fields, self._state_seal)}


def _continues(delta: Json) -> bool:
    """Return True if a delta has other output than reasoning: the reasoning has ended."""
    return any(delta.get(name) for name in ("content", "refusal", "tool_calls"))


def _fields_block(fields: Json, seal: StateSeal) -> Json:
    return {"type": "redacted_thinking", "data": seal.seal({"fields": fields})}


def _without_fields(record: Json) -> Json:
    return {name: value for name, value in record.items() if name not in FIELDS}
