"""A function call whose arguments come bit by bit: https://ai.google.dev/api/caching#FunctionCall.

A bit names its place by a JSON path, `$.a.b[0]`; several bits of one place are one string, end to end.
"""

from __future__ import annotations

import re

from vaultcore.dialects.json_fields import string
from vaultcore.wire import Json

PATH = re.compile(r"\$((?:\.[^.\[\]]+|\[\d{1,4}\]|\['[^']*'\])*)")
STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['([^']*)'\]")
VALUES = ("stringValue", "numberValue", "boolValue", "nullValue")


class Assembly:
    """A call that is being put together."""

    def __init__(self, told: Json, part: Json) -> None:
        self.part = part
        self.call: Json = {"name": string(told, "name"), "id": string(told, "id"), "args": {}}

    def take(self, told: Json) -> bool:
        """Put the next bits in their places; whether more of the call will come."""
        if isinstance(told.get("args"), dict):
            self.call["args"].update(told["args"])
        bits = told.get("partialArgs")
        for bit in bits if isinstance(bits, list) else ():
            if isinstance(bit, dict):
                self._place(bit)
        return bool(told.get("willContinue"))

    def _place(self, bit: Json) -> None:
        found = PATH.fullmatch(string(bit, "jsonPath"))
        given = [name for name in VALUES if name in bit]
        if found is None or not given or not found[1]:
            return
        value = None if given[0] == "nullValue" else bit[given[0]]
        steps = [name or quoted or int(at or 0) for name, at, quoted in STEP.findall(found[1])]
        _put(self.call["args"], steps, value)


def _put(holder: object, steps: list[str | int], value: object) -> None:
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        match holder, step:
            case dict(), str():
                slots: object = holder
            case list(), int():
                slots = holder
                while len(holder) <= step:
                    holder.append(None)
            case _:
                return  # a place inside a value that has none
        held = slots[step] if isinstance(slots, list) else slots.get(step)  # type: ignore[attr-defined,index]
        if after is None:
            joined = held + value if isinstance(held, str) and isinstance(value, str) else value
            slots[step] = joined  # type: ignore[index]
        elif held is None:
            held = slots[step] = [] if isinstance(after, int) else {}  # type: ignore[index]
        holder = held
