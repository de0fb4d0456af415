"""Write the table of what every provider format can carry into README.md, from a fresh run.

python -m tools.build_support
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from vaultcore.capability_matrix.matrix import LEGEND, Matrix
from vaultcore.capability_matrix.run import matrix
from vaultcore.capability_matrix.subject import simulated
from vaultcore.catalog.load import builtin

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- support: begin -->\n", "<!-- support: end -->\n"


def fresh() -> Matrix:
    """The matrix of every dialect that is simulated."""
    return asyncio.run(matrix(simulated(), builtin()))


def written(text: str, found: Matrix) -> str:
    """The text with its table replaced."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    legend = ";\n".join(f"*{mark}*: {meaning}" for mark, meaning in LEGEND.items())
    return f"{before}{BEGIN}\n{found.markdown()}\n{legend}.\n\n{END}{after}"


def main() -> int:
    found = fresh()
    README.write_text(written(README.read_text("utf-8"), found), "utf-8")
    for failure in found.failures():
        print(failure, file=sys.stderr)
    return 1 if found.failures() else 0


if __name__ == "__main__":
    sys.exit(main())
