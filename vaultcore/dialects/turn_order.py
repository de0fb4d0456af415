"""The order of reasoning, text and tool calls within one turn of an assistant.

A chat message has each of the three in a field of its own. A thinking block that does not come first has
`"position": {"text": 8, "calls": 0}`: the characters of the content and the number of calls before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json


@dataclass(frozen=True, slots=True)
class TurnPart:
    """A part of a turn: the block or call with index `start`, or the text from `start` to `end`."""

    kind: Literal["reasoning", "text", "call"]
    start: int
    end: int = 0


def position(text: int, calls: int) -> Json:
    """Return the field `position` of a block after so much text and so many calls; {} for the first place.

    >>> position(8, 0)
    {'position': {'text': 8, 'calls': 0}}
    """
    return {"position": {"text": text, "calls": calls}} if text or calls else {}


def turn_parts(blocks: Sequence[Json], length: int, calls: int) -> Iterator[TurnPart]:
    """Yield the parts of a turn in their order. `length` is that of the content, in characters."""
    places = [_place(block, length, calls) for block in blocks]
    order = sorted(range(len(blocks)), key=lambda i: (places[i][1], places[i][0]))
    at = 0
    for i in (i for i in order if places[i][1] == 0):
        if places[i][0] > at:
            yield TurnPart("text", at, places[i][0])
            at = places[i][0]
        yield TurnPart("reasoning", i)
    if at < length:
        yield TurnPart("text", at, length)
    for call in range(calls):
        yield TurnPart("call", call)
        for i in (i for i in order if places[i][1] == call + 1):
            yield TurnPart("reasoning", i)


def split_content(parts: Sequence[Json], start: int, end: int) -> list[Json]:
    """Return the parts of a content between two offsets of its text; a part without text has no length.

    Fields beside the text, such as a cache mark, stay with its last piece.
    """
    pieces: list[Json] = []
    at = 0
    for part in parts:
        text = part.get("text")
        length = len(text) if isinstance(text, str) else 0
        low, high = max(start - at, 0), min(end - at, length)
        if isinstance(text, str) and length:
            if low < high:
                piece = {**part, "text": text[low:high]}
                is_last = high == length
                pieces.append(piece if is_last else {"text": piece["text"], **_kind(part)})
        elif start <= at < end or (at == end and pieces):
            pieces.append(part)
        at += length
    return pieces


def _kind(part: Json) -> Json:
    return {"type": part["type"]} if "type" in part else {}


def _place(block: Json, length: int, calls: int) -> tuple[int, int]:
    """Return the text and the calls before a block, within the bounds of the turn."""
    match block.get("position"):
        case {"text": int(text), "calls": int(count)}:
            return min(max(text, 0), length), min(max(count, 0), calls)
        case _:
            return 0, 0
