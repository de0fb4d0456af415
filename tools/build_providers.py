"""Compile vaultcore/catalog/providers.yaml to providers.json, and write the table in docs/providers.md.

    python -m tools.build_providers

The gateway reads the JSON, so that a cold start needs no YAML parser.
"""

from __future__ import annotations

import json
from pathlib import Path

from vaultcore.catalog.document import parse
from vaultcore.catalog.overlay import Overlay
from vaultcore.catalog.row import build_provider
from vaultcore.wire import Json

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "vaultcore/catalog/providers.yaml"
TARGET = ROOT / "vaultcore/catalog/providers.json"
GUIDE = ROOT / "docs/providers.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"


def read_rows() -> dict[str, Json]:
    """Return the built-in rows. Their order in the file becomes their fallback_order."""
    rows = Overlay(parse(SOURCE.read_bytes(), SOURCE.name), {}).rows()
    return {name: {"fallback_order": 10 * place, **row} for place, (name, row) in enumerate(rows.items(), 1)}


def compile_rows(rows: dict[str, Json]) -> str:
    """Return providers.json as text."""
    return json.dumps({"providers": rows}, ensure_ascii=False, separators=(",", ":")) + "\n"


def render_table(rows: dict[str, Json]) -> str:
    """Return the providers as a Markdown table."""
    lines = [
        "| name in the vault | provider | key variable | dialect | model prefixes | placeholders |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        provider = build_provider(name, row, {})
        names = ", ".join(f"`{each}`" for each in provider.names)
        prefixes = ", ".join(f"`{prefix}…`" for prefix in provider.prefixes)
        params = ", ".join(f"`{param}`" for param in provider.missing_params)
        cells = (names, provider.title, f"`{provider.env[0]}`", provider.dialect, prefixes, params)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def replace_table(text: str, rows: dict[str, Json]) -> str:
    """Return the guide with its table replaced."""
    before, remainder = text.split(BEGIN)
    _, after = remainder.split(END)
    return f"{before}{BEGIN}\n{render_table(rows)}\n{END}{after}"


def main() -> None:
    rows = read_rows()
    TARGET.write_text(compile_rows(rows), encoding="utf-8")
    GUIDE.write_text(replace_table(GUIDE.read_text(encoding="utf-8"), rows), encoding="utf-8")
    print(f"{len(rows)} providers")


if __name__ == "__main__":
    main()
