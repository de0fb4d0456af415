"""All cells: a row for each capability, a column for each dialect; as a Markdown table, as text, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vaultcore.capability_matrix.cell import Cell, Mark
from vaultcore.wire import Json

LEGEND = {
    Mark.YES: "carried as it is",
    Mark.EMULATED: "got by other means, and reported",
    Mark.REPORTED: "left out, and reported; refused in strict mode",
    Mark.REFUSED: "answered with 400, naming the parameter",
}


@dataclass(frozen=True, slots=True)
class Matrix:
    """The cells of every dialect by the title of their capability."""

    columns: Mapping[str, Mapping[str, Cell]]

    @property
    def rows(self) -> list[str]:
        return list(dict.fromkeys(title for column in self.columns.values() for title in column))

    def failures(self) -> list[str]:
        """A line for everything that is neither carried nor reported nor refused."""
        return [
            f"{name}: {title}: {cell.reason} ({cell.model})"
            for name, column in self.columns.items()
            for title, cell in column.items()
            if cell.mark is Mark.FAILED
        ]

    def markdown(self) -> str:
        head = ["", *(f"`{name}`" for name in self.columns)]
        lines = [_row(head), _row(["---"] * len(head))]
        lines += [_row([title, *self._marks(title)]) for title in self.rows]
        return "\n".join(lines) + "\n"

    def text(self) -> str:
        """The table for a terminal."""
        widest = max((len(title) for title in self.rows), default=0)
        widths = [max(len(name), len(Mark.EMULATED.value)) for name in self.columns]
        lines = [("", *self.columns), *((title, *self._marks(title)) for title in self.rows)]
        return "\n".join(
            "  ".join(word.ljust(width) for word, width in zip(line, (widest, *widths), strict=True)).rstrip()
            for line in lines
        )

    def json(self) -> Json:
        return {
            name: {
                title: {"mark": str(cell.mark), "reason": cell.reason or None, "model": cell.model}
                for title, cell in column.items()
            }
            for name, column in self.columns.items()
        }

    def _marks(self, title: str) -> list[str]:
        return [str(column[title].mark) if title in column else "-" for column in self.columns.values()]


def _row(words: list[str]) -> str:
    return f"| {' | '.join(words)} |"
