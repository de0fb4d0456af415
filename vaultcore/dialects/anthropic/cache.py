"""Marks of where a cached prefix ends: https://docs.claude.com/en/docs/build-with-claude/prompt-caching."""

from __future__ import annotations

from dataclasses import dataclass

from vaultcore.dialects import Change
from vaultcore.wire import Json

MOST = 4
MARK = "cache_control"
FROM_THE_LEAST = ("messages", "tools", "system")  # what is said last changes soonest


def bounded(body: Json, changes: list[Change]) -> Json:
    """The body with as many marks as may be: the oldest in the conversation give way first."""
    held = {name: body[name] for name in FROM_THE_LEAST if name in body}
    excess = _Excess(sum(map(_marks, held.values())) + (MARK in body) - MOST)
    if excess.left <= 0:
        return body
    changes.append(
        Change(MARK, "dropped", f"{MOST} at most, {excess.left} too many: the oldest are left out")
    )
    return {**body, **{name: excess.out_of(value) for name, value in held.items()}}


def _marks(held: object) -> int:
    match held:
        case list():
            return sum(map(_marks, held))
        case dict():
            return (MARK in held) + _marks(held.get("content"))
        case _:
            return 0


@dataclass(slots=True)
class _Excess:
    """So many marks have still to go."""

    left: int

    def out_of(self, held: object) -> object:
        """A copy without the first of them."""
        match held:
            case list():
                return [self.out_of(each) for each in held]
            case dict():
                inner = {name: self.out_of(held[name]) for name in ("content",) if name in held}
                return self._bare({**held, **inner})
            case _:
                return held

    def _bare(self, block: Json) -> Json:
        if self.left <= 0 or MARK not in block:
            return block
        self.left -= 1
        return {name: value for name, value in block.items() if name != MARK}
