"""The printed matrix of `make test-agents`: agents and scenarios by providers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

WIDTH = 12  # characters of a column


@dataclass(frozen=True, slots=True)
class Cell:
    """One run: "ok", "fail" or "-" (the client does not offer it), with the reason of the last two."""

    result: str
    reason: str = ""


def render(cells: Mapping[tuple[str, str, str], Cell], providers: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a table of {(agent, provider, scenario): cell}; numbered reasons follow it."""
    numbers: dict[str, int] = {}
    yield "".join(name.ljust(WIDTH) for name in ("", "", *providers)).rstrip()
    for agent, scenario in dict.fromkeys((agent, scenario) for agent, _, scenario in cells):
        texts = [_cell(cells.get((agent, provider, scenario)), numbers) for provider in providers]
        yield "".join(text.ljust(WIDTH) for text in (agent, scenario, *texts)).rstrip()
    yield ""
    yield from (f"[{number}] {reason}" for reason, number in numbers.items())


def _cell(cell: Cell | None, numbers: dict[str, int]) -> str:
    if cell is None:
        return "not run"
    if not cell.reason:
        return cell.result
    return f"{cell.result} [{numbers.setdefault(cell.reason, len(numbers) + 1)}]"
