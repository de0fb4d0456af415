"""Write the table in docs/support-matrix.md: what each wire format of a provider can carry, from a fresh run.

python -m tools.build_support
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from vaultcore.capability_matrix.matrix import LEGEND, Matrix
from vaultcore.capability_matrix.run import build_matrix
from vaultcore.capability_matrix.simulated_dialect import simulated_dialects
from vaultcore.catalog.load import load_builtin

PAGE = Path(__file__).resolve().parent.parent / "docs/support-matrix.md"
BEGIN, END = "<!-- support: begin -->\n", "<!-- support: end -->\n"


def build_simulated_matrix() -> Matrix:
    """Return the matrix of every dialect that has a simulated provider."""
    return asyncio.run(build_matrix(simulated_dialects(), load_builtin()))


def replace_table(text: str, matrix: Matrix) -> str:
    """Return the page with its table replaced."""
    before, remainder = text.split(BEGIN)
    _, after = remainder.split(END)
    legend = ";\n".join(f"*{mark}*: {meaning}" for mark, meaning in LEGEND.items())
    return f"{before}{BEGIN}\n{matrix.markdown()}\n{legend}.\n\n{END}{after}"


def main() -> int:
    matrix = build_simulated_matrix()
    PAGE.write_text(replace_table(PAGE.read_text("utf-8"), matrix), "utf-8")
    for failure in matrix.failures():
        print(failure, file=sys.stderr)
    return 1 if matrix.failures() else 0


if __name__ == "__main__":
    sys.exit(main())
