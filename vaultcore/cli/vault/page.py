"""`vaultedge vault page`: writes the console's vault page as one HTML file for offline use."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from vaultcore.cli.terminal import Terminal
from vaultcore.errors import VaultError


def register(actions: Any) -> None:
    parser = actions.add_parser(
        "page",
        help="write an offline web page that seals and opens vault strings",
        description="Print the page's SHA-256 on stderr; docs/vault.md publishes the same digest.",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="new file instead of stdout")
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")
    parser.set_defaults(run=run_page)


def run_page(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.console_bundle.vault_page import build_page

    document = build_page()
    if args.out is None:
        terminal.stdout.write(document.content.decode())
        terminal.stdout.flush()
    else:
        _write(args.out, document.content, replace=args.force)
        terminal.warn(f"wrote {args.out}")
    terminal.warn(f"SHA-256 {document.digest}")
    return 0


def _write(file: Path, content: bytes, *, replace: bool) -> None:
    try:
        with file.open("wb" if replace else "xb") as output:
            output.write(content)
    except FileExistsError as error:
        raise VaultError(f"{file} already exists", hint="use --force to replace it") from error
