"""Compile vaultcore/catalog/providers.yaml to JSON, and write the table in docs/providers.md.

    python -m tools.build_providers

The gateway reads the JSON: a cold start does not pay for a YAML parser.
"""

from __future__ import annotations

import json
from pathlib import Path

from vaultcore.catalog.document import parse
from vaultcore.catalog.overlay import Overlay
from vaultcore.catalog.row import provider
from vaultcore.wire import Json

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "vaultcore/catalog/providers.yaml"
TARGET = ROOT / "vaultcore/catalog/providers.json"
GUIDE = ROOT / "docs/providers.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"


def rows() -> dict[str, Json]:
    """The built-in rows; each comes before the next where both list a model."""
    read = Overlay(parse(SOURCE.read_bytes(), SOURCE.name), {}).rows()
    return {name: {"fallback_order": 10 * place, **row} for place, (name, row) in enumerate(read.items(), 1)}


def compiled(read: dict[str, Json]) -> str:
    return json.dumps({"providers": read}, ensure_ascii=False, separators=(",", ":")) + "\n"


def table(read: dict[str, Json]) -> str:
    """The providers as a Markdown table."""
    lines = [
        "| name in the vault | provider | key variable | speaks | bare names that lead there | to fill in |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in read.items():
        known = provider(name, row, {})
        names = ", ".join(f"`{each}`" for each in known.names)
        prefixes = ", ".join(f"`{prefix}…`" for prefix in known.prefixes)
        needs = ", ".join(f"`{field}`" for field in known.missing)
        lines.append(
            f"| {names} | {known.title} | `{known.env[0]}` | {known.dialect} | {prefixes} | {needs} |"
        )
    return "\n".join(lines) + "\n"


def guide(text: str, read: dict[str, Json]) -> str:
    """The guide with its table replaced."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table(read)}\n{END}{after}"


def main() -> None:
    read = rows()
    TARGET.write_text(compiled(read), encoding="utf-8")
    GUIDE.write_text(guide(GUIDE.read_text(encoding="utf-8"), read), encoding="utf-8")
    print(f"{len(read)} providers")


if __name__ == "__main__":
    main()
