"""Marks the state of responses with its issuer, in the form that the client's API needs."""

from __future__ import annotations

from dataclasses import field
from typing import Protocol

from vaultcore.casts import cast
from vaultcore.lazy_dataclass import dataclass
from vaultcore.opaque_state.compaction import CompactionStage, compact_message
from vaultcore.opaque_state.envelope import Envelope, StateSeal
from vaultcore.opaque_state.labels import LabelStage, label_message
from vaultcore.opaque_state.seals import SealStage, seal_message
from vaultcore.streams import Stage
from vaultcore.wire import ChatChunk, ChatCompletion, Json, Message


class KeySource(Protocol):
    """The secrets of a deployment, of which the key of envelopes is derived."""

    @property
    def state_key(self) -> bytes: ...


@dataclass(slots=True)
class Envelopes:
    """The envelope of the secrets that were used last: deriving it at each request would be slow."""

    _source: KeySource | None = None
    _envelope: Envelope = field(default_factory=lambda: Envelope(b"\0"))

    def of(self, source: KeySource) -> Envelope:
        if source is not self._source:
            self._source, self._envelope = source, Envelope(source.state_key)
        return self._envelope


def mark_completion(
    completion: ChatCompletion, seal: StateSeal, *, seals: bool, compacts: bool = False
) -> ChatCompletion:
    """Return a completion whose state names its issuer: in sealed blocks, or with labels.

    With `compacts`, its text becomes a compaction.
    """
    mark = compact_message if compacts else seal_message if seals else label_message
    choices = [
        {**choice, "message": cast(Message, mark(cast(Json, choice["message"]), seal))}
        for choice in completion["choices"]
    ]
    return cast(ChatCompletion, {**completion, "choices": choices})


def create_stage(seal: StateSeal, *, seals: bool, compacts: bool = False) -> Stage[ChatChunk, ChatChunk]:
    """Return a new stage that marks the state in the chunks of one stream, as `mark_completion` does."""
    if compacts:
        return CompactionStage(seal)
    return SealStage(seal) if seals else LabelStage(seal)
