"""The limit of cache breakpoints: https://docs.claude.com/en/docs/build-with-claude/prompt-caching."""

from __future__ import annotations

from vaultcore.dialects import Change
from vaultcore.dialects.cache_marks import AUTO_MARK, has_marks
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

MAX_BREAKPOINTS = 4  # cache_control fields in a request
FIELD = "cache_control"
REMOVAL_ORDER = ("messages", "tools", "system")  # messages change most often, so their cache is worth least


def limit_breakpoints(body: Json, changes: list[Change]) -> Json:
    """Return the body with at most four `cache_control` fields. Remove the oldest of the messages first."""
    sections = {name: body[name] for name in REMOVAL_ORDER if name in body}
    total = sum(map(_count_breakpoints, sections.values())) + (FIELD in body)
    remover = _BreakpointRemover(total - MAX_BREAKPOINTS)
    if remover.remaining <= 0:
        return body
    reason = f"at most {MAX_BREAKPOINTS} breakpoints: removed the oldest {remover.remaining}"
    changes.append(Change(FIELD, "dropped", reason))
    return {**body, **{name: remover.strip(section) for name, section in sections.items()}}


def mark_native(body: Json) -> Json:
    """Return a client's own body with a mark of the whole request if it has none.

    Anthropic moves such a mark to the last block that can be cached.
    """
    return body if has_marks(body) else {**body, FIELD: AUTO_MARK}


def _count_breakpoints(value: object) -> int:
    match value:
        case list():
            marked = sum(FIELD in each for each in value if isinstance(each, dict))
            return marked + sum(_count_breakpoints(each["content"]) for each in value if _has_blocks(each))
        case dict():
            return (FIELD in value) + _count_breakpoints(value.get("content"))
        case _:
            return 0


def _has_blocks(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("content"), list | dict)


@dataclass(slots=True)
class _BreakpointRemover:
    """Removes the first `remaining` breakpoints of the values it is given, one value after the other."""

    remaining: int

    def strip(self, value: object) -> object:
        """Return a copy of the value without its first breakpoints."""
        match value:
            case list():
                return [self.strip(item) for item in value]
            case dict():
                content = {"content": self.strip(value["content"])} if "content" in value else {}
                return self._strip_block({**value, **content})
            case _:
                return value

    def _strip_block(self, block: Json) -> Json:
        if self.remaining <= 0 or FIELD not in block:
            return block
        self.remaining -= 1
        return {name: value for name, value in block.items() if name != FIELD}
