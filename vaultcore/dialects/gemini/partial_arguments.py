"""A function call whose arguments come in fragments: https://ai.google.dev/api/caching#FunctionCall.

A fragment names its place by a JSON path, `$.a.b[0]`. Consecutive strings of one place are concatenated.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vaultcore.dialects.json_fields import string_field

if TYPE_CHECKING:
    from vaultcore.dialects.gemini.wire import GeminiFunctionCall, GeminiPart, GeminiPartialArg

PATH = re.compile(r"\$((?:\.[^.\[\]]+|\[\d{1,4}\]|\['[^']*'\])*)")
STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['([^']*)'\]")
VALUES = ("stringValue", "numberValue", "boolValue", "nullValue")


class StreamedFunctionCall:
    """A call that is assembled from fragments."""

    def __init__(self, call: GeminiFunctionCall, part: GeminiPart) -> None:
        self.part = part
        self.arguments: dict[str, object] = {}
        self.call: GeminiFunctionCall = {
            "name": string_field(call, "name"),
            "id": string_field(call, "id"),
            "args": self.arguments,
        }

    def add(self, call: GeminiFunctionCall) -> bool:
        """Add the next fragments; return True if more of the call follows."""
        arguments = call.get("args")
        if isinstance(arguments, dict):
            self.arguments.update(arguments)
        fragments = call.get("partialArgs")
        for fragment in fragments if isinstance(fragments, list) else ():
            if isinstance(fragment, dict):
                self._add_fragment(fragment)
        return bool(call.get("willContinue"))

    def _add_fragment(self, fragment: GeminiPartialArg) -> None:
        match = PATH.fullmatch(string_field(fragment, "jsonPath"))
        name = next((name for name in VALUES if name in fragment), None)
        if match is None or name is None or not match[1]:
            return
        value = None if name == "nullValue" else fragment.get(name)
        steps = [key or quoted or int(index or 0) for key, index, quoted in STEP.findall(match[1])]
        _put(self.arguments, steps, value)


def _put(container: Any, steps: list[str | int], value: object) -> None:
    """Set the value at the path; create the objects and arrays on the way. Ignore a path into a scalar.

    `container` is any JSON value.
    """
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        match container, step:
            case dict(), str():
                existing: Any = container.get(step)
            case list(), int():
                container.extend([None] * (step + 1 - len(container)))
                existing = container[step]
            case _:
                return
        if following is None:
            is_text = isinstance(existing, str) and isinstance(value, str)
            container[step] = existing + value if is_text else value
        elif existing is None:
            existing = container[step] = [] if isinstance(following, int) else {}
        container = existing
