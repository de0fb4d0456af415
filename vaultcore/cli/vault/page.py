"""`vaultedge vault page`: the console's vault as one file, for a computer without a network."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from vaultcore.cli.terminal import Terminal
from vaultcore.errors import VaultError


def register(actions: Any) -> None:
    page = actions.add_parser(
        "page",
        help="a web page in one file that seals and opens vault strings without a network",
        description="Its SHA-256 is told on stderr, and stands in docs/vault.md.",
    )
    page.add_argument("--out", type=Path, metavar="FILE", help="a new file instead of stdout")
    page.add_argument("--force", action="store_true", help="replace FILE if it is there")
    page.set_defaults(run=run_page)


def run_page(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.console_bundle.vault_page import page

    made = page()
    if args.out is None:
        terminal.stdout.write(made.content.decode())
        terminal.stdout.flush()
    else:
        _write(args.out, made.content, replace=args.force)
        terminal.warn(f"wrote {args.out}")
    terminal.warn(f"SHA-256 {made.digest}")
    return 0


def _write(file: Path, content: bytes, *, replace: bool) -> None:
    try:
        with file.open("wb" if replace else "xb") as to:
            to.write(content)
    except FileExistsError as error:
        raise VaultError(f"{file} is there already; it stays as it is", hint="--force replaces it") from error
