"""The fields of chat messages that carry opaque state, and how their fragments are joined.

`thinking_blocks`: reasoning that Anthropic has signed, or a reasoning item of the Responses API.
`extra_content`: state of Google, also of tool calls and images. `reasoning_details`: state that OpenRouter
returns, https://openrouter.ai/docs/use-cases/reasoning-tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from vaultcore.wire import Json

FIELDS = ("extra_content", "reasoning_details")  # of a message, a tool call or an image
BLOCKS = "thinking_blocks"
LABELLED_PARTS = ("tool_calls", "images")  # members of a message that have FIELDS of their own
CARRYING = frozenset({BLOCKS, *FIELDS, *LABELLED_PARTS})  # members of a message that may hold state
STATE_FIELD = {"thinking": "signature", "redacted_thinking": "data"}  # by type of block
PLACE = ("index", "position")  # fields of a block that tell its place, not its state
GATEWAY = "vaultedge"  # member of `extra_content` with the gateway's label
TEXTS = ("thinking", "text", "summary", "data", "signature")  # of reasoning: fragments are concatenated


def carries_state(record: Mapping[str, object]) -> bool:
    """Return True if a message or a delta may carry opaque state."""
    if CARRYING.isdisjoint(record):
        return False
    if any(record.get(name) for name in (BLOCKS, *FIELDS)):
        return True
    parts = (part for name in LABELLED_PARTS for part in _objects(record.get(name)))
    return any(part.get(name) for part in parts for name in FIELDS)


def any_carries_state(messages: Iterable[Mapping[str, object]]) -> bool:
    """Return True if one of the messages may carry opaque state. Quick: most have no field that can."""
    possible = [message for message in messages if not CARRYING.isdisjoint(message)]
    return any(map(carries_state, possible))


def opaque_fields(record: Mapping[str, object]) -> Json:
    """Return the opaque fields of a message, a tool call or a fragment of one."""
    return {name: value for name in FIELDS if (value := record.get(name))}


def state_text(block: Mapping[str, object]) -> object:
    """Return the signature or the data of a block in Anthropic's form."""
    return block.get(STATE_FIELD.get(str(block.get("type")), ""))


def state_texts(message: Mapping[str, object]) -> Iterator[object]:
    """Yield the sealed texts and labels of a message."""
    for block in _objects(message.get(BLOCKS)):
        yield block.get("issuer") or state_text(block)
    carriers = [message, *(part for name in LABELLED_PARTS for part in _objects(message.get(name)))]
    for carrier in carriers:
        yield find_label(carrier)


def find_label(carrier: Mapping[str, object]) -> str | None:
    """Return the label in `extra_content`, or None."""
    match carrier.get("extra_content"):
        case {"vaultedge": {"issuer": str(label)}}:
            return label
        case _:
            return None


def merge(existing: object, fragment: object) -> object:
    """Return two fragments of one state as one. Items of a list with one type and index are one item.

    >>> merge([{"index": 0, "data": "x"}], [{"index": 0, "data": "y"}, {"index": 1, "data": "z"}])
    [{'index': 0, 'data': 'xy'}, {'index': 1, 'data': 'z'}]
    """
    match existing, fragment:
        case dict(), dict():
            return {
                **existing,
                **{name: merge(existing.get(name), value) for name, value in fragment.items()},
            }
        case list(), list():
            return join_fragments([*existing, *fragment])
        case _:
            return fragment


def join_fragments(items: list[object]) -> list[object]:
    """Return the items with the fragments of one type and index joined; items without index stay.

    >>> join_fragments([{"index": 0, "text": "I "}, {"index": 0, "text": "look."}])
    [{'index': 0, 'text': 'I look.'}]
    """
    joined: list[object] = []
    places: dict[tuple[object, object], int] = {}
    for item in items:
        key = (item.get("type"), item.get("index")) if isinstance(item, dict) else (None, None)
        if not isinstance(item, dict) or key[1] is None or key not in places:
            places[key] = len(joined)
            joined.append(item)
        else:
            joined[places[key]] = _append(joined[places[key]], item)
    return joined


def _append(existing: object, fragment: Json) -> Json:
    merged: Json = dict(existing) if isinstance(existing, dict) else {}
    for name, value in fragment.items():
        previous = merged.get(name)
        if name in TEXTS and isinstance(previous, str) and isinstance(value, str):
            merged[name] = previous + value
        elif value is not None or name not in merged:
            merged[name] = value
    return merged


def _objects(value: object) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
