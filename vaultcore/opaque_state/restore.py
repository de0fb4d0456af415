"""Restores opaque state before a request is rendered: that of the called issuer, and no other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import field

from vaultcore.lazy_dataclass import dataclass
from vaultcore.opaque_state.carriers import (
    BLOCKS,
    FIELDS,
    GATEWAY,
    LABELLED_PARTS,
    STATE_FIELD,
    any_carries_state,
    carries_state,
    find_label,
    join_fragments,
    merge,
    opaque_fields,
    state_text,
    state_texts,
)
from vaultcore.opaque_state.compaction import is_compaction, open_compaction
from vaultcore.opaque_state.envelope import Envelope, StateSeal, account_of, is_sealed
from vaultcore.wire import ChatRequest, Json, Message


@dataclass(frozen=True, slots=True)
class RestoredRequest:
    """A request with the state of one issuer, and the paths of the state that was left out."""

    request: ChatRequest
    omitted: tuple[str, ...] = ()
    unreadable: str | None = None  # path of a compaction that only another issuer or key can read


def restore_request(request: ChatRequest, seal: StateSeal) -> RestoredRequest:
    """Return the request with the state that the issuer can read. State without a label stays."""
    messages = request.get("messages") or []
    if not any_carries_state(messages) and not _any_compaction(messages):
        return RestoredRequest(request)
    omitted: list[str] = []
    unreadable: list[str] = []
    restored = copy(request)  # of the same class, which may remember the client's body
    restored["messages"] = [
        _MessageRestorer(seal, f"messages[{i}]", omitted).restore(message)
        if carries_state(message)
        else _open_compactions(message, seal, f"messages[{i}]", unreadable)
        for i, message in enumerate(messages)
    ]
    return RestoredRequest(restored, tuple(omitted), next(iter(unreadable), None))


def _any_compaction(messages: Iterable[Mapping[str, object]]) -> bool:
    return any(map(_has_compaction, [each for each in messages if isinstance(each.get("content"), list)]))


def _has_compaction(message: Mapping[str, object]) -> bool:
    content = message.get("content")
    return isinstance(content, list) and any(map(is_compaction, content))


def _open_compactions(message: Message, seal: StateSeal, path: str, unreadable: list[str]) -> Message:
    """Return a message with its summaries as text; add the path of one that cannot be opened."""
    content = message.get("content")
    if not isinstance(content, list) or not _has_compaction(message):
        return message
    opened = [open_compaction(part, seal) if is_compaction(part) else part for part in content]
    unreadable += [f"{path}.content[{i}]" for i, part in enumerate(opened) if part is None]
    return {**message, "content": [part for part in opened if part is not None]}


def issuing_accounts(messages: Iterable[Mapping[str, object]], envelope: Envelope) -> frozenset[str]:
    """Return the accounts that issued the state of the latest message that has any.

    Providers demand the state of the latest turn; an earlier one is worth less.
    """
    for message in reversed(list(messages)):
        accounts = {account_of(envelope, text) for text in state_texts(message)}
        if known := accounts - {None}:
            return frozenset(account for account in known if account is not None)
    return frozenset()


@dataclass(slots=True)
class _MessageRestorer:
    """Restores the state of one message."""

    seal: StateSeal
    path: str
    omitted: list[str]
    fields: dict[str, Json] = field(default_factory=dict)  # sealed fields by call id; "": the message's own
    reasoning: str = ""  # text of blocks that were left out

    def restore(self, message: Message) -> Message:
        restored: Json = dict(message)
        if isinstance(restored.get(BLOCKS), list):
            restored[BLOCKS] = self._blocks(restored[BLOCKS])
            if not restored[BLOCKS]:
                del restored[BLOCKS]
        for name in LABELLED_PARTS:
            if isinstance(restored.get(name), list):
                restored[name] = [
                    self._carrier(part, f"{self.path}.{name}[{i}]", str(part.get("id") or "-"))
                    for i, part in enumerate(restored[name])
                ]
        if self.reasoning and not restored.get("reasoning_content"):
            restored["reasoning_content"] = self.reasoning
        return self._carrier(restored, self.path, "")  # type: ignore[return-value]  # a message with state

    def _blocks(self, blocks: Sequence[Json]) -> list[Json]:
        restored: list[Json] = []
        for i, block in enumerate(blocks):
            own = self._block(block)
            if own is None:
                self.omitted.append(f"{self.path}.{BLOCKS}[{i}]")
                self.reasoning += str(block.get("thinking") or "")
            else:
                restored += own
        return restored

    def _block(self, block: Json) -> list[Json] | None:
        """Return the block in its original form, [] if it held fields, None if it is another issuer's."""
        text = state_text(block)
        if "issuer" in block:
            plain = {name: value for name, value in block.items() if name != "issuer"}
            verified = {} if block.get("type") in STATE_FIELD else {"issuer": True}
            return [{**plain, **verified}] if self.seal.open(block["issuer"]) is not None else None
        if not is_sealed(text):
            return [block]
        match self.seal.open(text):
            case {"value": str(value)}:
                return [{**block, STATE_FIELD[block["type"]]: value}]
            case {"block": dict() as inner}:
                verified = {"issuer": True}
                return [
                    {**inner, **verified, **({"position": block["position"]} if "position" in block else {})}
                ]
            case {"fields": dict() as fields}:
                for key, value in fields.items():
                    self.fields[key] = merge(self.fields.get(key, {}), value)  # type: ignore[assignment]
                return []
            case _:
                return None

    def _carrier(self, carrier: Json, path: str, key: str) -> Json:
        """Return a message, call or image with its own fields, and without those of another issuer."""
        label = find_label(carrier)
        own = opaque_fields(carrier)
        if label is not None:
            own = _without_label(own) if self.seal.open(label) is not None else {}
            if not own:
                self.omitted += [f"{path}.{name}" for name in _without_label(opaque_fields(carrier))]
        restored = {name: value for name, value in carrier.items() if name not in FIELDS}
        for name, value in {**own, **self.fields.get(key, {})}.items():
            restored[name] = join_fragments(value) if isinstance(value, list) else value
        return restored


def _without_label(fields: Json) -> Json:
    extra = fields.get("extra_content")
    if not isinstance(extra, dict):
        return fields
    plain = {name: value for name, value in extra.items() if name != GATEWAY}
    others = {name: value for name, value in fields.items() if name != "extra_content"}
    return {**others, "extra_content": plain} if plain else others
