"""Labels for chat completions: state stays in plain fields, beside a text that names its issuer.

A thinking block gets the field `issuer`; the state of a message, a tool call or an image gets
`extra_content.vaultedge.issuer`. Clients of chat completions return unknown fields as they are.
"""

from __future__ import annotations

from collections.abc import Iterable

from vaultcore.casts import cast
from vaultcore.opaque_state.carriers import (
    BLOCKS,
    CARRYING,
    GATEWAY,
    LABELLED_PARTS,
    carries_state,
    opaque_fields,
    state_text,
)
from vaultcore.opaque_state.envelope import StateSeal
from vaultcore.wire import ChatChunk, ChunkChoice, Json


def label_message(message: Json, seal: StateSeal) -> Json:
    """Return a message whose state names its issuer."""
    return _Labeller(seal).label(message) if carries_state(message) else message


class LabelStage:
    """Labels the state in the chunks of a stream: each block, call and message once."""

    def __init__(self, seal: StateSeal) -> None:
        self._seal = seal
        self._labellers: dict[int, _Labeller] = {}  # by index of the choice

    def feed(self, item: ChatChunk) -> Iterable[ChatChunk]:
        choices = item.get("choices") or ()
        for choice in choices:
            if not CARRYING.isdisjoint(choice["delta"]):  # nearly all deltas have only text
                break
        else:
            return (item,)
        if not any(carries_state(choice["delta"]) for choice in choices):
            return (item,)
        return ({**item, "choices": [self._label(choice) for choice in choices]},)

    def close(self) -> Iterable[ChatChunk]:
        return ()

    def _label(self, choice: ChunkChoice) -> ChunkChoice:
        labeller = self._labellers.setdefault(choice["index"], _Labeller(self._seal))
        return cast(ChunkChoice, {**choice, "delta": labeller.label(cast(Json, choice["delta"]))})


class _Labeller:
    """Labels one message, which may come in fragments."""

    def __init__(self, seal: StateSeal) -> None:
        self._seal = seal
        self._labelled_blocks: set[object] = set()  # their indexes
        self._has_label = False

    def label(self, record: Json) -> Json:
        labelled = dict(record)
        if isinstance(record.get(BLOCKS), list):
            labelled[BLOCKS] = [self._block(block) for block in record[BLOCKS]]
        for name in LABELLED_PARTS:
            if isinstance(record.get(name), list):
                labelled[name] = [self._part(part) for part in record[name]]
        if opaque_fields(record) and not self._has_label:
            self._has_label = True
            labelled |= self._labelled_fields(record)
        return labelled

    def _block(self, block: Json) -> Json:
        index = block.get("index")
        has_state = bool(state_text(block)) or block.get("type") not in ("thinking", "redacted_thinking")
        if not has_state or (index is not None and index in self._labelled_blocks):
            return block
        self._labelled_blocks.add(index)
        return {**block, "issuer": self._seal.label}

    def _part(self, part: Json) -> Json:
        return {**part, **self._labelled_fields(part)} if opaque_fields(part) else part

    def _labelled_fields(self, record: Json) -> Json:
        extra = record.get("extra_content")
        existing = extra if isinstance(extra, dict) else {}
        return {"extra_content": {**existing, GATEWAY: {"issuer": self._seal.label}}}
