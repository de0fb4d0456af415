"""The matrix as Markdown, text and JSON: one row per capability, one column per dialect."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.capability_matrix.support import MatrixCell, Support
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

LEGEND = {
    Support.YES: "supported",
    Support.EMULATED: "supported by other means, with a report",
    Support.REPORTED: "dropped, with a report; rejected in strict mode",
    Support.REFUSED: "rejected with a 400 error that names the parameter",
}


@dataclass(frozen=True, slots=True)
class Matrix:
    """The cells of every dialect by the title of their capability."""

    columns: Mapping[str, Mapping[str, MatrixCell]]

    @property
    def rows(self) -> list[str]:
        return list(dict.fromkeys(title for column in self.columns.values() for title in column))

    def failures(self) -> list[str]:
        """Return one line per defect."""
        return [
            f"{name}: {title}: {cell.reason} ({cell.model})"
            for name, column in self.columns.items()
            for title, cell in column.items()
            if cell.support is Support.FAILED
        ]

    def markdown(self) -> str:
        head = ["", *(f"`{name}`" for name in self.columns)]
        lines = [_markdown_row(head), _markdown_row(["---"] * len(head))]
        lines += [_markdown_row([title, *self._values(title)]) for title in self.rows]
        return "\n".join(lines) + "\n"

    def text(self) -> str:
        """Return the table for a terminal, in columns of equal width."""
        title_width = max((len(title) for title in self.rows), default=0)
        widths = (title_width, *(max(len(name), len(Support.EMULATED.value)) for name in self.columns))
        lines = [("", *self.columns), *((title, *self._values(title)) for title in self.rows)]
        return "\n".join(
            "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    def json(self) -> Json:
        return {
            name: {
                title: {"mark": str(cell.support), "reason": cell.reason or None, "model": cell.model}
                for title, cell in column.items()
            }
            for name, column in self.columns.items()
        }

    def _values(self, title: str) -> list[str]:
        return [str(column[title].support) if title in column else "-" for column in self.columns.values()]


def _markdown_row(words: list[str]) -> str:
    return f"| {' | '.join(words)} |"
